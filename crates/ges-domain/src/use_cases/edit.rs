//! Editing a scheduled callback (chapter 5, R-EDT-1, R-EDT-5).

use std::sync::Arc;

use crate::callback::{Actor, Callback, Scalar};
use crate::phone::{NumberingPlan, PhoneNumber, plausibility};
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
    /// Runs checks 3, 7 and 8 again for what is changed (R-EDT-1); no throttles.
    ///
    /// # Errors
    /// `NotFound`, `NotEditable`, `UnknownService`, `ImpossibleNumber`, `PremiumNumber`, `NumberBlocked`, `UserDataTooLarge`.
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
        let mut edit = Edit { priority: wanted.priority, language: wanted.language, ..Edit::default() };
        if let Some(phone) = wanted.phone {
            let external = source_of(actor) == crate::callback::Source::Api;
            let key = plausibility(&*self.plan, &phone, &service.screening(), external)?;
            if service.blocks(&*self.plan, &key) {
                return Err(Refusal::NumberBlocked);
            }
            edit.phone = Some((phone, key));
        }
        if !wanted.user_data.is_empty() {
            let mut user_data = record.particulars.user_data;
            user_data.merge(wanted.user_data).map_err(|_| Refusal::UserDataTooLarge)?;
            edit.user_data = Some(user_data);
        }
        Ok(edit)
    }
}
