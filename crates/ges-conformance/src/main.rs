//! Fuzzes the API document against a running pod; started by `cargo xtask fuzz-api`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Parser;
use ges_conformance::Server;
use ges_conformance::fuzz::{self, Campaign};

/// What to run.
#[derive(Debug, Parser)]
#[command(name = "ges-conformance", about = "Fuzzes the API document against a running pod.")]
struct Options {
    /// The program `schemathesis`
    #[arg(long)]
    schemathesis: PathBuf,
    /// Generated requests for each operation, about
    #[arg(long, default_value_t = 1_200)]
    examples: u32,
    /// Fewest requests in all that count as a run
    #[arg(long, default_value_t = 10_000)]
    cases: u64,
    /// The same seed makes the same requests
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ges-conformance: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let mut server = Server::start(&fuzz::plan())?;
    let begun = Instant::now();
    let campaign = Campaign { program: options.schemathesis.clone(), examples: options.examples, seed: options.seed };
    let outcome = fuzz::run(&campaign, &mut server)?;
    println!("{}", outcome.report);
    println!(
        "{} cases and {} requests in {:.0} s, {} server errors, {}",
        outcome.cases,
        outcome.requests,
        begun.elapsed().as_secs_f64(),
        outcome.server_errors,
        if outcome.clean { "every answer as described" } else { "answers that are not described" },
    );
    server.nothing_personal_was_logged()?;
    ensure!(outcome.clean, "answers differ from the document; replay with --seed {}", options.seed);
    ensure!(outcome.server_errors == 0, "the pod answered with server errors");
    ensure!(outcome.cases >= options.cases, "only {} cases; raise --examples", outcome.cases);
    Ok(())
}
