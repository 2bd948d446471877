//! Every developer habit behind one door: `cargo xtask <habit>`. Continuous integration calls the same habits.

mod alerts;
mod bench;
mod cargo;
mod checks;
mod ci;
mod docs;
mod doctests;
mod edges;
mod fuzz;
mod install;
mod keeper;
mod nemesis;
mod rules;
mod services;
mod simulate;
mod summary;
mod test;
mod tidy;
mod tree;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Every developer habit of this workspace.")]
struct Arguments {
    #[command(subcommand)]
    habit: Habit,
}

#[derive(Subcommand)]
enum Habit {
    /// Runs every test against a PostgreSQL and a Redis of its own
    Test(test::Options),
    /// Checks format, lints, house rules and generated pages
    Lint,
    /// lint, then test
    Ci(test::Options),
    /// Checks the house rules: edges between crates, sizes, leftovers
    Tidy,
    /// Writes the generated pages again
    Docs,
    /// Measures the cost budget against the real programs, built for release
    Bench(bench::Options),
    /// Fuzzes the API document against a running pod with at least ten thousand requests; installs schemathesis below target
    FuzzApi(fuzz::Options),
    /// Runs seeds of the deterministic simulation; one seed replays one run
    Simulate(simulate::Options),
    /// PostgreSQL and Redis for development, in target/services
    Services {
        /// What to do
        #[command(subcommand)]
        action: services::Action,
    },
    /// Attacks the real programs, built for release, and checks every promise; docs/proof.md
    Nemesis(nemesis::Options),
    /// Holds test servers until standard input ends; started by `test`
    #[command(hide = true)]
    Keep(ges_harness::Programs),
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let root = root();
    match Arguments::parse().habit {
        Habit::Test(options) => test::run(&root, &options),
        Habit::Lint => ci::lint(&root),
        Habit::Ci(options) => ci::lint(&root).and_then(|()| test::run(&root, &options)),
        Habit::Tidy => tidy::check(&root),
        Habit::Docs => docs::regenerate(&root),
        Habit::Bench(options) => bench::run(&root, &options),
        Habit::FuzzApi(options) => fuzz::run(&root, &options),
        Habit::Simulate(options) => simulate::run(&root, &options),
        Habit::Services { action } => services::run(&root, action),
        Habit::Nemesis(options) => nemesis::run(&root, &options),
        Habit::Keep(programs) => keeper::keep(&programs),
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}
