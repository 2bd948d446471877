//! Which routers serve a tenant, where they stand, and under which name they know it.

use std::collections::HashMap;

use ges_domain::TenantId;
use ges_domain::region::Region;
use url::Url;
use uuid::Uuid;

/// How a queue is named in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequestForm {
    /// As the last segment of the path.
    #[default]
    Path,
    /// As the query parameter `name`, the older form.
    Query,
}

/// The routers of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routers {
    tenant_name: String,
    nodes: Vec<(Region, String)>,
}

/// The text is no address of a router.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not an http address")]
pub struct BadNode(String);

impl Routers {
    /// `tenant_name`: the tenant's name in the configuration server, such as `Environment`. `nodes`: addresses in the
    /// order in which they are asked, without scheme meaning `http`; `{ccid}` stands for the tenant's id.
    ///
    /// # Errors
    /// [`BadNode`] names the first text that is no address.
    pub fn new(tenant_name: &str, nodes: &[&str]) -> Result<Self, BadNode> {
        let only = Region::new("only").expect("invariant: a short constant is a region");
        Self::in_regions(tenant_name, nodes.iter().map(|node| (only.clone(), *node)))
    }

    /// As [`Routers::new`], with the region of each node (R-RA-1).
    ///
    /// # Errors
    /// [`BadNode`] names the first text that is no address.
    pub fn in_regions<'a>(
        tenant_name: &str,
        nodes: impl IntoIterator<Item = (Region, &'a str)>,
    ) -> Result<Self, BadNode> {
        let with_scheme = |node: &str| if node.contains("://") { node.to_owned() } else { format!("http://{node}") };
        let nodes: Vec<_> = nodes.into_iter().map(|(region, node)| (region, with_scheme(node))).collect();
        if let Some((_, bad)) = nodes.iter().find(|(_, node)| address(node, Uuid::nil()).is_none()) {
            return Err(BadNode(bad.clone()));
        }
        Ok(Self { tenant_name: tenant_name.to_owned(), nodes })
    }

    pub(crate) fn tenant_name(&self) -> &str {
        &self.tenant_name
    }

    pub(crate) fn addresses(&self, tenant: TenantId) -> Vec<(Region, Url)> {
        let address = |(region, node): &(Region, String)| Some((region.clone(), address(node, tenant.0)?));
        self.nodes.iter().filter_map(address).collect()
    }

    /// Whether they stand in more than one region.
    pub(crate) fn regional(&self) -> bool {
        self.nodes.iter().any(|(region, _)| *region != self.nodes[0].0)
    }
}

fn address(node: &str, ccid: Uuid) -> Option<Url> {
    let url = Url::parse(&node.replace("{ccid}", &ccid.to_string())).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// The routers of all tenants.
#[derive(Debug, Clone, Default)]
pub struct RoutersByTenant {
    /// Tenants with routers of their own.
    pub own: HashMap<TenantId, Routers>,
    /// Routers of every other tenant.
    pub otherwise: Option<Routers>,
    /// The region of this deployment (R-RA-1).
    pub affinity: Option<Region>,
}

impl RoutersByTenant {
    pub(crate) fn of(&self, tenant: TenantId) -> Option<&Routers> {
        self.own.get(&tenant).or(self.otherwise.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenants_id_stands_in_the_address() {
        let routers = Routers::new("Environment", &["tenant-{ccid}.voice:5580", "https://backup"]).unwrap();
        let tenant = TenantId(Uuid::from_u128(7));
        let addresses: Vec<String> = routers.addresses(tenant).iter().map(|(_, url)| url.to_string()).collect();
        let first = "http://tenant-00000000-0000-0000-0000-000000000007.voice:5580/";
        assert_eq!(addresses, [first, "https://backup/"]);
        for bad in ["", "ftp://x", "http://", "a b"] {
            assert!(Routers::new("Environment", &["ok", bad]).is_err(), "{bad}");
        }
    }
}
