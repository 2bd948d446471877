//! Finding routers and orchestration nodes, and asking routers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use ges_config::{Discovery, Urs};
use ges_discovery::{Consul, Directory, Node, Peer};
use ges_domain::TenantId;
use ges_domain::ports::ProvisionedServices;
use ges_domain::region::Region;
use ges_domain::wait::EwtMode;
use ges_gws::Environment;
use ges_rest::FoundNodes;
use ges_urs::{RequestForm, Routers, RoutersByTenant, TenantNames, UrsWaits};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::Outbound;

pub(crate) fn region(name: &str) -> Result<Region> {
    Region::new(name).with_context(|| format!("{name:?} is no name of a region"))
}

impl Outbound {
    /// Where nodes are, looked up again and again until `stop`; `orchestration` is the address whose name stands for its nodes. None when nobody is named and nobody is looked for.
    ///
    /// # Errors
    /// A name is no address, or no client can be made for Consul.
    pub fn directory(
        &self,
        discovery: &Discovery,
        orchestration: &Url,
        affinity: Option<&str>,
        stop: &CancellationToken,
    ) -> Result<Option<Arc<Directory>>> {
        let own = affinity.map(region).transpose()?;
        let directory = match discovery {
            Discovery::Routers(urls) if urls.is_empty() => return Ok(None),
            Discovery::Routers(urls) => Directory::routers(&urls.iter().map(ToString::to_string).collect::<Vec<_>>())?,
            Discovery::Regions(regions) => {
                let named = regions.iter().map(|one| Ok((region(&one.region)?, &one.urs[..], one.ors.as_deref())));
                Directory::named(named.collect::<Result<Vec<_>>>()?)?
            }
            Discovery::Dns { urs } => Directory::dns(urs, orchestration.as_str(), own)?,
            Discovery::Consul(consul) => {
                let regions = consul.regions.iter().map(|name| region(name)).collect::<Result<_>>()?;
                let token = consul.token.as_ref().map(|token| {
                    self.secrets().consul.change(token.clone());
                    self.secrets().consul.clone()
                });
                let url = consul.url.clone();
                let asked = Consul::new(self.factory(), url, token, regions).context("no client for Consul")?;
                Directory::consul(asked, &consul.urs_name, &consul.ors_name)
            }
        };
        let directory = Arc::new(directory.observed_by(self.factory().observer()));
        let (kept, stop) = (Arc::clone(&directory), stop.clone());
        tokio::spawn(async move { stop.run_until_cancelled(kept.keep()).await });
        Ok(Some(directory))
    }

    /// The routers, those of the own region (`affinity`) first where no rule says otherwise (R-RA-3). Without a directory every
    /// wait is unknown, which decisions take as none (R-EWT-9). `environment` is asked for the names of tenants that no setting names.
    ///
    /// # Errors
    /// No HTTP client can be made, or the region has no name.
    pub fn waits(
        &self,
        urs: &Urs,
        directory: Option<Arc<Directory>>,
        affinity: Option<&str>,
        environment: Option<Arc<Environment>>,
    ) -> Result<Arc<UrsWaits>> {
        let tenant_name = urs.tenant.as_deref().unwrap_or(USUAL_TENANT).into();
        let otherwise = directory.map(|directory| Routers { tenant_name, directory });
        let affinity = affinity.map(region).transpose()?;
        let named = urs.tenants.iter().map(|(ccid, name)| (TenantId(*ccid), Arc::from(name.trim())));
        // A name that was set for all needs no asking.
        let environment = environment.filter(|_| urs.tenant.is_none());
        let names = RouterNames { named: named.collect(), environment };
        let routers =
            RoutersByTenant { otherwise, affinity, names: Some(Arc::new(names)), ..RoutersByTenant::default() };
        let form = if urs.ask_by_query { RequestForm::Query } else { RequestForm::Path };
        let waits = UrsWaits::new(self.factory(), routers, form, urs.fresh_for);
        Ok(Arc::new(waits.context("no client for URS")?))
    }
}

/// The tenant of an installation that has only one (integrations 3.1).
const USUAL_TENANT: &str = "Environment";

/// Names of tenants: as set, else as the Environment service knows them (integrations 4.3).
struct RouterNames {
    named: HashMap<TenantId, Arc<str>>,
    environment: Option<Arc<Environment>>,
}

#[async_trait]
impl TenantNames for RouterNames {
    async fn name_of(&self, tenant: TenantId) -> Option<Arc<str>> {
        if let Some(name) = self.named.get(&tenant) {
            return Some(Arc::clone(name));
        }
        let told = self.environment.as_ref()?.tenant_name(tenant).await;
        told.unwrap_or_else(|error| {
            tracing::debug!("tenant.id" = %tenant, %error, "the name that routers know a tenant by could not be asked for");
            None
        })
    }
}

/// The mode of services that name none (integrations 3.1, R-EWT-2).
pub fn usual_mode(urs: &Urs) -> EwtMode {
    match urs.aqt.as_str() {
        "urs" => EwtMode::Mode1,
        "stat" => EwtMode::Mode3,
        _ => EwtMode::Mode2,
    }
}

