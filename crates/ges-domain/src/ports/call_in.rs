//! Groups and requests of Click-To-Call-In (chapter 15).

use async_trait::async_trait;

use super::StoreError;
use crate::call_in::{CallInRequest, Draft, Group, GroupName, IncomingCall};
use crate::{CallInId, Instant, TenantId};

/// What a reservation came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Reserved {
    /// It is durable; the request with its key.
    Taken(Box<CallInRequest>),
    /// It was made before under the same key; nothing was written (I6).
    Repeated(CallInId),
    /// The key stands for another body; nothing was written.
    KeyReused,
    /// Every key of the group is taken (R-CTI-8). Nothing was written.
    NothingFree,
    /// The group is gone.
    UnknownGroup,
}

/// The record of call-ins. Every method is one act.
#[async_trait]
pub trait CallIns: Send + Sync {
    /// A group by name.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn group(&self, tenant: TenantId, name: &GroupName) -> Result<Option<Group>, StoreError>;

    /// Every group of the tenant, by name.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn groups(&self, tenant: TenantId) -> Result<Vec<Group>, StoreError>;

    /// Stores a group under its name. Requests that wait keep their keys.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn put_group(&self, tenant: TenantId, group: &Group) -> Result<(), StoreError>;

    /// Gives a request a key by [`crate::call_in::allot`] and writes it; the request it replaces expires with it (R-CTI-7).
    /// Reservations of one tenant happen one after the other, so that no key is given out twice (R-CTI-4, P-16). Under an
    /// idempotency key a repetition is found in the same step (I6); without one it is another request.
    ///
    /// # Errors
    /// [`StoreError`]: the request may or may not exist; if it does, it expires by itself.
    async fn reserve(&self, draft: Draft) -> Result<Reserved, StoreError>;

    /// Finds the request of an incoming call by [`crate::call_in::first_of`], sets it MATCHED and frees its key (R-CTI-11 to
    /// R-CTI-13), and notes it in the callback it is tied to, by [`crate::callback::acts::link_call_in`] (R-CTI-14). Two calls
    /// at once never match the same request. A callback that is not there any more does not hinder the match.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known to have happened; the call may ask again.
    async fn match_call(
        &self,
        tenant: TenantId,
        call: &IncomingCall,
        now: Instant,
    ) -> Result<Option<CallInRequest>, StoreError>;

    /// One request of this tenant, as long as it is kept (R-CTI-10, I9).
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn request(&self, tenant: TenantId, id: CallInId) -> Result<Option<CallInRequest>, StoreError>;

    /// Deletes up to `limit` requests of all tenants made before `created_before` (R-CTI-10). Returns how many.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn purge_call_ins(&self, created_before: Instant, limit: u32) -> Result<u64, StoreError>;
}
