//! What callers can ask for, step by step as the rules number it.

mod attach;
mod book;
mod bulk;
mod call_in;
mod cancel;
mod current_wait;
mod diagnose;
mod edit;
mod find;
mod offer;
mod pause;
mod provision;
mod publish;
mod queue;
mod recreate;
mod refused;
mod relay;
mod reschedule;
mod retrieve;
mod update;
mod watermarks;
mod wishes;

pub use attach::{AttachValues, Attached};
pub use book::{BookCallback, Created};
pub use bulk::{BulkAct, BulkDesk, Done};
pub use call_in::{CallInWish, CalledFor, MatchCallIn, ReportedCall, RequestCallIn};
pub use cancel::CancelCallback;
pub use current_wait::{AtOffer, CurrentWait};
pub use diagnose::{DiagnoseSession, Diagnosis};
pub use edit::{EditCallback, Wanted};
pub use find::{FindCallbacks, Property, Sought};
pub use offer::{OfferSlots, Offered, OpenFor};
pub use pause::PauseServices;
pub use provision::{Provision, Provisioned, Provisioning, RowError, RuleError, ServiceDocument};
pub use publish::TakePublish;
pub use queue::{TellQueueStatus, TellWaits};
pub use recreate::RecreateCallback;
pub use relay::{RelayToSession, Relayed};
pub use reschedule::RescheduleCallback;
pub use retrieve::RetrieveCallback;
pub use update::TakeSessionUpdate;
pub use watermarks::{TellWatermarks, Watermarks};
pub use wishes::CarryOutWishes;

use crate::Refusal;
use crate::ports::StoreError;

/// A store that does not answer reads the same to every caller, and trying again may help; what it cannot read back does not get
/// better. The operator finds the cause in the log of the adapter.
impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Contended => Self::StoreUnavailable,
            StoreError::Unreadable { .. } => Self::RecordUnreadable,
        }
    }
}
