//! What a worker pod is made of.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, Result};
use ges_config::{Loaded, Ors, OrsRedis, Settings};
use ges_domain::ports::{NoNews, SessionNews, StoreError, SubmissionStream};
use ges_domain::use_cases::{BulkAct, CarryOutWishes, CurrentWait, RequestCallIn, TakeSessionUpdate};
use ges_gws::ClientToken;
use ges_monitor::{
    BulkPorts, Monitor, MonitorPorts, MonitorSettings, ProxyBell, ProxyPorts, PushPorts, WatchPorts, WatchSessions,
    drive,
};
use ges_ors::{Login, Origin, RedisSettings, RedisStream, RestStart};
use ges_postgres::{PgSettings, PgStore};
use ges_process::{
    Frame, Outbound, Outside, RandomIds, SecureChance, Vitals, WithinASecond, ors_redis, own_redis, probe_of_record,
    router_states, use_new_keys, usual_mode, vault, watch_served,
};
use ges_redis::{RedisSessionNews, Server};
use ges_rest::{Component, Limits, Probe, ServeLimits, serve, worker_router};
use ges_telemetry::{Dependency, Layout};
use ges_vault::Vault;
use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

/// Runs until told to stop.
pub(crate) async fn run(loaded: Loaded) -> Result<()> {
    let frame = Frame::start(loaded, Layout::Json)?;
    let settings = &frame.settings;
    let address = SocketAddr::new(settings.server.bind_address, settings.server.internal_port);
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let outbound = Outbound::new(&frame.metrics, settings.egress.as_ref())?;
    let affinity = settings.region_affinity.as_deref();
    let directory = outbound.directory(&settings.urs.discovery, &settings.ors.url, affinity, &frame.stop)?;
    let (environment, token) = settings.gws.as_ref().map(|gws| outbound.environment(gws)).transpose()?.unzip();
    let routers = directory.is_some();
    let waits = outbound.waits(&settings.urs, directory.clone(), affinity, environment.clone())?;
    let origin = Origin {
        ges_url: settings.server.ges_url(settings.server.internal_port).to_string(),
        region: settings.region_affinity.clone(),
        ewt_mode: usual_mode(&settings.urs),
    };
    let redis = settings.ors_redis.as_ref().filter(|_| !settings.ors.by_rest);
    let redis = redis.map(|redis| stream_settings(redis, &settings.ors));
    let sessions = Arc::new(outbound.sessions(&settings.ors, settings.ors.url.as_str(), directory, affinity)?);
    let redis_stream = match &redis {
        Some(redis) => Some(Arc::new(RedisStream::start(redis, origin.clone())?.watching(sessions.clone()))),
        None => None,
    };

    let configuration = match (&settings.gws, &token) {
        (Some(gws), Some(token)) => outbound.configuration(gws, token.clone(), &settings.rbac)?,
        _ => None,
    };
    let bell = ProxyBell::default();
    let own_redis = settings.redis.as_ref().map(own_redis);
    let news = own_redis.as_ref().map(RedisSessionNews::start).transpose()?;
    let (mut probes, mut unprobed) = Outside {
        environment,
        token: token.clone(),
        configuration: configuration.clone(),
        waits: routers.then(|| waits.clone()),
        sessions: Some(sessions.clone()),
        redis: news.clone(),
        ors_redis: redis_stream.as_ref().map(|stream| stream.link()),
    }
    .probes();
    let (record, reached) = (Arc::new(OnceLock::<PgStore>::new()), Arc::new(database(settings)?));
    let reach = move || {
        let settings = reached.clone();
        async move { PgStore::reach(&settings).await }
    };
    probes.insert(0, probe_of_record(record.clone(), |store: PgStore| async move { store.probe().await }, reach));
    unprobed.push(Component::named("push", false, false));
    // What queued up while the Configuration service was away is made up for when it answers again.
    let (is_configuration, nudged) =
        (|probe: &Probe| probe.component().name == Dependency::GwsConfig.name(), bell.clone());
    if let Some(at) = probes.iter().position(is_configuration) {
        probes[at] = probes[at].clone().when_back(move || nudged.nudge_failed());
    }
    let probes = outbound.watching_names(probes, settings);
    let vitals = Vitals::start(&frame, &outbound, "worker", probes, unprobed);
    let shown = waits.clone();
    vitals.health.show_nodes(Dependency::Urs.name(), move || router_states(&shown));

    // Health and metrics are served from here on, whatever else is away.
    tracing::info!(internal = %listener.local_addr()?, node = frame.node, "listening");
    let tasks = TaskTracker::new();
    let router = worker_router(vitals.observed.clone(), Limits::internal(), tasks.clone());
    // Nobody is sent here by a load balancer, so there is nothing to linger for.
    let limits = ServeLimits { linger: Duration::ZERO, ..ServeLimits::default() };
    let serving = tokio::spawn(serve(listener, router, limits, tasks, vitals.health.clone(), frame.stop.clone()));
    let arrive = async || {
        let database = database(&frame.settings_now().await).map_err(|error| StoreError::Unavailable(error.into()))?;
        let store = open(&database).await?;
        let wake_ups = store.wake_ups().await?;
        Ok::<_, StoreError>((store, wake_ups))
    };
    let Some((store, wake_ups)) = frame.wait_for("the database", arrive).await else {
        let _ = serving.await;
        return Ok(());
    };
    // Nobody else sets it.
    let _ = record.set(store.clone());
    if routers {
        tokio::spawn(watch_served(waits.clone(), Arc::new(store.clone()), frame.stop.clone()));
    }
    let clock = Arc::new(store.clock());

    let vault = vault(settings.credentials_key.as_ref(), Arc::new(store.clone()))?;
    let logins = (redis.map(|redis| redis.login), own_redis.as_ref().map(|redis| redis.login.clone()));
    frame.when_secrets_change(rotation(store.clone(), logins, vault.clone(), token.clone(), outbound.follow_secrets()));
    let heard: Arc<dyn SessionNews> = match &news {
        Some(news) => Arc::new(news.clone()),
        None => Arc::new(NoNews),
    };
    let push = outbound.push(&settings.push, vault, clock.clone()).map(|provider| PushPorts {
        notices: Arc::new(store.clone()),
        news: heard.clone(),
        provider,
        call_in: Arc::new(RequestCallIn::over(
            &Arc::new(store.clone()),
            Arc::new(ges_phone::Plan),
            clock.clone(),
            Arc::new(RandomIds),
            Arc::new(SecureChance),
        )),
        gauges: Arc::new(frame.metrics.clone()),
    });
    let proxies = configuration.map(|proxies| ProxyPorts {
        services: Arc::new(store.clone()),
        proxies,
        gauges: Arc::new(frame.metrics.clone()),
        bell,
    });
    let stream: Arc<dyn SubmissionStream> = match &redis_stream {
        Some(stream) => stream.clone(),
        None => {
            let (record, news, clock) = (Arc::new(store.clone()), heard.clone(), clock.clone());
            let bind = TakeSessionUpdate { record, sessions: sessions.clone(), news, clock };
            Arc::new(RestStart::new(sessions.clone(), bind, origin))
        }
    };
    let mode = usual_mode(&settings.urs);
    let wait_of_bookings = Arc::new(CurrentWait::new(Arc::new(WithinASecond(waits.clone()))).by_default(mode));
    let wait = Arc::new(CurrentWait::new(waits).by_default(mode));
    let bulk = BulkPorts {
        jobs: Arc::new(store.clone()),
        act: Arc::new(BulkAct::over(
            &Arc::new(store.clone()),
            sessions.clone(),
            wait_of_bookings,
            Arc::new(ges_phone::Plan),
            clock.clone(),
            Arc::new(RandomIds),
        )),
    };
    let monitor = Monitor::start(
        MonitorPorts {
            shards: Arc::new(store.clone()),
            handover: Arc::new(store.clone()),
            kept: Arc::new(store.clone()),
            catalogue: Arc::new(store.clone()),
            stream,
            sessions: sessions.clone(),
            wait,
            plan: Arc::new(ges_phone::Plan),
            call_ins: Arc::new(store.clone()),
            clock: clock.clone(),
            wake_ups: Box::new(wake_ups),
            gauges: Arc::new(frame.metrics.clone()),
            pauses: Arc::new(store.clone()),
            bulk: Some(bulk),
            push,
            proxies,
        },
        MonitorSettings::of(&frame.node),
        frame.stop.clone(),
    );
    let shared = Arc::new(store.clone());
    let held = Arc::new(store.held_by(&frame.node));
    let mut watch = WatchSessions::new(WatchPorts {
        held: held.clone(),
        former: held,
        requests: sessions.clone(),
        news: heard,
        record: shared.clone(),
        wishes: CarryOutWishes { record: shared.clone(), catalogue: shared, sessions, clock: clock.clone() },
        clock: clock.clone(),
    });
    let stop = frame.stop.clone();
    let watching = tokio::spawn(async move { drive(&mut watch, &stop).await });
    vitals.reached(clock);
    tracing::info!(node = frame.node, "monitoring");
    let _ = tokio::join!(serving, monitor.stopped());
    let _ = tokio::join!(vitals.stopped(), watching);
    if let Some(news) = news {
        news.close().await;
    }
    if let Some(stream) = redis_stream {
        stream.close().await;
    }
    store.close().await;
    tracing::info!("drained");
    Ok(())
}

