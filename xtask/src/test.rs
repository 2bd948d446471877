//! `test`: every test, against a PostgreSQL and a Redis that live as long as the run.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use ges_config::Sources;

use crate::keeper::Kept;
use crate::summary::Summary;
use crate::{alerts, cargo, doctests, fuzz, install};

/// How many tests the runner runs at once.
const THREADS: &str = "NEXTEST_TEST_THREADS";

/// What to run, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Never install missing servers; also by GES_NO_INSTALL=1
    #[arg(long)]
    no_install: bool,
    /// Part of a test's name, or options of the test runner
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    filter: Vec<String>,
}

/// Starts the servers, runs everything, ends the servers. The runner's own summary comes last.
///
/// # Errors
/// Something is missing, or a test failed.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let programs = install::programs(!options.no_install)?;
    let mut servers = Kept::start(&programs)?;
    match fuzz::schemathesis(root, !options.no_install) {
        Ok(program) => servers.environment.push(("GES_TEST_SCHEMATHESIS".into(), program.display().to_string())),
        Err(error) => eprintln!("xtask: THE API DOCUMENT IS NOT FUZZED IN THIS RUN: {error:#}"),
    }
    match install::promtool(!options.no_install) {
        Ok(promtool) => {
            if options.filter.is_empty() {
                alerts::test(root, &promtool)?;
            }
            servers.environment.push(("GES_TEST_PROMTOOL".into(), promtool.display().to_string()));
        }
        Err(error) => eprintln!("xtask: THE ALERT RULES ARE NOT TESTED IN THIS RUN: {error:#}"),
    }
    let run = Run { root, environment: &servers.environment, filter: &options.filter };
    // Some tests run our own programs, and test runners build a package's programs only beside its own tests. All targets at
    // once, so that everything is built with the same features and nothing twice.
    run.cargo_quietly(&["build", "--workspace", "--all-targets", "--locked"])?;
    // Doc tests go first so that the summary of everything else is the last thing said.
    if options.filter.is_empty() && doctests::any(root)? {
        run.cargo(&["test", "--doc", "--workspace", "--locked"])?;
    }
    let mut nextest = Command::new("cargo");
    nextest.args(["nextest", "--version"]).stderr(Stdio::null()).stdout(Stdio::null());
    if run_quietly(&mut nextest) {
        run.nextest()
    } else {
        run.cargo(&["test", "--workspace", "--all-targets", "--locked", "--no-fail-fast"])
    }
}

fn run_quietly(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}

struct Run<'a> {
    root: &'a Path,
    environment: &'a [(String, String)],
    filter: &'a [String],
}

impl Run<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = cargo::command(self.root);
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        command.args(arguments).envs(environment).stdin(Stdio::null());
        command
    }

    fn cargo_quietly(&self, arguments: &[&str]) -> Result<()> {
        let status = self.command(arguments).status().context("cannot run cargo")?;
        if !status.success() {
            bail!("the workspace does not build");
        }
        Ok(())
    }

    fn nextest(&self) -> Result<()> {
        let environment = Sources::from_process().environment;
        let ci = environment.get("CI").is_some_and(|text| !text.is_empty() && text != "false");
        let profile = if ci { "ci" } else { "default" };
        let mut command = self.command(&["nextest", "run", "--workspace", "--locked", "--profile", profile]);
        if !environment.contains_key(THREADS) {
            // Many tests wait for a process or for a minute to pass: two more at once than there are processors.
            let processors = std::thread::available_parallelism().map_or(1, usize::from);
            command.env(THREADS, (processors + 2).to_string());
        }
        let status = command.args(runner_filter(self.filter)).status()?;
        if !status.success() {
            bail!("tests failed");
        }
        Ok(())
    }

    /// `cargo test` sums up per binary only, so its output is read along and added up.
    fn cargo(&self, arguments: &[&str]) -> Result<()> {
        let mut child =
            self.command(arguments).args(self.filter).stdout(Stdio::piped()).spawn().context("cannot run cargo")?;
        let output = child.stdout.take().context("invariant: standard output is a pipe")?;
        let mut summary = Summary::default();
        for line in BufReader::new(output).lines() {
            let line = line?;
            println!("{line}");
            summary.take(&line);
        }
        let status = child.wait()?;
        println!("\n{}", summary.line());
        if !status.success() {
            bail!("tests failed");
        }
        Ok(())
    }
}

/// One plain word selects tests, test binaries and packages whose name contains it; anything else goes to the runner
/// as it is.
fn runner_filter(filter: &[String]) -> Vec<String> {
    let plain = |word: &String| {
        !word.starts_with('-') && word.chars().all(|letter| letter.is_alphanumeric() || "_-:".contains(letter))
    };
    match filter {
        [word] if plain(word) => vec!["-E".into(), format!("test(~{word}) + binary(~{word}) + package(~{word})")],
        _ => filter.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_selects_by_name_and_options_pass_through() {
        assert_eq!(runner_filter(&["throttle".into()])[1], "test(~throttle) + binary(~throttle) + package(~throttle)");
        let options = ["-E".to_owned(), "package(ges-domain)".to_owned()];
        assert_eq!(runner_filter(&options), options);
        assert_eq!(runner_filter(&["--no-fail-fast".into()]), ["--no-fail-fast"]);
    }
}
