//! Fast counters that lose whatever they like change no verdict (P-11, design decision 1).

#![expect(clippy::unwrap_used, reason = "helpers of tests, where clippy.toml allows it")]

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ges_domain::Instant;
use ges_domain::booking::{Accelerated, Booked};
use ges_domain::callback::Callback;
use ges_domain::ports::{AcceptedTimes, Bookings, Catalogue, ServiceRef};
use ges_domain::throttle::{InQueueCheck, Window};
use ges_domain::{CallbackId, Refusal};
use ges_testkit::MemoryStore;
use ges_testkit::builders::{START, consumer_cancels, immediate, service_row, tenant};
use proptest::prelude::*;

/// Keeps what it is not told to lose.
#[derive(Default)]
struct Lossy {
    times: Mutex<HashMap<ServiceRef, Vec<Instant>>>,
    /// What becomes of the next news: `true` is lost.
    losses: Mutex<VecDeque<bool>>,
}

impl AcceptedTimes for Lossy {
    fn since(&self, service: &ServiceRef, windows: &[Window; 2]) -> [Option<Instant>; 2] {
        let times = self.times.lock().unwrap();
        let mut newest = times.get(service).cloned().unwrap_or_default();
        newest.sort_unstable_by(|one, other| other.cmp(one));
        windows.map(|window| newest.get((window.limit as usize).checked_sub(1)?).copied())
    }

    fn accepted(&self, record: &Callback, _: &[Window; 2]) {
        if self.losses.lock().unwrap().pop_front().unwrap_or(false) {
            return;
        }
        let service = ServiceRef { tenant: record.tenant, name: record.service.clone() };
        self.times.lock().unwrap().entry(service).or_default().push(record.created_at);
    }

    fn was_full(&self, _: &ServiceRef, _: &[Window; 2]) {}
}

#[derive(Debug, Clone)]
enum Step {
    Book { gap_ms: u64, number: u8, limits: (u32, u32), check: InQueueCheck },
    Cancel(usize),
    Flush,
}

fn step() -> impl Strategy<Value = Step> {
    let check = prop_oneof![Just(InQueueCheck::Off), Just(InQueueCheck::On), Just(InQueueCheck::Strict)];
    let book = (0_u64..4_000, 0_u8..12, (0_u32..5, 0_u32..9), check);
    prop_oneof![
        12 => book.prop_map(|(gap_ms, number, limits, check)| Step::Book { gap_ms, number, limits, check }),
        2 => (0_usize..50).prop_map(Step::Cancel),
        1 => Just(Step::Flush),
    ]
}

proptest! {
    #[test]
    fn p_11_lossy_counters_change_no_verdict(
        steps in prop::collection::vec(step(), 1..120),
        losses in prop::collection::vec(any::<bool>(), 0..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (plain, under) = (MemoryStore::default(), MemoryStore::default());
            for store in [&plain, &under] {
                store.put_service(tenant(), &service_row("CB_Sales")).await.unwrap();
            }
            let times = Arc::new(Lossy { losses: Mutex::new(losses.into()), ..Lossy::default() });
            let fast = Accelerated::new(Arc::new(under.clone()), times.clone());
            let mut now = START;
            let mut booked: Vec<CallbackId> = Vec::new();
            for step in steps {
                match step {
                    Step::Flush => times.times.lock().unwrap().clear(),
                    Step::Cancel(place) => {
                        let Some(id) = booked.get(place % booked.len().max(1)) else { continue };
                        use ges_domain::ports::Record as _;
                        let answers = (
                            plain.cancel(tenant(), *id, &consumer_cancels(), now).await.unwrap(),
                            under.cancel(tenant(), *id, &consumer_cancels(), now).await.unwrap(),
                        );
                        prop_assert_eq!(answers.0, answers.1);
                    }
                    Step::Book { gap_ms, number, limits: (first, second), check } => {
                        now = now + Duration::from_millis(gap_ms);
                        let window = |limit, seconds| Window { limit, length: Duration::from_secs(seconds) };
                        let draft = immediate(now).number(&format!("+16504661{number:03}")).limits(|limits| {
                            limits.windows = [window(first, 7), window(second, 20)];
                            limits.in_queue = check;
                            limits.max_queued = 30;
                        });
                        let booking = draft.build();
                        let alone = plain.book(booking.clone()).await.unwrap();
                        let beside = fast.book(booking).await.unwrap();
                        if let Booked::Accepted(record) = &alone {
                            booked.push(record.id);
                        }
                        match (alone, beside) {
                            (
                                Booked::Refused(Refusal::TtlLimitReached { window, limit, retry_in }),
                                Booked::Refused(Refusal::TtlLimitReached { window: same, limit: alike, retry_in: wait }),
                            ) => {
                                prop_assert_eq!((window, limit), (same, alike));
                                prop_assert!(wait <= retry_in, "{:?} {:?}", wait, retry_in);
                            }
                            (alone, beside) => prop_assert_eq!(alone, beside),
                        }
                    }
                }
            }
            Ok(())
        })?;
    }
}
