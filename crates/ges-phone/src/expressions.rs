//! Regular expressions of number rules, compiled once (R-NV-9). The engine answers in linear time and knows neither look-around
//! nor back-references.

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use regex::{Regex, RegexBuilder};

/// Expressions remembered; beyond it memory is cleared rather than grown.
const MOST: usize = 10_000;
/// Largest compiled form in bytes: a short pattern may count to huge repetitions.
const LARGEST: usize = 256 * 1024;

static COMPILED: LazyLock<RwLock<HashMap<String, Option<Regex>>>> = LazyLock::new(RwLock::default);

/// The expression, none when it does not compile or becomes too large.
pub(crate) fn compiled(expression: &str) -> Option<Regex> {
    if let Some(known) = COMPILED.read().unwrap_or_else(PoisonError::into_inner).get(expression) {
        return known.clone();
    }
    let compiled = RegexBuilder::new(expression).size_limit(LARGEST).dfa_size_limit(LARGEST).build().ok();
    let mut known = COMPILED.write().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= MOST {
        known.clear();
    }
    known.insert(expression.to_owned(), compiled.clone());
    compiled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_linear_engine_cannot_do_does_not_compile() {
        for expression in ["(?=1)", "(?<!1)2", r"(1)\1", "(", "[", "1{1000000}"] {
            assert!(compiled(expression).is_none(), "EX-K K12 {expression}");
        }
        assert!(compiled(r"^\+1650").is_some_and(|found| found.is_match("+16504661100")));
    }
}
