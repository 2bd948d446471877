//! New ids, and chance.

use ges_domain::bulk::BulkId;
use ges_domain::ports::{Chance, Ids};
use ges_domain::{CallInId, CallbackId};
use uuid::Uuid;

/// Ids from the system's randomness: UUID version 7 (design decision 11).
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    #[expect(clippy::disallowed_methods, reason = "this is the port's implementation")]
    fn callback_id(&self) -> CallbackId {
        CallbackId(Uuid::now_v7())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the port's implementation")]
    fn call_in_id(&self) -> CallInId {
        CallInId(Uuid::now_v7())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the port's implementation")]
    fn bulk_id(&self) -> BulkId {
        BulkId(Uuid::now_v7())
    }
}

/// Chance from the system's randomness, through a cryptographic generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SecureChance;

impl Chance for SecureChance {
    fn draw(&self) -> u64 {
        rand::random()
    }
}
