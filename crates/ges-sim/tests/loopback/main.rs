//! The simulator over real loopback connections.

#![expect(clippy::unwrap_used, reason = "a broken expectation is a failed test")]

mod gws;
mod peers;
mod redis;
mod sessions;
mod states;
mod world;
