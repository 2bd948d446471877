//! `fuzz-api`: the API document fuzzed at length, and the tool for it, which lives below `target`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use ges_config::Sources;

use crate::keeper::Kept;
use crate::{cargo, install};

/// The release every run uses, so that runs are comparable.
const RELEASE: &str = "4.32.5";

/// What to fuzz, and how long.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Never install anything; also by GES_NO_INSTALL=1
    #[arg(long)]
    no_install: bool,
    /// `--seed N`, `--examples N` (per operation), `--cases N` (fewest in all)
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Builds, starts servers and a pod, fuzzes.
///
/// # Errors
/// Something is missing or does not build, or an answer was not as described.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let tool = schemathesis(root, !options.no_install)?;
    let programs = install::programs(!options.no_install)?;
    // Before anything is built: the keeper is this very program, which a build may replace.
    let servers = Kept::start(&programs)?;
    // As tests do, so that nothing is built twice.
    cargo::run(root, &["build", "--workspace", "--all-targets", "--locked"])?;
    let mut command = Command::new(target(root).join("debug/ges-conformance"));
    let environment = servers.environment.iter().map(|(name, value)| (name, value));
    command.arg("--schemathesis").arg(tool).args(&options.arguments).envs(environment).stdin(Stdio::null());
    let status = command.status().context("cannot run ges-conformance")?;
    if !status.success() {
        bail!("fuzzing failed");
    }
    Ok(())
}

/// Schemathesis in a Python environment of its own, made when it is missing and that is allowed.
///
/// # Errors
/// Why it is not there, and how to get it.
pub(crate) fn schemathesis(root: &Path, may_install: bool) -> Result<PathBuf> {
    let folder = target(root).join("tools").join(format!("schemathesis-{RELEASE}"));
    let program = folder.join("bin/schemathesis");
    if works(&program) {
        return Ok(program);
    }
    let refused = Sources::from_process().environment.get("GES_NO_INSTALL").is_some_and(|text| text != "0");
    if refused || !may_install {
        bail!("schemathesis {RELEASE} is not in {} and must not be installed", folder.display());
    }
    eprintln!("xtask: installing schemathesis {RELEASE} into {}", folder.display());
    // What an interrupted installation left would neither work nor be replaced.
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    quietly(Command::new("python3").args(["-m", "venv"]).arg(&folder))
        .context("no Python environment; install python3 with venv")?;
    let release = format!("schemathesis=={RELEASE}");
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--timeout", "20", "--retries", "1"];
    quietly(Command::new(folder.join("bin/python")).args(pip).arg(release)).context("pip cannot install it")?;
    if works(&program) { Ok(program) } else { bail!("schemathesis was installed and does not run") }
}

fn works(program: &Path) -> bool {
    let mut version = Command::new(program);
    version.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

fn quietly(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{}", said.lines().last().unwrap_or("it failed without a word"));
    }
    Ok(())
}

fn target(root: &Path) -> PathBuf {
    let named = Sources::from_process().environment.get("CARGO_TARGET_DIR").map(PathBuf::from);
    root.join(named.unwrap_or_else(|| "target".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_leave_to_install_the_place_is_named() {
        let root = tempfile::tempdir().unwrap();
        let error = schemathesis(root.path(), false).unwrap_err().to_string();
        assert!(error.contains(RELEASE) && error.contains("must not be installed"), "{error}");
    }

    #[test]
    fn a_command_that_fails_is_told_in_its_own_words() {
        let error = quietly(Command::new("sh").args(["-c", "echo first >&2; echo why >&2; exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "why");
        assert!(quietly(Command::new("no-such-program-anywhere").arg("x")).is_err());
    }
}
