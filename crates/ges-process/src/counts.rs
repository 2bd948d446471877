//! What becomes of outbound calls, as metrics and as health.

use std::sync::{Arc, OnceLock};

use ges_domain::ports::Clock;
use ges_gws::GwsObserver;
use ges_http_client::{BreakerState, Finished, Observer, Outcome, Recall};
use ges_push::PushObserver;
use ges_rest::Health;
use ges_telemetry::Metrics;

/// Counts what becomes of outbound calls, and tells health of those that nobody probes.
pub(crate) struct Counts {
    metrics: Metrics,
    told: OnceLock<(Health, Arc<dyn Clock>)>,
}

/// Components whose state is that of the last real calls (integrations 8.2), by the integration that calls them.
const UNPROBED: [(&str, &str); 4] =
    [("gws_stats", "gwsStats"), ("fcm", "push"), ("nexus", "push"), ("recaptcha", "recaptcha")];

impl Counts {
    pub(crate) fn of(metrics: &Metrics) -> Self {
        Self { metrics: metrics.clone(), told: OnceLock::new() }
    }

    pub(crate) fn tell(&self, health: Health, clock: Arc<dyn Clock>) {
        // A second one would be a second wiring of the same process.
        let _ = self.told.set((health, clock));
    }

    fn heard(&self, call: &Finished) {
        let Some((_, component)) = UNPROBED.iter().find(|(integration, _)| *integration == call.integration) else {
            return;
        };
        let Some((health, clock)) = self.told.get() else { return };
        let outcome = match call.outcome {
            Outcome::Ok | Outcome::ClientError => Ok(()),
            // Our own limits say nothing about the peer.
            Outcome::Overloaded | Outcome::BreakerOpen => return,
            failed => Err(failed.as_str()),
        };
        health.told(component, outcome, clock.now());
    }
}

impl Observer for Counts {
    fn finished(&self, call: &Finished) {
        self.heard(call);
        self.metrics.outbound_request(call.integration, call.operation, call.outcome.as_str(), call.took.as_secs_f64());
    }

    fn dns_failed(&self, _: &'static str) {
        self.metrics.dns_failure();
    }

    fn recalled(&self, cache: &'static str, recall: Recall) {
        self.metrics.cache_request(cache, recall.as_str());
    }

    fn breaker_changed(&self, integration: &'static str, endpoint: &str, state: BreakerState) {
        self.metrics.circuit_state(integration, endpoint, state.gauge());
    }

    fn breaker_forgotten(&self, integration: &'static str, endpoint: &str) {
        self.metrics.circuit_forgotten(integration, endpoint);
    }
}

impl GwsObserver for Counts {
    fn wrong_credentials(&self) {
        self.metrics.gws_incorrect_client_credentials();
    }

    fn server_error(&self) {
        self.metrics.gws_server_error();
    }
}

impl PushObserver for Counts {
    fn not_reached(&self) {
        self.metrics.nexus_access_failure();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ges_domain::Instant;
    use ges_rest::{Component, Host};
    use ges_telemetry::Identity;

    use super::*;

    struct Still;
    impl Clock for Still {
        fn now(&self) -> Instant {
            Instant::from_millis(0)
        }
    }

    #[test]
    fn what_nobody_probes_is_known_by_its_last_calls() {
        let host = Host { version: "1".into(), host: "h".into(), role: "api", region: None };
        let health =
            Health::new(host, ["gwsStats", "push", "recaptcha"].map(|name| Component::named(name, false, false)));
        let identity = Identity { version: "1".into(), host: "h".into(), zone_data: "2026a".into() };
        let counts = Counts::of(&Metrics::new(&identity, false));
        counts.tell(health.clone(), Arc::new(Still));
        let call = |integration, outcome| {
            counts.finished(&Finished { integration, operation: "send", outcome, took: Duration::ZERO });
        };
        let state = |name: &str| health.state_of(name).map(|state| format!("{state:?}")).unwrap_or_default();
        assert_eq!(state("push"), "Unknown");
        call("fcm", Outcome::Timeout);
        assert_eq!(state("push"), "Down");
        call("fcm", Outcome::BreakerOpen);
        call("nexus", Outcome::ClientError);
        assert_eq!(state("push"), "Up", "an answer is an answer");
        call("gws_stats", Outcome::Ok);
        call("urs", Outcome::Ok);
        assert_eq!(state("gwsStats"), "Up");
        assert_eq!(state("recaptcha"), "Unknown");
    }
}
