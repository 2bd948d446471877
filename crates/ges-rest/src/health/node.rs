//! The nodes of a component that has several.

use ges_domain::TenantId;
use ges_domain::region::Region;
use serde::Serialize;

use super::State;

/// One node, as this process sees it (integrations 8.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeState {
    /// The contact center it serves.
    pub ccid: TenantId,
    /// Its address: scheme, host and port, nothing that a user could be named by.
    pub url: String,
    /// Where it stands.
    pub region: Region,
    /// `primary` is the first of its region, every other one `secondary`.
    pub role: &'static str,
    /// UP until calls and probes have failed in a row.
    pub state: State,
}