/// New credentials for new connections (integrations 10.1).
fn rotation(
    store: PgStore,
    (stream, own): (Option<Login>, Option<Login>),
    vault: Arc<Vault>,
    token: Option<Arc<ClientToken>>,
    peers: impl Fn(&Settings) + Send + Sync,
) -> impl FnMut(&Settings) + Send {
    move |settings| {
        match database(settings).and_then(|database| Ok(store.connect_by(&database)?)) {
            Ok(()) => {}
            Err(error) => tracing::warn!(%error, "the database is reached as before"),
        }
        if let (Some(stream), Some(redis)) = (&stream, &settings.ors_redis) {
            stream.change(redis.username.clone(), redis.password.clone());
        }
        if let (Some(own), Some(redis)) = (&own, &settings.redis) {
            own.change(None, redis.password.clone());
        }
        use_new_keys(&vault, settings.credentials_key.as_ref());
        if let (Some(token), Some(gws)) = (&token, &settings.gws) {
            token.change_credentials(Outbound::client_of(gws));
        }
        peers(settings);
    }
}

fn stream_settings(redis: &OrsRedis, ors: &Ors) -> RedisSettings {
    let Server { host, port, cluster, tls, login } = ors_redis(redis);
    RedisSettings {
        host,
        port,
        cluster,
        tls,
        login,
        stream: ors.stream_name.clone(),
        field_names: ors.stream_fields.clone(),
    }
}

fn database(settings: &Settings) -> Result<PgSettings> {
    let db = settings.db.as_ref().context("invariant: the role requires a database")?;
    let mut database = PgSettings::new(db.url().expose_secret());
    database.application_name = "ges-worker".into();
    (database.tls_verify, database.tls_root) = (db.ca_file.is_some(), db.ca_file.clone());
    database.max_connections = db.pool_size;
    Ok(database)
}

async fn open(settings: &PgSettings) -> Result<PgStore, StoreError> {
    PgStore::migrate(settings).await?;
    PgStore::connect(settings).await
}
