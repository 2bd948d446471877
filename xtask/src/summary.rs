//! Adds up what `cargo test` says per binary, so that a run ends with one figure.

/// Sums of the lines `test result: …`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    passed: u64,
    failed: u64,
    ignored: u64,
    binaries: u64,
}

impl Summary {
    /// Takes a line of output, whatever it is.
    pub(crate) fn take(&mut self, line: &str) {
        let Some(counts) = line.trim().strip_prefix("test result: ") else { return };
        let count = |word: &str| {
            let part = counts.split([';', '.']).map(str::trim).find(|part| part.ends_with(word))?;
            part.split(' ').next()?.parse::<u64>().ok()
        };
        self.passed += count(" passed").unwrap_or(0);
        self.failed += count(" failed").unwrap_or(0);
        self.ignored += count(" ignored").unwrap_or(0);
        self.binaries += 1;
    }

    /// One line in the shape of the ones it sums.
    pub(crate) fn line(&self) -> String {
        let Self { passed, failed, ignored, binaries } = self;
        let word = if *failed == 0 { "ok" } else { "FAILED" };
        format!("test result: {word}. {passed} passed; {failed} failed; {ignored} ignored; in {binaries} test binaries")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_all_binaries_are_added() {
        let mut sum = Summary::default();
        sum.take("running 2 tests");
        sum.take("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s");
        sum.take("test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.01s");
        assert_eq!(sum, Summary { passed: 14, failed: 3, ignored: 1, binaries: 2 });
        assert!(sum.line().starts_with("test result: FAILED. 14 passed; 3 failed"));
    }
}
