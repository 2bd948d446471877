//! `bench`: builds the programs for release and measures the cost budget.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use ges_config::Sources;

use crate::{cargo, install};

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Never install missing servers; also by GES_NO_INSTALL=1
    #[arg(long)]
    no_install: bool,
    /// `--quick`, names of rows, or other options of ges-bench (`--help` lists them)
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Builds, then measures.
///
/// # Errors
/// Something does not build, a server is missing, or a row could not be measured.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let programs = install::programs(!options.no_install)?;
    let mut build = vec!["build", "--release", "--locked"];
    build.extend(["ges-api", "ges-worker", "ges-sim", "ges-bench"].into_iter().flat_map(|name| ["--bin", name]));
    build.extend(["--workspace"]);
    cargo::run(root, &build)?;
    // Not by `cargo run`: without the whole workspace it would choose other features and build everything again.
    let target =
        Sources::from_process().environment.get("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let mut command = Command::new(root.join(target).join("release/ges-bench"));
    command.current_dir(root).args(&options.arguments).envs(programs.environment()).stdin(Stdio::null());
    let status = command.status().context("cannot run ges-bench")?;
    if !status.success() {
        bail!("the bench failed");
    }
    Ok(())
}
