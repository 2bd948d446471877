//! `tidy`: house rules that no compiler checks.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::checks::Checks;
use crate::edges::{self, Metadata};
use crate::rules::Citations;
use crate::{cargo, tree};

/// Longer files want a folder.
const LINES_MAX: usize = 600;

/// What must not stay in Rust sources. Written in halves, so that this file passes its own check.
const LEFTOVERS: [&str; 5] = [
    concat!("#[ign", "ore"),
    concat!("tod", "o!("),
    concat!("db", "g!("),
    concat!("unimple", "mented!("),
    concat!("#[al", "low("),
];

/// Folders of single machines, which mean nothing to a reader.
const MACHINE_PATHS: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tm", "p/")];

/// Kinds of files in which people write paths.
const WRITTEN: [&str; 12] = ["rs", "md", "toml", "yaml", "yml", "sql", "html", "css", "js", "sh", "tpl", "txt"];

/// Checks everything and reports everything found.
///
/// # Errors
/// At least one rule is broken.
pub(crate) fn check(root: &Path) -> Result<()> {
    let output = cargo::command(root).args(["metadata", "--format-version", "1", "--no-deps", "--offline"]).output()?;
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("cannot read cargo metadata")?;
    let mut found = edges::violations(&metadata);
    let (mut citations, mut checks) = (Citations::default(), Checks::default());
    for path in tree::files(root)? {
        let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        let rust = tree::has_extension(&path, &["rs"]);
        if rust || tree::has_extension(&path, &WRITTEN) || path.extension().is_none() {
            // What is not text cannot break rules about text.
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            found.extend(in_file(&name, rust, &text));
            checks.read(&name, &text);
            if rust {
                citations.read(&name, &text);
            }
        }
    }
    found.extend(citations.untested());
    found.extend(checks.missing());
    if !found.is_empty() {
        bail!("house rules are broken:\n  {}", found.join("\n  "));
    }
    Ok(())
}

fn in_file(name: &str, rust: bool, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let leftovers = LEFTOVERS.iter().filter(|word| rust && line.contains(**word));
        found.extend(leftovers.map(|word| format!("{name}:{number}: `{word}`")));
        let paths = MACHINE_PATHS.iter().filter(|path| starts_path(line, path));
        found.extend(paths.map(|path| format!("{name}:{number}: a path of one machine, {path}")));
    }
    let lines = text.lines().count();
    if rust && lines > LINES_MAX {
        found.push(format!("{name}: {lines} lines; more than {LINES_MAX} want a folder"));
    }
    found
}

/// Whether an absolute path of that folder stands in the line; a longer path may contain the words.
fn starts_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|letter| !letter.is_alphanumeric() && !matches!(letter, '.' | '_' | '-' | '}' | ')'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_and_machine_paths_are_found_with_their_line() {
        let text = format!("fn a() {{}}\n{} = \"later\"]\nlet p = \"{}x\";\n", LEFTOVERS[0], MACHINE_PATHS[0]);
        let found = in_file("a.rs", true, &text);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("a.rs:2") && found[1].starts_with("a.rs:3"));
        assert_eq!(in_file("a.md", false, "we once wrote such a macro here").len(), 0, "prose is no leftover");
    }

    #[test]
    fn part_of_a_longer_path_is_no_machine_path() {
        assert!(!starts_path(&format!("target{}x", MACHINE_PATHS[0]), MACHINE_PATHS[0]));
        assert!(starts_path(&format!("cd {}x", MACHINE_PATHS[0]), MACHINE_PATHS[0]));
    }

    #[test]
    fn long_files_are_found() {
        assert_eq!(in_file("a.rs", true, &"x\n".repeat(LINES_MAX)).len(), 0);
        assert_eq!(in_file("a.rs", true, &"x\n".repeat(LINES_MAX + 1)).len(), 1);
    }
}
