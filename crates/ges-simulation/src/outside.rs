//! What lies beyond the ports of a run: who runs sessions, and who knows the wait.

use std::sync::Arc;

use ges_domain::ports::{Asked, Place, SessionEvent, Told};
use ges_domain::wait::WaitEstimates;

use crate::world::World;

/// The world outside the service. A run has one of its own.
pub(crate) trait Outside: Send + Sync {
    /// Tells a session something.
    fn tell(&self, session: &str, event: &SessionEvent) -> Told;

    /// Makes a session stop.
    fn terminate(&self, session: &str);

    /// Where the callback of a session stands.
    fn place(&self, session: &str) -> Asked<Place>;

    /// How one node reaches the routers.
    fn waits(&self, world: &Arc<World>) -> Arc<dyn WaitEstimates>;
}
