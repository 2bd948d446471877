//! Where routers and orchestration nodes are (integrations 1.6): named, by the name service, or by Consul.
//!
//! [`Directory::nodes`] answers from memory and never waits; [`Directory::keep`] looks again every half minute. What was found
//! last stays true until something else is found.

mod consul;
mod directory;
mod node;

#[cfg(test)]
mod tests;

pub use consul::Consul;
pub use directory::Directory;
pub use node::{BadNode, Node, Peer, only_region};
