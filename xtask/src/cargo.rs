//! Cargo, called from a program that cargo itself runs.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use ges_config::Sources;

/// `cargo` in the folder of the workspace, without what the outer cargo says about xtask: build scripts that watch
/// these variables (ring) would build anew, and with them everything that uses them.
pub(crate) fn command(root: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root);
    for name in Sources::from_process().environment.keys().filter(|name| about_package(name)) {
        command.env_remove(name);
    }
    command
}

/// Runs `cargo` with these arguments, output to the terminal.
///
/// # Errors
/// It cannot be run or does not succeed.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Result<()> {
    let status = command(root).args(arguments).status().context("cannot run cargo")?;
    if !status.success() {
        bail!("`cargo {}` failed", arguments.join(" "));
    }
    Ok(())
}

fn about_package(name: &str) -> bool {
    const PREFIXES: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || name == "CARGO_PRIMARY_PACKAGE"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_about_the_package_are_dropped() {
        assert!(about_package("CARGO_PKG_VERSION") && about_package("CARGO_MANIFEST_DIR"));
        assert!(
            !about_package("CARGO_HOME") && !about_package("CARGO_TARGET_DIR") && !about_package("CARGO_TERM_COLOR")
        );
    }
}
