//! The record of callbacks in PostgreSQL (11 or newer): every store port of the domain.
//!
//! PostgreSQL is the truth (design 7). When it is slow, every statement has a deadline; when it is gone, every port answers
//! [`ges_domain::ports::StoreError::Unavailable`] and nothing is half done; when it is back, connections and hints come back
//! by themselves. Nothing here reads the clock of the node to decide anything (I10), and no value of a record reaches a log or
//! an error (I11).

mod access;
mod booking;
mod bulk;
mod call_ins;
mod catalogue;
mod clock;
mod credentials;
mod details;
mod error;
mod event;
mod former;
mod handover;
mod held;
mod kept;
mod lookup;
mod migrate;
mod notices;
mod pauses;
mod publishing;
mod record;
mod row;
mod services;
mod settings;
mod shards;
mod store;
mod wake;

pub use clock::PgClock;
pub use held::PgHeldRecords;
pub use settings::PgSettings;
pub use store::{PgStore, Schema};
pub use wake::PgWakeUps;
