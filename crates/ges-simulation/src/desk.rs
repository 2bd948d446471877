//! The use cases of one API node, and how callers reach them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ges_domain::Refusal;
use ges_domain::ports::{NoHumanCheck, NoNews};
use ges_domain::use_cases::{BookCallback, CancelCallback, CurrentWait, RetrieveCallback, TakeSessionUpdate};
use ges_testkit::FakePlan;

use crate::ports::{Node, Role};
use crate::waits::SwingingWaits;
use crate::world::World;

/// A caller gives up after so long; the node goes on with the request.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Desk {
    pub(crate) node: Arc<Node>,
    pub(crate) book: BookCallback,
    pub(crate) cancel: CancelCallback,
    pub(crate) retrieve: RetrieveCallback,
    pub(crate) update: TakeSessionUpdate,
}

impl Desk {
    pub(crate) fn new(world: &Arc<World>, name: &str) -> Arc<Self> {
        let node = Node::new(world, name.to_owned(), Role::Api);
        let book = BookCallback {
            catalogue: node.clone(),
            bookings: node.clone(),
            wait: Arc::new(CurrentWait::new(Arc::new(SwingingWaits::new(Arc::clone(world))))),
            plan: Arc::new(FakePlan),
            human: Arc::new(NoHumanCheck),
            clock: node.clone(),
            ids: world.ids.clone(),
        };
        let cancel = CancelCallback { record: node.clone(), sessions: node.clone(), clock: node.clone() };
        let retrieve = RetrieveCallback { record: node.clone(), news: Arc::new(NoNews), clock: node.clone() };
        let update = TakeSessionUpdate { record: node.clone(), sessions: node.clone(), clock: node.clone() };
        Arc::new(Self { node, book, cancel, retrieve, update })
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
