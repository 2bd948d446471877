//! The worker pod: monitors on PostgreSQL and the orchestration stream. Wiring only.

mod work;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use ges_config::{Role, Settings, Sources};
use ges_process::report_bad_configuration;

/// Runs the monitors. Without a command it runs until it is told to stop.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Prints every setting with where it came from, secrets masked
    CheckConfig,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let loaded = match Settings::load(Role::Worker, &Sources::from_process()) {
        Ok(loaded) => loaded,
        Err(error) => return report_bad_configuration(&error),
    };
    if let Some(Command::CheckConfig) = arguments.command {
        loaded.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
        loaded.report.iter().for_each(|line| println!("{line}"));
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime");
    match runtime.and_then(|runtime| runtime.block_on(work::run(loaded))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ges-worker: {error:#}");
            ExitCode::FAILURE
        }
    }
}
