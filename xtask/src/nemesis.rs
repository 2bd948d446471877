//! `nemesis`: builds the programs for release and attacks them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use ges_config::Sources;

use crate::{cargo, install};

const BINARIES: [&str; 4] = ["ges-api", "ges-worker", "ges-sim", "ges-nemesis"];

/// How to attack.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Never install missing servers; also by GES_NO_INSTALL=1
    #[arg(long)]
    no_install: bool,
    /// Attack debug builds: slower, with every assertion
    #[arg(long)]
    debug: bool,
    /// `--runs`, `--seed`, `--minutes`, `--figures`, or other options of ges-nemesis (`--help` lists them)
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Builds, then attacks.
///
/// # Errors
/// Something does not build, a server is missing, or a promise was broken.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let programs = install::programs(!options.no_install)?;
    let mut build = vec!["build", "--locked", "--workspace"];
    build.extend((!options.debug).then_some("--release"));
    build.extend(BINARIES.into_iter().flat_map(|name| ["--bin", name]));
    cargo::run(root, &build)?;
    // Not by `cargo run`: without the whole workspace it would choose other features and build everything again.
    let target =
        Sources::from_process().environment.get("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let folder = root.join(target).join(if options.debug { "debug" } else { "release" });
    let mut command = Command::new(folder.join("ges-nemesis"));
    command.current_dir(root).args(&options.arguments).envs(programs.environment()).stdin(Stdio::null());
    if !command.status().context("cannot run ges-nemesis")?.success() {
        bail!("a promise was broken, or a run has no verdict");
    }
    Ok(())
}
