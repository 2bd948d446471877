//! How to reach the server, and every limit of the way there.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ges_domain::ports::StoreError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::{ConnectOptions, Connection};

use crate::error::unavailable;

/// A connection that lay idle for longer is asked whether it is alive before it is used.
const RESTED: Duration = Duration::from_secs(1);

/// Connection settings of one process. `Debug` shows neither user nor password (I11).
#[derive(Clone)]
pub struct PgSettings {
    /// `postgres://user:password@host:port/database?sslmode=…`.
    pub url: String,
    /// Whether the server has to prove its name; without it the URL's `sslmode` decides.
    pub tls_verify: bool,
    /// Certificates that TLS trusts besides the system's, as a PEM file.
    pub tls_root: Option<PathBuf>,
    /// What the server shows as the client's name.
    pub application_name: String,
    /// Most pooled connections of this process; a listening process has one more. At least 2.
    pub max_connections: u32,
    /// Connections kept open while nothing happens.
    pub min_connections: u32,
    /// Longest wait for a connection, 2 to 3 s.
    pub acquire_timeout: Duration,
    /// Longest run of one statement.
    pub statement_timeout: Duration,
    /// Longest wait for a lock.
    pub lock_timeout: Duration,
    /// Longest pause inside a transaction before the server ends it.
    pub idle_in_transaction_timeout: Duration,
    /// How long a node may be silent before it loses its shards; longer than two heartbeats.
    pub lease: Duration,
}

impl PgSettings {
    /// Defaults around a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            tls_verify: false,
            tls_root: None,
            application_name: "ges".into(),
            max_connections: 10,
            min_connections: 1,
            acquire_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(3),
            idle_in_transaction_timeout: Duration::from_secs(5),
            lease: Duration::from_millis(3_200),
        }
    }

    /// Options of every pooled connection.
    pub(crate) fn connect_options(&self) -> Result<PgConnectOptions, StoreError> {
        let ms = |limit: Duration| limit.as_millis().to_string();
        Ok(self.plain_options()?.options([
            ("statement_timeout", ms(self.statement_timeout)),
            ("lock_timeout", ms(self.lock_timeout)),
            ("idle_in_transaction_session_timeout", ms(self.idle_in_transaction_timeout)),
            // Every statement of this crate has its index and reads it in its order, a few rows at a time. Plans must be that
            // way whatever the statistics say: those of a table that has just filled up say that it is empty.
            ("enable_seqscan", "off".into()),
            ("enable_bitmapscan", "off".into()),
            ("enable_sort", "off".into()),
            ("enable_hashjoin", "off".into()),
            ("enable_mergejoin", "off".into()),
            ("jit", "off".into()),
        ]))
    }

    /// Options without limits, for migrations and for listening.
    pub(crate) fn plain_options(&self) -> Result<PgConnectOptions, StoreError> {
        let mut options = PgConnectOptions::from_str(&self.url).map_err(unavailable)?;
        options = options.application_name(&self.application_name).disable_statement_logging();
        if self.tls_verify {
            options = options.ssl_mode(PgSslMode::VerifyFull);
        }
        if let Some(root) = &self.tls_root {
            options = options.ssl_root_cert(root);
        }
        Ok(options)
    }

    pub(crate) fn pool_options(&self) -> PgPoolOptions {
        PgPoolOptions::new()
            .max_connections(self.max_connections.max(2))
            .min_connections(self.min_connections)
            .acquire_timeout(self.acquire_timeout)
            .idle_timeout(Duration::from_secs(300))
            .max_lifetime(Duration::from_secs(1800))
            // Only a connection that has rested may have died unnoticed; asking it is a round trip, not a statement.
            .test_before_acquire(false)
            .before_acquire(|connection, rest| {
                Box::pin(async move {
                    if rest.idle_for > RESTED {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
    }
}

impl fmt::Debug for PgSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgSettings")
            .field("application_name", &self.application_name)
            .field("max_connections", &self.max_connections)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_credentials() {
        let shown = format!("{:?}", PgSettings::new("postgres://ada:lovelace@db/ges"));
        assert!(!shown.contains("ada") && !shown.contains("lovelace"), "I11: {shown}");
    }
}
