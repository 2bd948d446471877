//! Editing a scheduled callback (chapter 5, R-EDT-1, R-EDT-5).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::booking::{Wish, check_terms};
use crate::callback::{Actor, Callback, Scalar};
use crate::phone::{NumberingPlan, PhoneNumber};
use crate::ports::{Catalogue, Clock, Edit, Edited, Record};
use crate::use_cases::reschedule::source_of;
use crate::{CallbackId, Refusal, TenantId};

/// What to change; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Another number.
    pub phone: Option<PhoneNumber>,
    /// Keys of the user data to set, or to remove with `None` (R-EDT-5); others stay.
    pub user_data: Vec<(String, Option<Scalar>)>,
    /// Another priority, -1000 to 1000.
    pub priority: Option<i32>,
    /// Another language.
    pub language: Option<String>,
    /// Facts to set, or to remove with an empty text; others stay.
    pub facts: BTreeMap<String, String>,
}

impl Wanted {
    /// Whether nothing is to change.
    pub fn is_empty(&self) -> bool {
        let fields = self.phone.is_some() || self.priority.is_some() || self.language.is_some();
        !fields && self.user_data.is_empty() && self.facts.is_empty()
    }
}

/// Changes a callback that is still SCHEDULED.
pub struct EditCallback {
    /// What is provisioned.
    pub catalogue: Arc<dyn Catalogue>,
    /// The record of callbacks.
    pub record: Arc<dyn Record>,
    /// What numbers mean.
    pub plan: Arc<dyn NumberingPlan>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
}

impl EditCallback {
    /// Runs checks 3 and 5 to 8 again (R-EDT-1), whatever is changed; no throttles.
    ///
    /// # Errors
    /// `NotFound`, `NotEditable`, `UnknownService`, `ImmediateDisabled`, `ScheduledDisabled`, `ServicePaused`, `PushTargetRequired`,
    /// `ImpossibleNumber`, `PremiumNumber`, `NumberBlocked`, `UserDataTooLarge`, `InvalidRequest` for too many facts.
    pub async fn run(
        &self,
        tenant: TenantId,
        id: CallbackId,
        wanted: Wanted,
        actor: Actor,
    ) -> Result<Callback, Refusal> {
        let now = self.clock.now();
        let edit = self.check(tenant, id, wanted, &actor).await?;
        match self.record.edit(tenant, id, &edit, &actor, now).await? {
            Edited::Done(callback) => Ok(*callback),
            Edited::NotEditable(state) => Err(Refusal::NotEditable(state)),
            Edited::Unknown => Err(Refusal::NotFound(id.to_string())),
        }
    }

    /// Runs the same checks and changes nothing: what would be written, whatever state the callback is in.
    ///
    /// # Errors
    /// As [`EditCallback::run`], but for `NotEditable`.
    pub async fn check(
        &self,
        tenant: TenantId,
        id: CallbackId,
        wanted: Wanted,
        actor: &Actor,
    ) -> Result<Edit, Refusal> {
        let now = self.clock.now();
        let unknown = || Refusal::NotFound(id.to_string());
        let record = self.record.find(tenant, id, now).await?.ok_or_else(unknown)?;
        let service = self.catalogue.service(tenant, &record.service).await?.filter(|service| !service.removed);
        let service = service.ok_or_else(|| Refusal::UnknownService(record.service.to_string()))?;
        let wish = Wish {
            desired: Some(record.desired_at),
            always_check_capacity: record.particulars.always_check_capacity,
            phone: wanted.phone.as_ref().unwrap_or(&record.phone),
            has_push_target: !record.particulars.push_targets.is_empty(),
            source: source_of(actor),
        };
        let key = check_terms(&service, record.kind, &wish, &*self.plan)?;
        let mut edit = Edit { priority: wanted.priority, language: wanted.language, ..Edit::default() };
        edit.phone = wanted.phone.map(|phone| (phone, key));
        let mut particulars = record.particulars;
        if !wanted.user_data.is_empty() {
            particulars.user_data.merge(wanted.user_data).map_err(|_| Refusal::UserDataTooLarge)?;
            edit.user_data = Some(particulars.user_data.clone());
        }
        particulars.note_facts(&wanted.facts)?;
        edit.facts = wanted.facts;
        Ok(edit)
    }
}
