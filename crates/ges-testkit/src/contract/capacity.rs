//! Places in cells: exact under any concurrency (I3, R-CAP-5, P-3 to P-5).

use std::collections::HashMap;
use std::time::Duration;

use ges_domain::callback::{Reason, State};
use ges_domain::capacity::Usage;
use ges_domain::ports::Cancelled;
use ges_domain::{Instant, Refusal};

use super::{Stores, accepted, book, book_at_once, hand_over, provision, refused, standing, used};
use crate::builders::{
    START, after, claim, claim_in_hour, consumer_cancels, ending, immediate, other_tenant, scheduled, tenant, update,
};

/// P-5.
pub async fn a_cell_of_ten_takes_exactly_ten_of_two_hundred(stores: &dyn Stores) {
    provision(stores).await;
    let at = after(7200);
    let drafts = (0..200).map(|n| {
        let inside = at + Duration::from_secs(n % 900);
        scheduled(START, inside).slot(claim(inside, 10)).number(&format!("+1650466{n:04}"))
    });
    let verdicts = book_at_once(stores, drafts).await;
    assert_eq!(accepted(&verdicts), 10, "P-5");
    let sales = scheduled(START, at).build().callback;
    assert_eq!(used(stores, &sales, at).await, 10, "P-4");
}

/// P-3, R-CR-10: quarters of 4 places each in an hour of 9.
pub async fn cells_of_one_rule_slot_share_its_places(stores: &dyn Stores) {
    provision(stores).await;
    let drafts = (0..80_u64).map(|n| {
        let at = after(7200 + 900 * (n % 4));
        scheduled(START, at).slot(claim_in_hour(at, 4, 9))
    });
    let verdicts = book_at_once(stores, drafts).await;
    assert_eq!(accepted(&verdicts), 9, "R-CR-10");
    let sales = scheduled(START, START).build().callback;
    let mut sum = 0;
    for quarter in 0..4 {
        let in_cell = used(stores, &sales, after(7200 + 900 * quarter)).await;
        assert!(in_cell <= 4, "P-3: {in_cell}");
        sum += in_cell;
    }
    assert_eq!(sum, 9, "P-3");
    let next_hour = after(7200 + 3600);
    book(stores, scheduled(START, next_hour).slot(claim_in_hour(next_hour, 4, 9))).await;
}

/// A limit of zero.
pub async fn a_cell_without_places_takes_nothing(stores: &dyn Stores) {
    provision(stores).await;
    let at = after(7200);
    let refusal = refused(stores, scheduled(START, at).slot(claim(at, 0))).await;
    assert_eq!(refusal, Refusal::SlotUnavailable { at, proposals: Default::default() });
    let refusal = refused(stores, scheduled(START, at).slot(claim_in_hour(at, 5, 0))).await;
    assert_eq!(refusal, Refusal::SlotUnavailable { at, proposals: Default::default() });
}

/// R-CAP-1, R-CAP-3: per five minutes, half-open, SCHEDULED only.
pub async fn usage_is_counted_per_grain(stores: &dyn Stores) {
    provision(stores).await;
    let base = after(7200);
    let sales = book(stores, scheduled(START, base)).await;
    for seconds in [299, 300, 300, 899, 900] {
        book(stores, scheduled(START, base + Duration::from_secs(seconds))).await;
    }
    book(stores, immediate(base)).await;
    book(stores, scheduled(START, base).on("CB_Support")).await;
    let usage = async |from: Instant, until: Instant| {
        stores.bookings().usage(tenant(), &sales.service, from, until).await.unwrap()
    };
    let grain = |n: u64| base + Duration::from_secs(300 * n);
    let counted: Usage = [(grain(0), 2), (grain(1), 2), (grain(2), 1), (grain(3), 1)].into_iter().collect();
    assert_eq!(usage(START, after(90_000)).await, counted);
    let part: Usage = [(grain(1), 2), (grain(2), 1)].into_iter().collect();
    assert_eq!(usage(grain(1), grain(3)).await, part, "the end is outside");
    assert_eq!(usage(grain(4), after(90_000)).await, Usage::default());
}

