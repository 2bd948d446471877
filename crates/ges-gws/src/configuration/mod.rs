//! The Configuration service (integrations 4.4): people with their groups and roles, and the VQ proxies.

#[cfg(test)]
mod creation_tests;
mod directory;
mod object;
mod proxies;
#[cfg(test)]
mod rights_tests;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use ges_domain::TenantId;
use ges_domain::access::ProxyAccess;
use ges_domain::ports::Account;
use ges_http_client::{BuildError, Call, HttpClientFactory, Policy, below};
use serde_json::Value;
use url::Url;

use crate::authorized::Authorized;
use crate::memory::{Freshness, Memory};
use crate::{ClientToken, GwsError, GwsObserver, envelope};
use object::Object;

const SERVICE: &str = "the configuration service";
/// Time for one page, retries included.
const READ_TIME: Duration = Duration::from_secs(8);
/// Objects of one page: what the service gives when nobody asks for another number.
const PAGE: usize = 100;
/// More pages than any configuration fills; a peer that repeats itself is stopped before.
const MOST_PAGES: usize = 200;

/// How VQ proxies are named and kept (R-LOB-1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// Their folder.
    pub folder: String,
    /// Their type among script objects.
    pub script_type: String,
}

impl Default for Naming {
    fn default() -> Self {
        Self { folder: "Callback Virtual Queues".into(), script_type: "CFGInteractionQueue".into() }
    }
}

/// The Configuration service behind memories of rights.
pub struct Configuration {
    reads: Authorized,
    writes: Authorized,
    base: Url,
    naming: Naming,
    accounts: Memory<(TenantId, String), Arc<Account>>,
    access: Memory<(TenantId, u64), Arc<ProxyAccess>>,
}

impl Configuration {
    /// `base`: address of the Configuration service, without `/configuration/v3`.
    ///
    /// # Errors
    /// [`BuildError`] when no HTTP client can be made.
    pub fn new(
        factory: &HttpClientFactory,
        base: Url,
        tokens: Arc<ClientToken>,
        naming: Naming,
        observer: Arc<dyn GwsObserver>,
    ) -> Result<Self, BuildError> {
        let way = |policy| {
            let http = factory.client(policy)?;
            Ok(Authorized::new(SERVICE, http, Some(Arc::clone(&tokens)), Arc::clone(&observer)))
        };
        Ok(Self {
            reads: way(Policy::GWS_CONF_READS)?,
            writes: way(Policy::GWS_CONF_WRITES)?,
            base,
            naming,
            accounts: Memory::new(factory, "gws_rights", Freshness::RIGHTS),
            access: Memory::new(factory, "gws_proxy_access", Freshness::RIGHTS),
        })
    }

    /// Whether the service is there: any status below 500 proves life (integrations 8.3). Asked in the name of `somebody`, where
    /// one is known.
    ///
    /// # Errors
    /// [`GwsError`] when it is not.
    pub async fn probe(&self, somebody: Option<TenantId>) -> Result<(), GwsError> {
        let url = below(&self.base, &["configuration", "v3", "system", "application"]);
        let call = Call::get("probe", "/configuration/v3/system/application", url);
        let call = match somebody {
            Some(tenant) => self.of(tenant, call)?,
            None => call,
        };
        self.reads.probe(call).await.map(drop)
    }

    fn address(&self, path: &[&str]) -> Url {
        below(&self.base, &[&["configuration", "v3", "objects"], path].concat())
    }

    /// Names the contact center of a call, which a token of our client does not say.
    fn of(&self, tenant: TenantId, call: Call) -> Result<Call, GwsError> {
        call.header("contactcenterid", &tenant.to_string()).map_err(|source| self.reads.failed(source))
    }

    /// All objects of a kind that pass `filters`, page by page.
    async fn objects(
        &self,
        tenant: TenantId,
        kind: &'static str,
        filters: &[(&str, &str)],
    ) -> Result<Vec<Value>, GwsError> {
        let (mut all, mut seen): (Vec<Value>, HashSet<u64>) = Default::default();
        for page in 0..MOST_PAGES {
            let (offset, limit) = ((page * PAGE).to_string(), PAGE.to_string());
            let mut url = self.address(&[kind]);
            url.query_pairs_mut().extend_pairs(filters).extend_pairs([("offset", &offset), ("limit", &limit)]);
            let Some(answer) = self.read(tenant, kind, url).await? else { return Ok(all) };
            let told = envelope::items(&answer);
            let full = told.len() >= PAGE;
            let mut news = false;
            for item in told {
                let key = Object(item).key().ok_or(self.reads.unreadable("the DBID of an object"))?;
                if seen.insert(key) {
                    news = true;
                    all.push(item.clone());
                }
            }
            // A peer that knows no pages tells the same ones again.
            if !full || !news {
                return Ok(all);
            }
        }
        Err(self.reads.unreadable("the end of a list"))
    }

    /// The body of a success; `None` when the thing asked for does not exist.
    async fn read(&self, tenant: TenantId, operation: &'static str, url: Url) -> Result<Option<Value>, GwsError> {
        let call = Call::get(operation, "/configuration/v3/objects/{kind}", url).within(READ_TIME);
        let reply = self.reads.send(self.of(tenant, call)?).await?;
        match reply.status() {
            200..300 => {}
            404 => return Ok(None),
            status => return Err(self.reads.refused(status)),
        }
        let answer: Value = reply.json().map_err(|source| self.reads.failed(source))?;
        // A code that tells of an error is no empty list: nobody may lose rights or proxies over it.
        if envelope::is_success(&answer) { Ok(Some(answer)) } else { Err(self.reads.unreadable("a success")) }
    }
}
