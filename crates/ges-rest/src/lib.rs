//! Inbound HTTP: the public API under `/engagement/v3`, the session storage under `/genesys`, health and metrics.
//!
//! One file per operation: what it reads, what it calls, what it answers, and its tests. Everything a request has in common
//! — correlation id, tenant, body limit, error shape, log line, metrics — is decided once, in [`exchange`] and the
//! extractors. This crate holds no rule of booking: it turns wire into values and refusals into wire.

mod answer;
mod api;
mod body;
mod bulk;
mod canonical;
mod codes;
mod console;
mod cors;
mod credentials;
mod dates;
mod designer;
mod door;
mod endpoints;
mod engagement;
mod exchange;
mod fields;
mod gate;
mod genesys;
mod health;
mod idempotency;
mod identity;
mod listener;
mod openapi;
mod path;
mod pauses;
mod publish;
mod query;
mod refusal;
mod scalar;
mod server;
mod sessions;
mod sheet;
mod staff;
#[cfg(test)]
mod testing;
mod visitor;

pub use api::{Api, Observed, Parts};
pub use console::{BreakGlass, Console, ConsoleError, Guesses, Operator};
pub use door::Door;
pub use endpoints::{Endpoints, FoundNodes};
pub use gate::Gate;
pub use genesys::InsideParts;
pub use health::{Component, Health, Host, NodeState, Overall, Probe, ProbeFault, Prober, State as ComponentState};
pub use listener::{Limits, TenantHeaders, external_router, internal_router, starting_router, worker_router};
pub use openapi::openapi_document;
pub use server::{ServeLimits, serve};
