//! What monitors tell the operator, as a port of this crate.

use std::time::Duration;

use ges_domain::TenantId;
use ges_domain::invariants::Look;
use ges_domain::ports::{MonitorSizes, NoticeKey};
use ges_telemetry::{Managed, Metrics};

/// Hears what monitors do. Nothing here may block.
pub trait MonitorGauges: Send + Sync {
    /// How many records wait (R-SUB-10).
    fn sizes(&self, sizes: MonitorSizes);
    /// A batch of `entries` was written to the stream in `took`.
    fn submitted(&self, entries: usize, took: Duration);
    /// A write cycle failed, or a third attempt stayed unanswered (R-SUB-7, R-SUB-8; `CB_SUBMIT_FAILED`).
    fn submit_failed(&self);
    /// A bulk job has booked a callback (R-CRE-7; `ges_callbacks_created`).
    fn booked(&self, tenant: TenantId);
    /// Items were handled more than 10 s after their time (`MONITOR_LAGGING_BEHIND`).
    fn lagging(&self, items: u64);
    /// A promise was looked at in passing (`ges_invariant_checks_total`, `ges_invariant_violations_total`).
    fn looked(&self, look: &Look);
    /// The record refused writes: it had changed, or another node had the shard by then
    /// (`ges_monitor_refused_writes_total`).
    fn refused(&self, writes: u64);
    /// A panic was caught at the boundary of a task.
    fn panicked(&self);
}

/// Hears what becomes of pushes. Nothing here may block.
pub trait PushGauges: Send + Sync {
    /// A push to one target has ended (R-PSH-6; `ges_push_notifications_sent`).
    fn push_ended(&self, push: &NoticeKey, success: bool);
    /// A push got a number to call of its own (R-CTI-9; `ges_callin_created`).
    fn number_given(&self, tenant: TenantId);
}

impl PushGauges for NoGauges {
    fn push_ended(&self, _: &NoticeKey, _: bool) {}
    fn number_given(&self, _: TenantId) {}
}

impl PushGauges for Metrics {
    fn push_ended(&self, push: &NoticeKey, success: bool) {
        self.push_notification_sent(&push.tenant.to_string(), success);
    }
    fn number_given(&self, tenant: TenantId) {
        self.callin_created(&tenant.to_string());
    }
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoGauges;

impl MonitorGauges for NoGauges {
    fn sizes(&self, _: MonitorSizes) {}
    fn submitted(&self, _: usize, _: Duration) {}
    fn submit_failed(&self) {}
    fn booked(&self, _: TenantId) {}
    fn lagging(&self, _: u64) {}
    fn looked(&self, _: &Look) {}
    fn refused(&self, _: u64) {}
    fn panicked(&self) {}
}

impl MonitorGauges for Metrics {
    fn sizes(&self, sizes: MonitorSizes) {
        self.monitor_size(Managed::Scheduled, sizes.scheduled);
        self.monitor_size(Managed::Active, sizes.active);
        self.monitor_size(Managed::SubmitRetry, sizes.submit_retry);
        self.ors_outbox_size(sizes.submit_retry);
    }
    fn submitted(&self, _: usize, took: Duration) {
        self.ors_submit_latency(took.as_secs_f64());
    }
    fn submit_failed(&self) {
        Metrics::submit_failed(self, 1);
    }
    fn booked(&self, tenant: TenantId) {
        self.callback_created(&tenant.to_string());
    }
    fn lagging(&self, items: u64) {
        self.monitor_lagging_behind(items);
    }
    fn looked(&self, look: &Look) {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        self.invariant_checked(look.invariant.id(), count(look.looked), count(look.broken.len()));
    }
    fn refused(&self, writes: u64) {
        self.monitor_refused(writes);
    }
    // The hook of the process has counted it where it was thrown.
    fn panicked(&self) {}
}
