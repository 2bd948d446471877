//! The real use cases and the real monitor in a made-up world: virtual time, one thread, every chance drawn from one seed.
//!
//! The same seed gives the same run, event for event. Absent by intent: real clocks, threads, files, networks. Nothing that
//! ships uses this crate.

mod bug;
mod chance;
mod clients;
mod day;
mod desk;
mod evidence;
mod floor;
mod ledger;
mod outside;
mod planted;
mod ports;
mod publisher;
mod run;
mod session;
mod speech;
mod trace;
mod waits;
mod wakes;
mod weather;
mod workers;
mod world;

pub use bug::Bug;
pub use day::{DayOutcome, run_day};
pub use run::{Outcome, run};
