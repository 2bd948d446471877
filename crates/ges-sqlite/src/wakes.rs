//! Hints inside the process.

use async_trait::async_trait;
use ges_domain::ports::{Wake, WakeUps};
use tokio::sync::broadcast;

/// Hints a subscriber may lag behind before it is told to look at everything.
pub(crate) const HINTS: usize = 1024;

/// One subscriber.
pub(crate) struct Hints(pub(crate) broadcast::Receiver<Wake>);

#[async_trait]
impl WakeUps for Hints {
    async fn next(&mut self) -> Wake {
        match self.0.recv().await {
            Ok(wake) => wake,
            Err(broadcast::error::RecvError::Lagged(_)) => Wake::Everything,
            // The store is closed: nothing will be written any more.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
