//! The registry of contact centers (integrations 4.3, API reference 2.2 and 2.3).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use ges_domain::TenantId;
use ges_domain::origin::{Origin, OriginList};
use ges_domain::tenancy::{ApiKeys, TenancyError, WebOrigins};
use ges_http_client::{BuildError, Call, HttpClientFactory, Policy, Reply, below, is_segment};
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;
use uuid::Uuid;

use crate::authorized::Authorized;
use crate::memory::{Freshness, Memory};
use crate::{ClientToken, GwsError, GwsObserver, envelope};

const SERVICE: &str = "the environment service";
/// Time for an answer, retries included, when nothing is known.
const FIRST_TIME: Duration = Duration::from_secs(5);
/// Time for an answer when a stale one can serve instead.
const REFRESH_TIME: Duration = Duration::from_millis(1500);
/// Longer keys exist nowhere and would not fit a request line.
const LONGEST_KEY_BYTES: usize = 1024;
/// The setting that lists web origins.
const ORIGINS_SETTING: &str = "cors-origins";
/// Lists of origins asked for at a time.
const LISTS_AT_A_TIME: usize = 8;

/// The Environment service behind memories: of API keys, by their SHA-256, of contact centers, and of their web origins.
pub struct Environment {
    service: Authorized,
    base: Url,
    keys: Memory<[u8; 32], TenantId>,
    centers: Memory<Uuid, TenantId>,
    origins: Memory<Uuid, Arc<OriginList>>,
    all_centers: Memory<(), Arc<[Uuid]>>,
    /// Tenant names of the configuration server by environment.
    tenant_names: Memory<(), Arc<HashMap<Uuid, Arc<str>>>>,
    /// The environment of a contact center.
    homes: Memory<Uuid, Uuid>,
    /// A contact center that a probe was told of.
    seen: Mutex<Option<TenantId>>,
}

impl Environment {
    /// `base`: address of the Environment service, without `/environment/v3`. Without `tokens` calls carry no token.
    ///
    /// # Errors
    /// [`BuildError`] when no HTTP client can be made.
    pub fn new(
        factory: &HttpClientFactory,
        base: Url,
        tokens: Option<Arc<ClientToken>>,
        observer: Arc<dyn GwsObserver>,
    ) -> Result<Self, BuildError> {
        Ok(Self {
            service: Authorized::new(SERVICE, factory.client(Policy::GWS_ENV)?, tokens, observer),
            base,
            keys: Memory::new(factory, "gws_api_keys", Freshness::KEYS),
            centers: Memory::new(factory, "gws_contact_centers", Freshness::KEYS),
            origins: Memory::new(factory, "gws_origins", Freshness::SETTINGS),
            all_centers: Memory::new(factory, "gws_contact_center_list", Freshness::SETTINGS),
            tenant_names: Memory::new(factory, "gws_tenant_names", Freshness::SETTINGS),
            homes: Memory::new(factory, "gws_environments", Freshness::SETTINGS),
            seen: Mutex::default(),
        })
    }

    /// Whether the service is there: any status below 500 proves life (integrations 8.3).
    ///
    /// # Errors
    /// [`GwsError`] when it is not.
    pub async fn probe(&self) -> Result<(), GwsError> {
        let mut url = below(&self.base, &["environment", "v3", "contact-centers"]);
        url.query_pairs_mut().append_pair("limit", "1");
        let reply = self.service.probe(Call::get("probe", "/environment/v3/contact-centers", url)).await?;
        let answer = reply.filter(|reply| reply.status() < 300).and_then(|reply| reply.json::<Value>().ok());
        if let Some(first) =
            answer.as_ref().and_then(|answer| envelope::items(answer).into_iter().find_map(envelope::id))
        {
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(TenantId(first));
        }
        Ok(())
    }

    /// Some contact center, for probes that have to name one; none before a probe was told of one.
    pub fn somebody(&self) -> Option<TenantId> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tenant of the configuration server that a contact center belongs to, under which routers know it; none when the service
    /// names none (integrations 4.3).
    ///
    /// # Errors
    /// [`GwsError`] when the service did not answer and nothing is known from before.
    pub async fn tenant_name(&self, tenant: TenantId) -> Result<Option<Arc<str>>, Arc<GwsError>> {
        let names = self.tenant_names.recall((), |stale| self.look_up_tenant_names(time_for(stale))).await?;
        let Some(names) = names else { return Ok(None) };
        // A contact center and its environment usually have one id.
        if let Some(name) = names.get(&tenant.0) {
            return Ok(Some(Arc::clone(name)));
        }
        let home = self.homes.recall(tenant.0, |stale| self.look_up_home(tenant.0, time_for(stale))).await?;
        Ok(home.and_then(|home| names.get(&home)).cloned())
    }

