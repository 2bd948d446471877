//! Finds the servers that tests need and installs them when they are missing and that is allowed.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ges_config::Sources;
use xshell::{Shell, cmd};

use ges_harness::Programs;

/// Oldest PostgreSQL whose SQL we keep within.
const POSTGRES_MIN: u32 = 11;

/// Finds PostgreSQL and Redis; installs what is missing unless `may_install` is false or `GES_NO_INSTALL=1`.
///
/// # Errors
/// What is missing and how to install it.
pub(crate) fn programs(may_install: bool) -> Result<Programs> {
    let environment = Sources::from_process().environment;
    let path = environment.get("PATH").map(String::as_str).unwrap_or_default();
    let find = || (postgres(path), redis(path));
    let (found_postgres, found_redis) = find();
    let missing: Vec<_> = [("postgresql", found_postgres.is_none()), ("redis-server", found_redis.is_none())]
        .into_iter()
        .filter_map(|(package, missing)| missing.then_some(package))
        .collect();
    if !missing.is_empty() {
        let refused = !may_install || environment.get("GES_NO_INSTALL").is_some_and(|text| text != "0");
        apt(path, &missing, refused)?;
    }
    let (postgres, redis) = find();
    Ok(Programs {
        postgres: postgres.with_context(|| format!("no PostgreSQL {POSTGRES_MIN} or newer after installing"))?,
        redis: redis.context("no redis-server after installing")?,
    })
}

/// Finds promtool; installs it when it is missing, unless `may_install` is false or `GES_NO_INSTALL=1`.
///
/// # Errors
/// It is missing, and how to install it.
pub(crate) fn promtool(may_install: bool) -> Result<PathBuf> {
    let environment = Sources::from_process().environment;
    let path = environment.get("PATH").map(String::as_str).unwrap_or_default();
    if program(path, "promtool").is_none() {
        let refused = !may_install || environment.get("GES_NO_INSTALL").is_some_and(|text| text != "0");
        apt(path, &["prometheus"], refused)?;
    }
    program(path, "promtool").context("no promtool after installing prometheus")
}

/// Folder of the newest server binaries.
fn postgres(path: &str) -> Option<PathBuf> {
    let packaged = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let folders = std::env::split_paths(path).chain(packaged.map(|version| version.path().join("bin")));
    let complete =
        folders.filter(|folder| ["initdb", "pg_ctl", "postgres"].iter().all(|name| folder.join(name).is_file()));
    let versions = complete.filter_map(|folder| Some((postgres_version(&folder)?, folder)));
    versions.filter(|(version, _)| *version >= POSTGRES_MIN).max().map(|(_, folder)| folder)
}

fn postgres_version(folder: &Path) -> Option<u32> {
    let output = std::process::Command::new(folder.join("postgres")).arg("--version").output().ok()?;
    major(&String::from_utf8_lossy(&output.stdout))
}

/// The 15 of `postgres (PostgreSQL) 15.8 (Debian …)`.
fn major(version: &str) -> Option<u32> {
    let number = version.split_once(") ")?.1;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn redis(path: &str) -> Option<PathBuf> {
    ["redis-server", "valkey-server"].iter().find_map(|name| program(path, name))
}

fn program(path: &str, name: &str) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn apt(path: &str, packages: &[&str], refused: bool) -> Result<()> {
    let list = packages.join(" ");
    if refused {
        bail!(
            "missing: {list}. Install them (Debian: `apt-get install --no-install-recommends {list}`), or allow it here"
        );
    }
    if program(path, "apt-get").is_none() {
        bail!(
            "missing: {list}, and there is no apt-get to install them with; install PostgreSQL {POSTGRES_MIN} or newer and Redis"
        );
    }
    let shell = Shell::new()?;
    let root = cmd!(shell, "id -u").quiet().read()? == "0";
    if !root && cmd!(shell, "sudo -n true").quiet().ignore_stderr().run().is_err() {
        bail!("missing: {list}; installing needs root or sudo without password: `sudo apt-get install {list}`");
    }
    // RUNLEVEL=1: packages must not start servers of their own.
    let prefix: &[&str] = if root { &[] } else { &["sudo", "-n", "env"] };
    let settings = ["DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"];
    let install = || {
        cmd!(shell, "env {prefix...} {settings...} apt-get install -y -q --no-install-recommends {packages...}")
            .ignore_stdout()
            .run()
    };
    eprintln!("xtask: installing {list}");
    // Package lists may be absent (fresh image) or old (files gone from the mirror): then fetch them and try once more.
    if install().is_err() {
        cmd!(shell, "env {prefix...} {settings...} apt-get update -q").ignore_stdout().run()?;
        install().with_context(|| format!("cannot install {list}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_servers_print() {
        assert_eq!(major("postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)\n"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 18devel\n"), Some(18));
        assert_eq!(major("postgres"), None);
    }

    #[test]
    fn refusing_names_the_packages() {
        let error = apt("", &["postgresql", "redis-server"], true).unwrap_err().to_string();
        assert!(error.contains("postgresql redis-server"), "{error}");
    }
}
