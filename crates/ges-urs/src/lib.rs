//! Estimated wait times from the router's Web API (integrations 3).
//!
//! [`UrsWaits`] answers the domain's `WaitEstimates` port. Routers are asked in order, never together.

mod mapping;
mod memory;
mod names;
mod nodes;
mod routers;
mod waits;

pub use names::TenantNames;
pub use nodes::{NodeHealth, TenantHealth};
pub use routers::{RequestForm, Routers, RoutersByTenant};
pub use waits::{UrsError, UrsWaits};

#[cfg(test)]
mod wire_tests;
