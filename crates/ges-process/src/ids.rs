//! New ids.

use ges_domain::CallbackId;
use ges_domain::ports::Ids;
use uuid::Uuid;

/// Ids from the system's randomness: UUID version 7 (design decision 11).
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    #[expect(clippy::disallowed_methods, reason = "this is the port's implementation")]
    fn callback_id(&self) -> CallbackId {
        CallbackId(Uuid::now_v7())
    }
}
