//! The counted steps of a booking (chapter 4, steps 9 to 12): what counts, in which order, and exactly.

use std::time::Duration;

use ges_domain::Refusal;
use ges_domain::callback::Kind;
use ges_domain::ports::{Move, Moved};
use ges_domain::throttle::{InQueueCheck, Window};

use super::{Stores, accepted, book, book_at_once, provision, refused};
use crate::builders::{
    Draft, START, after, claim, consumer_cancels, immediate, move_to, other_tenant, scheduled, tenant,
};

fn windows(draft: Draft, first: (u32, u64), second: (u32, u64)) -> Draft {
    let window = |(limit, seconds)| Window { limit, length: Duration::from_secs(seconds) };
    draft.limits(|limits| limits.windows = [window(first), window(second)])
}

/// The window of this length is full, takes `limit`, and has room after `retry_in` ms.
fn full(seconds: u64, limit: u32, retry_in: u64) -> Refusal {
    let (window, retry_in) = (Duration::from_secs(seconds), Duration::from_millis(retry_in));
    Refusal::TtlLimitReached { window, limit, retry_in }
}

/// R-THR-10, both types; a number that is no longer waiting passes again.
pub async fn the_in_queue_check_counts_open_callbacks_of_the_number(stores: &dyn Stores) {
    provision(stores).await;
    let checked = |draft: Draft, check| draft.limits(|limits| limits.in_queue = check);
    let first = book(stores, checked(immediate(START), InQueueCheck::Strict)).await;
    let strict = refused(stores, checked(scheduled(START, after(7200)), InQueueCheck::Strict)).await;
    assert_eq!(strict, Refusal::EnqueueLimitReached);
    book(stores, checked(scheduled(START, after(7200)), InQueueCheck::On)).await;
    assert_eq!(refused(stores, checked(immediate(START), InQueueCheck::On)).await, Refusal::EnqueueLimitReached);
    book(stores, checked(immediate(START), InQueueCheck::Off)).await;
    book(stores, checked(immediate(START), InQueueCheck::Strict).number("+1 650 466 2200")).await;
    book(stores, checked(immediate(START), InQueueCheck::Strict).on("CB_Support")).await;
    stores.record().cancel(tenant(), first.id, &consumer_cancels(), after(1)).await.unwrap();
    assert_eq!(
        refused(stores, checked(immediate(after(2)), InQueueCheck::On)).await,
        Refusal::EnqueueLimitReached,
        "two are open still"
    );
}

/// R-THR-8, R-THR-9: any 24 h, IMMEDIATE only, completed ones count.
pub async fn the_daily_limit_counts_immediate_callbacks_of_the_number(stores: &dyn Stores) {
    provision(stores).await;
    let two = |draft: Draft| draft.limits(|limits| limits.per_number_day = 2);
    let first = book(stores, two(immediate(START))).await;
    stores.record().cancel(tenant(), first.id, &consumer_cancels(), after(1)).await.unwrap();
    book(stores, two(scheduled(START, after(7200)))).await;
    book(stores, two(immediate(after(60)))).await;
    assert_eq!(refused(stores, two(immediate(after(120)))).await, Refusal::EnqueueLimitReached);
    book(stores, two(scheduled(after(120), after(7200)))).await;
    book(stores, two(immediate(after(120))).number("+1 650 466 2200")).await;
    let day = Duration::from_secs(86_400);
    let just_inside = START + day - Duration::from_millis(1);
    assert_eq!(refused(stores, two(immediate(just_inside))).await, Refusal::EnqueueLimitReached);
    book(stores, two(immediate(START + day))).await;
}

/// R-THR-4: window 1 before window 2; 0 blocks (R-THR-2).
pub async fn the_first_full_window_names_the_refusal(stores: &dyn Stores) {
    provision(stores).await;
    for n in 0..3 {
        book(stores, windows(immediate(after(n)), (3, 300), (5, 3600))).await;
    }
    assert_eq!(refused(stores, windows(immediate(after(10)), (3, 300), (3, 3600))).await, full(300, 3, 290_000));
    assert_eq!(refused(stores, windows(immediate(after(10)), (4, 300), (3, 3600))).await, full(3600, 3, 3_590_000));
    assert_eq!(refused(stores, windows(immediate(after(10)), (0, 1), (9, 3600))).await, full(1, 0, 1_000));
    book(stores, windows(scheduled(after(10), after(7200)), (0, 300), (0, 3600))).await;
    book(stores, windows(immediate(after(10)), (4, 300), (4, 3600))).await;
}

/// R-THR-4: `(now - length, now]`.
pub async fn a_window_slides_and_forgets_its_start(stores: &dyn Stores) {
    provision(stores).await;
    let two = |at| windows(immediate(at), (2, 60), (1000, 3600));
    book(stores, two(START)).await;
    book(stores, two(after(30))).await;
    let last = after(60) - Duration::from_millis(1);
    assert_eq!(refused(stores, two(last)).await, full(60, 2, 1));
    book(stores, two(after(60))).await;
    assert_eq!(refused(stores, two(after(60))).await, full(60, 2, 30_000));
    book(stores, two(after(90))).await;
}

