//! Where the stream is.

use std::collections::BTreeMap;
use std::time::Duration;

use ges_redis::{BadServer, Login, Server, Tls};

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
    /// Who we are there.
    pub login: Login,
    /// Name of the stream.
    pub stream: String,
    /// Other names for fields of its entries, by the usual ones.
    pub field_names: BTreeMap<String, String>,
}

impl RedisSettings {
    /// Plain text to a single node, with the usual stream.
    pub fn plain(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            cluster: false,
            tls: None,
            login: Login::none(),
            stream: crate::DEFAULT_STREAM.into(),
            field_names: BTreeMap::new(),
        }
    }

    pub(crate) fn server(&self) -> Server {
        let Self { host, port, cluster, tls, login, .. } = self.clone();
        Server { host, port, cluster, tls, login }
    }
}
