//! `docs`: pages that are made from catalogues in code.

use std::path::Path;

use anyhow::{Context, Result};

/// File below the root, and what makes it.
type Page = (&'static str, fn() -> String);

/// Every generated page.
const PAGES: [Page; 2] =
    [("docs/configuration.md", ges_config::reference_page), ("docs/metrics.md", ges_telemetry::reference_page)];

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
