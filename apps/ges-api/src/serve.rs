//! What an API pod is made of.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use ges_config::{Discovery, Loaded, RegionNodes, Settings};
use ges_domain::booking::Accelerated;
use ges_domain::ports::{Clock, NoNews, NobodyFollows, StoreError};
use ges_domain::use_cases::CurrentWait;
use ges_gws::{ClientToken, SignIn};
use ges_ors::OrsSessions;
use ges_phone::Plan;
use ges_postgres::{PgSettings, PgStore};
use ges_process::{
    Frame, Outbound, RandomIds, SecureChance, WithinASecond, areas, found_nodes, gate, own_redis, publisher,
    session_keys, use_new_keys, use_new_session_keys, vault,
};
use ges_redis::{Login, RedisAcceptedTimes, RedisSessionNews};
use ges_rest::{
    Api, Component, Endpoints, FoundNodes, Health, Host, InsideParts, Limits, Observed, Parts, Probe, ProbeFault,
    Prober, ServeLimits, TenantHeaders, external_router, internal_router, serve,
};
use ges_telemetry::{Dependency, Layout};
use ges_urs::UrsWaits;
use ges_vault::{LiveKeys, Vault};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::database;

/// How often memories of old waits are dropped.
const FORGET_EVERY: Duration = Duration::from_secs(300);

