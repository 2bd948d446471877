//! What the process is made of, and in which order it starts and ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use ges_config::{Captcha, Discovery, Gws, Loaded, Settings, Urs};
use ges_domain::CallbackId;
use ges_domain::ports::{Clock, Record as _};
use ges_domain::use_cases::{BulkAct, CarryOutWishes, CurrentWait, RequestCallIn};
use ges_gws::{ClientToken, Environment};
use ges_monitor::{
    BulkPorts, Monitor, MonitorPorts, MonitorSettings, ProxyBell, ProxyPorts, PushPorts, WatchPorts, WatchSessions,
    drive,
};
use ges_ors::{LocalNews, LocalStream, Origin};
use ges_phone::Plan;
use ges_process::{
    Frame, Outbound, RandomIds, SecureChance, WithinASecond, areas, gate, publisher, router_states, use_new_keys,
    usual_mode, vault,
};
use ges_rest::{
    Api, Component, Console, Endpoints, Gate, Health, Host, InsideParts, Limits, Observed, Parts, Probe, ProbeFault,
    Prober, ServeLimits, TenantHeaders, external_router, internal_router, serve,
};
use ges_sim::floor::FloorSettings;
use ges_sim::{Addresses, Ports, Seed, Sim, SimSettings};
use ges_sqlite::SqliteStore;
use ges_telemetry::{Dependency, Layout};
use ges_urs::UrsWaits;
use ges_vault::Vault;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;
use uuid::Uuid;

use crate::Options;
use crate::console::break_glass;
use crate::house::House;
use crate::node::OneNode;
use crate::story::PushStory;
use crate::stream::LocalSource;
use crate::welcome::Welcome;
use crate::{seed, story};

/// How often memories of old waits are dropped.
const FORGET_EVERY: Duration = Duration::from_secs(300);
/// How long running requests may take at the end.
const DRAIN_WITHIN: Duration = Duration::from_secs(5);

