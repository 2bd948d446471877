//! Services for tests, as provisioning documents.

use ges_harness::Cluster;
use serde_json::{Value, json};

/// A service without limits that a burst would meet.
#[derive(Debug, Clone)]
pub struct ServiceRow {
    /// Its name.
    pub name: String,
    /// Places in a cell of 15 minutes.
    pub places: u32,
    /// Immediate callbacks in either window.
    pub throttle: u32,
}

impl ServiceRow {
    /// A service with this many places per cell of 15 minutes.
    pub fn new(name: impl Into<String>, places: u32) -> Self {
        Self { name: name.into(), places, throttle: 1_000_000 }
    }

    /// The same with so many immediate callbacks in either window. Fast counters keep times up to a limit of 10 000.
    #[must_use]
    pub fn with_throttle(self, throttle: u32) -> Self {
        Self { throttle, ..self }
    }

    fn document(&self) -> Value {
        json!({
            "serviceName": self.name, "callbackApplication": "CallbackApp", "routingPoint": "5001", "dialPrefix": "+",
            "slotMinutes": 15, "maxPerSlot": self.places, "redialInterval": 10, "maxDialAttempts": 2,
            "throttleLimit1": self.throttle, "throttleLimit2": self.throttle, "perNumberLimit": 1_000_000,
            "inQueueCheck": "false", "maxQueued": 100_000,
        })
    }
}

/// A provisioning document of the default tenant with these services, always open.
pub fn document(services: &[ServiceRow]) -> String {
    let services: Vec<_> = services.iter().map(ServiceRow::document).collect();
    json!({ "tenant": Cluster::TENANT, "services": services }).to_string()
}
