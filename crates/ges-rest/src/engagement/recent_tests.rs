use std::time::Duration;

use ges_domain::wait::Estimate;
use ges_testkit::builders;

use super::{MOST, Recent};
use crate::answer::Answer;
use crate::testing::{SERVICE, World};

const STATUS: &str = "queue-status/VQ_Support";
const SLOTS: &str = "availability/VQ_Support?start=2026-01-05T15:00:00.000Z";

/// Integrations 8.5: a silent store is bridged for five seconds, for the same question alone.
#[tokio::test(start_paused = true)]
async fn the_last_answer_stands_in_for_a_silent_store_for_five_seconds() {
    let world = World::new().await;
    world.waits.set(builders::tenant(), SERVICE, Estimate::Known(184));
    for (asked, again, another) in [
        (STATUS, "queue-status/VQ_Support?_=17", "queue-status/VQ_Other"),
        (
            SLOTS,
            "availability/VQ_Support?_=17&start=2026-01-05T15:00:00.000Z",
            "availability/VQ_Support?numberOfDays=2",
        ),
    ] {
        let before = world.get(asked).await;
        assert_eq!(before.status, 200, "{asked}");
        tokio::time::advance(Duration::from_millis(4_900)).await;
        world.store.fail_times(u32::MAX);
        let bridged = world.get(again).await;
        assert_eq!((bridged.status, bridged.sealed()), (200, before.sealed()), "{again}");
        world.get(another).await.refused(500, 51);
        tokio::time::advance(Duration::from_millis(200)).await;
        world.get(again).await.refused(500, 51);
        world.store.fail_times(0);
        assert_eq!(world.get(asked).await.status, 200);
    }
}

/// I9, and what asks for much is not kept.
#[tokio::test(start_paused = true)]
async fn answers_are_bounded_and_of_one_tenant() {
    let recent = Recent::default();
    let silent = || Err(ges_domain::Refusal::StoreUnavailable.into());
    let uri = |nth: usize| format!("/a?nth={nth}").parse().unwrap();
    let (own, other) = (builders::tenant(), builders::other_tenant());
    for nth in 0..2 * MOST {
        recent.settle(own, &uri(nth), Ok(Answer::ok(&nth))).unwrap();
    }
    assert!(recent.settle(own, &uri(0), silent()).is_ok());
    assert!(recent.settle(own, &uri(2 * MOST - 1), silent()).is_err(), "no room as long as the others are fresh");
    assert!(recent.settle(other, &uri(0), silent()).is_err(), "I9");
    let large = "x".repeat(20 << 10);
    tokio::time::advance(Duration::from_secs(6)).await;
    recent.settle(own, &uri(1), Ok(Answer::ok(&large))).unwrap();
    assert!(recent.settle(own, &uri(1), silent()).is_err());
    recent.settle(own, &uri(9_999), Ok(Answer::ok(&1))).unwrap();
    assert!(recent.settle(own, &uri(9_999), silent()).is_ok(), "old ones made room");
}
