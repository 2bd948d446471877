//! What an API pod is made of.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, Result};
use ges_config::{Discovery, Loaded, RegionNodes, Settings};
use ges_domain::booking::Accelerated;
use ges_domain::ports::{Clock, NoNews, NobodyFollows, StoreError};
use ges_domain::use_cases::CurrentWait;
use ges_gws::{ClientToken, SignIn};
use ges_phone::Plan;
use ges_postgres::{PgSettings, PgStore};
use ges_process::{
    Frame, Outbound, Outside, RandomIds, SecureChance, Vitals, WithinASecond, areas, found_nodes, gate,
    look_at_ors_redis, own_redis, probe_of_record, publisher, router_states, session_keys, use_new_keys,
    use_new_session_keys, usual_mode, vault, watch_served,
};
use ges_redis::{Login, RedisAcceptedTimes, RedisSessionNews};
use ges_rest::{
    Api, Component, Console, Door, Endpoints, FoundNodes, Gate, InsideParts, Limits, Parts, ServeLimits, TenantHeaders,
    external_router, internal_router, serve, starting_router,
};
use ges_telemetry::{Dependency, Layout};
use ges_vault::{LiveKeys, Vault};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::console::break_glass;
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
    let outbound = Outbound::new(&frame.metrics, settings.egress.as_ref())?;
    let gws = settings.gws.as_ref().context("invariant: the role requires GWS")?;
    let (environment, token) = outbound.environment(gws)?;
    let affinity = settings.region_affinity.as_deref();
    let directory = outbound.directory(&settings.urs.discovery, &settings.ors.url, affinity, &frame.stop)?;
    let (waits, routers) =
        (outbound.waits(&settings.urs, directory.clone(), affinity, Some(environment.clone()))?, directory.is_some());
    let found = found_nodes(&settings.urs.discovery, directory.clone(), affinity)?;
    let wait = Arc::new(CurrentWait::new(Arc::new(WithinASecond(waits.clone()))).by_default(usual_mode(&settings.urs)));
    let sessions = Arc::new(outbound.sessions(&settings.ors, settings.ors.url.as_str(), directory, affinity)?);

    let redis = settings.redis.as_ref().map(own_redis);
    let configuration = outbound.configuration(gws, token.clone(), &settings.rbac)?;
    let news = redis.as_ref().map(RedisSessionNews::start).transpose()?;
    let ors_redis = look_at_ors_redis(settings)?;
    let (mut probes, mut unprobed) = Outside {
        environment: Some(environment.clone()),
        token: Some(token.clone()),
        configuration: configuration.clone(),
        waits: routers.then(|| waits.clone()),
        sessions: Some(sessions.clone()),
        redis: news.clone(),
        ors_redis: ors_redis.as_ref().map(|(link, _)| link.clone()),
    }
    .probes();
    let (record, reached) = (Arc::new(OnceLock::<PgStore>::new()), Arc::new(database(settings, "ges-api")?));
    let reach = move || {
        let settings = reached.clone();
        async move { PgStore::reach(&settings).await }
    };
    probes.insert(0, probe_of_record(record.clone(), |store: PgStore| async move { store.probe().await }, reach));
    unprobed.extend(["gwsStats", "recaptcha", "push"].map(|name| Component::named(name, false, false)));
    let probes = outbound.watching_names(probes, settings);
    let vitals = Vitals::start(&frame, &outbound, "api", probes, unprobed);
    let shown = waits.clone();
    vitals.health.show_nodes(Dependency::Urs.name(), move || router_states(&shown));

    // Health and metrics are served from here on, whatever else is away.
    let tasks = TaskTracker::new();
    let tenant_headers =
        if settings.server.reject_tenant_headers { TenantHeaders::Reject } else { TenantHeaders::Strip };
    let outside_limits =
        Limits::external().with_tenant_headers(tenant_headers).behind(settings.server.trusted_proxies.clone());
    let ajar = |limits: &Limits, outside| {
        Door::ajar(starting_router(vitals.observed.clone(), limits.clone(), outside, tasks.clone()))
    };
    let (inner_door, outer_door) = (ajar(&Limits::internal(), false), ajar(&outside_limits, true));
    tracing::info!(internal = %internal.local_addr()?, external = %external.local_addr()?, "listening");
    let served = |listener, door: &Door| {
        let (health, stop) = (vitals.health.clone(), frame.stop.clone());
        tokio::spawn(serve(listener, door.clone(), ServeLimits::default(), tasks.clone(), health, stop))
    };
    let (inside, outside) = (served(internal, &inner_door), served(external, &outer_door));

    let arrive = async || {
        let store = open(&database(&frame.settings_now().await, "ges-api").map_err(unusable)?).await?;
        let identity = store.identity().await?;
        Ok::<_, StoreError>((store, identity))
    };
    let Some((store, identity)) = frame.wait_for("the database", arrive).await else {
        let _ = tokio::join!(inside, outside);
        return Ok(());
    };
    // Nobody else sets it.
    let _ = record.set(store.clone());
    if routers {
        tokio::spawn(watch_served(waits.clone(), Arc::new(store.clone()), frame.stop.clone()));
    }
    let clock = Arc::new(store.clock());
    let accelerator = redis.as_ref().map(|redis| RedisAcceptedTimes::start(redis, identity)).transpose()?.map(Arc::new);
    let vault = vault(settings.credentials_key.as_ref(), Arc::new(store.clone()))?;
    let statistics = outbound.statistics(gws, vault.clone())?;
    let (callers, session_keys) = (outbound.sign_in(gws)?, session_keys(settings.session_key.as_ref())?);
    let mut rotating = Rotating {
        store: store.clone(),
        own: redis.as_ref().map(|redis| redis.login.clone()),
        ors: ors_redis.as_ref().map(|(_, login)| login.clone()),
        vault: vault.clone(),
        session_keys: session_keys.clone(),
        token,
        sign_in: callers.clone(),
        gate: gate(&settings.internal_auth)?,
        console: None,
        peers: Box::new(outbound.follow_secrets()),
    };
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
        observed: vitals.observed.clone(),
        published: Arc::new(NobodyFollows),
        endpoints: endpoints(settings, found),
        inside: InsideParts {
            areas,
            publisher: outbound.push(&settings.push, vault, clock.clone()).map(publisher),
            guide: Arc::new(Plan),
            gate: rotating.gate.clone(),
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
    rotating.console = api.console.clone();
    frame.when_secrets_change(rotation(rotating));
    let api = Arc::new(api);

    inner_door.open(internal_router(api.clone(), Limits::internal(), tasks.clone()));
    outer_door.open(external_router(api.clone(), outside_limits, tasks.clone()));
    vitals.reached(clock.clone());
    tracing::info!("serving");
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
    let _ = tokio::join!(inside, outside);
    let _ = tokio::join!(vitals.stopped(), forgetting);
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

/// Settings that do not make an address.
fn unusable(error: anyhow::Error) -> StoreError {
    StoreError::Unavailable(error.into())
}

/// What goes on with other secrets when they change.
struct Rotating {
    store: PgStore,
    own: Option<Login>,
    ors: Option<Login>,
    vault: Arc<Vault>,
    session_keys: Option<Arc<LiveKeys>>,
    token: Arc<ClientToken>,
    sign_in: Arc<SignIn>,
    gate: Gate,
    console: Option<Arc<Console>>,
    /// What is shown to peers outside.
    peers: Box<dyn Fn(&Settings) + Send + Sync>,
}

/// New credentials for new connections, new keys for what is sealed (integrations 10.1).
fn rotation(parts: Rotating) -> impl FnMut(&Settings) + Send {
    let Rotating { store, own, ors, vault, session_keys, token, sign_in, gate: lock, console, peers } = parts;
    move |settings| {
        match database(settings, "ges-api").and_then(|database| Ok(store.connect_by(&database)?)) {
            Ok(()) => {}
            Err(error) => tracing::warn!(%error, "the database is reached as before"),
        }
        if let (Some(own), Some(redis)) = (&own, &settings.redis) {
            own.change(None, redis.password.clone());
        }
        if let (Some(ors), Some(redis)) = (&ors, &settings.ors_redis) {
            ors.change(redis.username.clone(), redis.password.clone());
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
        match gate(&settings.internal_auth) {
            Ok(changed) => lock.change(&changed),
            Err(error) => tracing::warn!(%error, "internal callers show what they showed before"),
        }
        if let Some(console) = &console {
            console.change_break_glass(break_glass(settings));
        }
        peers(settings);
    }
}