/// Runs until told to stop.
pub(crate) async fn run(loaded: Loaded) -> Result<()> {
    let frame = Frame::start(loaded, Layout::Json)?;
    let settings = &frame.settings;
    let (internal, external) =
        (bind(settings, settings.server.internal_port).await?, bind(settings, settings.server.external_port).await?);
    Plan::warm_up();
    let database = database(settings, "ges-api")?;
    let Some(store) = frame.wait_for("the database", async || open(&database).await).await else { return Ok(()) };
    let clock = Arc::new(store.clock());
    let outbound = Outbound::new(&frame.metrics, settings.egress.as_ref())?;
    let gws = settings.gws.as_ref().context("invariant: the role requires GWS")?;
    let (environment, token) = outbound.environment(gws)?;
    let affinity = settings.region_affinity.as_deref();
    let directory = outbound.directory(&settings.urs.discovery, &settings.ors.url, affinity, &frame.stop)?;
    let waits = outbound.waits(&settings.urs, directory.clone(), affinity)?;
    let found = found_nodes(&settings.urs.discovery, directory.clone(), affinity)?;
    let wait = Arc::new(CurrentWait::new(Arc::new(WithinASecond(waits.clone()))));
    let sessions = Arc::new(outbound.sessions(&settings.ors, settings.ors.url.as_str(), directory, affinity)?);

    let redis = settings.redis.as_ref().map(own_redis);
    let accelerator = match &redis {
        Some(redis) => {
            let Some(store) = frame.wait_for("the database", async || store.identity().await).await else {
                return Ok(());
            };
            Some(Arc::new(RedisAcceptedTimes::start(redis, store)?))
        }
        None => None,
    };
    let configuration = outbound.configuration(gws, token.clone(), &settings.rbac)?;
    let news = redis.as_ref().map(RedisSessionNews::start).transpose()?;
    let mut probes = probes(&store, environment.clone(), token.clone(), waits.clone());
    probes.extend(configuration.clone().map(probe_of_configuration));
    probes.push(probe_of_sessions(sessions.clone()));
    probes.extend(accelerator.clone().map(probe_of_accelerator));
    let host = Host {
        version: env!("CARGO_PKG_VERSION").into(),
        host: frame.node.clone(),
        role: "api",
        region: settings.region_affinity.clone(),
    };
    let unprobed = ["gwsStats", "recaptcha", "push"].map(|name| Component::named(name, false, false));
    let health = Health::new(host, probes.iter().map(Probe::component).chain(unprobed));
    outbound.tell(&health, clock.clone());
    health.configured();
    health.migrated();
    let observed = Observed::new(health.clone(), frame.metrics.clone());
    let vault = vault(settings.credentials_key.as_ref(), Arc::new(store.clone()))?;
    let statistics = outbound.statistics(gws, vault.clone())?;
    let (callers, session_keys) = (outbound.sign_in(gws)?, session_keys(settings.session_key.as_ref())?);
    frame.when_secrets_change(rotation(Rotating {
        store: store.clone(),
        redis: redis.as_ref().map(|redis| redis.login.clone()),
        vault: vault.clone(),
        session_keys: session_keys.clone(),
        token,
        sign_in: callers.clone(),
    }));
    let areas = areas(redis.as_ref(), clock.clone())?;
    let parts = Parts {
        wait: wait.clone(),
        waits,
        statistics,
        plan: Arc::new(Plan),
        sessions: sessions.clone(),
        requests: sessions,
        news: match &news {
            Some(news) => Arc::new(news.clone()),
            None => Arc::new(NoNews),
        },
        human: outbound.human(&settings.captcha, vault.clone()),
        credentials: vault.clone(),
        keys: environment.clone(),
        origins: environment,
        clock: clock.clone(),
        ids: Arc::new(RandomIds),
        chance: Arc::new(SecureChance),
        observed: observed.clone(),
        published: Arc::new(NobodyFollows),
        endpoints: endpoints(settings, found),
        inside: InsideParts {
            areas,
            publisher: outbound.push(&settings.push, vault, clock.clone()).map(publisher),
            guide: Arc::new(Plan),
            gate: gate(&settings.internal_auth)?,
            single_tenant: settings.single_tenant,
        },
    };
    store.follow_publishes();
    let mut api = Api::over(&Arc::new(store.clone()), parts);
    if let Some(times) = &accelerator {
        api.book.bookings = Arc::new(Accelerated::new(api.book.bookings, times.clone()));
    }
    // Without the address for browsers nobody can be sent there to sign in; whose a token is can be asked all the same.
    let sign_in = gws.public_auth_url.as_ref().map(|_| callers.clone());
    api.console = crate::console::console(settings, session_keys, sign_in, configuration, &store);
    api.callers = Some(callers);
    let api = Arc::new(api);

    let tasks = TaskTracker::new();
    let prober = Prober { observed, clock: clock.clone(), probes };
    let probing = tokio::spawn(prober.run(frame.stop.clone()));
    let console = api.console.clone();
    let forgetting = tokio::spawn(frame.stop.clone().run_until_cancelled_owned(async move {
        loop {
            tokio::time::sleep(FORGET_EVERY).await;
            wait.forget_old(clock.now());
            if let Some(console) = &console
                && let Err(error) = console.purge().await
            {
                tracing::warn!(error = &error as &dyn std::error::Error, "sessions that are over were not deleted");
            }
        }
    }));
    tracing::info!(internal = %internal.local_addr()?, external = %external.local_addr()?, "listening");
    let served = |listener, router| {
        serve(listener, router, ServeLimits::default(), tasks.clone(), health.clone(), frame.stop.clone())
    };
    let tenant_headers =
        if settings.server.reject_tenant_headers { TenantHeaders::Reject } else { TenantHeaders::Strip };
    let outside_limits =
        Limits::external().with_tenant_headers(tenant_headers).behind(settings.server.trusted_proxies.clone());
    let inside = served(internal, internal_router(api.clone(), Limits::internal(), tasks.clone()));
    let outside = served(external, external_router(api.clone(), outside_limits, tasks.clone()));
    tokio::join!(inside, outside);
    let _ = tokio::join!(probing, forgetting);
    if let Some(times) = accelerator {
        times.close().await;
    }
    if let Some(news) = news {
        news.close().await;
    }
    store.close().await;
    tracing::info!("drained");
    Ok(())
}

/// What the tenants API tells about where sessions and routers are; `found`: where somebody finds them.
fn endpoints(settings: &Settings, found: Option<Arc<dyn FoundNodes>>) -> Endpoints {
    let urs = match &settings.urs.discovery {
        Discovery::Routers(urls) => urls.iter().map(ToString::to_string).collect(),
        Discovery::Regions(regions) => {
            let own = |nodes: &&RegionNodes| Some(nodes.region.as_str()) == settings.region_affinity.as_deref();
            regions.iter().find(own).or(regions.first()).map(|nodes| nodes.urs.clone()).unwrap_or_default()
        }
        Discovery::Dns { urs } => vec![urs.clone()],
        Discovery::Consul(_) => Vec::new(),
    };
    Endpoints { ors: vec![settings.ors.url.to_string()], urs, found }
}

