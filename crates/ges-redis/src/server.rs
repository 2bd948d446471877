//! Where a Redis is and how to get in.

use std::sync::Arc;
use std::time::Duration;

use fred::types::Builder;
use fred::types::config::{
    self, ClusterDiscoveryPolicy, Config, ReconnectError, ReconnectPolicy, ServerConfig, UnresponsiveConfig,
};

use crate::{Login, tls};

/// Longest time a command may take.
pub(crate) const COMMAND: Duration = Duration::from_secs(2);
const CONNECT: Duration = Duration::from_secs(2);
/// A connection that owes an answer for so long is closed; above [`COMMAND`], so that single slow commands do not count.
pub(crate) const UNRESPONSIVE: Duration = Duration::from_secs(4);

/// How to reach a Redis. `Debug` shows no secret (I11).
#[derive(Debug, Clone)]
pub struct Server {
    /// Host of the node, or of the first node of a cluster.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether it is a cluster.
    pub cluster: bool,
    /// TLS; `None` is plain text.
    pub tls: Option<Tls>,
    /// Who we are there.
    pub login: Login,
}

/// How TLS is spoken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Name for SNI and for the check of the certificate; `None` is the host.
    pub servername: Option<String>,
    /// `false` takes every certificate, and a warning is logged at the start (`rejectUnauthorized=false`).
    pub verify: bool,
    /// Certificates in PEM to trust besides those of the system.
    pub roots_pem: Option<Vec<u8>>,
}

/// The settings cannot work.
#[derive(Debug, thiserror::Error)]
pub enum BadServer {
    /// The given certificates do not read.
    #[error("the certificates to trust are not readable PEM")]
    Roots(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// TLS with verification needs something to trust.
    #[error("there is no certificate to trust: neither given nor in the system")]
    NothingTrusted,
    /// The client does not take the settings.
    #[error("the client cannot be built")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Server {
    /// Plain text to a single node.
    pub fn plain(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port, cluster: false, tls: None, login: Login::none() }
    }

    /// A client that is not a [`Link`](crate::Link). Everything that bounds or repeats is set here and nowhere left to a default.
    ///
    /// # Errors
    /// [`BadServer`] when the settings can never work.
    pub fn builder(&self) -> Result<Builder, BadServer> {
        self.builder_among(&[])
    }

    /// The same with nodes of the cluster that are `known` already: the one that was configured may be the one that is lost.
    pub(crate) fn builder_among(&self, known: &[config::Server]) -> Result<Builder, BadServer> {
        let servername = self.tls.as_ref().and_then(|tls| tls.servername.as_deref());
        let server = config::Server {
            host: self.host.as_str().into(),
            port: self.port,
            tls_server_name: servername.map(Into::into),
        };
        let server = match self.cluster {
            true => ServerConfig::Clustered {
                hosts: [&[server], known].concat(),
                // For the same reason: every primary that was ever heard of may tell who replaced another one.
                policy: ClusterDiscoveryPolicy::UseCache,
            },
            false => ServerConfig::Centralized { server },
        };
        let config = Config {
            // A server that is away at our start is a server that is away: the client keeps trying.
            fail_fast: false,
            server,
            credential_provider: Some(Arc::new(self.login.clone())),
            tls: self.tls.as_ref().map(tls::config).transpose()?,
            ..Config::default()
        };
        let mut builder = Builder::from_config(config);
        builder
            .with_connection_config(|connection| {
                connection.connection_timeout = CONNECT;
                connection.internal_command_timeout = COMMAND;
                // Whether a lost command was executed nobody knows; whoever sent it decides about a repeat.
                connection.max_command_attempts = 1;
                connection.unresponsive =
                    UnresponsiveConfig { max_timeout: Some(UNRESPONSIVE), interval: Duration::from_secs(1) };
                connection.tcp.nodelay = Some(true);
                connection.reconnect_on_auth_error = true;
                // The primary has become a replica, or is not yet one again: behind the same name may be another one now.
                connection.reconnect_errors = vec![
                    ReconnectError::ClusterDown,
                    ReconnectError::ReadOnly,
                    ReconnectError::MasterDown,
                    ReconnectError::Loading,
                ];
            })
            .with_performance_config(|performance| performance.default_command_timeout = COMMAND)
            .set_policy(reconnect());
        Ok(builder)
    }
}

/// For ever, from 100 ms to 5 s, with jitter.
fn reconnect() -> ReconnectPolicy {
    let mut policy = ReconnectPolicy::new_exponential(0, 100, 5_000, 2);
    policy.set_jitter(100);
    policy
}
