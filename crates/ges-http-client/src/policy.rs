//! The limits of every integration, one row each (integrations 0.4).

use std::time::Duration;

use crate::{Backoff, CallError, Stage};

const BODY_CAP_BYTES: usize = 10 * 1024 * 1024;

/// Where the peer lives; decides the connect timeout and whether calls leave through the egress proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The same cluster: 1 s to connect, no proxy.
    Cluster,
    /// The internet: 3 s to connect, through the egress proxy when one is set.
    Internet,
}

/// Which failures are worth a further attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryOn {
    /// No connection; a lost answer or 502, 503, 504, 429; silence only when the call is idempotent.
    Transient,
    /// No connection, nothing else: what was sent may have been used up.
    NoConnection,
}

/// How many calls may be under way at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bulkhead {
    /// Calls to the whole integration.
    Integration(usize),
    /// Calls to one host and port.
    Endpoint(usize),
}

/// The limits under which one integration is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Name in metrics and logs.
    pub integration: &'static str,
    /// Where the peer lives.
    pub reach: Reach,
    /// Time of one attempt, from connecting to the last byte.
    pub attempt_timeout: Duration,
    /// Further attempts and the rests between.
    pub backoff: Backoff,
    /// What is tried again.
    pub retry_on: RetryOn,
    /// Calls at once.
    pub bulkhead: Bulkhead,
    /// Longest answer in bytes.
    pub body_cap_bytes: usize,
}

const fn row(
    integration: &'static str,
    reach: Reach,
    timeout_ms: u64,
    backoff: (u32, u64, u64),
    calls: usize,
) -> Policy {
    Policy {
        integration,
        reach,
        attempt_timeout: Duration::from_millis(timeout_ms),
        backoff: Backoff {
            retries: backoff.0,
            base: Duration::from_millis(backoff.1),
            cap: Duration::from_millis(backoff.2),
        },
        retry_on: RetryOn::Transient,
        bulkhead: Bulkhead::Integration(calls),
        body_cap_bytes: BODY_CAP_BYTES,
    }
}

impl Policy {
    /// Events to and termination of an orchestration session.
    pub const ORS_EVENTS: Self = row("ors_events", Reach::Cluster, 3_000, (2, 200, 1_000), 32);
    /// Requests to and queries of an orchestration session; the next poll is the retry.
    pub const ORS_QUERIES: Self = row("ors_queries", Reach::Cluster, 3_000, (0, 0, 0), 64);
    /// Wait times from the router; the next node is the retry, 8 calls per node.
    pub const URS: Self = Self { bulkhead: Bulkhead::Endpoint(8), ..row("urs", Reach::Cluster, 1_500, (0, 0, 0), 8) };
    /// Nodes from Consul; the next look is the retry.
    pub const CONSUL: Self = row("consul", Reach::Cluster, 3_000, (0, 0, 0), 4);
    /// Our own token from the Authentication service.
    pub const GWS_AUTH_TOKEN: Self = row("gws_auth", Reach::Cluster, 3_000, (2, 250, 2_000), 8);
    /// Who a user is, from the Authentication service.
    pub const GWS_USER_INFO: Self = row("gws_userinfo", Reach::Cluster, 3_000, (1, 250, 1_000), 32);
    /// The Environment service.
    pub const GWS_ENV: Self = row("gws_env", Reach::Cluster, 3_000, (2, 250, 2_000), 16);
    /// Reads from the Configuration service.
    pub const GWS_CONF_READS: Self = row("gws_conf", Reach::Cluster, 5_000, (2, 250, 2_000), 16);
    /// Writes to the Configuration service; a reconciler repeats them.
    pub const GWS_CONF_WRITES: Self = row("gws_conf_writes", Reach::Cluster, 10_000, (0, 0, 0), 4);
    /// The Statistics service.
    pub const GWS_STATS: Self = row("gws_stats", Reach::Cluster, 8_000, (0, 0, 0), 16);
    /// Push notifications and their token.
    pub const FCM: Self = row("fcm", Reach::Internet, 5_000, (3, 1_000, 60_000), 16);
    /// Captcha verification: a token is good for one use.
    pub const RECAPTCHA: Self =
        Self { retry_on: RetryOn::NoConnection, ..row("recaptcha", Reach::Internet, 2_500, (1, 100, 300), 16) };
    /// Push notifications over Nexus.
    pub const NEXUS: Self = row("nexus", Reach::Internet, 5_000, (2, 500, 5_000), 8);

    /// How many calls may be under way at once, in all or to each endpoint (integrations 0.4).
    pub const fn calls_at_once(&self) -> usize {
        match self.bulkhead {
            Bulkhead::Integration(calls) | Bulkhead::Endpoint(calls) => calls,
        }
    }

    pub(crate) const fn connect_timeout(&self) -> Duration {
        match self.reach {
            Reach::Cluster => Duration::from_secs(1),
            Reach::Internet => Duration::from_secs(3),
        }
    }

    /// Whether `failure` is worth a further attempt of a call that is or is not `idempotent`.
    pub(crate) const fn repeats(&self, failure: &CallError, idempotent: bool) -> bool {
        match (failure, self.retry_on) {
            (CallError::Transport { stage: Stage::Dns | Stage::Connect, .. }, _) => true,
            (_, RetryOn::NoConnection) => false,
            (CallError::Transport { stage: Stage::Unanswered, .. }, RetryOn::Transient) => true,
            (CallError::Status { status: 429 | 502 | 503 | 504, .. }, RetryOn::Transient) => true,
            (CallError::Timeout(_), RetryOn::Transient) => idempotent,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Integrations 0.4: the proxy is for push and captcha; a host in the cluster is named in NO_PROXY.
    #[test]
    fn push_and_captcha_leave_through_the_egress_proxy() {
        for policy in [Policy::FCM, Policy::NEXUS, Policy::RECAPTCHA] {
            assert_eq!(policy.reach, Reach::Internet, "{}", policy.integration);
        }
        assert_eq!((Policy::ORS_EVENTS.reach, Policy::GWS_ENV.reach), (Reach::Cluster, Reach::Cluster));
    }

    #[test]
    fn repeats_what_the_table_names_and_nothing_else() {
        let broken = |stage| CallError::Transport { stage, source: "broken".into() };
        let status = |status| CallError::Status { status, retry_after: None };
        let silence = || CallError::Timeout(Duration::from_secs(3));
        // failure, idempotent, transient policy, no-connection policy
        for (failure, idempotent, transient, no_connection) in [
            (broken(Stage::Dns), false, true, true),
            (broken(Stage::Connect), false, true, true),
            (broken(Stage::Unanswered), false, true, false),
            (broken(Stage::Body), true, false, false),
            (silence(), true, true, false),
            (silence(), false, false, false),
            (status(429), false, true, false),
            (status(500), true, false, false),
            (status(502), false, true, false),
            (status(503), false, true, false),
            (status(504), false, true, false),
            (status(404), true, false, false),
            (CallError::Overloaded, true, false, false),
            (CallError::BreakerOpen { retry_in: Duration::ZERO }, true, false, false),
        ] {
            assert_eq!(Policy::GWS_ENV.repeats(&failure, idempotent), transient, "{failure:?}");
            assert_eq!(Policy::RECAPTCHA.repeats(&failure, idempotent), no_connection, "{failure:?}");
        }
    }
}
