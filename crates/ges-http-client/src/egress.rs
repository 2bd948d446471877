//! The way out of the cluster (integrations 0.4, connection 6).

use std::sync::{Arc, PoisonError, RwLock};

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

/// The proxy through which calls to the internet leave. Its address may carry credentials, so there is no `Debug`.
#[derive(Clone)]
pub struct Egress {
    /// Address of the proxy.
    pub proxy: Url,
    /// Hosts reached without it, separated by commas, in the form of `NO_PROXY`.
    pub no_proxy: String,
}

/// The way out as it is now: whoever sends looks anew for every connection (integrations 10.1). Clones share it.
#[derive(Clone, Default)]
pub struct LiveEgress(Arc<RwLock<Option<Way>>>);

struct Way {
    proxy: Url,
    matcher: Matcher,
}

impl LiveEgress {
    /// Starts with this one.
    pub fn new(egress: Egress) -> Self {
        let live = Self::default();
        live.change(egress);
        live
    }

    /// From now on new connections leave this way.
    pub fn change(&self, egress: Egress) {
        let matcher = Matcher::builder().all(String::from(egress.proxy.clone())).no(egress.no_proxy).build();
        let way = Way { proxy: egress.proxy, matcher };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(way);
    }

    /// The proxy on the way to `url`; none on a direct one.
    pub(crate) fn on_the_way_to(&self, url: &Url) -> Option<Url> {
        let way = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let way = way.as_ref()?;
        let destination = url.as_str().parse().ok()?;
        way.matcher.intercept(&destination).map(|_| way.proxy.clone())
    }
}

impl std::fmt::Debug for LiveEgress {
    /// Shows nothing of the address (I11).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveEgress").finish_non_exhaustive()
    }
}
