//! What every pod looks at (integrations 8.3): everything it is told to reach, whatever it uses it for.

use std::error::Error;
use std::io::ErrorKind;
use std::sync::{Arc, OnceLock};

use anyhow::Result;
use ges_config::{OrsRedis, Settings};
use ges_domain::ports::StoreError;
use ges_gws::{ClientToken, Configuration, Environment};
use ges_http_client::CallError;
use ges_ors::OrsSessions;
use ges_redis::{Link, Login, RedisSessionNews, Server, Tls};
use ges_rest::{Component, ComponentState, NodeState, Probe, ProbeFault};
use ges_telemetry::Dependency;
use ges_urs::{TenantHealth, UrsWaits};
use tokio_util::either::Either;

/// How the orchestration Redis of these settings is reached.
pub fn ors_redis(redis: &OrsRedis) -> Server {
    let OrsRedis { host, port, cluster, tls, username, password } = redis.clone();
    let tls = tls.map(|tls| Tls { servername: Some(tls.servername), verify: tls.verify, roots_pem: None });
    Server { host, port, cluster, tls, login: Login::new(username, password) }
}

/// A connection to the orchestration Redis that asks whether it is there and nothing else; none where sessions start without it.
///
/// # Errors
/// The settings can never work.
pub fn look_at_ors_redis(settings: &Settings) -> Result<Option<(Arc<Link>, Login)>> {
    let Some(redis) = settings.ors_redis.as_ref().filter(|_| !settings.ors.by_rest) else { return Ok(None) };
    let server = ors_redis(redis);
    let link = Link::open(&server, "the orchestration Redis")?;
    Ok(Some((Arc::new(link), server.login)))
}

/// A look at the record store: `ask` it once it is there, `reach` for it before.
pub fn probe_of_record<S, F, G>(
    store: Arc<OnceLock<S>>,
    ask: impl Fn(S) -> F + Send + Sync + 'static,
    reach: impl Fn() -> G + Send + Sync + 'static,
) -> Probe
where
    S: Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), StoreError>> + Send + 'static,
    G: Future<Output = Result<(), StoreError>> + Send + 'static,
{
    let component = Component::of(Dependency::Postgres, true).with_effect("nothing is booked, read or handed over");
    Probe::new(component, move || {
        let asked = match store.get() {
            Some(store) => Either::Left(ask(store.clone())),
            None => Either::Right(reach()),
        };
        async move { asked.await.map_err(|error| category(&error)) }
    })
}

/// What a pod can reach beside its record store. What is none is not configured.
pub struct Outside {
    /// API keys and contact centers.
    pub environment: Option<Arc<Environment>>,
    /// Our own token.
    pub token: Option<Arc<ClientToken>>,
    /// Rights and proxies.
    pub configuration: Option<Arc<Configuration>>,
    /// Routers.
    pub waits: Option<Arc<UrsWaits>>,
    /// Running sessions.
    pub sessions: Option<Arc<OrsSessions>>,
    /// Our own Redis.
    pub redis: Option<RedisSessionNews>,
    /// The orchestration Redis.
    pub ors_redis: Option<Arc<Link>>,
}

impl Outside {
    /// A look at each that is configured, and the components of the others, of which nothing is known.
    pub fn probes(self) -> (Vec<Probe>, Vec<Component>) {
        let Self { environment, token, configuration, waits, sessions, redis, ors_redis } = self;
        let known = environment.clone();
        let looks = [
            look(
                Dependency::Redis,
                "limits are counted in the database alone; general storage waits",
                redis,
                |redis| async move { reached(redis.probe().await, redis.fault()) },
            ),
            look(Dependency::OrsRedis, "due callbacks wait in the record", ors_redis, |link| async move {
                reached(link.answers().await, link.fault())
            }),
            look(Dependency::GwsAuth, "no new token for GWS", token, |token| async move {
                token.probe().await.map_err(|error| category(&error))
            }),
            look(
                Dependency::GwsEnv,
                "API keys not seen lately cannot be resolved",
                environment,
                |environment| async move { environment.probe().await.map_err(|error| category(&error)) },
            ),
            look(
                Dependency::GwsConfig,
                "rights at the console age and then nobody gets in; VQ proxies wait",
                configuration,
                move |configuration| {
                    let somebody = known.as_ref().and_then(|environment| environment.somebody());
                    async move { configuration.probe(somebody).await.map_err(|error| category(&error)) }
                },
            ),
            look(Dependency::Urs, "waits are unknown and count as none", waits, |waits| async move {
                waits.probe().await;
                reached(!waits.all_down_for_some_tenant(), Some("every router of a contact center is down"))
            }),
            look(
                Dependency::Ors,
                "sessions are neither polled nor told anything until it is back",
                sessions,
                |sessions| async move { reached(sessions.probe().await, None) },
            ),
        ];
        let (mut probes, mut unknown) = (Vec::new(), Vec::new());
        for look in looks {
            match look {
                Ok(probe) => probes.push(probe),
                Err(component) => unknown.push(component),
            }
        }
        (probes, unknown)
    }
}

