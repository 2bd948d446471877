//! Changing a record for a request under a key: what completes it keeps the answer in the same transaction (I6).

use ges_domain::callback::Callback;
use ges_domain::callback::acts::{self, Write};
use ges_domain::idempotency::Keyed;
use ges_domain::ports::{Cancelled, StoreError};
use ges_domain::{CallbackId, Instant, TenantId};

use super::{Rewrite, TRIES, read, rewrite};
use crate::error::unavailable;
use crate::{PgStore, kept};

/// A cancel under a key.
#[derive(Clone)]
pub(super) struct Once {
    pub(super) tenant: TenantId,
    pub(super) id: CallbackId,
    pub(super) keyed: Keyed,
    pub(super) now: Instant,
}

impl PgStore {
    /// One half of a cancel under a key.
    pub(super) async fn cancel_once(
        &self,
        once: Once,
        decide: impl Fn(&Callback) -> Result<Write, Cancelled> + Send + Sync + 'static,
    ) -> Result<Cancelled, StoreError> {
        let store = self.clone();
        let work = async move {
            for _ in 0..TRIES {
                if let Some(cancelled) = store.try_once(&once, &decide).await? {
                    return Ok(cancelled);
                }
            }
            Err(StoreError::Contended)
        };
        self.uncancelled(work).await
    }

    /// `None`: somebody else was quicker and nothing was written.
    async fn try_once(
        &self,
        once: &Once,
        decide: &(impl Fn(&Callback) -> Result<Write, Cancelled> + Sync),
    ) -> Result<Option<Cancelled>, StoreError> {
        let Once { tenant, id, keyed, now } = once;
        let mut transaction = self.pool().begin().await.map_err(unavailable)?;
        // The record first: who sees it completed by the same request sees the answer kept with it.
        let before = read(&mut *transaction, *tenant, *id, *now).await?;
        let place = kept::place(*tenant, keyed);
        let kept = kept::recall(&mut *transaction, std::slice::from_ref(&place)).await?;
        match keyed.answered(kept.get(&place)) {
            Ok(None) => {}
            Ok(Some(_)) => return Ok(Some(Cancelled::Repeated)),
            Err(_) => return Ok(Some(Cancelled::KeyReused)),
        }
        let Some(before) = before else { return Ok(Some(Cancelled::Unknown)) };
        let cancelled = match decide(&before.record) {
            Err(answer) => answer,
            Ok((after, event)) => {
                let write = Rewrite { before: &before, after: &after, event: Some(&event), lease: None };
                if !rewrite(&mut *transaction, write).await? {
                    return Ok(None);
                }
                acts::cancelled(after)
            }
        };
        if let Cancelled::Done(record) = &cancelled
            && !kept::keep(&mut *transaction, *tenant, keyed, record.id.0, *now).await?
        {
            return Ok(None);
        }
        transaction.commit().await.map_err(unavailable)?;
        Ok(Some(cancelled))
    }
}
