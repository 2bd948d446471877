//! Every conformance check has a test of its name, and docs/conformance.md lists exactly the tests there are.

use std::collections::{BTreeMap, BTreeSet};

/// Conformance checks there are.
const CHECKS: u8 = 23;
/// Where they are listed.
const PAGE: &str = "docs/conformance.md";
const MARK: &str = "check_";

/// Names of checks, as found.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    /// Tests by name, with their file.
    tests: BTreeMap<String, String>,
    /// Names on the page.
    listed: BTreeSet<String>,
}

impl Checks {
    /// Reads a file.
    pub(crate) fn read(&mut self, name: &str, text: &str) {
        if name == PAGE {
            self.listed.extend(names(text).filter_map(|(_, word)| number(&word).map(|_| word)));
        } else if name.ends_with(".rs") {
            let tests = names(text).filter(|(before, word)| before.ends_with("fn ") && number(word).is_some());
            self.tests.extend(tests.map(|(_, word)| (word, name.to_owned())));
        }
    }

    /// What is missing, as sentences.
    pub(crate) fn missing(&self) -> Vec<String> {
        let proven: BTreeSet<_> = self.tests.keys().filter_map(|name| number(name)).collect();
        let unproven = (1..=CHECKS).filter(|check| !proven.contains(check));
        let unproven = unproven.map(|check| format!("no test is named check_{check:02}_…"));
        let unlisted = self.tests.iter().filter(|(name, _)| !self.listed.contains(*name));
        let unlisted = unlisted.map(|(name, file)| format!("{file}: {name} is not in {PAGE}"));
        let gone = self.listed.iter().filter(|name| !self.tests.contains_key(*name));
        let gone = gone.map(|name| format!("{PAGE}: there is no test {name}"));
        unproven.chain(unlisted).chain(gone).collect()
    }
}

/// Every word that begins like a check, with the text before it.
fn names(text: &str) -> impl Iterator<Item = (&str, String)> {
    text.match_indices(MARK).map(|(at, _)| {
        let word = text[at..].chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect();
        (&text[..at], word)
    })
}

/// The number in `check_NN_…`.
fn number(name: &str) -> Option<u8> {
    let (digits, rest) = name.strip_prefix(MARK)?.split_once('_')?;
    let two = digits.len() == 2 && !rest.is_empty();
    digits.parse().ok().filter(|number| two && (1..=CHECKS).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name, in halves, so that this file has no such test.
    fn name(rest: &str) -> String {
        format!("{MARK}{rest}")
    }

    #[test]
    fn checks_without_a_test_and_tests_without_a_line_are_named() {
        let mut checks = Checks::default();
        let all: String =
            (1..CHECKS).map(|check| format!("async fn {}() {{}}\n", name(&format!("{check:02}_a")))).collect();
        checks.read("a.rs", &all);
        let page: String = (2..CHECKS).map(|check| format!("`a::{}`\n", name(&format!("{check:02}_a")))).collect();
        checks.read(PAGE, &format!("{page} `a::{}`", name("05_gone")));
        checks.read("other.md", &name("01_a"));
        let expected = [
            format!("no test is named check_{CHECKS}_…"),
            format!("a.rs: {} is not in {PAGE}", name("01_a")),
            format!("{PAGE}: there is no test {}", name("05_gone")),
        ];
        assert_eq!(checks.missing(), expected);
    }

    #[test]
    fn only_two_digits_within_the_list_make_a_check() {
        for (word, expected) in
            [("07_a", Some(7)), ("7_a", None), ("24_a", None), ("00_a", None), ("07_", None), ("captcha", None)]
        {
            assert_eq!(number(&name(word)), expected, "{word}");
        }
    }
}
