//! Attaching values to a callback in any open state, on somebody's behalf (R-EDT-5, integrations 1.4, 2.4).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::callback::{Actor, Callback, Overgrown, Scalar, SessionUpdate};
use crate::ports::{Clock, Record, SessionAnswer, SessionEvent, Sessions};
use crate::{CallbackId, Refusal, TenantId};

/// What to attach.
#[derive(Debug, Clone, Default)]
pub struct Attached {
    /// Keys of the user data to set, or to remove with `None`; others stay.
    pub user_data: Vec<(String, Option<Scalar>)>,
    /// Facts to set, or to remove with an empty text; others stay.
    pub facts: BTreeMap<String, String>,
}

/// Attaches values, and tells the session that has the callback what its user data is now.
pub struct AttachValues {
    /// The record of callbacks.
    pub record: Arc<dyn Record>,
    /// Running sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
}

impl AttachValues {
    /// Writes the values in the name of `actor` (I8). The session is told afterwards, once and best effort: one that does not
    /// hear of it reads the values from storage, and asking again is safe.
    ///
    /// # Errors
    /// `NotFound`, `UserDataTooLarge`, `InvalidRequest` for too many facts, `StoreUnavailable`.
    pub async fn run(&self, tenant: TenantId, id: CallbackId, attached: Attached, actor: Actor) -> Result<(), Refusal> {
        let Attached { user_data, facts } = attached;
        let news = !user_data.is_empty();
        let update = SessionUpdate { user_data, facts, on_behalf: Some(actor), ..SessionUpdate::default() };
        let now = self.clock.now();
        let callback = match self.record.apply_session_update(tenant, id, &update, now).await? {
            SessionAnswer::Accepted(callback) => *callback,
            SessionAnswer::Ignored(_) => return Ok(()),
            SessionAnswer::TooLarge(overgrown) => return Err(overgrown.into()),
            // Values alone are no claim to a callback and move it nowhere.
            SessionAnswer::Stranger => return Err(Refusal::NotYourSession),
            SessionAnswer::Illegal { from, to } => return Err(Refusal::IllegalTransition { from, to }),
            SessionAnswer::Unknown => return Err(Refusal::NotFound(id.to_string())),
        };
        if let Some(session) = callback.session.as_ref().filter(|_| news && callback.state.is_open()) {
            let event = SessionEvent::UserData(callback.particulars.user_data.clone());
            self.sessions.tell(session, id, &event, now).await;
        }
        Ok(())
    }
}

impl Attached {
    /// Whether the values would fit on the record as it is.
    ///
    /// # Errors
    /// [`Overgrown`], naming what would not.
    pub fn fits(&self, record: &Callback) -> Result<(), Overgrown> {
        let mut particulars = record.particulars.clone();
        particulars.user_data.merge(self.user_data.iter().cloned()).map_err(|_| Overgrown::UserData)?;
        particulars.note_facts(&self.facts)
    }
}