/// R-CAP-3, R-RSN-2: only a cancel gives the place back.
pub async fn a_cancel_frees_the_place_and_a_success_does_not(stores: &dyn Stores) {
    provision(stores).await;
    let at = after(7200);
    let only = |draft: crate::builders::Draft| draft.slot(claim(at, 1));
    let first = book(stores, only(scheduled(START, at))).await;
    refused(stores, only(scheduled(START, at))).await;
    let gone = stores.record().cancel(tenant(), first.id, &consumer_cancels(), after(1)).await.unwrap();
    assert!(matches!(gone, Cancelled::Done(_)), "{gone:?}");
    assert_eq!(used(stores, &first, at).await, 0, "P-4");
    let second = book(stores, only(scheduled(START, at))).await;
    hand_over(stores, &second, 1, after(7000)).await;
    let record = stores.record();
    record.apply_session_update(tenant(), second.id, &update("S1", 1, State::Processing), after(7001)).await.unwrap();
    let done = ending("S1", 2, "AGENT_CONNECTED");
    record.apply_session_update(tenant(), second.id, &done, after(7002)).await.unwrap();
    assert_eq!(standing(stores, &second).await.reason, Some(Reason::AGENT_CONNECTED));
    assert_eq!(used(stores, &second, at).await, 1, "R-CAP-3");
    refused(stores, only(scheduled(after(7003), at))).await;
}

/// I3: never more open bookings than places, and none of the accepted is lost.
pub async fn bookings_and_cancels_at_once_never_exceed_the_cell(stores: &dyn Stores) {
    provision(stores).await;
    let at = after(7200);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..120_u64 {
        let (bookings, record) = (stores.bookings(), stores.record());
        tasks.spawn(async move {
            let booking = scheduled(START, at).slot(claim(at, 5)).build();
            let ges_domain::booking::Booked::Accepted(callback) = bookings.book(booking).await.unwrap() else {
                return None;
            };
            if n % 2 == 0 {
                let gone = record.cancel(tenant(), callback.id, &consumer_cancels(), after(1)).await.unwrap();
                assert!(matches!(gone, Cancelled::Done(_)), "{gone:?}");
            }
            Some(*callback)
        });
    }
    let mut open: HashMap<State, u32> = HashMap::new();
    for callback in tasks.join_all().await.into_iter().flatten() {
        *open.entry(standing(stores, &callback).await.state).or_default() += 1;
    }
    let waiting = open.get(&State::Scheduled).copied().unwrap_or(0);
    assert!((1..=5).contains(&waiting), "I3: {open:?}");
    assert_eq!(used(stores, &scheduled(START, at).build().callback, at).await, waiting, "P-4");
}

/// R-QS-5: QUEUED, ROUTING, PROCESSING and PAUSED; neither SCHEDULED nor COMPLETED, and nobody else's.
pub async fn the_watermark_counts_active_callbacks(stores: &dyn Stores) {
    provision(stores).await;
    let watermark = async |tenant, up_to| {
        stores.bookings().watermark(tenant, &crate::builders::service("CB_Sales"), up_to).await.unwrap()
    };
    assert_eq!(watermark(tenant(), 1000).await, 0);
    for _ in 0..2 {
        book(stores, scheduled(START, after(7200))).await;
    }
    let mut queued = Vec::new();
    for _ in 0..8 {
        queued.push(book(stores, immediate(START)).await);
    }
    let record = stores.record();
    for (nth, state) in [State::Routing, State::Processing, State::Paused].into_iter().enumerate() {
        let name = format!("S{nth}");
        for (seq, state) in [(1, State::Queued), (2, state)] {
            record.apply_session_update(tenant(), queued[nth].id, &update(&name, seq, state), after(1)).await.unwrap();
        }
    }
    for done in &queued[3..6] {
        record.cancel(tenant(), done.id, &consumer_cancels(), after(1)).await.unwrap();
    }
    book(stores, immediate(START).on("CB_Support")).await;
    book(stores, immediate(START).tenant(other_tenant())).await;
    assert_eq!(watermark(tenant(), 1000).await, 5, "two QUEUED, one each of ROUTING, PROCESSING, PAUSED");
    assert_eq!(watermark(tenant(), 3).await, 3, "counting stops at the limit");
    assert_eq!(watermark(other_tenant(), 1000).await, 1, "I9");
    let nobody = crate::builders::service("CB_Nobody");
    assert_eq!(stores.bookings().watermark(tenant(), &nobody, 1000).await.unwrap(), 0, "unknown names count none");
}
