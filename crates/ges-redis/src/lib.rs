//! The accelerating Redis (integrations 8.5): fast counters beside the record store, and the general storage of 2.12.
//!
//! When it is slow or gone, nobody waits for it and nothing is refused or let through because of it: what it does not tell is
//! counted in the record store. What it holds may be lost at any moment; what it says is true (design decision 1).
//! Also here: how any Redis is reached, which the orchestration stream shares.

mod accepted;
mod areas;
mod link;
mod login;
mod news;
mod script;
mod server;
mod tls;

pub use accepted::RedisAcceptedTimes;
pub use areas::RedisAreas;
pub use link::Link;
pub use login::Login;
pub use news::RedisSessionNews;
pub use server::{BadServer, Server, Tls};
