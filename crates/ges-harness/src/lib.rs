//! Real servers and our own programs as processes on free loopback ports, for tests and benches.
//!
//! Everything started here is ended by its process id when it is dropped.

mod cluster;
mod postgres;
mod program;
mod redis;

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};

pub use cluster::{Cluster, ClusterPlan, GwsPorts, Node, ServerPorts, Simulator};
pub use postgres::Postgres;
pub use program::{Program, Signal, cpu_time_of, http_status, workspace_binary};
pub use redis::Redis;

/// Where the servers' programs are.
#[derive(Debug, Clone, clap::Args)]
pub struct Programs {
    /// Folder of `initdb`, `pg_ctl` and `postgres`
    #[arg(long)]
    pub postgres: PathBuf,
    /// The `redis-server` program
    #[arg(long)]
    pub redis: PathBuf,
}

impl Programs {
    /// Those that `cargo xtask test` and `cargo xtask bench` found, from `GES_TEST_PG_BIN` and `GES_TEST_REDIS_BIN`.
    ///
    /// # Errors
    /// The variables are missing: run through `cargo xtask`.
    pub fn from_environment() -> Result<Self> {
        let path = |wanted: &str| {
            let found = std::env::vars_os().find(|(name, _)| name == wanted).map(|(_, value)| PathBuf::from(value));
            found.with_context(|| format!("{wanted} is not set; run through `cargo xtask`"))
        };
        Ok(Self { postgres: path("GES_TEST_PG_BIN")?, redis: path("GES_TEST_REDIS_BIN")? })
    }

    /// The environment that [`Programs::from_environment`] reads.
    pub fn environment(&self) -> [(String, String); 2] {
        let text = |path: &std::path::Path| path.display().to_string();
        [("GES_TEST_PG_BIN".to_owned(), text(&self.postgres)), ("GES_TEST_REDIS_BIN".to_owned(), text(&self.redis))]
    }
}

/// Below the range from which systems give ports to outgoing connections: one of those would take the port of a program
/// that is not there for a moment.
const PORTS: std::ops::Range<u16> = 15_000..32_000;
/// Tries before there is none.
const PORT_TRIES: u32 = 200;

/// Ports this process has chosen; they are bound only later, by the programs it starts.
static CHOSEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A loopback port that nobody uses at this moment, and that this process was not given before. Another process may still
/// take it first.
///
/// # Errors
/// The system has none.
pub fn free_port() -> Result<u16> {
    let chance = RandomState::new();
    let width = u64::from(PORTS.end - PORTS.start);
    let candidates = (0..PORT_TRIES).filter_map(|n| u16::try_from(chance.hash_one(n) % width).ok());
    let mut candidates = candidates.map(|offset| PORTS.start + offset);
    let mut chosen = CHOSEN.lock().unwrap_or_else(PoisonError::into_inner);
    let is_free = |port: &u16| !chosen.contains(port) && TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let port = candidates.find(is_free).context("no free loopback port")?;
    chosen.insert(port);
    Ok(port)
}

/// A folder for one run that the user `postgres` can reach; removed when dropped.
///
/// # Errors
/// It cannot be made.
pub fn run_folder() -> Result<tempfile::TempDir> {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::Builder::new().prefix("ges-test-").tempdir()?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_once() {
        let ports: BTreeSet<u16> = (0..500).map(|_| free_port().expect("there are thousands")).collect();
        assert_eq!(ports.len(), 500);
        assert!(ports.iter().all(|port| PORTS.contains(port)));
    }
}
