//! The record of callbacks in one SQLite file, for the standalone edition.
//!
//! One task writes, a few connections read. Whatever arrives while a transaction is being written shares the next one, so
//! the price of making it durable is paid once for all of them. Everything a store decides comes from `ges-domain`; this
//! crate keeps it. One process at a time opens a file.

mod access;
mod bookings;
mod bulk;
mod call_ins;
mod catalogue;
mod changes;
mod clock;
mod credentials;
mod error;
mod former;
mod handover;
mod held;
mod kept;
mod lookup;
mod migrations;
mod notices;
mod pauses;
mod publishing;
mod record;
mod row;
mod shards;
mod store;
mod stored;
mod wakes;
mod writer;

pub use changes::Written;
pub use clock::StoreClock;
pub use store::SqliteStore;
