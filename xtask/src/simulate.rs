//! `simulate`: seeds of the deterministic simulation, a few with the debug build, many with the release build; or a whole day.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cargo;

/// More seeds than this are worth a release build.
const FEW: u64 = 500;

/// Which seeds to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The first seed
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many seeds from there
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Show what happened, event by event
    #[arg(long)]
    verbose: bool,
    /// A whole day in the simulator instead of a stormy hour; prints its report
    #[arg(long, conflicts_with = "seeds")]
    day: bool,
    /// About how many callbacks the day has
    #[arg(long, requires = "day", default_value_t = 20_000)]
    callbacks: u64,
    /// Where to put the report of the day as well
    #[arg(long, requires = "day")]
    report: Option<PathBuf>,
}

/// Days of more callbacks than this are worth a release build.
const SHORT_DAY: u64 = 2_000;

/// Builds the simulation and runs it.
///
/// # Errors
/// It does not build, or a promise was broken.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let many = if options.day { options.callbacks > SHORT_DAY } else { options.seeds > FEW };
    let mut build = vec!["build", "--quiet", "--locked", "--workspace", "--bin", "ges-simulation"];
    build.extend(many.then_some("--release"));
    cargo::run(root, &build)?;
    let own = std::env::current_exe().context("where is this program?")?;
    let target = own.ancestors().nth(2).context("this program is not in a target folder")?;
    let folder = target.join(if many { "release" } else { "debug" });
    let mut simulation = Command::new(folder.join("ges-simulation"));
    simulation.args(["--seed", &options.seed.to_string()]);
    match options.day {
        true => simulation.args(["--day", "--callbacks", &options.callbacks.to_string()]),
        false => simulation.args(["--seeds", &options.seeds.to_string()]),
    };
    if let Some(report) = &options.report {
        simulation.arg("--report").arg(report);
    }
    simulation.args(options.verbose.then_some("--verbose"));
    if !simulation.status().context("the simulation does not start")?.success() {
        bail!("a promise was broken");
    }
    Ok(())
}
