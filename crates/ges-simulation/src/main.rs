//! Runs seeds of the simulation; `cargo xtask simulate` is the door to it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use ges_simulation::{Bug, Outcome, run, run_day};

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
    /// A whole day in the simulator instead of a stormy hour
    #[arg(long, conflicts_with = "seeds")]
    day: bool,
    /// About how many callbacks the day has
    #[arg(long, requires = "day", default_value_t = 20_000)]
    callbacks: u64,
    /// Where to put the report of the day as well
    #[arg(long, requires = "day")]
    report: Option<PathBuf>,
}

fn planted(name: &str) -> Result<Bug, String> {
    let named = Bug::ALL.into_iter().chain(Bug::OF_THE_DAY).find(|bug| format!("{bug:?}") == name);
    named.ok_or_else(|| format!("there are {:?}, and for a day {:?}", Bug::ALL, Bug::OF_THE_DAY))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.day {
        return whole_day(&arguments);
    }
    let Arguments { seed, seeds, verbose, bug, .. } = arguments;
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

fn whole_day(Arguments { seed, callbacks, bug, report, verbose, .. }: &Arguments) -> ExitCode {
    let day = run_day(*seed, *callbacks, *bug, *verbose);
    day.trace.iter().for_each(|line| println!("{line}"));
    print!("{}", day.report);
    let written = report.as_ref().map_or(Ok(()), |path| std::fs::write(path, &day.report));
    if let Err(error) = &written {
        eprintln!("the report is not written: {error}");
    }
    if day.is_good() && written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn complain(outcome: &Outcome) {
    println!("seed {} failed; {} tasks panicked", outcome.seed, outcome.panics);
    for violation in &outcome.violations {
        println!("  {violation}");
    }
    println!("  cargo xtask simulate --seed {} --verbose", outcome.seed);
}
