//! Which services a user sees (20.3).

use std::collections::BTreeSet;

use super::{Role, Roles};
use crate::ServiceName;

/// What the configuration grants a user on the proxies of services.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProxyAccess {
    /// Services that have a proxy.
    pub with_proxy: BTreeSet<ServiceName>,
    /// Services whose proxy the user may read.
    pub readable: BTreeSet<ServiceName>,
    /// Whether the user may read the folder of the proxies.
    pub folder: bool,
}

/// What one user sees. Every list, search, export, count and bulk act asks it for each service (R-LOB-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    roles: Roles,
    access: ProxyAccess,
}

impl Sight {
    /// From the user's roles and what the configuration grants.
    pub fn new(roles: Roles, access: ProxyAccess) -> Self {
        Self { roles, access }
    }

    /// Whether the user sees this service and everything of it.
    ///
    /// Read access to its proxy is needed (R-LOB-2), by whatever role (R-LOB-3): Administrators and DevOps pass with access to
    /// the folder instead. A service without a proxy, whose creation failed so far, is seen by Administrators alone (R-LOB-4).
    pub fn sees(&self, service: &ServiceName) -> bool {
        let Self { roles, access } = self;
        let administrator = roles.has(Role::Administrator);
        if !access.with_proxy.contains(service) {
            return administrator;
        }
        access.readable.contains(service) || (access.folder && (administrator || roles.has(Role::DevOps)))
    }

    /// The services of `all` that the user sees.
    pub fn of<'a>(&'a self, all: impl IntoIterator<Item = &'a ServiceName>) -> impl Iterator<Item = &'a ServiceName> {
        all.into_iter().filter(|service| self.sees(service))
    }
}
