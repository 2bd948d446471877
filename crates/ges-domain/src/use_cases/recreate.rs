//! Booking the same again (R-REC-10).

use std::sync::Arc;

use crate::booking::BookRequest;
use crate::callback::{Act, Callback, Particulars, Source, may_act};
use crate::idempotency::Keyed;
use crate::ports::{Clock, Record};
use crate::use_cases::{BookCallback, Created};
use crate::{CallbackId, Instant, Refusal, TenantId};

/// Makes a new callback of a completed one.
pub struct RecreateCallback {
    /// The record of callbacks.
    pub record: Arc<dyn Record>,
    /// Books the new one.
    pub book: Arc<BookCallback>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
}

impl RecreateCallback {
    /// Copies service, number, user data, language, priority, overrides, push targets and reporting fields and books them for
    /// `desired` (none means as soon as possible) through the staff's pipeline. The new record names the old one; a record
    /// can be recreated any number of times.
    ///
    /// # Errors
    /// `NotFound`, `NotEditable` while it is still open, and every refusal of booking.
    pub async fn run(
        &self,
        tenant: TenantId,
        id: CallbackId,
        desired: Option<Instant>,
        user: &str,
    ) -> Result<Callback, Refusal> {
        let request = self.request(tenant, id, desired, user).await?;
        self.book.run(tenant, request).await
    }

    /// The same under a key: once, however often it is tried (I6).
    ///
    /// # Errors
    /// As [`RecreateCallback::run`], and `KeyReused`.
    pub async fn run_once(
        &self,
        tenant: TenantId,
        id: CallbackId,
        desired: Option<Instant>,
        user: &str,
        keyed: Keyed,
    ) -> Result<Created, Refusal> {
        let request = self.request(tenant, id, desired, user).await?;
        self.book.run_once(tenant, request, keyed).await
    }

    async fn request(
        &self,
        tenant: TenantId,
        id: CallbackId,
        desired: Option<Instant>,
        user: &str,
    ) -> Result<BookRequest, Refusal> {
        let found = self.record.find(tenant, id, self.clock.now()).await?;
        let old = found.ok_or_else(|| Refusal::NotFound(id.to_string()))?;
        if !may_act(Act::Recreate, old.state) {
            return Err(Refusal::NotEditable(old.state));
        }
        let old_ones = old.particulars;
        // What is copied is named, so that a field of one life, such as the session it came with, is never taken into the next.
        let particulars = Particulars {
            source: Source::Recreate,
            created_by: Some(user.to_owned()),
            recreated_from: Some(old.id),
            language: old_ones.language,
            route_point: old_ones.route_point,
            survey_rp: old_ones.survey_rp,
            inbound_vq: old_ones.inbound_vq,
            virtual_queue: old_ones.virtual_queue,
            offer_threshold: old_ones.offer_threshold,
            channel: old_ones.channel,
            offer_timing: old_ones.offer_timing,
            offer_type: old_ones.offer_type,
            origination_ixn: old_ones.origination_ixn,
            user_data: old_ones.user_data,
            push_targets: old_ones.push_targets,
            ..Particulars::default()
        };
        Ok(BookRequest {
            service: old.service,
            phone: old.phone,
            desired,
            priority: old.priority,
            captcha_token: None,
            particulars,
        })
    }
}