    async fn look_up_tenant_names(&self, time: Duration) -> Result<Option<Arc<HashMap<Uuid, Arc<str>>>>, GwsError> {
        let url = below(&self.base, &["environment", "v3", "environments"]);
        let call = Call::get("environments", "/environment/v3/environments", url).within(time);
        let answer = match self.answer(call).await {
            // The list is for operators: a client that may not read it goes without.
            Err(GwsError::Refused { status, .. }) => {
                tracing::info!(status, "the environment service does not show environments to us");
                return Ok(None);
            }
            answer => answer?,
        };
        let named = |item: &Value| Some((envelope::id(item)?, Arc::from(envelope::text(item, &["tenant"])?)));
        Ok(Some(Arc::new(envelope::items(&answer).into_iter().filter_map(named).collect())))
    }

    async fn look_up_home(&self, ccid: Uuid, time: Duration) -> Result<Option<Uuid>, GwsError> {
        let Some(answer) = self.thing(self.center_call(ccid, time)?).await? else { return Ok(None) };
        let home = |item: &&Value| envelope::id(item) == Some(ccid);
        let home = envelope::items(&answer).into_iter().find(home);
        Ok(home.and_then(|item| Uuid::try_parse(item["environmentId"].as_str()?.trim()).ok()))
    }

    fn center_call(&self, ccid: Uuid, time: Duration) -> Result<Call, GwsError> {
        let url = below(&self.base, &["environment", "v3", "contact-centers", &ccid.to_string()]);
        let call = Call::get("contact_center", "/environment/v3/contact-centers/{ccid}", url).within(time);
        call.header("contactcenterid", &ccid.to_string()).map_err(|source| self.service.failed(source))
    }

    async fn look_up_key(&self, key: &str, time: Duration) -> Result<Option<TenantId>, GwsError> {
        let url = below(&self.base, &["environment", "v3", "contact-centers", "api-key", key]);
        let call = Call::get("api_key", "/environment/v3/contact-centers/api-key/{key}", url).within(time);
        self.center(call).await
    }

    async fn look_up_center(&self, ccid: Uuid, time: Duration) -> Result<Option<TenantId>, GwsError> {
        Ok(self.center(self.center_call(ccid, time)?).await?.filter(|found| found.0 == ccid))
    }

    /// The one contact center an answer names. Several different ones are no answer: a key belongs to exactly one.
    async fn center(&self, call: Call) -> Result<Option<TenantId>, GwsError> {
        let Some(answer) = self.thing(call).await? else { return Ok(None) };
        let items = envelope::items(&answer);
        let ids: Option<HashSet<Uuid>> = items.into_iter().map(envelope::id).collect();
        let ids = ids.ok_or(GwsError::Unreadable { service: SERVICE, wanted: "the id of a contact center" })?;
        let mut ids = ids.into_iter();
        match (ids.next(), ids.next()) {
            (id, None) => Ok(id.map(TenantId)),
            (_, Some(_)) => Err(GwsError::Unreadable { service: SERVICE, wanted: "a single contact center" }),
        }
    }

    /// The web origins of a contact center; `None` when it is unknown, unless `stale` ones are known: nobody loses a list that was
    /// good over one odd answer, for as long as it may serve (integrations 4.3). The setting may stand at several locations: all count.
    async fn look_up_origins(&self, ccid: Uuid, stale: bool) -> Result<Option<Arc<OriginList>>, GwsError> {
        let url = below(&self.base, &["environment", "v3", "contact-centers", &ccid.to_string(), "settings"]);
        let call =
            Call::get("settings", "/environment/v3/contact-centers/{ccid}/settings", url).within(time_for(stale));
        let call = call.header("contactcenterid", &ccid.to_string()).map_err(|source| self.service.failed(source))?;
        let answer = match self.answer(call).await {
            Err(GwsError::Refused { status: 404 | 410, .. }) if !stale => return Ok(None),
            answer => answer?,
        };
        let mut origins = OriginList::default();
        for setting in envelope::items(&answer).into_iter().filter(|setting| setting["name"] == ORIGINS_SETTING) {
            let (list, flawed) = OriginList::read(setting["value"].as_str().unwrap_or_default());
            if flawed > 0 {
                tracing::warn!("tenant.id" = %ccid, flawed, "entries of cors-origins are no origins and admit nobody");
            }
            origins.extend(list);
        }
        Ok(Some(Arc::new(origins)))
    }

