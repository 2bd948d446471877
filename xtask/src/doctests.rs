//! Looks for doc tests, because asking `cargo test --doc` costs a build even when there are none.

use std::path::Path;

use anyhow::Result;

use crate::tree;

/// Fence words after which rustdoc takes a block for Rust.
const RUST_WORDS: [&str; 6] = ["", "rust", "no_run", "should_panic", "compile_fail", "edition2024"];

/// Whether any file of a library holds a doc test.
pub(crate) fn any(root: &Path) -> Result<bool> {
    for path in tree::files(root)? {
        let library = path.strip_prefix(root).is_ok_and(|path| path.starts_with("crates"));
        if library && tree::has_extension(&path, &["rs"]) && in_source(&std::fs::read_to_string(&path)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn in_source(source: &str) -> bool {
    let mut inside = false;
    for line in source.lines().map(str::trim_start) {
        let Some(text) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else {
            inside = false;
            continue;
        };
        let Some(words) = text.trim().strip_prefix("```") else { continue };
        if !inside && words.split(',').all(|word| RUST_WORDS.contains(&word.trim())) {
            return true;
        }
        inside = !inside;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rust_blocks_are_doc_tests() {
        assert!(in_source("/// ```\n/// let a = 1;\n/// ```\nfn f() {}"));
        assert!(in_source("//! text\n//! ```no_run\n//! ```\n"));
        assert!(!in_source("/// ```text\n/// a\n/// ```\nfn f() {}"));
        assert!(!in_source("/// ```json\n/// {}\n/// ```\nfn f() { let fence = \"```\"; }"));
    }
}
