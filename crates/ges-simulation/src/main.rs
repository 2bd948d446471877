//! Runs seeds of the simulation; `cargo xtask simulate` is the door to it.

use std::process::ExitCode;

use clap::Parser;
use ges_simulation::{Bug, Outcome, run};

/// Runs the real use cases and monitors in a made-up world.
#[derive(Parser)]
struct Arguments {
    /// The first seed
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many seeds from there
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Show what happened
    #[arg(long)]
    verbose: bool,
    /// Plant a bug, by its name in `Bug`
    #[arg(long, value_parser = planted)]
    bug: Option<Bug>,
}

fn planted(name: &str) -> Result<Bug, String> {
    let named = Bug::ALL.into_iter().find(|bug| format!("{bug:?}") == name);
    named.ok_or_else(|| format!("there are {:?}", Bug::ALL))
}

fn main() -> ExitCode {
    let Arguments { seed, seeds, verbose, bug } = Arguments::parse();
    let mut failed = 0_u64;
    let (mut callbacks, mut entries) = (0, 0);
    for seed in seed..seed.saturating_add(seeds) {
        let outcome = run(seed, bug, verbose);
        (callbacks, entries) = (callbacks + outcome.callbacks, entries + outcome.entries);
        if verbose {
            outcome.trace.iter().for_each(|line| println!("{line}"));
        }
        if !outcome.is_good() {
            failed += 1;
            complain(&outcome);
        } else if seeds == 1 {
            println!("seed {seed}: every promise held; trace {:016x}", outcome.hash);
        }
    }
    println!("{seeds} seeds, {callbacks} callbacks, {entries} entries on the stream, {failed} seeds failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn complain(outcome: &Outcome) {
    println!("seed {} failed; {} tasks panicked", outcome.seed, outcome.panics);
    for violation in &outcome.violations {
        println!("  {violation}");
    }
    println!("  cargo xtask simulate --seed {} --verbose", outcome.seed);
}