/// R-THR-12.
pub async fn a_full_queue_takes_no_more_under_concurrency(stores: &dyn Stores) {
    provision(stores).await;
    let seven = |draft: Draft| draft.limits(|limits| limits.max_queued = 7);
    let verdicts = book_at_once(stores, (0..60).map(|_| seven(immediate(START)))).await;
    assert_eq!(accepted(&verdicts), 7);
    assert_eq!(refused(stores, seven(immediate(START))).await, Refusal::QueueFull);
    book(stores, seven(scheduled(START, after(7200)))).await;
}

/// P-11.
pub async fn a_window_is_exact_under_concurrency(stores: &dyn Stores) {
    provision(stores).await;
    let drafts = (0..80_u64).map(|n| windows(immediate(START + Duration::from_millis(n % 3)), (11, 300), (1000, 3600)));
    let verdicts = book_at_once(stores, drafts).await;
    assert_eq!(accepted(&verdicts), 11, "P-11");
}

/// R-CRE-8.
pub async fn staff_pass_the_abuse_limits_but_not_the_queue_size(stores: &dyn Stores) {
    provision(stores).await;
    let strict = |draft: Draft| {
        windows(draft, (0, 300), (0, 3600)).limits(|limits| {
            limits.in_queue = InQueueCheck::Strict;
            limits.per_number_day = 0;
            limits.max_queued = 2;
        })
    };
    book(stores, strict(immediate(START)).by_staff()).await;
    book(stores, strict(immediate(START)).by_staff()).await;
    assert_eq!(refused(stores, strict(immediate(START)).by_staff()).await, Refusal::QueueFull);
    assert_eq!(refused(stores, strict(immediate(START))).await, Refusal::EnqueueLimitReached);
}

/// Chapter 4: 9 to 12, then 13 and 14, then 15.
pub async fn a_counted_refusal_goes_before_a_later_one_and_that_before_capacity(stores: &dyn Stores) {
    provision(stores).await;
    let at = after(7200);
    let past = Refusal::DesiredTimeInPast;
    book(stores, immediate(START)).await;
    let strict = |draft: Draft| draft.limits(|limits| limits.in_queue = InQueueCheck::Strict);
    let both = strict(scheduled(START, at)).refused_later(past.clone());
    assert_eq!(refused(stores, both).await, Refusal::EnqueueLimitReached);
    assert_eq!(refused(stores, scheduled(START, at).refused_later(past.clone())).await, past);
    let full_cell = strict(scheduled(START, at).slot(claim(at, 0)));
    assert_eq!(refused(stores, full_cell).await, Refusal::EnqueueLimitReached);
    let queue = immediate(START).refused_later(past).limits(|limits| limits.max_queued = 1);
    assert_eq!(refused(stores, queue).await, Refusal::QueueFull);
}

/// I9, R-THR-3, R-THR-8.
pub async fn tenants_and_services_are_counted_apart(stores: &dyn Stores) {
    provision(stores).await;
    let at = after(7200);
    let one = |draft: Draft| {
        windows(draft, (1, 300), (1, 3600)).limits(|limits| {
            limits.in_queue = InQueueCheck::Strict;
            limits.per_number_day = 1;
            limits.max_queued = 1;
        })
    };
    book(stores, one(immediate(START))).await;
    book(stores, one(immediate(START)).tenant(other_tenant())).await;
    book(stores, one(immediate(START)).on("CB_Support")).await;
    book(stores, scheduled(START, at).slot(claim(at, 1))).await;
    book(stores, scheduled(START, at).slot(claim(at, 1)).tenant(other_tenant())).await;
    book(stores, scheduled(START, at).slot(claim(at, 1)).on("CB_Support")).await;
    refused(stores, scheduled(START, at).slot(claim(at, 1))).await;
}

/// R-THR-5, R-THR-9: what counts is how it was accepted, whatever became of it.
pub async fn a_move_changes_no_throttle_count(stores: &dyn Stores) {
    provision(stores).await;
    let one = |at| windows(immediate(at), (1, 300), (1000, 3600));
    let planned = book(stores, scheduled(START, after(7200))).await;
    let now = Move { kind: Kind::Immediate, slot: None, ..move_to(after(10), 0) };
    let moved = stores.record().move_booking(tenant(), planned.id, &now, after(10)).await.unwrap();
    assert!(matches!(moved, Moved::Done(_)), "{moved:?}");
    let counted = book(stores, one(after(20))).await;
    let moved = stores.record().move_booking(tenant(), counted.id, &move_to(after(9000), 5), after(30)).await.unwrap();
    assert!(matches!(moved, Moved::Done(_)), "{moved:?}");
    assert_eq!(refused(stores, one(after(40))).await, full(300, 1, 280_000));
}