async fn bind(settings: &Settings, port: u16) -> Result<TcpListener> {
    let address = SocketAddr::new(settings.server.bind_address, port);
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

/// Brings the schema up to date and connects. Pods that start together take turns.
pub(crate) async fn open(settings: &PgSettings) -> Result<PgStore, StoreError> {
    PgStore::migrate(settings).await?;
    PgStore::connect(settings).await
}

/// What goes on with other secrets when they change.
struct Rotating {
    store: PgStore,
    redis: Option<Login>,
    vault: Arc<Vault>,
    session_keys: Option<Arc<LiveKeys>>,
    token: Arc<ClientToken>,
    sign_in: Arc<SignIn>,
}

/// New credentials for new connections, new keys for what is sealed (integrations 10.1).
fn rotation(parts: Rotating) -> impl FnMut(&Settings) + Send {
    let Rotating { store, redis, vault, session_keys, token, sign_in } = parts;
    move |settings| {
        match database(settings, "ges-api").and_then(|database| Ok(store.connect_by(&database)?)) {
            Ok(()) => {}
            Err(error) => tracing::warn!(%error, "the database is reached as before"),
        }
        if let (Some(login), Some(redis)) = (&redis, &settings.redis) {
            login.change(None, redis.password.clone());
        }
        use_new_keys(&vault, settings.credentials_key.as_ref());
        if let Some(keys) = &session_keys {
            use_new_session_keys(keys, settings.session_key.as_ref());
        }
        if let Some(gws) = &settings.gws {
            let client = Outbound::client_of(gws);
            token.change_credentials(client.clone());
            sign_in.change_credentials(client);
        }
    }
}

fn probe_of_configuration(configuration: Arc<ges_gws::Configuration>) -> Probe {
    let effect = "rights at the console age and then nobody gets in; VQ proxies wait";
    Probe::new(Component::of(Dependency::GwsConfig, false).with_effect(effect), move || {
        let configuration = configuration.clone();
        async move { configuration.probe().await.map_err(|_| fault("no answer")) }
    })
}

fn probe_of_sessions(sessions: Arc<OrsSessions>) -> Probe {
    let component = Component::of(Dependency::Ors, false).with_effect("sessions are told of cancels when it is back");
    Probe::new(component, move || {
        let sessions = sessions.clone();
        async move { if sessions.probe().await { Ok(()) } else { Err(fault("no answer")) } }
    })
}

fn probe_of_accelerator(times: Arc<RedisAcceptedTimes>) -> Probe {
    let component = Component::of(Dependency::Redis, false).with_effect("limits are counted in the database alone");
    Probe::new(component, move || {
        let times = times.clone();
        async move { if times.probe().await { Ok(()) } else { Err(fault("no answer")) } }
    })
}

fn fault(category: &'static str) -> ProbeFault {
    ProbeFault(category.into())
}

fn probes(
    store: &PgStore,
    environment: Arc<ges_gws::Environment>,
    token: Arc<ges_gws::ClientToken>,
    waits: Arc<UrsWaits>,
) -> Vec<Probe> {
    let store = store.clone();
    let postgres = Component::of(Dependency::Postgres, true).with_effect("no callback can be booked or read");
    let gws_env = Component::of(Dependency::GwsEnv, false).with_effect("API keys not seen lately cannot be resolved");
    let gws_auth = Component::of(Dependency::GwsAuth, false).with_effect("no new token for GWS");
    let urs = Component::of(Dependency::Urs, false).with_effect("waits are unknown and count as none");
    vec![
        Probe::new(postgres, move || {
            let store = store.clone();
            async move { store.probe().await.map_err(|_| fault("no answer")) }
        }),
        Probe::new(gws_env, move || {
            let environment = environment.clone();
            async move { environment.probe().await.map_err(|_| fault("no answer")) }
        }),
        Probe::new(gws_auth, move || {
            let token = token.clone();
            async move { token.probe().await.map_err(|_| fault("no answer")) }
        }),
        Probe::new(urs, move || {
            let waits = waits.clone();
            async move {
                waits.probe().await;
                if waits.all_down_for_some_tenant() { Err(fault("every router of a tenant is down")) } else { Ok(()) }
            }
        }),
    ]
}
