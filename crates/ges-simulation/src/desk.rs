//! The use cases of one API node, and how callers reach them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ges_domain::Refusal;
use ges_domain::ports::{NoHumanCheck, NoNews};
use ges_domain::use_cases::{
    BookCallback, CancelCallback, CarryOutWishes, CurrentWait, MatchCallIn, RequestCallIn, RescheduleCallback,
    RetrieveCallback, TakeSessionUpdate,
};
use ges_testkit::{CountingChance, FakePlan};

use crate::ports::{Node, Role};
use crate::world::World;

/// A caller gives up after so long; the node goes on with the request.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Desk {
    pub(crate) node: Arc<Node>,
    pub(crate) book: BookCallback,
    pub(crate) cancel: CancelCallback,
    pub(crate) retrieve: RetrieveCallback,
    pub(crate) update: TakeSessionUpdate,
    pub(crate) reschedule: RescheduleCallback,
    pub(crate) call_in: RequestCallIn,
    pub(crate) match_call: MatchCallIn,
}

impl Desk {
    pub(crate) fn new(world: &Arc<World>, name: &str) -> Arc<Self> {
        let node = Node::new(world, name.to_owned(), Role::Api);
        let wait = Arc::new(CurrentWait::new(world.setting.outside.waits(world)));
        let book = BookCallback {
            catalogue: node.clone(),
            bookings: node.clone(),
            wait: wait.clone(),
            plan: Arc::new(FakePlan),
            human: Arc::new(NoHumanCheck),
            clock: node.clone(),
            ids: world.ids.clone(),
        };
        let cancel = CancelCallback { record: node.clone(), sessions: node.clone(), clock: node.clone() };
        let news = Arc::new(NoNews);
        let update =
            TakeSessionUpdate { record: node.clone(), sessions: node.clone(), news: news.clone(), clock: node.clone() };
        let retrieve = RetrieveCallback { record: node.clone(), news, clock: node.clone() };
        let reschedule = RescheduleCallback {
            catalogue: node.clone(),
            bookings: node.clone(),
            record: node.clone(),
            wait,
            plan: Arc::new(FakePlan),
            sessions: node.clone(),
            clock: node.clone(),
        };
        let call_ins = Arc::new(world.store.clone());
        let call_in = RequestCallIn {
            call_ins: call_ins.clone(),
            kept: node.clone(),
            record: node.clone(),
            catalogue: node.clone(),
            plan: Arc::new(FakePlan),
            clock: node.clone(),
            ids: world.ids.clone(),
            chance: Arc::new(CountingChance::from(world.seed)),
        };
        let match_call = MatchCallIn {
            call_ins,
            catalogue: node.clone(),
            wishes: CarryOutWishes {
                record: node.clone(),
                catalogue: node.clone(),
                sessions: node.clone(),
                clock: node.clone(),
            },
            plan: Arc::new(FakePlan),
            clock: node.clone(),
        };
        Arc::new(Self { node, book, cancel, retrieve, update, reschedule, call_in, match_call })
    }
}

/// Makes a request and waits for its answer; `None`: none came in time, and nobody knows what was done.
pub(crate) async fn ask<T: Send + 'static>(
    world: &World,
    request: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Option<Result<T, Refusal>> {
    match tokio::time::timeout(PATIENCE, tokio::spawn(request)).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(_)) => {
            world.panics.fetch_add(1, Ordering::SeqCst);
            None
        }
        Err(_) => None,
    }
}
