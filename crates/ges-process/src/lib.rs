//! The frame every process stands in: configuration, logs, metrics, signals, and the outbound adapters wired to them.
//!
//! Applications stay lists of what they are made of; what is the same in all of them is here.

mod areas;
mod counts;
mod credentials;
mod frame;
mod ids;
mod inside;
mod names;
mod nodes;
mod outbound;
mod own_redis;
mod probes;
mod rotation;
mod sessions;
mod signals;
mod vitals;

pub use areas::LocalAreas;
pub use credentials::{session_keys, use_new_keys, use_new_session_keys, vault};
pub use frame::{Frame, report_bad_configuration};
pub use ids::{RandomIds, SecureChance};
pub use inside::{areas, gate, publisher};
pub use nodes::{found_nodes, usual_mode, watch_served};
pub use outbound::{Outbound, WithinASecond};
pub use own_redis::own_redis;
pub use probes::{Outside, look_at_ors_redis, ors_redis, probe_of_record, router_states};
pub use signals::stop_on_signals;
pub use vitals::Vitals;
