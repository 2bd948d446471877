//! The simulator over real loopback connections.

mod peers;
mod redis;
mod sessions;
mod world;
