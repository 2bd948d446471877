//! Everything that uses our own Redis, over a Redis Cluster (integrations 10, contradiction C-09), and over primaries that go.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where clippy.toml allows it")]

mod contract;
mod failover;
mod lost_calls;
mod tenants;
mod world;
