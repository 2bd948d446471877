//! Private PostgreSQL and Redis on free loopback ports.
//!
//! They must end with the test run, however it ends, `kill -9` included. So a second process holds them, the keeper:
//! its standard input is a pipe from the run, and when the pipe ends, it ends the servers and itself. It has a process
//! group of its own, so Ctrl-C reaches the run alone.

mod keeper;
mod postgres;
mod redis;

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use anyhow::Result;

pub(crate) use keeper::{Kept, keep};
pub(crate) use postgres::Postgres;
pub(crate) use redis::Redis;

/// Where the servers' programs are.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Programs {
    /// Folder of `initdb`, `pg_ctl` and `postgres`
    #[arg(long)]
    pub(crate) postgres: PathBuf,
    /// The `redis-server` program
    #[arg(long)]
    pub(crate) redis: PathBuf,
}

/// A loopback port that nobody uses at this moment.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
