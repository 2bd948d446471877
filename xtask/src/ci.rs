//! `lint`: everything continuous integration checks before the tests, cheapest first.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::{cargo, docs, tidy};

/// Runs all checks; stops at the first that fails.
///
/// # Errors
/// The check that failed.
pub(crate) fn lint(root: &Path) -> Result<()> {
    timed("fmt", || cargo::run(root, &["fmt", "--all", "--check"]))?;
    timed("tidy", || tidy::check(root))?;
    timed("docs", || docs::check(root))?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    timed("clippy", || cargo::run(root, &clippy))
}

/// Runs a step and says how long it took.
fn timed(name: &'static str, step: impl FnOnce() -> Result<()>) -> Result<()> {
    let start = Instant::now();
    step().with_context(|| format!("{name} failed"))?;
    eprintln!("xtask: {name} passed in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}