/// A look at a peer; the component alone where there is none.
fn look<T, F>(
    dependency: Dependency,
    effect: &'static str,
    peer: Option<T>,
    ask: impl Fn(T) -> F + Send + Sync + 'static,
) -> Result<Probe, Component>
where
    T: Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), ProbeFault>> + Send + 'static,
{
    let component = Component::of(dependency, false).with_effect(effect);
    // Routers count as down one by one after failures in a row (integrations 3.5): that is patience enough.
    let component = if dependency == Dependency::Urs { component.patient() } else { component };
    let peer = peer.ok_or(component.unprobed())?;
    Ok(Probe::new(component, move || ask(peer.clone())))
}

/// The routers as this process sees them, for health documents (integrations 3.5, 8.2).
pub fn router_states(waits: &UrsWaits) -> Vec<NodeState> {
    let mut states: Vec<NodeState> = Vec::new();
    for TenantHealth { tenant, nodes } in waits.health() {
        for node in nodes {
            let another = states.iter().any(|other| other.ccid == tenant && other.region == node.region);
            states.push(NodeState {
                ccid: tenant,
                url: node.origin,
                region: node.region,
                role: if another { "secondary" } else { "primary" },
                state: if node.down { ComponentState::Down } else { ComponentState::Up },
            });
        }
    }
    states
}

fn reached(there: bool, otherwise: Option<&'static str>) -> Result<(), ProbeFault> {
    if there { Ok(()) } else { Err(ProbeFault(otherwise.unwrap_or("no answer").into())) }
}

/// What kept us from a peer, in words that name neither it nor anything it said (integrations 8.2): the trouble of the network where
/// that is known, else what our own adapter makes of it.
fn category(error: &(dyn Error + 'static)) -> ProbeFault {
    let chain = || std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (**error).source());
    let network = chain().find_map(|error| {
        let error = error.downcast_ref::<std::io::Error>()?;
        match error.kind() {
            _ if error.to_string().contains("failed to lookup address information") => {
                Some("the name does not resolve".to_owned())
            }
            ErrorKind::Other => None,
            // Everything that has no word of its own.
            kind if kind.to_string().starts_with("uncategorized") => None,
            kind => Some(kind.to_string()),
        }
    });
    let ours = || {
        let call = chain().find_map(|error| error.downcast_ref::<CallError>());
        let store = error.downcast_ref::<StoreError>().and_then(Error::source);
        match (call, store) {
            (Some(call), _) => call.to_string(),
            (None, Some(cause)) => cause.to_string(),
            (None, None) => error.to_string(),
        }
    };
    ProbeFault(network.unwrap_or_else(ours).into())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use super::*;

    #[test]
    fn what_is_not_configured_is_unknown_and_of_nobodys_concern() {
        let nothing = Outside {
            environment: None,
            token: None,
            configuration: None,
            waits: None,
            sessions: None,
            redis: None,
            ors_redis: None,
        };
        let (probes, unknown) = nothing.probes();
        assert!(probes.is_empty());
        let names: Vec<_> = unknown.iter().map(|component| (component.name, component.probed)).collect();
        let every = ["redis", "orsRedis", "gwsAuth", "gwsEnv", "gwsConfig", "urs", "ors"];
        assert_eq!(names, every.map(|name| (name, false)), "integrations 8.3: every dependency has its place");
        assert!(unknown.iter().all(|component| component.patient == (component.name == "urs")));
    }

    #[tokio::test]
    async fn the_record_is_asked_itself_once_it_is_there() {
        let (there, reached) = (Arc::new(OnceLock::<Arc<AtomicBool>>::new()), Arc::new(AtomicU64::new(0)));
        let counted = Arc::clone(&reached);
        let refused = || StoreError::Unavailable("PostgreSQL refused a statement".into());
        let ask = move |up: Arc<AtomicBool>| async move { up.load(Ordering::SeqCst).then_some(()).ok_or_else(refused) };
        let reach = move || {
            counted.fetch_add(1, Ordering::SeqCst);
            async { Err(StoreError::Unavailable(std::io::Error::from(ErrorKind::ConnectionRefused).into())) }
        };
        let probe = probe_of_record(Arc::clone(&there), ask, reach);
        assert!(probe.component().critical);
        assert_eq!(probe.look().await, Err(ProbeFault("connection refused".into())));
        let up = Arc::new(AtomicBool::new(true));
        there.set(Arc::clone(&up)).unwrap();
        assert!(probe.look().await.is_ok());
        up.store(false, Ordering::SeqCst);
        assert_eq!(probe.look().await, Err(ProbeFault("PostgreSQL refused a statement".into())));
        assert_eq!(reached.load(Ordering::SeqCst), 1, "only while there was none");
    }

    /// Integrations 8.2: a category, without addresses.
    #[tokio::test]
    async fn what_kept_us_from_a_peer_is_told_in_a_few_words() {
        let factory = ges_http_client::HttpClientFactory::default();
        let client = factory.client(ges_http_client::Policy::ORS_QUERIES).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        for (url, words) in [
            (format!("http://127.0.0.1:{port}/"), "connection refused"),
            ("http://no-such-name.invalid/".to_owned(), "the name does not resolve"),
        ] {
            let call = ges_http_client::Call::get("look", "/", url.parse().unwrap()).probe();
            let error = client.send(&call).await.unwrap_err();
            assert_eq!(category(&error), ProbeFault(words.into()), "{error:?}");
        }
        let status = CallError::Status { status: 503, retry_after: None };
        assert_eq!(category(&status), ProbeFault("the peer answered with status 503".into()));
    }
}
