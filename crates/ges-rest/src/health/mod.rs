//! Health of this process and of what it depends on (integrations 8.2, 8.3).

mod component;
mod node;
mod prober;
mod report;
mod routes;

pub use component::{Component, State};
pub use node::NodeState;
pub use prober::{Probe, ProbeFault, Prober};
pub use report::{Health, Host, Overall};
pub(crate) use routes::routes;
