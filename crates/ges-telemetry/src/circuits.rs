//! Breakers of peers. Sessions and name services name hosts that never come back, so series have to end: the figures are read at each
//! scrape from what is held here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry::metrics::Meter;

use crate::catalogue::CIRCUIT_STATE;
use crate::instruments::{fixed, label};

type States = BTreeMap<(&'static str, Box<str>), u8>;

/// The breakers that are kept now: integration and endpoint (`host:port`), each with its state.
#[derive(Default)]
pub(crate) struct Circuits(Arc<Mutex<States>>);

impl Circuits {
    /// Registers the gauge.
    pub(crate) fn observed(meter: &Meter) -> Self {
        let circuits = Self::default();
        let states = Arc::clone(&circuits.0);
        let gauge = meter.f64_observable_gauge(CIRCUIT_STATE.name).with_description(CIRCUIT_STATE.help);
        gauge
            .with_callback(move |observer| {
                for ((integration, endpoint), state) in &*held(&states) {
                    let labels = [fixed("integration", integration), label("endpoint", endpoint)];
                    observer.observe(f64::from(*state), &labels);
                }
            })
            .build();
        circuits
    }

    pub(crate) fn is(&self, integration: &'static str, endpoint: &str, state: u8) {
        held(&self.0).insert((integration, endpoint.into()), state);
    }

    pub(crate) fn forget(&self, integration: &'static str, endpoint: &str) {
        held(&self.0).remove(&(integration, endpoint.into()));
    }
}

fn held(states: &Mutex<States>) -> MutexGuard<'_, States> {
    states.lock().unwrap_or_else(PoisonError::into_inner)
}
