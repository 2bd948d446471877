//! Attacks the real programs and says whether every promise was kept. `cargo xtask nemesis` builds and calls it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Parser;
use ges_nemesis::{Figure, RunSettings, limit_runs, run};
use tokio::signal::unix::{SignalKind, signal};

/// Crashes, pauses, lost servers and cut connections against the real programs.
#[derive(Debug, Parser)]
#[command(name = "ges-nemesis")]
struct Options {
    /// How many runs, each with the next seed.
    #[arg(long, default_value_t = 1)]
    runs: u64,
    /// Seed of the first run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long things go wrong in each run.
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// Concurrent clients.
    #[arg(long, default_value_t = 6)]
    clients: usize,
    /// Tell every fault.
    #[arg(long)]
    verbose: bool,
    /// Measure recovery times instead.
    #[arg(long)]
    figures: bool,
    /// Fill a rate limit so many times with many clients instead.
    #[arg(long)]
    limit_runs: Option<usize>,
    /// Where logs of runs with anomalies are kept.
    #[arg(long, default_value = "target/nemesis")]
    keep: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let work = async {
        match options.limit_runs {
            Some(runs) => fill(runs).await,
            None if options.figures => measure().await,
            None => attack(&options).await,
        }
    };
    // Dropping the work ends every process it started.
    let done = tokio::select! {
        done = work => done,
        told = told_to_end() => told.and_then(|()| bail!("told to end")),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("ges-nemesis: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Fills a rate limit and tells each run in a line.
async fn fill(runs: usize) -> Result<bool> {
    let mut exact = true;
    for (number, run) in limit_runs(runs).await?.into_iter().enumerate() {
        exact &= run.is_exact();
        let redis = if run.redis_killed { "killed" } else { "lives" };
        println!("run {number:2}: Redis {redis}, {} stored, {:?} in {:?}", run.stored, run.answers, run.took);
    }
    println!("{}", if exact { "every run took exactly the limit" } else { "the limit did not hold" });
    Ok(exact)
}

/// Ctrl-C or SIGTERM.
async fn told_to_end() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

async fn attack(options: &Options) -> Result<bool> {
    let mut clean = true;
    for seed in options.seed..options.seed + options.runs {
        let mut settings = RunSettings::new(seed, Duration::from_secs_f64(options.minutes * 60.0));
        (settings.clients, settings.talkative) = (options.clients, options.verbose);
        let verdict = match run(&settings, Some(&options.keep)).await {
            Ok(verdict) => verdict,
            Err(error) => {
                println!("seed {seed}: NO VERDICT: {error:#}");
                clean = false;
                continue;
            }
        };
        let word = if verdict.anomalies.is_empty() { "ok" } else { "ANOMALIES" };
        println!("seed {seed}: {word} ({})", verdict.summary);
        verdict.anomalies.iter().for_each(|anomaly| println!("  {anomaly}"));
        clean &= verdict.anomalies.is_empty();
    }
    Ok(clean)
}

async fn measure() -> Result<bool> {
    let mut met = true;
    for figure in Figure::ALL {
        let measured = figure.measure().await?;
        println!("{measured}");
        met &= measured.met;
    }
    Ok(met)
}
