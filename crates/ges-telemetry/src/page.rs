//! The metrics page, made from the catalogue.

use std::fmt::Write as _;

use crate::catalogue::{CATALOGUE, Kind};

const INTRODUCTION: &str = "# Metrics

Generated from the catalogue of metrics by `cargo xtask docs`; edit the catalogue, not this page.

`GET /metrics` on the internal listener, Prometheus text format. Names and labels are exact, capitals included: a counter
ends in `_total` only where this page says so. Counters exist from the start with the value 0. Gauges in capitals are
fault flags: **1 means DOWN**, 0 means UP; `ges_dependency_up` says it the other way round, and each appears with its
first probe. Above the number of series a metric keeps, further label sets are counted together under the label
`otel_metric_overflow`.

| name | type | labels | series | meaning |
|---|---|---|---|---|
";

/// The Markdown page of all metrics.
pub fn reference_page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for row in CATALOGUE {
        let labels: Vec<_> = row.labels.iter().map(|label| format!("`{label}`")).collect();
        let boundaries = match row.kind {
            Kind::Histogram(boundaries) => {
                let boundaries: Vec<_> = boundaries.iter().map(f64::to_string).collect();
                format!(" Buckets: {}.", boundaries.join(", "))
            }
            Kind::Counter | Kind::Gauge => String::new(),
        };
        let (name, kind, labels) = (row.name, row.kind.name(), labels.join(", "));
        let _ = writeln!(page, "| `{name}` | {kind} | {labels} | {} | {}{boundaries} |", row.series, row.help);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(committed == reference_page(), "run `cargo xtask docs`");
    }
}
