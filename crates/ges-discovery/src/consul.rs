//! Looking nodes up in Consul: every node of a service that passes its checks.

use futures_util::future::join_all;
use ges_domain::region::Region;
use ges_http_client::{BuildError, Call, CallError, HttpClient, HttpClientFactory, LiveSecret, Policy, below};
use secrecy::ExposeSecret;
use serde::Deserialize;
use url::Url;

use crate::Node;

/// A Consul agent or server.
pub struct Consul {
    client: HttpClient,
    base: Url,
    token: Option<LiveSecret>,
    /// Datacenters to look in; empty: all it knows.
    regions: Vec<Region>,
}

/// One line of a health answer, as far as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Line {
    node: Place,
    service: Service,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Place {
    #[serde(default)]
    address: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Service {
    #[serde(default)]
    address: String,
    port: u16,
}

impl Consul {
    /// `regions`: the datacenters to look in; all that Consul knows when empty.
    ///
    /// # Errors
    /// [`BuildError`] when no HTTP client can be made.
    pub fn new(
        factory: &HttpClientFactory,
        base: Url,
        token: Option<LiveSecret>,
        regions: Vec<Region>,
    ) -> Result<Self, BuildError> {
        Ok(Self { client: factory.client(Policy::CONSUL)?, base, token, regions })
    }

    /// The passing nodes of a service, datacenter by datacenter; one that does not answer has those of `before`, so that it
    /// takes no other with it.
    ///
    /// # Errors
    /// Consul does not say which datacenters there are, or none of them answers.
    pub(crate) async fn nodes(&self, service: &str, before: &[Node]) -> Result<Vec<Node>, CallError> {
        let regions = self.regions().await?;
        let looks = join_all(regions.iter().map(async |region| {
            let mut url = below(&self.base, &["v1", "health", "service", service]);
            url.query_pairs_mut().append_pair("dc", region.as_str()).append_pair("passing", "1");
            let lines = self.ask::<Vec<Line>>("health", "/v1/health/service/{name}", url).await;
            (region, lines)
        }));
        let (mut nodes, mut answered, mut failure) = (Vec::new(), false, None);
        for (region, lines) in looks.await {
            match lines {
                Ok(lines) => {
                    answered = true;
                    nodes.extend(lines.iter().filter_map(|line| node(region, line)));
                }
                Err(error) => {
                    tracing::warn!(region = %region, %error, "a datacenter was not asked for nodes");
                    failure = Some(error);
                    nodes.extend(before.iter().filter(|node| node.region == *region).cloned());
                }
            }
        }
        match failure {
            Some(failure) if !answered => Err(failure),
            _ => Ok(nodes),
        }
    }

    async fn regions(&self) -> Result<Vec<Region>, CallError> {
        if !self.regions.is_empty() {
            return Ok(self.regions.clone());
        }
        let url = below(&self.base, &["v1", "catalog", "datacenters"]);
        let names: Vec<String> = self.ask("datacenters", "/v1/catalog/datacenters", url).await?;
        Ok(names.iter().filter_map(|name| Region::new(name).ok()).collect())
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        operation: &'static str,
        template: &'static str,
        url: Url,
    ) -> Result<T, CallError> {
        let mut call = Call::get(operation, template, url);
        if let Some(token) = &self.token {
            call = call.header("x-consul-token", token.now().expose_secret())?;
        }
        self.client.send(&call).await?.success()?.json()
    }
}

/// The service's own address, else that of the machine it runs on.
fn node(region: &Region, line: &Line) -> Option<Node> {
    let host = if line.service.address.is_empty() { &line.node.address } else { &line.service.address };
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let url = Url::parse(&format!("http://{host}:{}", line.service.port)).ok().filter(Url::has_host)?;
    Some(Node { region: region.clone(), url })
}
