//! The process that holds the test servers, and the run's end of it.
//!
//! Servers must end with the test run, however it ends, `kill -9` included. So a second process holds them, the keeper:
//! its standard input is a pipe from the run, and when the pipe ends, it ends the servers and itself. It has a process
//! group of its own, so Ctrl-C reaches the run alone.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use ges_harness::{Postgres, Programs, Redis, run_folder};

const READY: &str = "ready";

/// Starts the servers, prints their addresses, and ends them when standard input ends.
///
/// # Errors
/// A server does not start; what had started is ended.
pub(crate) fn keep(programs: &Programs) -> Result<()> {
    let folder = run_folder()?;
    let postgres = Postgres::start(&programs.postgres, &folder.path().join("postgres"), None, true)?;
    let redis = Redis::start(&programs.redis, &folder.path().join("redis"))?;
    println!("GES_TEST_PG_URL={}\nGES_TEST_REDIS_URL={}\n{READY}", postgres.url(), redis.url());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// The run's end: environment of the tests, and the servers' life.
pub(crate) struct Kept {
    keeper: Child,
    /// Names and values for the tests.
    pub(crate) environment: Vec<(String, String)>,
}

impl Kept {
    /// Starts the keeper and waits until its servers answer.
    ///
    /// # Errors
    /// The keeper ended before its servers were ready; why is on standard error.
    pub(crate) fn start(programs: &Programs) -> Result<Self> {
        let mut keeper = Command::new(std::env::current_exe()?)
            .arg("keep")
            .arg("--postgres")
            .arg(&programs.postgres)
            .arg("--redis")
            .arg(&programs.redis)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("cannot start the keeper of the test servers")?;
        let output = keeper.stdout.take().context("invariant: standard output is a pipe")?;
        let mut kept = Self { keeper, environment: programs.environment().into() };
        for line in BufReader::new(output).lines() {
            let line = line?;
            if line == READY {
                return Ok(kept);
            }
            kept.environment.extend(line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        bail!("the test servers did not start");
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}
