//! Logs and metrics under their exact names.
//!
//! Metrics exist only as rows of one catalogue ([`CATALOGUE`]); registration, the page in `docs/` and the scrape test
//! are made from it. Health gauges are fault flags: 1 means DOWN (rule H). This crate knows nothing of the rules;
//! tenants are texts here.

mod catalogue;
mod circuits;
mod correlation;
mod failures;
mod instruments;
mod logs;
mod metrics;
mod page;
mod panics;
mod process;
mod trace;

pub use catalogue::{CATALOGUE, Kind, Metric, PRIVATE_PATH, UNKNOWN_TENANT, UNMATCHED_PATH};
pub use correlation::{correlated, correlation};
pub use logs::{AlreadyStarted, Layout, Logs};
pub use metrics::{Dependency, Identity, Managed, Metrics, Tolerances};
pub use page::reference_page;
pub use panics::count_panics;
pub use trace::TracePosition;
