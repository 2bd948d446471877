//! Everything in one process: the API and the worker on one SQLite file, and a simulated contact centre around them.

mod console;
mod house;
mod node;
mod run;
mod seed;
mod story;
mod stream;
mod welcome;

use std::process::ExitCode;

use clap::Parser;
use ges_config::{Role, Settings, Sources};
use ges_process::report_bad_configuration;

/// Callbacks on one machine, with a simulated contact centre. Needs nothing; keeps its record in GES_DATA_DIR.
#[derive(Debug, Clone, Parser)]
#[command(name = "ges-standalone", version)]
struct Options {
    /// Agents in every group of the simulated floor.
    #[arg(long, default_value_t = 3)]
    agents: u32,
    /// Seed of everything random on the floor.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many times faster than real the floor works; agreed times are not scaled.
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// Do not print what happens to callbacks.
    #[arg(long)]
    quiet: bool,
}

fn speed(text: &str) -> Result<f64, &'static str> {
    let speed: f64 = text.parse().map_err(|_| "not a number")?;
    if (0.01..=1_000.0).contains(&speed) { Ok(speed) } else { Err("must be 0.01 to 1000") }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let loaded = match Settings::load(Role::Standalone, &Sources::from_process()) {
        Ok(loaded) => loaded,
        Err(error) => return report_bad_configuration(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("ges-standalone: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run::run(loaded, options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ges-standalone: {error:#}");
            ExitCode::FAILURE
        }
    }
}
