//! A JSON object read leniently, field by field (engagement-api 2.4): unknown fields are ignored, `null` is absent, of a
//! repeated key the last wins, and every complaint names its field.

use std::collections::BTreeMap;

use ges_domain::Refusal;
use ges_domain::callback::Scalar;
use serde_json::value::RawValue;

use crate::answer::Failure;
use crate::scalar::{self, scalar, too_deep};

/// An object whose values are still JSON.
#[derive(Debug)]
pub(crate) struct Fields<'a>(BTreeMap<String, &'a RawValue>);

/// Entries of an object as they are stored; `None` for `null`.
pub(crate) type Entries = Vec<(String, Option<Scalar>)>;

impl<'a> Fields<'a> {
    /// Reads a whole body.
    pub(crate) fn of_body(body: &'a [u8]) -> Result<Self, Failure> {
        let text = std::str::from_utf8(body).map_err(|_| Failure::Malformed("The body is not valid UTF-8".into()))?;
        if too_deep(text) {
            return Err(Failure::Malformed("The body is nested too deeply".into()));
        }
        Self::parse(text).map_err(|error| {
            // The parser's own words may repeat content of the body (I11).
            Failure::Malformed(match error.classify() {
                serde_json::error::Category::Data => "The body must be a JSON object".into(),
                _ => format!("The body is not valid JSON: line {}, column {}", error.line(), error.column()).into(),
            })
        })
    }

    fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self)
    }

    /// The value of a field as JSON; none when absent or `null`.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.0.get(name).copied().filter(|value| value.get() != "null")
    }

    /// A string of at most `max` characters; an empty one is absent.
    pub(crate) fn text(&self, name: &'static str, max: usize) -> Result<Option<String>, Failure> {
        let Some(value) = self.raw(name) else { return Ok(None) };
        let text = string(name, value)?;
        if text.chars().count() > max {
            return Err(invalid(name, format!("must have at most {max} characters")));
        }
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// A required string.
    pub(crate) fn required_text(&self, name: &'static str, max: usize) -> Result<String, Failure> {
        self.text(name, max)?.ok_or_else(|| invalid(name, "is required"))
    }

    /// A string if it is one, whatever else it might be.
    pub(crate) fn any_text(&self, name: &str) -> Option<String> {
        scalar::text(self.raw(name)?.get()).ok()
    }

    /// A finite number, or a string that holds one.
    pub(crate) fn number(&self, name: &'static str) -> Result<Option<f64>, Failure> {
        let Some(value) = self.raw(name) else { return Ok(None) };
        match number(value) {
            Some(number) => Ok(Some(number)),
            None => Err(invalid(name, "must be a number")),
        }
    }

    /// A boolean, or a string that holds one in any letter case.
    pub(crate) fn boolean(&self, name: &'static str) -> Result<Option<bool>, Failure> {
        let Some(value) = self.raw(name) else { return Ok(None) };
        let word = value.get().trim_matches('"');
        match word {
            _ if word.eq_ignore_ascii_case("true") => Ok(Some(true)),
            _ if word.eq_ignore_ascii_case("false") => Ok(Some(false)),
            _ => Err(invalid(name, "must be true or false")),
        }
    }

    /// The elements of an array.
    pub(crate) fn list(&self, name: &'static str) -> Result<Option<Vec<&'a RawValue>>, Failure> {
        let Some(value) = self.raw(name) else { return Ok(None) };
        serde_json::from_str(value.get()).map(Some).map_err(|_| invalid(name, "must be an array"))
    }

    /// All fields, `null` included.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }
}

/// An object inside a field.
pub(crate) fn object<'a>(name: &'static str, value: &'a RawValue) -> Result<Fields<'a>, Failure> {
    Fields::parse(value.get()).map_err(|_| invalid(name, "must be a JSON object"))
}

/// Data to attach: an object, or a string that holds one; an empty string is absent (engagement-api 4.3).
pub(crate) fn attached(name: &'static str, value: &RawValue) -> Result<Option<Entries>, Failure> {
    let flawed = |flaw: scalar::TextFlaw| invalid(name, flaw.to_string());
    let inner;
    let json = match value.get().starts_with('"') {
        true => {
            inner = scalar::text(value.get()).map_err(flawed)?;
            inner.trim()
        }
        false => value.get(),
    };
    if json.is_empty() {
        return Ok(None);
    }
    if too_deep(json) {
        return Err(invalid(name, "is nested too deeply"));
    }
    let fields = Fields::parse(json).map_err(|_| invalid(name, "must be a JSON object"))?;
    let entries = fields.0.into_iter().map(|(key, value)| Ok((key, scalar(value).map_err(flawed)?)));
    entries.collect::<Result<_, Failure>>().map(Some)
}

/// A number or the text of one; neither infinite nor NaN.
pub(crate) fn number(value: &RawValue) -> Option<f64> {
    let literal = value.get().trim_matches('"').trim();
    let plain = literal.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    literal.parse().ok().filter(|number: &f64| plain && number.is_finite())
}

/// The whole number in `min..=max` that a number is.
pub(crate) fn whole(number: f64, min: i32, max: i32) -> Option<i32> {
    let fits = number.fract() == 0.0 && (f64::from(min)..=f64::from(max)).contains(&number);
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
    fits.then_some(number as i32)
}

pub(crate) fn invalid(name: &'static str, problem: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    Refusal::invalid(name, problem).into()
}

fn string(name: &'static str, value: &RawValue) -> Result<String, Failure> {
    if !value.get().starts_with('"') {
        return Err(invalid(name, "must be a string"));
    }
    scalar::text(value.get()).map_err(|flaw| invalid(name, flaw.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint<T: std::fmt::Debug>(read: Result<T, Failure>) -> String {
        read.unwrap_err().to_string()
    }

    #[test]
    fn of_a_repeated_key_the_last_wins_and_null_is_absent() {
        let fields = Fields::of_body(br#"{"a":"1","a":"2","b":null,"c":""}"#).unwrap();
        assert_eq!(fields.text("a", 9).unwrap().as_deref(), Some("2"));
        assert_eq!(fields.text("b", 9).unwrap(), None);
        assert_eq!(fields.text("c", 9).unwrap(), None);
        assert_eq!(fields.number("b").unwrap(), None);
    }

    #[test]
    fn numbers_and_booleans_may_come_as_text() {
        let body = br#"{"a":"5","b":5.0,"c":"5e0","d":"x","e":"inf","f":1e999,"g":"TRUE","h":false,"i":1,"j":""}"#;
        let fields = Fields::of_body(body).unwrap();
        for name in ["a", "b", "c"] {
            assert_eq!(fields.number(name).unwrap(), Some(5.0), "{name}");
        }
        for name in ["d", "e", "f", "j"] {
            assert_eq!(complaint(fields.number(name)), format!("{name} must be a number"));
        }
        assert_eq!((fields.boolean("g").unwrap(), fields.boolean("h").unwrap()), (Some(true), Some(false)));
        assert_eq!(complaint(fields.boolean("i")), "i must be true or false");
        assert_eq!((whole(5.0, -9, 9), whole(5.5, -9, 9), whole(10.0, -9, 9)), (Some(5), None, None));
    }

    #[test]
    fn complaints_about_bodies_repeat_no_content() {
        for (body, said) in [
            (&b"\"secret\""[..], "The body must be a JSON object"),
            (b"[1]", "The body must be a JSON object"),
            (b"", "The body is not valid JSON: line 1, column 0"),
            (b"{\"secret\":", "The body is not valid JSON: line 1, column 10"),
            (b"{\"a\":\"\xff\"}", "The body is not valid UTF-8"),
        ] {
            assert_eq!(complaint(Fields::of_body(body)), said);
        }
        let deep = format!("{{\"a\":{}", "[".repeat(200_000));
        assert_eq!(complaint(Fields::of_body(deep.as_bytes())), "The body is nested too deeply");
    }

    #[test]
    fn text_flaws_name_the_field() {
        let fields = Fields::of_body(br#"{"nul":"a\u0000","half":"\ud800","no":5,"long":"abc"}"#).unwrap();
        assert_eq!(complaint(fields.text("nul", 9)), "nul must not contain NUL characters");
        assert_eq!(complaint(fields.text("half", 9)), "half must be valid Unicode text");
        assert_eq!(complaint(fields.text("no", 9)), "no must be a string");
        assert_eq!(complaint(fields.text("long", 2)), "long must have at most 2 characters");
        assert_eq!(complaint(fields.required_text("none", 2)), "none is required");
    }

    #[test]
    fn attached_data_is_an_object_or_a_string_holding_one() {
        let read = |json: &str| attached("userData", serde_json::from_str(json).unwrap());
        let one = Some(vec![("a".to_owned(), Some(Scalar::Number("1.50".into())))]);
        assert_eq!(read(r#"{"a":1.50}"#).unwrap(), one);
        assert_eq!(read(r#""{\"a\":1.50}""#).unwrap(), one);
        assert_eq!(read(r#""{}""#).unwrap(), Some(vec![]));
        assert_eq!(read(r#""  ""#).unwrap(), None);
        for wrong in ["5", "[]", r#""x""#, r#""[]""#, "true"] {
            assert_eq!(complaint(read(wrong)), "userData must be a JSON object", "{wrong}");
        }
        let hidden = serde_json::to_string(&format!("{{\"a\":{}{}}}", "[".repeat(99), "]".repeat(99))).unwrap();
        assert_eq!(complaint(read(&hidden)), "userData is nested too deeply");
    }
}