/// How often it is looked which contact centers have services.
const SERVED_EVERY: Duration = Duration::from_secs(300);

/// Has the routers of every contact center with services looked after until `stop`, so that `ALL_URS_DOWN` speaks of those too that
/// nobody asks about (integrations 3.5).
pub async fn watch_served(waits: Arc<UrsWaits>, services: Arc<dyn ProvisionedServices>, stop: CancellationToken) {
    loop {
        match services.services_by_tenant().await {
            Ok(all) => {
                let served = all.into_iter().filter(|(_, services)| !services.is_empty());
                waits.watch(&served.map(|(tenant, _)| tenant).collect::<Vec<_>>());
            }
            Err(error) => tracing::debug!(%error, "who has services could not be read"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(SERVED_EVERY)).await.is_none() {
            return;
        }
    }
}

/// What a directory finds, for those who ask where nodes are: of the own region first, else in the directory's order.
struct Found {
    directory: Arc<Directory>,
    own: Option<Region>,
}

impl Found {
    async fn addresses(&self, peer: Peer) -> Vec<String> {
        let nodes = self.directory.found(peer).await;
        let (own, others): (Vec<&Node>, Vec<&Node>) =
            nodes.iter().partition(|node| self.own.as_ref() == Some(&node.region));
        own.into_iter().chain(others).map(|node| node.url.to_string()).collect()
    }
}

#[async_trait]
impl FoundNodes for Found {
    async fn routers(&self, tenant: TenantId) -> Vec<String> {
        self.addresses(Peer::Routers(tenant)).await
    }

    async fn orchestration(&self) -> Vec<String> {
        self.addresses(Peer::Orchestration).await
    }
}

/// Who knows the nodes that no setting names; none where settings name them, by address or by a name they resolve from.
///
/// # Errors
/// `affinity` is no name of a region.
pub fn found_nodes(
    discovery: &Discovery,
    directory: Option<Arc<Directory>>,
    affinity: Option<&str>,
) -> Result<Option<Arc<dyn FoundNodes>>> {
    let (Discovery::Consul(_), Some(directory)) = (discovery, directory) else { return Ok(None) };
    Ok(Some(Arc::new(Found { directory, own: affinity.map(region).transpose()? })))
}

#[cfg(test)]
mod tests {
    use ges_domain::ports::Catalogue as _;
    use ges_telemetry::{Identity, Metrics};
    use ges_testkit::builders::{START, other_tenant, service, service_row, tenant};
    use ges_testkit::{ManualClock, MemoryStore};

    use super::*;

    fn urs(aqt: &str) -> Urs {
        Urs {
            discovery: Discovery::Routers(vec![Url::parse("http://127.0.0.1:9").unwrap()]),
            aqt: aqt.into(),
            tenant: None,
            tenants: [(tenant().0, " Acme ".to_owned())].into(),
            ask_by_query: false,
            fresh_for: Duration::from_secs(10),
        }
    }

    #[test]
    fn every_method_has_its_mode() {
        let modes = ["urs", "urs2", "stat"].map(|aqt| usual_mode(&urs(aqt)));
        assert_eq!(modes, [EwtMode::Mode1, EwtMode::Mode2, EwtMode::Mode3], "R-EWT-2");
    }

    #[tokio::test]
    async fn a_name_that_was_set_needs_no_asking() {
        let named = urs("urs2").tenants.into_iter().map(|(ccid, name)| (TenantId(ccid), Arc::from(name.trim())));
        let names = RouterNames { named: named.collect(), environment: None };
        assert_eq!(names.name_of(tenant()).await.as_deref(), Some("Acme"));
        assert_eq!(names.name_of(other_tenant()).await, None);
    }

    /// R-EWT-10.
    #[tokio::test]
    async fn routers_of_contact_centers_with_services_are_looked_after() {
        let identity = Identity { version: "1".into(), host: "h".into(), zone_data: "2026a".into() };
        let outbound = Outbound::new(&Metrics::new(&identity, false), None).unwrap();
        let (urs, stop) = (urs("urs2"), CancellationToken::new());
        let ors = Url::parse("http://127.0.0.1:9").unwrap();
        let directory = outbound.directory(&urs.discovery, &ors, None, &stop).unwrap();
        let waits = outbound.waits(&urs, directory, None, None).unwrap();
        let store = MemoryStore::new(Arc::new(ManualClock::at(START)), Duration::from_secs(4));
        for tenant in [tenant(), other_tenant()] {
            store.put_service(tenant, &service_row("CB_Sales")).await.unwrap();
        }
        store.remove_service(other_tenant(), &service("CB_Sales")).await.unwrap();
        let watching = tokio::spawn(watch_served(waits.clone(), Arc::new(store), stop.clone()));
        while waits.health().is_empty() {
            tokio::task::yield_now().await;
        }
        let looked_after: Vec<_> = waits.health().into_iter().map(|health| health.tenant).collect();
        assert_eq!(looked_after, [tenant()]);
        stop.cancel();
        watching.await.unwrap();
    }
}
