//! Where sessions and routers of a contact center are (integrations 5.2).

use std::sync::Arc;

use async_trait::async_trait;
use ges_domain::TenantId;

/// Nodes that nobody has named and somebody has found, at this moment.
#[async_trait]
pub trait FoundNodes: Send + Sync {
    /// The routers of a contact center, the one to ask first first; none while nothing was found.
    async fn routers(&self, tenant: TenantId) -> Vec<String>;

    /// Orchestration, likewise.
    async fn orchestration(&self) -> Vec<String>;
}

/// Where sessions and routers are. What was found counts before what is named; in a name `{ccid}` stands for the contact
/// center.
#[derive(Clone, Default)]
pub struct Endpoints {
    /// Orchestration, primary first.
    pub ors: Vec<String>,
    /// Routers, primary first.
    pub urs: Vec<String>,
    /// Who finds nodes; none where all are named.
    pub found: Option<Arc<dyn FoundNodes>>,
}

impl Endpoints {
    /// The routers of a contact center, primary first.
    pub(crate) async fn routers_of(&self, tenant: TenantId) -> Vec<String> {
        let found = match &self.found {
            Some(found) => found.routers(tenant).await,
            None => Vec::new(),
        };
        let id = tenant.to_string();
        if found.is_empty() { self.urs.iter().map(|url| url.replace("{ccid}", &id)).collect() } else { found }
    }

    /// Orchestration as a contact center is told it, primary first.
    pub(crate) async fn orchestration_of(&self, tenant: TenantId) -> Vec<String> {
        let found = match &self.found {
            Some(found) => found.orchestration().await,
            None => Vec::new(),
        };
        let id = tenant.to_string();
        if found.is_empty() { self.ors.iter().map(|url| url.replace("{ccid}", &id)).collect() } else { found }
    }
}
