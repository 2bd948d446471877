//! The listeners (integrations 8.1): what each serves, and the limits it serves with.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ges_domain::Refusal;
use ges_domain::invariants::Look;
use ges_telemetry::{Metrics, UNMATCHED_PATH};
use ipnet::IpNet;
use tokio_util::task::TaskTracker;

use crate::answer::Failure;
use crate::api::{Api, Observed};
use crate::{
    bulk, console, credentials, designer, engagement, exchange, genesys, health, openapi, pauses, publish, sessions,
};

/// What becomes of headers that name a contact center on the external listener (engagement-api 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TenantHeaders {
    /// They are dropped before anything else sees the request.
    #[default]
    Strip,
    /// A request that carries one with a value is refused.
    Reject,
}

/// Limits of one listener.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Largest body in bytes.
    pub body_bytes: usize,
    /// Longest time a body may take to arrive.
    pub body_within: Duration,
    /// Longest time until a request is answered; work that takes longer goes on without its caller.
    pub answer_within: Duration,
    /// Headers that name a contact center; only the external listener looks at it.
    pub tenant_headers: TenantHeaders,
    /// Networks of the proxies in front, which are believed about visitors' addresses.
    pub trusted_proxies: Vec<IpNet>,
}

impl Limits {
    /// 500 kB and 30 s, headers stripped.
    pub const fn external() -> Self {
        Self {
            body_bytes: 500_000,
            body_within: Duration::from_secs(15),
            answer_within: Duration::from_secs(30),
            tenant_headers: TenantHeaders::Strip,
            trusted_proxies: Vec::new(),
        }
    }

    /// The same with this treatment of headers that name a contact center.
    pub fn with_tenant_headers(self, tenant_headers: TenantHeaders) -> Self {
        Self { tenant_headers, ..self }
    }

    /// The same behind these proxies.
    pub fn behind(self, trusted_proxies: Vec<IpNet>) -> Self {
        Self { trusted_proxies, ..self }
    }

    /// 10 MiB and 30 s.
    pub fn internal() -> Self {
        Self { body_bytes: 10 << 20, ..Self::external() }
    }
}

/// Who may reach a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The internet.
    External,
    /// The cluster.
    Internal,
}

/// One listener: what its requests share.
pub(crate) struct Site {
    pub(crate) role: Role,
    pub(crate) limits: Limits,
    pub(crate) observed: Observed,
    /// None on a listener that serves health and metrics only.
    api: Option<Arc<Api>>,
    pub(crate) tasks: TaskTracker,
}

impl Site {
    pub(crate) fn api(&self) -> &Api {
        self.api.as_ref().expect("invariant: routes that need the use cases are mounted together with them")
    }

    /// The use cases, on a listener that has them.
    pub(crate) fn public_api(&self) -> Option<&Api> {
        self.api.as_deref()
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.observed.metrics
    }

    /// Counts a look at a promise in passing. What it finds is a bug: a person is told, and the answer stands.
    pub(crate) fn look(&self, look: &Look) {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        self.metrics().invariant_checked(look.invariant.id(), count(look.looked), count(look.broken.len()));
        for violation in &look.broken {
            tracing::error!(%violation, "a promise is broken");
        }
    }
}

/// The public API and the console, and nothing else.
pub fn external_router(api: Arc<Api>, limits: Limits, tasks: TaskTracker) -> Router {
    api.observed.metrics.path_known(UNMATCHED_PATH);
    let site = Site { role: Role::External, limits, observed: api.observed.clone(), api: Some(api), tasks };
    finish(engagement::routes().merge(console::routes()), site)
}

/// The public API for sibling services, the session storage, health and metrics.
pub fn internal_router(api: Arc<Api>, limits: Limits, tasks: TaskTracker) -> Router {
    let site = Site { role: Role::Internal, limits, observed: api.observed.clone(), api: Some(api), tasks };
    let own = own_routes()
        .merge(credentials::routes())
        .merge(designer::routes())
        .merge(pauses::routes())
        .merge(bulk::routes())
        .merge(publish::routes())
        .merge(sessions::routes());
    finish(
        engagement::routes().merge(genesys::routes()).merge(openapi::routes()).merge(console::routes()).merge(own),
        site,
    )
}

/// A listener of an API pod whose record store is not there yet (integrations 8.4, 8.5): inside, health and metrics are told
/// as ever; what needs the record is refused for the moment, and outside nothing more shows than otherwise.
pub fn starting_router(observed: Observed, limits: Limits, outside: bool, tasks: TaskTracker) -> Router {
    let role = if outside { Role::External } else { Role::Internal };
    let own = if outside { Router::new() } else { own_routes() };
    sealed(own.fallback(not_yet), Site { role, limits, observed, api: None, tasks })
}

/// Whatever will be served here is refused like any request without the record store.
async fn not_yet(
    axum::extract::State(site): axum::extract::State<Arc<Site>>,
    axum::extract::OriginalUri(uri): axum::extract::OriginalUri,
) -> Response {
    let path = uri.path();
    let console = path.starts_with("/ges/") && (!path.starts_with("/ges/v1/") || path.starts_with("/ges/v1/ui/"));
    let later = match site.role {
        Role::External => path.starts_with(engagement::BASE) || console,
        Role::Internal => true,
    };
    match later {
        false => Failure::NoSuchPath.into_response(),
        true if path.starts_with("/genesys/") => {
            genesys::fault::GmsFault::from(Refusal::StoreUnavailable).into_response()
        }
        true => Failure::from(Refusal::StoreUnavailable).into_response(),
    }
}

/// Health and metrics of a process that serves nothing else.
pub fn worker_router(observed: Observed, limits: Limits, tasks: TaskTracker) -> Router {
    finish(own_routes(), Site { role: Role::Internal, limits, observed, api: None, tasks })
}

fn own_routes() -> Router<Arc<Site>> {
    health::routes().route("/metrics", get(metrics_page))
}

async fn metrics_page(axum::extract::State(site): axum::extract::State<Arc<Site>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, Metrics::CONTENT_TYPE)], site.metrics().render())
}

/// Fallbacks first: the layer has to see them too.
fn finish(routes: Router<Arc<Site>>, site: Site) -> Router {
    if site.public_api().is_some() {
        engagement::TEMPLATES.into_iter().for_each(|template| site.metrics().path_known(template));
    }
    sealed(routes.fallback(async || Failure::NoSuchPath), site)
}

fn sealed(routes: Router<Arc<Site>>, site: Site) -> Router {
    let site = Arc::new(site);
    routes
        .method_not_allowed_fallback(async || Failure::MethodNotAllowed)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&site), exchange::exchange))
        .with_state(site)
}
