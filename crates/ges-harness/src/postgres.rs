//! A PostgreSQL of our own. The server refuses root, so as root everything runs as the user `postgres`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use super::free_port;

/// A port may be taken between choosing it and binding it.
const ATTEMPTS: u32 = 5;

/// A running server; ends when dropped, unless it is left alone.
#[derive(Debug)]
pub struct Postgres {
    bin: PathBuf,
    data: PathBuf,
    port: u16,
    throwaway: bool,
    settings: Vec<String>,
    left_alone: bool,
}

impl Postgres {
    /// Starts a server on data in `folder`, which is made when it is not there.
    ///
    /// `throwaway`: faster, and worthless after a crash. `port`: `None` for a free one.
    ///
    /// # Errors
    /// With the end of the server's log.
    pub fn start(bin: &Path, folder: &Path, port: Option<u16>, throwaway: bool) -> Result<Self> {
        Self::start_with(bin, folder, port, throwaway, Vec::new())
    }

    /// The same with further settings, `name=value` each.
    ///
    /// # Errors
    /// With the end of the server's log.
    pub fn start_with(
        bin: &Path,
        folder: &Path,
        port: Option<u16>,
        throwaway: bool,
        settings: Vec<String>,
    ) -> Result<Self> {
        let shell = Shell::new()?;
        let (user, data, log) = (user(&shell)?, folder.join("data"), folder.join("log"));
        let user = user.as_slice();
        if !data.join("PG_VERSION").exists() {
            prepare(&shell, folder, user)?;
            let initdb = bin.join("initdb");
            let options = ["-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"];
            cmd!(shell, "env {user...} {initdb} -D {data} {options...}").quiet().ignore_stdout().run()?;
        }
        let pg_ctl = bin.join("pg_ctl");
        for _ in 0..ATTEMPTS {
            let at = port.map_or_else(free_port, Ok)?;
            let flags = flags(at, folder, throwaway, &settings);
            let start = cmd!(shell, "env {user...} {pg_ctl} -D {data} -w -t 60 -l {log} -o {flags} start");
            if start.quiet().ignore_stdout().ignore_stderr().run().is_ok() {
                return Ok(Self { bin: bin.to_owned(), data, port: at, throwaway, settings, left_alone: false });
            }
        }
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        bail!("PostgreSQL does not start:\n{}", lines[lines.len().saturating_sub(15)..].join("\n"));
    }

    /// URL of the maintenance database, as superuser.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Runs SQL in a database as superuser with `psql`; answers its rows, one a line, columns separated by `|`.
    ///
    /// # Errors
    /// With what `psql` says.
    pub fn sql(&self, database: &str, statements: &str) -> Result<String> {
        let (shell, psql, port) = (Shell::new()?, program(&self.bin, "psql"), self.port.to_string());
        let quiet = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"];
        let at = ["-h", "127.0.0.1", "-p", &port, "-U", "postgres", "-d", database];
        Ok(cmd!(shell, "{psql} {quiet...} {at...} -c {statements}").quiet().read()?)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Process id of its first process.
    ///
    /// # Errors
    /// It has not started.
    pub fn id(&self) -> Result<u32> {
        let text = std::fs::read_to_string(self.data.join("postmaster.pid"))?;
        text.lines().next().and_then(|line| line.trim().parse().ok()).context("no process id in postmaster.pid")
    }

    /// Breaks it off as a crash would (`immediate`), or ends it in order (`fast`); [`Postgres::start_again`] follows.
    ///
    /// # Errors
    /// It does not end.
    pub fn halt(&self, crash: bool) -> Result<()> {
        let (shell, pg_ctl, data) = (Shell::new()?, self.bin.join("pg_ctl"), &self.data);
        let (user, mode) = (user(&shell)?, if crash { "immediate" } else { "fast" });
        cmd!(shell, "env {user...} {pg_ctl} -D {data} -w -m {mode} stop").quiet().ignore_stdout().run()?;
        Ok(())
    }

    /// Starts it again on the same port and data.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_again(&self) -> Result<()> {
        let (shell, pg_ctl, data) = (Shell::new()?, self.bin.join("pg_ctl"), &self.data);
        let (user, folder) = (user(&shell)?, data.parent().unwrap_or(data));
        let (log, flags) = (folder.join("log"), flags(self.port, folder, self.throwaway, &self.settings));
        cmd!(shell, "env {user...} {pg_ctl} -D {data} -w -t 60 -l {log} -o {flags} start")
            .quiet()
            .ignore_stdout()
            .run()?;
        Ok(())
    }

