//! What a pod tells about itself from its first moment on, long before its record store need be there (integrations 8.3 to 8.5).

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use ges_domain::Instant;
use ges_domain::ports::Clock;
use ges_rest::{Component, Health, Host, Observed, Probe, Prober};
use ges_telemetry::Dependency;
use tokio::task::JoinHandle;

use crate::{Frame, Outbound};

/// The time of health documents: the store's once that is known, this node's until then. Nothing is decided by it (I10).
#[derive(Default)]
struct TimeOfDocuments(OnceLock<Arc<dyn Clock>>);

impl Clock for TimeOfDocuments {
    fn now(&self) -> Instant {
        match self.0.get() {
            Some(clock) => clock.now(),
            None => {
                let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                Instant::from_millis(0) + since_epoch
            }
        }
    }
}

/// Health and measurements of a pod, and the looks that keep them true.
pub struct Vitals {
    /// What is known of it.
    pub health: Health,
    /// The same with its measurements, for listeners.
    pub observed: Observed,
    clock: Arc<TimeOfDocuments>,
    probing: JoinHandle<()>,
}

impl Vitals {
    /// Starts to look at once, until the process is told to stop. `unprobed` are known by real calls alone, or not at all.
    /// Not ready before [`Vitals::reached`].
    pub fn start(
        frame: &Frame,
        outbound: &Outbound,
        role: &'static str,
        probes: Vec<Probe>,
        unprobed: impl IntoIterator<Item = Component>,
    ) -> Self {
        let host = Host {
            version: env!("CARGO_PKG_VERSION").into(),
            host: frame.node.clone(),
            role,
            region: frame.settings.region_affinity.clone(),
        };
        let health = Health::new(host, probes.iter().map(Probe::component).chain(unprobed));
        let clock = Arc::<TimeOfDocuments>::default();
        outbound.tell(&health, clock.clone());
        health.configured();
        let observed = Observed::new(health.clone(), frame.metrics.clone());
        let prober = Prober { observed: observed.clone(), clock: clock.clone(), probes };
        let probing = tokio::spawn(prober.run(frame.stop.clone()));
        Self { health, observed, clock, probing }
    }

    /// The record store is there, with the schema this build needs; its clock is the time from now on.
    pub fn reached(&self, clock: Arc<dyn Clock>) {
        // A second store would be a second wiring of the same process.
        let _ = self.clock.0.set(clock);
        // It has answered just now, whenever the next look is due.
        self.health.told(Dependency::Postgres.name(), Ok(()), self.clock.now());
        self.health.migrated();
    }

    /// Waits until nobody looks any more.
    pub async fn stopped(self) {
        let _ = self.probing.await;
    }
}

#[cfg(test)]
mod tests {
    use ges_testkit::ManualClock;

    use super::*;

    #[test]
    fn documents_have_a_time_before_the_store_is_there_and_its_time_afterwards() {
        let time = TimeOfDocuments::default();
        assert!(time.now().millis() > 1_700_000_000_000, "it is this century");
        assert!(time.0.set(Arc::new(ManualClock::at(Instant::from_millis(7)))).is_ok());
        assert_eq!(time.now().millis(), 7);
    }
}
