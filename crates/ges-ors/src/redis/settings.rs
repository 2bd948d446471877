//! Where the stream is.

use std::time::Duration;

use ges_redis::{BadServer, Server, Tls};
use secrecy::SecretString;

/// Longest time a command may take. A cycle of quick tries gives up after so long without progress.
pub(super) const COMMAND: Duration = Duration::from_secs(2);

/// How TLS to the stream is spoken.
pub type RedisTls = Tls;

/// The settings cannot work.
pub type BadRedisSettings = BadServer;

/// How to reach the stream. `Debug` shows no secret (I11).
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// Host of the node, or of the first node of a cluster.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether it is a cluster.
    pub cluster: bool,
    /// TLS; `None` is plain text.
    pub tls: Option<RedisTls>,
    /// ACL user; `None` is the default user.
    pub username: Option<String>,
    /// Password; `None` is no authentication.
    pub password: Option<SecretString>,
    /// Name of the stream.
    pub stream: String,
}

impl RedisSettings {
    /// Plain text to a single node, with the usual stream.
    pub fn plain(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            cluster: false,
            tls: None,
            username: None,
            password: None,
            stream: crate::DEFAULT_STREAM.into(),
        }
    }

    pub(crate) fn server(&self) -> Server {
        let Self { host, port, cluster, tls, username, password, stream: _ } = self.clone();
        Server { host, port, cluster, tls, username, password }
    }
}
