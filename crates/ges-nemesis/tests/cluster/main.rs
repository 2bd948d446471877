//! The story of a cluster, told by real processes: API pods, workers, PostgreSQL, Redis, the simulator.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where clippy.toml allows it")]

mod alerts;
mod bookings;
mod browser;
mod console;
mod crashes;
mod degraded;
mod designer;
mod limits;
mod malformed;
mod nemesis;
mod outages;
mod push_tokens;
mod pushes;
mod world;
