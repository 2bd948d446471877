//! What tests of every crate share: builders, settable fakes of the outside, the in-memory model of the record store, and
//! the contract suite that every record store passes.
//!
//! A dev-dependency only; nothing here runs in production.
#![expect(clippy::unwrap_used, reason = "only tests link this crate: a broken expectation is a failed test")]

pub mod areas;
mod asked;
pub mod builders;
pub mod contract;
mod fakes;
mod inside;
mod invariants;
mod memory;
mod stream;
mod time;

pub use asked::{FakeRequests, MemoryNews};
pub use fakes::{
    CountingChance, FakeDesk, FakeHumans, FakeKeys, FakeOrigins, FakePlan, FakePush, FakeSessions, FakeStatistics,
    FakeWaits, SessionCall, StatisticsAsked,
};
pub use inside::{FakeAreas, FakePublisher};
pub use invariants::assert_consistent;
pub use memory::MemoryStore;
pub use stream::{Fault, StreamLedger, Written};
pub use time::{CountingIds, ManualClock};
