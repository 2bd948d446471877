//! `docs`: pages that are made from catalogues in code.

use std::path::Path;

use anyhow::{Context, Result, bail};

/// File below the root, and what makes it.
type Page = (&'static str, fn() -> String);

/// Every generated page.
const PAGES: [Page; 3] = [
    ("docs/configuration.md", ges_config::reference_page),
    ("docs/metrics.md", ges_telemetry::reference_page),
    ("docs/openapi/engagement-v3.json", ges_rest::openapi_document),
];

/// Writes every page below `root`.
///
/// # Errors
/// A page cannot be written.
pub(crate) fn regenerate(root: &Path) -> Result<()> {
    for (path, page) in PAGES {
        let path = root.join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, page()).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Compares every committed page with its catalogue.
///
/// # Errors
/// Pages that differ, by name.
pub(crate) fn check(root: &Path) -> Result<()> {
    let differs = |(path, page): &Page| std::fs::read_to_string(root.join(path)).unwrap_or_default() != page();
    let stale: Vec<_> = PAGES.iter().filter(|page| differs(page)).map(|(path, _)| *path).collect();
    if !stale.is_empty() {
        bail!("out of date: {}; run `cargo xtask docs`", stale.join(", "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_pass_after_writing_and_fail_after_an_edit() {
        let root = tempfile::tempdir().unwrap();
        assert!(check(root.path()).is_err(), "missing pages are out of date");
        regenerate(root.path()).unwrap();
        check(root.path()).unwrap();
        std::fs::write(root.path().join("docs/metrics.md"), "edited").unwrap();
        let error = check(root.path()).unwrap_err().to_string();
        assert!(error.contains("docs/metrics.md") && !error.contains("configuration"), "{error}");
    }
}
