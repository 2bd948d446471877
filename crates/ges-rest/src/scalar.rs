//! JSON values as callers attach them, kept as they were written (R-REC-5, design decisions 14 and 15).

use ges_domain::callback::Scalar;
use serde_json::value::RawValue;

/// Deepest nesting of a body. Nothing reads deeper, so no input can exhaust the stack.
pub(crate) const DEEPEST: usize = 64;

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TextFlaw {
    /// A NUL, which PostgreSQL cannot hold.
    #[error("must not contain NUL characters")]
    Nul,
    /// Half of a surrogate pair.
    #[error("must be valid Unicode text")]
    LoneSurrogate,
}

/// The text of a JSON string literal.
pub(crate) fn text(literal: &str) -> Result<String, TextFlaw> {
    let text: String = serde_json::from_str(literal).map_err(|_| TextFlaw::LoneSurrogate)?;
    if text.contains('\0') { Err(TextFlaw::Nul) } else { Ok(text) }
}

/// A JSON value as it is stored: `null` is absent, objects and arrays are their JSON text, numbers keep their literal.
pub(crate) fn scalar(value: &RawValue) -> Result<Option<Scalar>, TextFlaw> {
    let json = value.get();
    Ok(Some(match json.as_bytes().first() {
        None | Some(b'n') => return Ok(None),
        Some(b't') => Scalar::Bool(true),
        Some(b'f') => Scalar::Bool(false),
        Some(b'"') => Scalar::Text(text(json)?),
        Some(b'{' | b'[') => {
            check_escapes(json)?;
            Scalar::Text(json.to_owned())
        }
        Some(_) => Scalar::Number(json.to_owned()),
    }))
}

/// Looks through the strings of a valid JSON text for escapes that are no text.
fn check_escapes(json: &str) -> Result<(), TextFlaw> {
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let escape = &rest[at + 1..];
        if !escape.starts_with('u') {
            // The escaped character is ASCII in valid JSON; a backslash must not start another escape.
            rest = escape.get(1..).unwrap_or_default();
            continue;
        }
        let unit = |escape: &str| escape.get(1..5).and_then(|hex| u16::from_str_radix(hex, 16).ok());
        rest = escape.get(5..).unwrap_or_default();
        match unit(escape) {
            Some(0) => return Err(TextFlaw::Nul),
            Some(0xd800..=0xdbff) => {
                let low = rest.strip_prefix('\\').filter(|low| low.starts_with('u')).and_then(unit);
                if !low.is_some_and(|low| (0xdc00..=0xdfff).contains(&low)) {
                    return Err(TextFlaw::LoneSurrogate);
                }
                rest = rest.get(6..).unwrap_or_default();
            }
            Some(0xdc00..=0xdfff) => return Err(TextFlaw::LoneSurrogate),
            _ => {}
        }
    }
    Ok(())
}

/// Whether objects and arrays nest deeper than [`DEEPEST`]; brackets inside strings do not count.
pub(crate) fn too_deep(json: &str) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json.bytes() {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (true, _) => {}
            (false, b'{' | b'[') => {
                depth += 1;
                if depth > DEEPEST {
                    return true;
                }
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            (false, _) => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Option<Scalar>, TextFlaw> {
        scalar(serde_json::from_str::<&RawValue>(json).unwrap())
    }

    fn kept(text: &str) -> Result<Option<Scalar>, TextFlaw> {
        Ok(Some(Scalar::Text(text.into())))
    }

    #[test]
    fn values_are_kept_as_written() {
        assert_eq!(read("null"), Ok(None));
        assert_eq!(read("true"), Ok(Some(Scalar::Bool(true))));
        assert_eq!(read(r#""a\u00fcb\ud83d\ude00""#), kept("aüb😀"));
        for literal in ["1", "-0.10", "1e400", "12345678901234567890.000"] {
            assert_eq!(read(literal), Ok(Some(Scalar::Number(literal.into()))));
        }
        assert_eq!(read(r#"{"a":[1, "\ud83d\ude00\\u0000"]}"#), kept(r#"{"a":[1, "\ud83d\ude00\\u0000"]}"#));
    }

    #[test]
    fn text_no_store_can_hold_is_refused_at_any_depth() {
        for json in [r#""a\u0000""#, r#"["\u0000"]"#, r#"{"\u0000":1}"#] {
            assert_eq!(read(json), Err(TextFlaw::Nul), "{json}");
        }
        for json in [r#""\ud800""#, r#"["\udc00"]"#, r#"{"a":"\ud800x"}"#, r#"["\ud800\n"]"#, r#"["\ud800\u0041"]"#] {
            assert_eq!(read(json), Err(TextFlaw::LoneSurrogate), "{json}");
        }
    }

    #[test]
    fn depth_counts_brackets_outside_strings() {
        assert!(!too_deep(&"[".repeat(DEEPEST)));
        assert!(too_deep(&"[".repeat(DEEPEST + 1)));
        assert!(!too_deep(&"[]".repeat(DEEPEST + 1)));
        assert!(!too_deep(&format!("\"\\\"{}\"", "{".repeat(DEEPEST + 1))));
    }
}
