//! Callback rules: what a contact center promises when it says "we call you back".
//!
//! Each folder is one chapter of the rules and carries its name. A rule is a function of values: `now` is passed in,
//! ids and randomness come through ports, and nothing here opens a file, a socket or a transaction.

pub mod access;
pub mod availability;
pub mod booking;
pub mod bulk;
pub mod call_in;
pub mod callback;
pub mod capacity;
pub mod hours;
pub mod idempotency;
mod ids;
mod instant;
pub mod invariants;
pub mod origin;
pub mod phone;
pub mod ports;
pub mod proposals;
pub mod publishing;
pub mod push;
pub mod queue_status;
mod refusal;
pub mod region;
pub mod reporting;
pub mod service;
pub mod slots;
pub mod statistics;
pub mod submission;
pub mod tenancy;
pub mod throttle;
pub mod use_cases;
pub mod wait;

pub use ids::{BadName, CallInId, CallbackId, NotAnId, ServiceName, SessionId, TenantId};
pub use instant::{Instant, NotAnInstant};
pub use refusal::{Proposals, Refusal};
