//! The public API as its official clients speak it, checked against the real programs (API reference 13).
//!
//! [`Server`] is a pod of `ges-api` with everything it talks to, logging at TRACE; [`OfficialClient`] has the wire traits of the
//! generated clients, bytes included; [`canary`] holds the values about people that must never be logged, and every server
//! looks through its own log for them when it ends.

pub mod canary;
mod client;
mod database;
mod document;
mod fixtures;
pub mod fuzz;
mod official;
mod server;

pub use client::{Reply, Request, send};
pub use document::{DOCUMENT, described};
pub use fixtures::{CELL_MINUTES, Service, instant, tomorrow_at};
pub use official::{OFFER_TYPE_SENTENCE, OfficialClient, encode_component, enveloped, strictly_typed};
pub use server::{ORIGIN, OTHER_KEY, OTHER_ORIGIN, OTHER_TENANT, Plan, Server, TENANT};
