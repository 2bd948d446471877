//! What happened, one line per event: virtual time, who, what. Callbacks are named by their number; nothing personal.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;

use ges_domain::{CallbackId, Instant};
use ges_testkit::builders::START;

/// The events of a run. The hash covers every line, kept or not.
pub(crate) struct Trace {
    pub(crate) lines: Vec<String>,
    /// Lines with as many digits in a row as a telephone number has, kept in any case (I11).
    pub(crate) suspects: Vec<String>,
    keep: bool,
    hash: DefaultHasher,
}

impl Trace {
    pub(crate) fn new(keep: bool) -> Self {
        // Its keys are fixed: equal texts have equal hashes in every run.
        Self { lines: Vec::new(), suspects: Vec::new(), keep, hash: DefaultHasher::new() }
    }

    pub(crate) fn note(&mut self, at: Instant, who: &str, what: &str) {
        let ms = at.since(START).as_millis();
        let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        let line = format!("{hours:02}:{minutes:02}:{seconds:02}.{:03} {who:<10} {what}", ms % 1000);
        self.hash.write(line.as_bytes());
        if digits_in_a_row(what) >= SUSPICIOUS {
            self.suspects.push(line.clone());
        }
        if self.keep {
            self.lines.push(line);
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash.finish()
    }
}

/// The shortest numbers of a run have so many digits.
const SUSPICIOUS: usize = 9;

fn digits_in_a_row(text: &str) -> usize {
    text.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0)
}

/// The short name of a callback in the trace.
pub(crate) fn short(id: CallbackId) -> String {
    format!("c{}", id.0.as_u128() & 0xffff_ffff)
}
