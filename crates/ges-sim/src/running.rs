//! Starting and stopping the whole simulator.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::SimClock;
use crate::control::{self, Control};
use crate::desk::Desk;
use crate::fcm::{self, Fcm};
use crate::floor::FloorSettings;
use crate::gws::{self, Gws};
use crate::http::{Door, serve};
use crate::lock::Lock;
use crate::ors::{self, EntrySource, Ors, Storage};
use crate::recaptcha::{self, Recaptcha};
use crate::stats::{self, Stats};
use crate::tenants::Seed;
use crate::urs::{self, Node, Urs};

/// The loopback ports of the peers; 0 takes a free one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// Orchestration REST.
    pub ors: u16,
    /// First router.
    pub urs_primary: u16,
    /// Second router.
    pub urs_backup: u16,
    /// Authentication service.
    pub auth: u16,
    /// Environment service.
    pub environment: u16,
    /// Configuration service.
    pub configuration: u16,
    /// Google's token endpoint and FCM.
    pub fcm: u16,
    /// reCAPTCHA.
    pub recaptcha: u16,
    /// Nexus.
    pub nexus: u16,
    /// Statistics service.
    pub statistics: u16,
    /// Control plane.
    pub control: u16,
}

impl Ports {
    /// A free port for every peer.
    pub const FREE: Self = Self {
        ors: 0,
        urs_primary: 0,
        urs_backup: 0,
        auth: 0,
        environment: 0,
        configuration: 0,
        statistics: 0,
        fcm: 0,
        recaptcha: 0,
        nexus: 0,
        control: 0,
    };
}

impl Default for Ports {
    /// The ports of integrations 0.5.
    fn default() -> Self {
        Self {
            ors: 9098,
            urs_primary: 5580,
            urs_backup: 5581,
            auth: 8095,
            environment: 8091,
            configuration: 8092,
            fcm: 9101,
            recaptcha: 9102,
            nexus: 9103,
            statistics: 8094,
            control: 9900,
        }
    }
}

/// What a simulator is started with.
#[derive(Debug, Clone, PartialEq)]
pub struct SimSettings {
    /// Where the peers listen, on the loopback only.
    pub ports: Ports,
    /// Seed of everything random on the floor.
    pub seed: u64,
    /// The agent floor.
    pub floor: FloorSettings,
    /// Tenants and clients.
    pub tenants: Seed,
    /// Base URL of GES for sessions that are started by REST and name none; ends with `/genesys`.
    pub ges_url: Option<String>,
    /// How often a session repeats an update that was not answered, one second apart.
    pub update_retries: u32,
}

impl Default for SimSettings {
    fn default() -> Self {
        Self {
            ports: Ports::default(),
            seed: 1,
            floor: FloorSettings::default(),
            tenants: Seed::default(),
            ges_url: None,
            update_retries: 3,
        }
    }
}

/// Where the peers listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// Orchestration REST.
    pub ors: SocketAddr,
    /// First router.
    pub urs_primary: SocketAddr,
    /// Second router.
    pub urs_backup: SocketAddr,
    /// Authentication service.
    pub auth: SocketAddr,
    /// Environment service.
    pub environment: SocketAddr,
    /// Configuration service.
    pub configuration: SocketAddr,
    /// Google's token endpoint and FCM.
    pub fcm: SocketAddr,
    /// reCAPTCHA.
    pub recaptcha: SocketAddr,
    /// Nexus.
    pub nexus: SocketAddr,
    /// Statistics service.
    pub statistics: SocketAddr,
    /// Control plane.
    pub control: SocketAddr,
}

