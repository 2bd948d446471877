//! Measures the cost budget against the real programs: counts first, then processor time, then ratios to a yardstick
//! measured in the same run. Started by `cargo xtask bench`; `docs/bench.md` says what each row means.

mod http;
mod load;
mod machine;
mod observer;
mod redis;
mod report;
mod rows;
mod stage;
mod store;
mod yardstick;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;

use crate::report::Report;
use crate::rows::Row;

/// What to measure.
#[derive(Debug, Parser)]
#[command(name = "ges-bench", about = "Measures the cost budget against the real programs.")]
struct Options {
    /// Small numbers: everything in about two minutes, with more noise
    #[arg(long)]
    quick: bool,
    /// Where the figures go as JSON
    #[arg(long, default_value = "target/bench/report.json")]
    json: PathBuf,
    /// Rows to measure; none means all
    #[arg(value_enum)]
    rows: Vec<Row>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    match runtime.context("no runtime").and_then(|runtime| runtime.block_on(run(&options))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ges-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<()> {
    let all = Row::all();
    let rows = if options.rows.is_empty() { &all } else { &options.rows };
    let mut report = Report::new(options.quick);
    for row in rows {
        eprintln!("ges-bench: {}", row.name());
        // A row that cannot be measured must not take the others with it, but the run has failed.
        match row.measure(options.quick).await {
            Ok(figures) => report.add(row.name(), figures),
            Err(error) => report.fail(row.name(), &error),
        }
        if let Some(folder) = options.json.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let text = serde_json::to_string_pretty(&report)?;
        std::fs::write(&options.json, text).with_context(|| format!("cannot write {}", options.json.display()))?;
    }
    println!("{}", report.table());
    println!("figures: {}", options.json.display());
    report.verdict()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_chosen_by_name_and_quick_is_an_option() {
        let options = Options::parse_from(["ges-bench", "--quick", "creates", "idle"]);
        assert!(options.quick);
        assert_eq!(options.rows, [Row::Creates, Row::Idle]);
        assert!(Options::try_parse_from(["ges-bench", "nonsense"]).is_err());
    }
}