    /// Every contact center there is.
    async fn look_up_centers(&self, time: Duration) -> Result<Option<Arc<[Uuid]>>, GwsError> {
        let url = below(&self.base, &["environment", "v3", "contact-centers"]);
        let call = Call::get("contact_centers", "/environment/v3/contact-centers", url).within(time);
        let answer = self.answer(call).await?;
        let ids: Option<Vec<Uuid>> = envelope::items(&answer).into_iter().map(envelope::id).collect();
        ids.map(|ids| Some(ids.into()))
            .ok_or(GwsError::Unreadable { service: SERVICE, wanted: "the id of a contact center" })
    }

    /// The body of a success.
    async fn answer(&self, call: Call) -> Result<Value, GwsError> {
        let answer = self.told(call).await?;
        if envelope::is_success(&answer) { Ok(answer) } else { Err(self.service.unreadable("a success")) }
    }

    /// The body of a success; `None` when the thing asked for does not exist. Only for what callers may name freely: a refusal
    /// of anything else is no sign that there is none.
    async fn thing(&self, call: Call) -> Result<Option<Value>, GwsError> {
        match self.told(call).await {
            Ok(answer) => Ok(Some(answer).filter(envelope::is_success)),
            Err(GwsError::Refused { status: 400 | 404 | 410, .. }) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// The body of an answer with status 2xx.
    async fn told(&self, call: Call) -> Result<Value, GwsError> {
        let reply = self.send(call).await?;
        match reply.status() {
            200..300 => reply.json().map_err(|source| self.service.failed(source)),
            status => Err(self.service.refused(status)),
        }
    }

    async fn origins_of(&self, ccid: Uuid) -> Result<Option<Arc<OriginList>>, TenancyError> {
        let ask = |stale| self.look_up_origins(ccid, stale);
        self.origins.recall(ccid, ask).await.map_err(unavailable)
    }

    async fn send(&self, call: Call) -> Result<Reply, GwsError> {
        self.service.send(call).await
    }
}

const fn time_for(stale_serves: bool) -> Duration {
    if stale_serves { REFRESH_TIME } else { FIRST_TIME }
}

fn unavailable(cause: Arc<GwsError>) -> TenancyError {
    TenancyError::Unavailable(Box::new(cause))
}

#[async_trait]
impl ApiKeys for Environment {
    async fn tenant_of(&self, key: &str) -> Result<Option<TenantId>, TenancyError> {
        // Dot segments would leave the path of the call; none of these can be a key.
        if !is_segment(key) || key.len() > LONGEST_KEY_BYTES {
            return Ok(None);
        }
        let digest: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        self.keys.recall(digest, |stale| self.look_up_key(key, time_for(stale))).await.map_err(unavailable)
    }

    async fn known(&self, tenant: TenantId) -> Result<bool, TenancyError> {
        let found = self.centers.recall(tenant.0, |stale| self.look_up_center(tenant.0, time_for(stale))).await;
        found.map(|found| found.is_some()).map_err(unavailable)
    }

    async fn only(&self) -> Result<Option<TenantId>, TenancyError> {
        let ask = |stale| self.look_up_centers(time_for(stale));
        let centers = self.all_centers.recall((), ask).await.map_err(unavailable)?.unwrap_or_default();
        let distinct: HashSet<Uuid> = centers.iter().copied().collect();
        Ok(distinct.iter().next().copied().map(TenantId).filter(|_| distinct.len() == 1))
    }
}

#[async_trait]
impl WebOrigins for Environment {
    async fn admits(&self, tenant: TenantId, origin: &Origin) -> Result<bool, TenancyError> {
        Ok(self.origins_of(tenant.0).await?.is_some_and(|list| list.admits(origin)))
    }

    async fn any_admits(&self, origin: &Origin) -> Result<bool, TenancyError> {
        let ask = |stale| self.look_up_centers(time_for(stale));
        let centers = self.all_centers.recall((), ask).await.map_err(unavailable)?.unwrap_or_default();
        let centers = centers.to_vec();
        let lists = centers.into_iter().map(|ccid| self.origins_of(ccid));
        let mut lists = futures_util::stream::iter(lists).buffer_unordered(LISTS_AT_A_TIME);
        let mut unknown = None;
        while let Some(list) = lists.next().await {
            match list {
                Ok(Some(list)) if list.admits(origin) => return Ok(true),
                Ok(_) => {}
                Err(error) => unknown = Some(error),
            }
        }
        unknown.map_or(Ok(false), Err)
    }
}
