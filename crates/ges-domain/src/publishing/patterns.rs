//! Pattern lists (integrations 2.13): which of a group's patterns a text is.

use std::collections::BTreeMap;

use super::{Cells, Kind, Problem, Section};
use crate::phone::NumberingPlan;

/// A stored pattern does not compile any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored pattern is no regular expression")]
pub struct NoMatch;

/// The section of a group; none is the group without a name.
pub fn section_of_group(group: Option<&str>) -> String {
    group.map_or_else(|| "patterns".to_owned(), |group| format!("patterns.{group}"))
}

/// A pattern speaks of the whole text, so that `911` is not found in every number that holds it.
fn whole(pattern: &str) -> String {
    format!("^(?:{pattern})$")
}

/// The patterns of a publish that do not compile: each is a problem of its row, and the others of its section hold. What needs
/// to look around or back is no regular expression here, because matching must take linear time.
pub fn unreadable_patterns(sections: &BTreeMap<String, Cells>, plan: &dyn NumberingPlan) -> Vec<Problem> {
    let lists = sections.iter().filter(|(name, cells)| Kind::of(name, cells) == Kind::Patterns);
    let patterns = lists.flat_map(|(section, cells)| cells.iter().map(move |(name, pattern)| (section, name, pattern)));
    // By itself too: `a)|(b` reads only inside the brackets that we put around it.
    let reads = |pattern: &str| plan.finds(pattern, "").is_some() && plan.finds(&whole(pattern), "").is_some();
    let broken = patterns.filter(|(_, _, pattern)| !reads(pattern));
    broken
        .map(|(section, name, _)| Problem {
            row: section.clone(),
            column: name.clone(),
            cause: "is no regular expression; look-around and back-references are not supported".into(),
        })
        .collect()
}

/// For each parameter whose text is one of the section's patterns, the name of the first such pattern; patterns are tried in
/// the order of their names.
///
/// # Errors
/// [`NoMatch`] when a stored pattern does not compile.
pub fn first_matches(
    section: &Section,
    plan: &dyn NumberingPlan,
    parameters: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, NoMatch> {
    let refused = |name: &str| section.problems.iter().any(|problem| problem.column == name);
    let patterns = section.cells.iter().filter(|(name, _)| !refused(name));
    let patterns: Vec<_> = patterns.map(|(name, pattern)| (name, whole(pattern))).collect();
    let mut found = BTreeMap::new();
    for (parameter, text) in parameters {
        for (name, pattern) in &patterns {
            if plan.finds(pattern, text).ok_or(NoMatch)? {
                found.insert(parameter.clone(), (*name).clone());
                break;
            }
        }
    }
    Ok(found)
}
