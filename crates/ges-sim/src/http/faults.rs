//! Faults to order: which requests meet them, and how often.

use serde::Deserialize;

/// Every peer.
pub(crate) const TARGETS: [&str; 10] =
    ["ors", "urs.primary", "urs.backup", "auth", "env", "conf", "fcm", "nexus", "recaptcha", "stats"];

/// How a request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// It is answered with a status.
    Status,
    /// It is answered late.
    Delay,
    /// The connection is closed without an answer.
    Drop,
    /// The connection is reset.
    Reset,
    /// It is answered with nonsense.
    Garbage,
}

/// A fault on some requests of a target.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Fault {
    /// The peer, as in recordings; `urs` means both of its roles.
    pub(crate) target: String,
    /// Path with `*` for any text; absent: every path.
    #[serde(default)]
    pub(crate) path: Option<String>,
    pub(crate) kind: Kind,
    /// For `status`: what to answer; 503 when absent.
    #[serde(default)]
    pub(crate) status: Option<u16>,
    /// Waited before the fault, whatever its kind.
    #[serde(default)]
    pub(crate) delay_ms: u64,
    /// How many requests meet it; absent: until reset.
    #[serde(default)]
    pub(crate) times: Option<u64>,
    /// `Retry-After` in seconds.
    #[serde(default)]
    pub(crate) retry_after: Option<u64>,
}

/// All faults in force.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    last: u64,
    ordered: Vec<(u64, Fault)>,
}

impl Faults {
    /// Puts a fault in force and names it.
    pub(crate) fn order(&mut self, fault: Fault) -> u64 {
        self.last += 1;
        self.ordered.push((self.last, fault));
        self.last
    }

    /// Takes a fault back; `false` when it is not in force.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.ordered.len();
        self.ordered.retain(|(ordered, _)| *ordered != id);
        self.ordered.len() < before
    }

    /// Whether a peer has this name, or roles of it have.
    pub(crate) fn know(target: &str) -> bool {
        TARGETS.iter().any(|known| names(target, known))
    }

    pub(crate) fn clear(&mut self) {
        self.ordered.clear();
    }

    /// The fault this request meets, the oldest first; counts it.
    pub(crate) fn meet(&mut self, target: &str, path: &str) -> Option<Fault> {
        let position = self.ordered.iter().position(|(_, fault)| {
            names(&fault.target, target) && fault.path.as_deref().is_none_or(|pattern| fits(pattern, path))
        })?;
        let fault = &mut self.ordered[position].1;
        let met = fault.clone();
        if let Some(times) = &mut fault.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.ordered.remove(position);
            }
        }
        Some(met)
    }
}

/// Whether a name means this target: itself or one of its roles.
pub(crate) fn names(name: &str, target: &str) -> bool {
    target.strip_prefix(name).is_some_and(|role| role.is_empty() || role.starts_with('.'))
}

/// Whether a pattern with `*` for any text fits.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|left| {
            left.char_indices().map(|(at, _)| at).chain([left.len()]).any(|at| fits(rest, &left[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: &str) -> Fault {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_fault_meets_its_target_and_path_as_often_as_ordered() {
        let mut faults = Faults::default();
        let id =
            faults.order(fault(r#"{"target":"urs","path":"/urs/*/lvq/*","kind":"status","status":503,"times":2}"#));
        assert!(faults.meet("env", "/urs/call/max/lvq/VQ").is_none(), "another target");
        assert!(faults.meet("urs.primary", "/urs/help").is_none(), "another path");
        assert!(faults.meet("urs.primary", "/urs/call/max/lvq/VQ").is_some());
        assert!(faults.meet("urs.backup", "/urs/call/max/lvq/VQ").is_some());
        assert!(faults.meet("urs.primary", "/urs/call/max/lvq/VQ").is_none(), "used up");
        assert!(!faults.remove(id));
    }

    #[test]
    fn patterns_with_stars() {
        for (pattern, text, expected) in [
            ("/a", "/a", true),
            ("/a", "/ab", false),
            ("*", "", true),
            ("/a*", "/a/b", true),
            ("/*/z", "/x/y/z", true),
            ("/*/z", "/x/y", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn unknown_kinds_and_fields_are_refused() {
        assert!(serde_json::from_str::<Fault>(r#"{"target":"urs","kind":"explode"}"#).is_err());
        assert_eq!(["urs", "urs.backup", "usr", "urs.", ""].map(Faults::know), [true, true, false, false, false]);
        assert!(serde_json::from_str::<Fault>(r#"{"target":"urs","kind":"drop","tiems":1}"#).is_err());
    }
}
