//! Who may do what at the console, and see which services (chapter 20).
//!
//! The external API is not concerned: an API key stands for its whole tenant (R-LOB-6).

mod assignment;
mod permission;
mod role;
mod sight;
#[cfg(test)]
mod tests;

pub use assignment::{Assignment, Claims};
pub use permission::{Permission, Permissions};
pub use role::{Role, Roles};
pub use sight::{ProxyAccess, Sight};