/// Runs until told to stop.
pub(crate) async fn run(loaded: Loaded, options: Options) -> Result<()> {
    let frame = Frame::start(loaded, Layout::Text)?;
    let settings = &frame.settings;
    let external = listen(settings, settings.server.external_port, "GES_SERVER__EXTERNAL_PORT").await?;
    let internal = listen(settings, settings.server.internal_port, "GES_SERVER__INTERNAL_PORT").await?;
    let (external_at, internal_at) = (external.local_addr()?, internal.local_addr()?);
    let house = House::enter(&settings.data_dir)?;
    Plan::warm_up();

    let monitoring = MonitorSettings::of(frame.node.clone());
    let store = SqliteStore::open(&house.record(), monitoring.lease)
        .await
        .with_context(|| format!("cannot open {}", house.record().display()))?;
    let clock: Arc<dyn Clock> = store.clock();
    let seeded = seed::plant(&Arc::new(store.clone())).await?;

    let ges_url = settings.server.ges_url(internal_at.port()).to_string();
    let ges_url = ges_url.trim_end_matches('/').to_owned();
    let stream = Arc::new(LocalStream::new(Origin {
        ges_url: ges_url.clone(),
        region: None,
        ewt_mode: usual_mode(&settings.urs),
    }));
    let world = SimSettings {
        ports: Ports::FREE,
        seed: options.seed,
        floor: FloorSettings::default().with_agents(options.agents).with_speed(options.speed),
        tenants: Seed::default(),
        ges_url: Some(ges_url),
        ..SimSettings::default()
    };
    let sim = Sim::start(world, Some(Arc::new(LocalSource(stream.clone())))).await?;

    let outbound = Outbound::new(&frame.metrics, None)?;
    let gws = gws_of(&sim.addresses())?;
    let (environment, token) = outbound.environment(&gws)?;
    let urs = urs_of(&sim.addresses(), settings)?;
    let directory = outbound.directory(&urs.discovery, &settings.ors.url, None, &frame.stop)?;
    let waits = outbound.waits(&urs, directory, None, Some(environment.clone()))?;
    let bell = ProxyBell::default();
    let wait = Arc::new(CurrentWait::new(Arc::new(WithinASecond(waits.clone()))).by_default(usual_mode(&urs)));
    let node = outbound.sessions(&settings.ors, &format!("http://{}", sim.addresses().ors), None, None)?;
    let sessions = Arc::new(OneNode(Arc::new(node)));

    let key = match &settings.credentials_key {
        Some(key) => key.clone(),
        None => house.credentials_key()?,
    };
    let vault = vault(Some(&key), Arc::new(store.clone()))?;
    let lock = gate(&settings.internal_auth)?;
    let statistics = outbound.statistics(&gws, vault.clone())?;
    let captcha = Captcha {
        base_url: url(sim.addresses().recaptcha)?,
        enterprise_url: url(sim.addresses().recaptcha)?,
        let_in_unverified: settings.captcha.let_in_unverified,
    };
    let token_uri = url(sim.addresses().fcm)?.join("token").context("invariant: a path joins a URL")?;
    let to_sim = ges_config::Push { nexus: None, fcm_url: url(sim.addresses().fcm)?, token_uri: Some(token_uri) };
    seed::provision_credentials(&*vault, &sim.service_account()).await?;
    let provider = outbound.push(&to_sim, vault.clone(), clock.clone());
    let news = Arc::new(LocalNews::default());
    let push = provider.clone().map(|provider| PushPorts {
        notices: Arc::new(store.clone()),
        news: news.clone(),
        provider,
        call_in: Arc::new(RequestCallIn::over(
            &Arc::new(store.clone()),
            Arc::new(Plan),
            clock.clone(),
            Arc::new(RandomIds),
            Arc::new(SecureChance),
        )),
        gauges: Arc::new(PushStory { metrics: frame.metrics.clone(), clock: clock.clone(), quiet: options.quiet }),
    });

    let configuration = outbound.configuration(&gws, token.clone(), &settings.rbac)?;
    let probes = probes(&store, environment.clone(), token, waits.clone());
    let host = Host {
        version: env!("CARGO_PKG_VERSION").into(),
        host: frame.node.clone(),
        role: "standalone",
        region: settings.region_affinity.clone(),
    };
    let unprobed = ["gwsStats", "recaptcha", "push"].map(|name| Component::named(name, false, false));
    let health = Health::new(host, probes.iter().map(Probe::component).chain(unprobed));
    outbound.tell(&health, clock.clone());
    let routers = waits.clone();
    health.show_nodes(Dependency::Urs.name(), move || router_states(&routers));
    health.configured();
    health.migrated();
    let observed = Observed::new(health.clone(), frame.metrics.clone());
    let parts = Parts {
        wait: wait.clone(),
        waits,
        statistics,
        plan: Arc::new(Plan),
        sessions: sessions.clone(),
        requests: sessions.clone(),
        news: news.clone(),
        human: outbound.human(&captcha, vault.clone()),
        credentials: vault.clone(),
        keys: environment.clone(),
        origins: environment,
        clock: clock.clone(),
        ids: Arc::new(RandomIds),
        chance: Arc::new(SecureChance),
        observed: observed.clone(),
        published: Arc::new(bell.clone()),
        endpoints: Endpoints {
            ors: vec![format!("http://{}", sim.addresses().ors)],
            urs: vec![
                format!("http://{}", sim.addresses().urs_primary),
                format!("http://{}", sim.addresses().urs_backup),
            ],
            found: None,
        },
        inside: InsideParts {
            areas: areas(None, clock.clone())?,
            publisher: provider.map(publisher),
            guide: Arc::new(Plan),
            gate: lock.clone(),
            single_tenant: settings.single_tenant,
        },
    };
    let mut api = Api::over(&Arc::new(store.clone()), parts);
    let sign_in = outbound.sign_in(&gws)?;
    let console = crate::console::console(settings, sign_in.clone(), configuration.clone(), &store);
    frame.when_secrets_change(rotation(lock, console.clone(), vault.clone()));
    api.console = Some(console);
    api.callers = Some(sign_in);
    let api = Arc::new(api);

    let welcome =
        Welcome { external: external_at, internal: internal_at, sim: sim.addresses(), record: house.record(), seeded };
    println!("{welcome}");
    let telling = (!options.quiet).then(|| tokio::spawn(story::tell(store.changes())));

    // The listeners outlive sessions and monitors, so that what those still say arrives.
    let last = CancellationToken::new();
    let tasks = TaskTracker::new();
    let limits = ServeLimits { linger: Duration::ZERO, drain_within: DRAIN_WITHIN, ..ServeLimits::default() };
    let served = |listener, router| {
        tokio::spawn(serve(listener, router, limits.clone(), tasks.clone(), health.clone(), last.clone()))
    };
    let tenant_headers =
        if settings.server.reject_tenant_headers { TenantHeaders::Reject } else { TenantHeaders::Strip };
    let outside_limits =
        Limits::external().with_tenant_headers(tenant_headers).behind(settings.server.trusted_proxies.clone());
    let inside = served(internal, internal_router(api.clone(), Limits::internal(), tasks.clone()));
    let outside = served(external, external_router(api.clone(), outside_limits, tasks.clone()));
    let prober = Prober { observed, clock: clock.clone(), probes };
    let probing = tokio::spawn(prober.run(frame.stop.clone()));
    let (forgotten, forget_clock) = (wait.clone(), clock.clone());
    let console = api.console.clone();
    let forgetting = tokio::spawn(frame.stop.clone().run_until_cancelled_owned(async move {
        loop {
            tokio::time::sleep(FORGET_EVERY).await;
            forgotten.forget_old(forget_clock.now());
            if let Some(console) = &console
                && let Err(error) = console.purge().await
            {
                tracing::warn!(error = &error as &dyn std::error::Error, "sessions that are over were not deleted");
            }
        }
    }));
    let bulk = BulkPorts {
        jobs: Arc::new(store.clone()),
        act: Arc::new(BulkAct::over(
            &Arc::new(store.clone()),
            sessions.clone(),
            wait.clone(),
            Arc::new(Plan),
            clock.clone(),
            Arc::new(RandomIds),
        )),
    };
    let ports = MonitorPorts {
        shards: Arc::new(store.clone()),
        handover: Arc::new(store.clone()),
        kept: Arc::new(store.clone()),
        catalogue: Arc::new(store.clone()),
        stream,
        sessions: sessions.clone(),
        wait,
        plan: Arc::new(Plan),
        call_ins: Arc::new(store.clone()),
        clock: clock.clone(),
        wake_ups: store.wake_ups(),
        gauges: Arc::new(frame.metrics.clone()),
        pauses: Arc::new(store.clone()),
        bulk: Some(bulk),
        push,
        proxies: configuration.map(|proxies| ProxyPorts {
            services: Arc::new(store.clone()),
            proxies,
            gauges: Arc::new(frame.metrics.clone()),
            bell,
        }),
    };
    let monitor = Monitor::start(ports, monitoring, frame.stop.clone());
    let shared = Arc::new(store.clone());
    let mut watch = WatchSessions::new(WatchPorts {
        held: shared.clone(),
        former: shared.clone(),
        requests: sessions.clone(),
        news,
        record: shared.clone(),
        wishes: CarryOutWishes { record: shared.clone(), catalogue: shared, sessions, clock: clock.clone() },
        clock,
    });
    let watch_stop = frame.stop.clone();
    let watching = tokio::spawn(async move { drive(&mut watch, &watch_stop).await });

    frame.stop.cancelled().await;
    monitor.stopped().await;
    let _ = tokio::join!(watching, probing, forgetting);
    sim.stop().await;
    last.cancel();
    let _ = tokio::join!(inside, outside);
    store.close().await;
    drop((store, api));
    if let Some(telling) = telling {
        // It ends with the last handle of the store; one that lingers must not keep the process.
        let _ = tokio::time::timeout(Duration::from_millis(200), telling).await;
    }
    Ok(())
}

