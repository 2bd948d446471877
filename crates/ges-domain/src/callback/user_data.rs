//! User data: what a caller attaches to a callback (R-REC-4 to R-REC-6, design decision 14).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A stored value: text, number (as its JSON literal) or truth value. Objects and arrays arrive as their JSON text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scalar {
    /// A JSON string, or the JSON text of an object or array.
    #[serde(rename = "t")]
    Text(String),
    /// A JSON number, kept as it was written.
    #[serde(rename = "n")]
    Number(String),
    /// A JSON boolean.
    #[serde(rename = "b")]
    Bool(bool),
}

impl fmt::Debug for Scalar {
    /// Says the shape, never the content (I11).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "text",
            Self::Number(_) => "number",
            Self::Bool(_) => "bool",
        })
    }
}

/// The data is larger than [`UserData::MAX_BYTES`] (R-REC-5).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("userData is larger than 400 KiB")]
pub struct UserDataTooLarge;

/// Keys and values attached to a callback. Invariant: every key is a usable variable name, and the whole fits.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserData(BTreeMap<String, Scalar>);

impl fmt::Debug for UserData {
    /// Only the count of keys: contents never reach a log (R-REC-6).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserData({} keys)", self.0.len())
    }
}

/// Words ECMAScript reserves; as keys they are dropped (engagement-api 4.3 by design decision 14).
const RESERVED: &[&str] = &[
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

impl UserData {
    /// Most bytes of the whole as JSON (R-REC-5).
    pub const MAX_BYTES: usize = 400 * 1024;

    /// Keeps the entries whose key is a JavaScript variable name and drops the others silently (R-REC-4).
    ///
    /// # Errors
    /// [`UserDataTooLarge`] when what is kept exceeds [`Self::MAX_BYTES`].
    pub fn new(entries: impl IntoIterator<Item = (String, Scalar)>) -> Result<Self, UserDataTooLarge> {
        let kept = Self(entries.into_iter().filter(|(key, _)| is_variable_name(key)).collect());
        if kept.json_bytes() > Self::MAX_BYTES { Err(UserDataTooLarge) } else { Ok(kept) }
    }

    /// Sets and removes keys: `None` removes, keys not mentioned stay (R-EDT-5).
    ///
    /// # Errors
    /// [`UserDataTooLarge`] when the result would be too large; the data is then unchanged.
    pub fn merge(
        &mut self,
        entries: impl IntoIterator<Item = (String, Option<Scalar>)>,
    ) -> Result<(), UserDataTooLarge> {
        let mut merged = self.clone();
        for (key, value) in entries {
            match value {
                Some(value) if is_variable_name(&key) => {
                    merged.0.insert(key, value);
                }
                Some(_) => {}
                None => {
                    merged.0.remove(&key);
                }
            }
        }
        if merged.json_bytes() > Self::MAX_BYTES {
            return Err(UserDataTooLarge);
        }
        *self = merged;
        Ok(())
    }

    /// Whether nothing is attached.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many keys are attached.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The entries, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Scalar)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// One value.
    pub fn get(&self, key: &str) -> Option<&Scalar> {
        self.0.get(key)
    }

    /// Size as JSON, without escapes: braces, quotes, colons and commas counted (R-REC-5).
    pub fn json_bytes(&self) -> usize {
        let entries = self.0.iter().map(|(key, value)| {
            key.len()
                + 4
                + match value {
                    Scalar::Text(text) => text.len() + 2,
                    Scalar::Number(literal) => literal.len(),
                    Scalar::Bool(_) => 5,
                }
        });
        2 + entries.sum::<usize>()
    }
}

/// First `_`, `$` or an ID_Start, then `_`, `$` or ID_Continue, and no reserved word (design decision 14).
///
/// Unicode letters and digits stand for ID_Start and ID_Continue; they differ only in a few historic signs and marks.
fn is_variable_name(key: &str) -> bool {
    let mut chars = key.chars();
    let starts = chars.next().is_some_and(|c| c == '_' || c == '$' || c.is_alphabetic());
    starts && chars.all(|c| c == '_' || c == '$' || c.is_alphanumeric()) && !RESERVED.contains(&key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Scalar {
        Scalar::Text(value.into())
    }

    #[test]
    fn keys_that_are_no_variable_names_are_dropped_silently() {
        let kept = UserData::new(
            ["ok", "_a", "$b", "größe", "not ok", "1st", "", "a-b", "class"].map(|key| (key.to_owned(), text("x"))),
        )
        .unwrap();
        let keys: Vec<_> = kept.iter().map(|(key, _)| key.to_owned()).collect();
        assert_eq!(keys, ["$b", "_a", "größe", "ok"], "R-REC-4");
    }

    #[test]
    fn merge_sets_removes_and_leaves_the_rest() {
        let mut data = UserData::new([("a".into(), text("1")), ("b".into(), text("2"))]).unwrap();
        data.merge([("a".into(), None), ("c".into(), Some(text("3")))]).unwrap();
        let keys: Vec<_> = data.iter().map(|(key, _)| key.to_owned()).collect();
        assert_eq!(keys, ["b", "c"], "R-EDT-5");
    }

    /// R-REC-5.
    #[test]
    fn four_hundred_kibibytes_are_the_limit_and_a_refused_merge_changes_nothing() {
        let fits = UserData::MAX_BYTES - 2 - 1 - 4 - 2;
        assert!(UserData::new([("a".into(), text(&"x".repeat(fits)))]).is_ok());
        assert_eq!(UserData::new([("a".into(), text(&"x".repeat(fits + 1)))]), Err(UserDataTooLarge));
        let mut data = UserData::new([("a".into(), text("1"))]).unwrap();
        let before = data.clone();
        assert!(data.merge([("a".into(), Some(text(&"x".repeat(fits + 1))))]).is_err());
        assert_eq!(data, before);
    }

    /// R-REC-6.
    #[test]
    fn debug_shows_no_content() {
        let data = UserData::new([("email".into(), text("joe@example.com"))]).unwrap();
        assert!(!format!("{data:?}").contains("joe"), "I11");
        assert!(!format!("{:?}", data.get("email")).contains("joe"), "I11");
    }
}
