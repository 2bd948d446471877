//! Every rule that code claims to implement is claimed by a test too.

use std::collections::{BTreeMap, BTreeSet};

/// Where rules are cited, by rule.
#[derive(Debug, Default)]
pub(crate) struct Citations {
    code: BTreeMap<String, String>,
    tests: BTreeSet<String>,
}

/// Folders whose sources exist only to check others.
const PROOFS: [&str; 5] = [
    "crates/ges-testkit/",
    "crates/ges-simulation/",
    "crates/ges-nemesis/",
    "crates/ges-domain/src/invariants/",
    "/tests/",
];

impl Citations {
    /// Reads one Rust file.
    pub(crate) fn read(&mut self, name: &str, text: &str) {
        let proof = PROOFS.iter().any(|folder| name.contains(folder)) || name.ends_with("tests.rs");
        let code = if proof { 0 } else { text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len()) };
        for rule in cited(&text[..code]) {
            self.code.entry(rule).or_insert_with(|| name.to_owned());
        }
        self.tests.extend(cited(&text[code..]));
    }

    /// The rules without a test, as sentences.
    pub(crate) fn untested(&self) -> Vec<String> {
        let untested = self.code.iter().filter(|(rule, _)| !self.tests.contains(*rule));
        untested.map(|(rule, name)| format!("{name}: no test cites {rule}")).collect()
    }
}

/// Rules named in a text: `R-CRE-4`, and those between in `R-CRE-4 to R-CRE-6`.
fn cited(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut last: Option<(&str, u32, usize)> = None;
    for (at, _) in text.match_indices("R-") {
        let Some((family, number, end)) = rule_at(text, at) else { continue };
        if let Some((before, first, ended)) = last
            && before == family
            && &text[ended..at] == " to "
        {
            found.extend((first..number).map(|between| format!("R-{family}-{between}")));
        }
        found.insert(format!("R-{family}-{number}"));
        last = Some((family, number, end));
    }
    found
}

/// Family, number and end of the rule whose `R-` stands at `at`.
fn rule_at(text: &str, at: usize) -> Option<(&str, u32, usize)> {
    let (family, rest) = text[at + 2..].split_once('-')?;
    let digits = rest.len() - rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    let whole_word = !text[..at].ends_with(|before: char| before.is_alphanumeric() || before == '-');
    let known = whole_word
        && !family.is_empty()
        && family.len() <= 4
        && family.bytes().all(|letter| letter.is_ascii_uppercase());
    let number = rest[..digits].parse().ok().filter(|_| known)?;
    Some((family, number, at + 2 + family.len() + 1 + digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rule's name, in halves, so that this file cites nothing.
    fn rule(number: u32) -> String {
        format!("R{}{number}", "-XYZ-")
    }

    #[test]
    fn a_rule_is_tested_where_a_test_names_it_or_a_range_with_it() {
        let code = format!("/// {}, {} and {}.\nfn rule() {{}}\n", rule(1), rule(3), rule(12));
        let mut citations = Citations::default();
        citations.read("crates/a/src/lib.rs", &format!("{code}#[cfg(test)]\nmod tests {{ // {} }}", rule(12)));
        assert_eq!(citations.untested().len(), 2, "{citations:?}");
        citations.read("crates/a/src/b_tests.rs", &format!("/// {} to {}", rule(2), rule(4)));
        assert_eq!(citations.untested(), [format!("crates/a/src/lib.rs: no test cites {}", rule(1))]);
        citations.read("crates/ges-testkit/src/contract.rs", &rule(1));
        assert_eq!(citations.untested(), [""; 0]);
    }

    #[test]
    fn other_words_are_no_rules() {
        for text in ["R-", "R-X", "R-x-1", "R-ABCDE-1", "FOR-EACH-1", "R-CRE-"] {
            assert!(cited(text).is_empty(), "{text}");
        }
    }
}
