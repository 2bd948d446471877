//! Makes instruments from rows of the catalogue.

use std::borrow::Cow;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, MeterProvider as _};
use opentelemetry_sdk::metrics::{Instrument, SdkMeterProvider, Stream};
use prometheus::Registry;

use crate::catalogue::{CATALOGUE, Kind, Metric};

/// A meter whose names come out letter by letter, read through `registry`.
pub(crate) fn meter(registry: &Registry) -> (SdkMeterProvider, Meter) {
    let exporter = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .without_counter_suffixes()
        .without_units()
        .without_target_info()
        .scope_info_enabled(false)
        .build()
        .expect("invariant: a new registry has no collector that could clash");
    let provider = SdkMeterProvider::builder().with_reader(exporter).with_view(limit).build();
    let meter = provider.meter("ges");
    (provider, meter)
}

/// The cardinality limit of the instrument's row. Memory is set aside for it, so rows are small where they can be.
fn limit(instrument: &Instrument) -> Option<Stream> {
    let row = CATALOGUE.iter().find(|row| row.name == instrument.name())?;
    Stream::builder().with_cardinality_limit(row.series).build().ok()
}

pub(crate) fn counter(meter: &Meter, row: &Metric) -> Counter<u64> {
    debug_assert_eq!(row.kind, Kind::Counter, "{}", row.name);
    meter.u64_counter(row.name).with_description(row.help).build()
}

pub(crate) fn gauge(meter: &Meter, row: &Metric) -> Gauge<f64> {
    debug_assert_eq!(row.kind, Kind::Gauge, "{}", row.name);
    meter.f64_gauge(row.name).with_description(row.help).build()
}

pub(crate) fn histogram(meter: &Meter, row: &Metric) -> Histogram<f64> {
    let boundaries = match row.kind {
        Kind::Histogram(boundaries) => boundaries.to_vec(),
        Kind::Counter | Kind::Gauge => Vec::new(),
    };
    debug_assert!(!boundaries.is_empty(), "{}", row.name);
    meter.f64_histogram(row.name).with_description(row.help).with_boundaries(boundaries).build()
}

/// A label whose value is only borrowed.
pub(crate) fn label(name: &'static str, value: &str) -> KeyValue {
    KeyValue::new(name, value.to_owned())
}

/// A label whose value is known at build time.
pub(crate) fn fixed(name: &'static str, value: &'static str) -> KeyValue {
    KeyValue::new(name, Cow::Borrowed(value))
}
