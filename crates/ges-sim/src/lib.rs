//! The world around GES, made believe: orchestration with its sessions, an agent floor, the router's wait estimates, the
//! authentication, environment and configuration services, push providers, reCAPTCHA, and a control plane to order faults and ask what happened.
//!
//! Everything listens on the loopback only. Nothing here is part of the product; it speaks the same protocols as the real
//! peers, so that demonstrations and tests run the real adapters. This crate knows nothing of the domain.

mod clock;
mod control;
mod designer;
mod desk;
mod fcm;
pub mod floor;
mod gws;
mod http;
mod lock;
mod ors;
mod recaptcha;
mod running;
mod stats;
mod tenants;
mod urs;
mod words;

pub use designer::{Designer, DesignerError, Question, Said};
pub use ors::{EntrySource, RedisSource, RedisSourceError, SourceError, StreamEntry};
pub use running::{Addresses, Ports, Sim, SimSettings, StartError};
pub use tenants::{Ops, Seed, SeededClient, SeededRole, SeededTenant, SeededUser, TenantSetting};
