//! Background loops over the domain's ports: shard leases, agenda, submission, deadlines, purge (chapter 6, design 4).
//!
//! Absent by intent: a list of what waits. The record is the outbox; this crate only knows when to look.

mod agenda;
mod bulk;
mod core;
mod duty;
mod gauges;
mod health;
mod monitor;
mod notices;
mod pauses;
mod proxies;
mod purge;
mod push_agenda;
mod push_lanes;
mod rights;
mod rounds;
mod settings;
mod sizes;
mod timers;
mod waits;
mod watch;
mod worker;

#[cfg(test)]
mod tests;

pub use bulk::BulkPorts;
pub use duty::{Duty, Turn, drive};
pub use gauges::{MonitorGauges, NoGauges, PushGauges};
pub use monitor::{Monitor, MonitorHandle, MonitorPorts};
pub use notices::PushPorts;
pub use proxies::{ProxyBell, ProxyGauges, ProxyPorts};
pub use settings::{Jitter, MonitorSettings};
pub use watch::{WatchPorts, WatchSessions};