/// What is shown to this process from now on, and what it seals with (integrations 10.1); everything it shows to others is simulated.
fn rotation(lock: Gate, console: Arc<Console>, vault: Arc<Vault>) -> impl FnMut(&Settings) + Send {
    move |settings| {
        match gate(&settings.internal_auth) {
            Ok(changed) => lock.change(&changed),
            Err(error) => tracing::warn!(%error, "internal callers show what they showed before"),
        }
        console.change_break_glass(break_glass(settings));
        // Without one the key of the data folder is in use.
        if let Some(key) = &settings.credentials_key {
            use_new_keys(&vault, Some(key));
        }
    }
}

async fn listen(settings: &Settings, port: u16, key: &str) -> Result<TcpListener> {
    let address = SocketAddr::new(settings.server.bind_address, port);
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| format!("cannot listen on {address}; set {key} to another port, 0 for a free one"))
}

/// The simulated services and the client they know.
fn gws_of(sim: &Addresses) -> Result<Gws> {
    Ok(Gws {
        auth_url: url(sim.auth)?,
        env_url: url(sim.environment)?,
        conf_url: Some(url(sim.configuration)?),
        stats_url: Some(url(sim.statistics)?),
        public_auth_url: Some(url(sim.auth)?),
        client_id: Seed::CLIENT_ID.into(),
        client_secret: SecretString::from(Seed::CLIENT_SECRET.to_owned()),
    })
}

fn urs_of(sim: &Addresses, settings: &Settings) -> Result<Urs> {
    let discovery = Discovery::Routers(vec![url(sim.urs_primary)?, url(sim.urs_backup)?]);
    Ok(Urs { discovery, ..settings.urs.clone() })
}

fn url(address: SocketAddr) -> Result<Url> {
    Url::parse(&format!("http://{address}")).context("invariant: an address makes a URL")
}

fn fault(category: &'static str) -> ProbeFault {
    ProbeFault(category.into())
}

fn probes(
    store: &SqliteStore,
    environment: Arc<Environment>,
    token: Arc<ClientToken>,
    waits: Arc<UrsWaits>,
) -> Vec<Probe> {
    let store = store.clone();
    let record = Component::named("sqlite", true, true).with_effect("no callback can be booked or read");
    let gws_env = Component::of(Dependency::GwsEnv, false).with_effect("API keys not seen lately cannot be resolved");
    let gws_auth = Component::of(Dependency::GwsAuth, false).with_effect("no new token for GWS");
    let urs = Component::of(Dependency::Urs, false).with_effect("waits are unknown and count as none").patient();
    vec![
        Probe::new(record, move || {
            let store = store.clone();
            async move { store.tenant_of(CallbackId(Uuid::nil())).await.map(drop).map_err(|_| fault("no answer")) }
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