    /// Lets the server live on.
    pub fn leave(mut self) {
        self.left_alone = true;
    }

    /// Ends the server on data in `folder`, if there is one. `false` when there is none.
    ///
    /// # Errors
    /// The server does not end.
    pub fn stop(bin: &Path, folder: &Path) -> Result<bool> {
        let data = folder.join("data");
        if !Self::runs(bin, folder)? {
            return Ok(false);
        }
        let (shell, pg_ctl) = (Shell::new()?, bin.join("pg_ctl"));
        let user = user(&shell)?;
        cmd!(shell, "env {user...} {pg_ctl} -D {data} -w -m fast stop").quiet().ignore_stdout().run()?;
        Ok(true)
    }

    /// Whether a server works on data in `folder`; `pg_ctl` goes by the process id in it.
    ///
    /// # Errors
    /// `pg_ctl` cannot be run.
    pub fn runs(bin: &Path, folder: &Path) -> Result<bool> {
        let (shell, pg_ctl, data) = (Shell::new()?, bin.join("pg_ctl"), folder.join("data"));
        let user = user(&shell)?;
        Ok(cmd!(shell, "env {user...} {pg_ctl} -D {data} status").quiet().ignore_stdout().ignore_stderr().run().is_ok())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let Ok(shell) = Shell::new() else { return };
        if self.left_alone {
            return;
        }
        let (pg_ctl, data, user) = (self.bin.join("pg_ctl"), &self.data, user(&shell).unwrap_or_default());
        // Immediate: clients of a broken run must not hold it up, and its data is worthless.
        let stop = cmd!(shell, "env {user...} {pg_ctl} -D {data} -w -m immediate stop");
        if let Err(error) = stop.quiet().ignore_stdout().run() {
            eprintln!("xtask: PostgreSQL in {} is still there: {error}", data.display());
        }
    }
}

/// A program that came with the server, or of that name on the path: the folder may hold no more than links to the server.
fn program(bin: &Path, name: &str) -> PathBuf {
    let real = bin.join("postgres").canonicalize().unwrap_or_default();
    let beside = [bin, real.parent().unwrap_or(bin)].map(|folder| folder.join(name));
    beside.into_iter().find(|path| path.is_file()).unwrap_or_else(|| name.into())
}

/// The words before a command that must not run as root.
fn user(shell: &Shell) -> Result<Vec<&'static str>> {
    let root = cmd!(shell, "id -u").quiet().read()? == "0";
    Ok(if root { vec!["runuser", "-u", "postgres", "--"] } else { Vec::new() })
}

fn prepare(shell: &Shell, folder: &Path, user: &[&str]) -> Result<()> {
    shell.create_dir(folder)?;
    if !user.is_empty() {
        cmd!(shell, "chown postgres {folder}").quiet().run()?;
        let reachable = cmd!(shell, "env {user...} test -w {folder}").quiet().ignore_stderr().run();
        reachable.with_context(|| format!("the user postgres cannot reach {}", folder.display()))?;
    }
    Ok(())
}

fn flags(port: u16, folder: &Path, throwaway: bool, settings: &[String]) -> String {
    let socket_folder = folder.display();
    let mut flags = format!("-p {port} -k '{socket_folder}' -c listen_addresses=127.0.0.1 -c max_connections=300");
    if throwaway {
        flags.push_str(" -c fsync=off -c synchronous_commit=off -c full_page_writes=off");
    }
    for setting in settings {
        flags.push_str(&format!(" -c {setting}"));
    }
    flags
}
