//! Sessions that lost their callback.

use async_trait::async_trait;

use super::StoreError;
use crate::Instant;
use crate::callback::FormerSession;

/// Sessions from which a write took the callback before they had ended. A store enters them in the transaction of that write, by
/// [`crate::callback::former_session`], so that they are not forgotten whoever dies (R-EDT-4, R-CAN-2, integrations 1.4, 1.5).
#[async_trait]
pub trait FormerSessions: Send + Sync {
    /// Those that are to be stopped at `now`, as far as it is this node's work, longest due first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn former(&self, now: Instant, limit: u32) -> Result<Vec<FormerSession>, StoreError>;

    /// Forgets them: they are stopped, gone, or left alone from now on. Safe to repeat.
    ///
    /// # Errors
    /// [`StoreError`]: some may be asked to stop again.
    async fn forget_former(&self, over: &[FormerSession]) -> Result<(), StoreError>;

    /// Makes them due again at `due_at`: nobody could reach them. Those that were forgotten meanwhile stay so. Safe to repeat.
    ///
    /// # Errors
    /// [`StoreError`]: they stay due.
    async fn postpone_former(&self, again: &[FormerSession], due_at: Instant) -> Result<(), StoreError>;
}
