//! Finding routers and orchestration nodes, and asking routers.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use ges_config::{Discovery, Urs};
use ges_discovery::{Consul, Directory, Node, Peer};
use ges_domain::TenantId;
use ges_domain::region::Region;
use ges_rest::FoundNodes;
use ges_urs::{RequestForm, Routers, RoutersByTenant, UrsWaits};
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
    /// wait is unknown, which decisions take as none (R-EWT-9).
    ///
    /// # Errors
    /// No HTTP client can be made, or the region has no name.
    pub fn waits(&self, urs: &Urs, directory: Option<Arc<Directory>>, affinity: Option<&str>) -> Result<Arc<UrsWaits>> {
        let tenant_name = urs.tenant.clone();
        let otherwise = directory.map(|directory| Routers { tenant_name, directory });
        let affinity = affinity.map(region).transpose()?;
        let routers = RoutersByTenant { otherwise, affinity, ..RoutersByTenant::default() };
        let form = if urs.ask_by_query { RequestForm::Query } else { RequestForm::Path };
        let waits = UrsWaits::new(self.factory(), routers, form, urs.fresh_for);
        Ok(Arc::new(waits.context("no client for URS")?))
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
