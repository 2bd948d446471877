//! How our own Redis is reached.

use ges_config::Redis;
use ges_redis::{Login, Server, Tls};

/// The server of these settings; over TLS its name is verified.
pub fn own_redis(redis: &Redis) -> Server {
    let Redis { host, port, secure, cluster, password } = redis.clone();
    let tls = secure.then(|| Tls { servername: Some(host.clone()), verify: true, roots_pem: None });
    Server { host, port, cluster, tls, login: Login::new(None, password) }
}
