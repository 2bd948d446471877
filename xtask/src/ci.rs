//! `lint`: everything continuous integration checks before the tests, cheapest first.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::{docs, tidy};

/// Runs all checks; stops at the first that fails.
///
/// # Errors
/// The check that failed.
pub(crate) fn lint(root: &Path) -> Result<()> {
    let shell = Shell::new()?;
    shell.change_dir(root);
    timed("fmt", || Ok(cmd!(shell, "cargo fmt --all --check").run()?))?;
    timed("tidy", || tidy::check(root))?;
    timed("docs", || docs::check(root))?;
    timed("clippy", || Ok(cmd!(shell, "cargo clippy --workspace --all-targets --locked -- -D warnings").run()?))
}

/// Runs a step and says how long it took.
fn timed(name: &'static str, step: impl FnOnce() -> Result<()>) -> Result<()> {
    let start = Instant::now();
    step().with_context(|| format!("{name} failed"))?;
    eprintln!("xtask: {name} passed in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}
