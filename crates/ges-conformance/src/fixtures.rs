//! Services and instants of the tests.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

/// Length of a bookable cell of [`Service::new`] in minutes.
pub const CELL_MINUTES: i64 = 15;

/// A service to provision: always open, ten places in a cell, limits that are not reached by accident.
#[derive(Debug, Clone)]
pub struct Service {
    row: BTreeMap<String, Value>,
}

impl Service {
    /// One of this name.
    pub fn new(name: &str) -> Self {
        let row = json!({
            "serviceName": name, "callbackApplication": "CallbackApp", "routingPoint": "5001", "dialPrefix": "+",
            "slotMinutes": CELL_MINUTES, "maxPerSlot": 10, "throttleLimit1": 1_000_000, "throttleLimit2": 1_000_000,
            "perNumberLimit": 1_000_000, "inQueueCheck": "false", "maxQueued": 100_000,
        });
        let Value::Object(row) = row else { return Self { row: BTreeMap::new() } };
        Self { row: row.into_iter().collect() }
    }

    /// With another setting.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.row.insert(name.into(), value.into());
        self
    }

    pub(crate) fn document(&self) -> Value {
        json!(self.row)
    }
}

/// An instant of tomorrow, by the clock of UTC: examples name times that have passed, so they are moved. It stays the same day
/// when midnight passes while a test runs.
pub fn tomorrow_at(hour: i8, minute: i8) -> Timestamp {
    static TOMORROW: LazyLock<Date> =
        LazyLock::new(|| Timestamp::now().to_zoned(TimeZone::UTC).date().saturating_add(1.day()));
    let tomorrow = *TOMORROW;
    let at = tomorrow.to_datetime(Time::constant(hour, minute, 0, 0)).to_zoned(TimeZone::UTC);
    at.map(|zoned| zoned.timestamp()).unwrap_or(Timestamp::MAX)
}

/// As the API writes it.
pub fn instant(at: Timestamp) -> String {
    format!("{at:.3}")
}
