//! What a worker pod is made of.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use ges_config::{Loaded, Ors, OrsRedis, Settings};
use ges_domain::ports::{NoNews, StoreError, SubmissionStream};
use ges_domain::use_cases::{BulkAct, CarryOutWishes, CurrentWait, RequestCallIn};
use ges_gws::{ClientToken, Configuration};
use ges_http_client::Policy;
use ges_monitor::{
    BulkPorts, Monitor, MonitorPorts, MonitorSettings, ProxyBell, ProxyPorts, PushPorts, WatchPorts, WatchSessions,
    drive,
};
use ges_ors::{Login, Origin, OrsSessions, RedisSettings, RedisStream, RedisTls, RestStart};
use ges_postgres::{PgSettings, PgStore};
use ges_process::{Frame, Outbound, RandomIds, SecureChance, own_redis, use_new_keys, vault};
use ges_redis::RedisSessionNews;
use ges_rest::{
    Component, Health, Host, Limits, Observed, Probe, ProbeFault, Prober, ServeLimits, serve, worker_router,
};
use ges_telemetry::{Dependency, Layout};
use ges_urs::UrsWaits;
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
    let database = database(settings)?;
    let Some(store) = frame.wait_for("the database", async || open(&database).await).await else { return Ok(()) };
    let clock = Arc::new(store.clock());
    let outbound = Outbound::new(&frame.metrics, settings.egress.as_ref())?;
    let affinity = settings.region_affinity.as_deref();
    let directory = outbound.directory(&settings.urs.discovery, &settings.ors.url, affinity, &frame.stop)?;
    let waits = outbound.waits(&settings.urs, directory.clone(), affinity)?;
    let origin = Origin {
        ges_url: settings.server.ges_url(settings.server.internal_port).to_string(),
        region: settings.region_affinity.clone(),
    };
    let redis = settings.ors_redis.as_ref().filter(|_| !settings.ors.by_rest);
    let redis = redis.map(|redis| stream_settings(redis, &settings.ors));
    let redis_stream = match &redis {
        Some(redis) => Some(Arc::new(RedisStream::start(redis, origin.clone())?)),
        None => None,
    };
    let stream: Arc<dyn SubmissionStream> = match &redis_stream {
        Some(stream) => stream.clone(),
        None => {
            let client = outbound.factory().client(Policy::ORS_EVENTS)?;
            Arc::new(RestStart::new(client, &settings.ors.url, origin))
        }
    };
    let sessions = Arc::new(outbound.sessions(&settings.ors, settings.ors.url.as_str(), directory, affinity)?);

    let token = match &settings.gws {
        Some(gws) => Some(outbound.environment(gws)?.1),
        None => None,
    };
    let configuration = configuration(&outbound, settings, token.clone())?;
    let bell = ProxyBell::default();

    let mut probes = probes(&store, redis_stream.clone(), waits.clone(), sessions.clone());
    probes.extend(configuration.clone().map(|configuration| probe_of_configuration(configuration, bell.clone())));
    let host = Host {
        version: env!("CARGO_PKG_VERSION").into(),
        host: frame.node.clone(),
        role: "worker",
        region: settings.region_affinity.clone(),
    };
    let unprobed = Component::named("push", false, false);
    let health = Health::new(host, probes.iter().map(Probe::component).chain([unprobed]));
    outbound.tell(&health, clock.clone());
    health.configured();
    health.migrated();
    let observed = Observed::new(health.clone(), frame.metrics.clone());
    let prober = Prober { observed: observed.clone(), clock: clock.clone(), probes };
    let probing = tokio::spawn(prober.run(frame.stop.clone()));

    let vault = vault(settings.credentials_key.as_ref(), Arc::new(store.clone()))?;
    let own_redis = settings.redis.as_ref().map(own_redis);
    let logins = (redis.map(|redis| redis.login), own_redis.as_ref().map(|redis| redis.login.clone()));
    frame.when_secrets_change(rotation(store.clone(), logins, vault.clone(), token.clone()));
    let push = outbound.push(&settings.push, vault, clock.clone()).map(|provider| PushPorts {
        notices: Arc::new(store.clone()),
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
    let wait = Arc::new(CurrentWait::new(waits));
    let bulk = BulkPorts {
        jobs: Arc::new(store.clone()),
        act: Arc::new(BulkAct::over(
            &Arc::new(store.clone()),
            sessions.clone(),
            wait.clone(),
            Arc::new(ges_phone::Plan),
            clock.clone(),
            Arc::new(RandomIds),
        )),
    };
    let wake_ups = store.wake_ups().await?;
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
    let news = own_redis.as_ref().map(RedisSessionNews::start).transpose()?;
    let shared = Arc::new(store.clone());
    let mut watch = WatchSessions::new(WatchPorts {
        held: Arc::new(store.held_by(&frame.node)),
        requests: sessions.clone(),
        news: match &news {
            Some(news) => Arc::new(news.clone()),
            None => Arc::new(NoNews),
        },
        record: shared.clone(),
        wishes: CarryOutWishes { record: shared.clone(), catalogue: shared, sessions, clock: clock.clone() },
        clock,
    });
    let stop = frame.stop.clone();
    let watching = tokio::spawn(async move { drive(&mut watch, &stop).await });
    tracing::info!(internal = %listener.local_addr()?, node = frame.node, "monitoring");
    let tasks = TaskTracker::new();
    let router = worker_router(observed, Limits::internal(), tasks.clone());
    // Nobody is sent here by a load balancer, so there is nothing to linger for.
    let limits = ServeLimits { linger: Duration::ZERO, ..ServeLimits::default() };
    tokio::join!(serve(listener, router, limits, tasks, health, frame.stop.clone()), monitor.stopped());
    let _ = tokio::join!(probing, watching);
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

/// Proxies are kept where the Configuration service and our client there are configured.
fn configuration(
    outbound: &Outbound,
    settings: &Settings,
    token: Option<Arc<ClientToken>>,
) -> Result<Option<Arc<Configuration>>> {
    let (Some(gws), Some(token)) = (&settings.gws, token) else { return Ok(None) };
    outbound.configuration(gws, token, &settings.rbac)
}

/// What queued up while the Configuration service was away is made up for when it answers again.
fn probe_of_configuration(configuration: Arc<Configuration>, bell: ProxyBell) -> Probe {
    let away = Arc::new(AtomicBool::new(false));
    let component = Component::of(Dependency::GwsConfig, false).with_effect("changes of VQ proxies queue up");
    Probe::new(component, move || {
        let (configuration, bell, away) = (configuration.clone(), bell.clone(), away.clone());
        async move {
            // A look that takes too long is dropped here and counts as one without an answer.
            let was_away = away.swap(true, Ordering::Relaxed);
            configuration.probe().await.map_err(|_| fault("no answer"))?;
            away.store(false, Ordering::Relaxed);
            if was_away {
                bell.nudge_failed();
            }
            Ok(())
        }
    })
}

/// New credentials for new connections (integrations 10.1).
fn rotation(
    store: PgStore,
    (stream, own): (Option<Login>, Option<Login>),
    vault: Arc<Vault>,
    token: Option<Arc<ClientToken>>,
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
    }
}

fn stream_settings(redis: &OrsRedis, ors: &Ors) -> RedisSettings {
    RedisSettings {
        host: redis.host.clone(),
        port: redis.port,
        cluster: redis.cluster,
        tls: redis.tls.as_ref().map(|tls| RedisTls {
            servername: Some(tls.servername.clone()),
            verify: tls.verify,
            roots_pem: None,
        }),
        login: Login::new(redis.username.clone(), redis.password.clone()),
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

fn fault(category: &'static str) -> ProbeFault {
    ProbeFault(category.into())
}

fn probes(
    store: &PgStore,
    stream: Option<Arc<RedisStream>>,
    waits: Arc<UrsWaits>,
    sessions: Arc<OrsSessions>,
) -> Vec<Probe> {
    let ors = Component::of(Dependency::Ors, false).with_effect("sessions are neither polled nor told anything");
    let store = store.clone();
    let postgres = Component::of(Dependency::Postgres, true).with_effect("no callback is handed over");
    let redis = Component::of(Dependency::OrsRedis, false).with_effect("due callbacks wait in the record");
    let urs = Component::of(Dependency::Urs, false).with_effect("waits are unknown and count as none");
    let stream = stream.map(|stream| {
        Probe::new(redis, move || {
            let stream = stream.clone();
            async move { if stream.probe().await { Ok(()) } else { Err(fault("no answer")) } }
        })
    });
    let probes = vec![
        Probe::new(postgres, move || {
            let store = store.clone();
            async move { store.probe().await.map_err(|_| fault("no answer")) }
        }),
        Probe::new(ors, move || {
            let sessions = sessions.clone();
            async move { if sessions.probe().await { Ok(()) } else { Err(fault("no answer")) } }
        }),
        Probe::new(urs, move || {
            let waits = waits.clone();
            async move {
                waits.probe().await;
                if waits.all_down_for_some_tenant() { Err(fault("every router of a tenant is down")) } else { Ok(()) }
            }
        }),
    ];
    probes.into_iter().chain(stream).collect()
}