/// The simulator did not start; nothing of it runs.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port is taken or not allowed.
    #[error("{peer} cannot listen on 127.0.0.1:{port}")]
    Listen {
        /// The peer.
        peer: &'static str,
        /// The port.
        port: u16,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The client of sessions cannot be built.
    #[error("the HTTP client of the sessions cannot be built")]
    Client(#[source] reqwest::Error),
}

/// The simulated outside world.
#[derive(Debug)]
pub struct Sim {
    addresses: Addresses,
    service_account: String,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Sim {
    /// Binds every port, then starts every peer; with a source, sessions start from its entries.
    ///
    /// # Errors
    /// [`StartError`] when a port is taken or the client of sessions cannot be built.
    pub async fn start(settings: SimSettings, source: Option<Arc<dyn EntrySource>>) -> Result<Self, StartError> {
        // Fails only when the process has chosen already, and then that choice holds.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ports = settings.ports;
        let ors_listener = listen("the orchestration server", ports.ors).await?;
        let primary = listen("the first router", ports.urs_primary).await?;
        let backup = listen("the second router", ports.urs_backup).await?;
        let auth = listen("the authentication service", ports.auth).await?;
        let environment = listen("the environment service", ports.environment).await?;
        let configuration = listen("the configuration service", ports.configuration).await?;
        let push = listen("the push provider", ports.fcm).await?;
        let human = listen("reCAPTCHA", ports.recaptcha).await?;
        let nexus = listen("Nexus", ports.nexus).await?;
        let statistics = listen("the statistics service", ports.statistics).await?;
        let control = listen("the control plane", ports.control).await?;
        let addresses = Addresses {
            ors: ors_listener.1,
            urs_primary: primary.1,
            urs_backup: backup.1,
            auth: auth.1,
            environment: environment.1,
            configuration: configuration.1,
            fcm: push.1,
            recaptcha: human.1,
            nexus: nexus.1,
            statistics: statistics.1,
            control: control.1,
        };
        let (clock, tasks, stop) = (SimClock::start(), TaskTracker::new(), CancellationToken::new());
        let desk = Arc::new(Desk::new(settings.floor.clone(), settings.seed, clock));
        let gws = Arc::new(Gws::new(settings.tenants.clone(), clock));
        let urs = Arc::new(Urs { desk: desk.clone(), gws: gws.clone(), state: Lock::default(), clock });
        let stats = Arc::new(Stats { desk: desk.clone(), gws: gws.clone(), state: Lock::default(), clock });
        let ors = Arc::new(Ors::new(
            desk.clone(),
            Storage::new(settings.update_retries).map_err(StartError::Client)?,
            format!("http://{}", addresses.ors),
            settings.ges_url,
            clock,
            tasks.clone(),
            stop.clone(),
        ));
        let fcm = Arc::new(Fcm::new(clock, format!("http://{}/token", addresses.fcm)));
        let service_account = fcm.service_account().to_string();
        let recaptcha = Arc::new(Recaptcha::new(clock));
        let door = Arc::new(Door { clock, faults: Lock::default(), recordings: Lock::default() });
        let plane = Arc::new(Control {
            door: door.clone(),
            desk: desk.clone(),
            ors: ors.clone(),
            urs: urs.clone(),
            gws: gws.clone(),
            fcm: fcm.clone(),
            recaptcha: recaptcha.clone(),
            stats: stats.clone(),
            seed: settings.tenants,
            floor: settings.floor,
        });
        let peers = [
            ("ors", ors_listener.0, ors::router(ors.clone())),
            ("urs.primary", primary.0, urs::router(urs.clone(), Node::First, addresses.urs_primary.port())),
            ("urs.backup", backup.0, urs::router(urs, Node::Second, addresses.urs_backup.port())),
            ("auth", auth.0, gws::auth(gws.clone())),
            ("env", environment.0, gws::environment(gws.clone())),
            ("conf", configuration.0, gws::configuration(gws)),
            ("fcm", push.0, fcm::router(fcm.clone())),
            ("nexus", nexus.0, fcm::nexus(fcm)),
            ("recaptcha", human.0, recaptcha::router(recaptcha)),
            ("stats", statistics.0, stats::router(stats)),
        ];
        for (target, listener, peer) in peers {
            tasks.spawn(serve(target, listener, peer, door.clone(), stop.clone()));
        }
        let plane_stop = stop.clone();
        tasks.spawn(async move {
            let plane = axum::serve(control.0, control::router(plane));
            if let Err(error) = plane.with_graceful_shutdown(plane_stop.cancelled_owned()).await {
                tracing::error!(error = %error, "the control plane stopped serving");
            }
        });
        let floor_stop = stop.clone();
        tasks.spawn(async move { desk.run(floor_stop).await });
        if let Some(source) = source {
            tasks.spawn(ors::consume(source, ors));
        }
        tasks.close();
        Ok(Self { addresses, service_account, tasks, stop })
    }

    /// Where the peers listen.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// A push credential that the simulated Google accepts, as a tenant would paste it.
    pub fn service_account(&self) -> String {
        self.service_account.clone()
    }

    /// Ends every session, finishes open requests, closes the ports. Sessions end without a word, as in a crash of the
    /// real thing.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn listen(peer: &'static str, port: u16) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |cause| StartError::Listen { peer, port, cause };
    let listener = TcpListener::bind((IpAddr::V4(Ipv4Addr::LOCALHOST), port)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}
