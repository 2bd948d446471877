//! Which routers serve a tenant, where they stand, and under which name they know it.

use std::collections::HashMap;
use std::sync::Arc;

use ges_discovery::Directory;
use ges_domain::TenantId;
use ges_domain::region::Region;

use crate::TenantNames;

/// How a queue is named in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequestForm {
    /// As the last segment of the path.
    #[default]
    Path,
    /// As the query parameter `name`, the older form.
    Query,
}

/// The routers of a tenant, or of all that have none of their own.
#[derive(Clone)]
pub struct Routers {
    /// The tenant's name in the configuration server, such as `Environment`, unless [`RoutersByTenant::names`] knows another.
    pub tenant_name: Arc<str>,
    /// Where they are.
    pub directory: Arc<Directory>,
}

/// The routers of all tenants.
#[derive(Clone, Default)]
pub struct RoutersByTenant {
    /// Tenants with routers of their own.
    pub own: HashMap<TenantId, Routers>,
    /// Routers of every other tenant.
    pub otherwise: Option<Routers>,
    /// The region of this deployment (R-RA-1).
    pub affinity: Option<Region>,
    /// Who knows the names of tenants; nobody: those of their routers hold.
    pub names: Option<Arc<dyn TenantNames>>,
}

impl RoutersByTenant {
    pub(crate) fn of(&self, tenant: TenantId) -> Option<&Routers> {
        self.own.get(&tenant).or(self.otherwise.as_ref())
    }
}
