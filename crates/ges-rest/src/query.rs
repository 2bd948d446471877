//! Query parameters (engagement-api 2.4, 3.3): unknown ones are ignored, empty ones are absent, repeated known ones are refused.

use ges_domain::hours::Zone;
use percent_encoding::percent_decode_str;

use crate::answer::Failure;
use crate::dates::{Moment, moment};
use crate::fields::invalid;

/// The known parameters of a request.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(&'static str, String)>);

impl Parameters {
    /// Picks the parameters called `known` out of a raw query; names are compared letter by letter.
    pub(crate) fn pick(query: Option<&str>, known: &[&'static str]) -> Result<Self, Failure> {
        let mut found: Vec<(&'static str, String)> = Vec::new();
        for pair in query.unwrap_or_default().split('&') {
            let (raw_name, raw_value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(name) = decode(raw_name) else { continue };
            let Some(name) = known.iter().find(|known| **known == name).copied() else { continue };
            if found.iter().any(|(earlier, _)| *earlier == name) {
                return Err(invalid(name, "is given more than once"));
            }
            let value = decode(raw_value).ok_or_else(|| invalid(name, "must be valid Unicode text"))?;
            if value.contains('\0') {
                return Err(invalid(name, "must not contain NUL characters"));
            }
            found.push((name, value));
        }
        found.retain(|(_, value)| !value.is_empty());
        Ok(Self(found))
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.value(name)
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the parameter is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// A date-time.
    pub(crate) fn moment(&self, name: &'static str) -> Result<Option<Moment>, Failure> {
        let read = |text| moment(text).ok_or_else(|| invalid(name, "is not a date-time"));
        self.value(name).map(read).transpose()
    }

    /// A whole number.
    pub(crate) fn integer(&self, name: &'static str) -> Result<Option<i64>, Failure> {
        let read = |text: &str| text.trim().parse().map_err(|_| invalid(name, "must be a whole number"));
        self.value(name).map(read).transpose()
    }

    /// A whole number that fits 32 bits and is not negative.
    pub(crate) fn count(&self, name: &'static str) -> Result<Option<u32>, Failure> {
        let read = |number| u32::try_from(number).map_err(|_| invalid(name, "must be 0 to 4294967295"));
        self.integer(name)?.map(read).transpose()
    }

    /// A boolean in any letter case.
    pub(crate) fn boolean(&self, name: &'static str) -> Result<Option<bool>, Failure> {
        match self.value(name) {
            None => Ok(None),
            Some(word) if word.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(word) if word.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(invalid(name, "must be true or false")),
        }
    }

    /// A time zone of the IANA database.
    pub(crate) fn zone(&self, name: &'static str) -> Result<Option<Zone>, Failure> {
        let read = |text| Zone::named(text).ok_or_else(|| invalid(name, "is not the name of an IANA time zone"));
        self.value(name).map(read).transpose()
    }
}

/// Every value of a parameter that may be repeated, in order; empty ones included.
pub(crate) fn values(query: Option<&str>, name: &'static str) -> Result<Vec<String>, Failure> {
    let pairs = query.unwrap_or_default().split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mine = pairs.filter(|(raw, _)| decode(raw).is_some_and(|found| found == name));
    let read = |(_, raw): (&str, &str)| match decode(raw) {
        Some(value) if value.contains('\0') => Err(invalid(name, "must not contain NUL characters")),
        Some(value) => Ok(value),
        None => Err(invalid(name, "must be valid Unicode text")),
    };
    mine.map(read).collect()
}

/// Every parameter in order, names and values decoded; empty ones included.
pub(crate) fn pairs(query: Option<&str>) -> Result<Vec<(String, String)>, Failure> {
    let bad = || Failure::Malformed("The query is not valid percent-encoded text without NUL characters".into());
    let read = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name).ok_or_else(bad)?, decode(value).ok_or_else(bad)?);
        if name.contains('\0') || value.contains('\0') { Err(bad()) } else { Ok((name, value)) }
    };
    query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).map(read).collect()
}

fn decode(raw: &str) -> Option<String> {
    let spaced = raw.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["a", "b", "zone"];

    fn pick(query: &str) -> Result<Parameters, String> {
        Parameters::pick(Some(query), KNOWN).map_err(|failure| failure.to_string())
    }

    #[test]
    fn unknown_and_empty_parameters_are_absent() {
        let found = pick("_=1767625200000&a=&A=1&c=%ff&&b=2").unwrap();
        assert!(!found.has("a"));
        assert_eq!(found.integer("b").unwrap(), Some(2));
    }

    #[test]
    fn known_parameters_come_once_and_are_text() {
        assert_eq!(pick("a=1&%61=2").unwrap_err(), "a is given more than once");
        assert_eq!(pick("a=%ff").unwrap_err(), "a must be valid Unicode text");
        assert_eq!(pick("a=%00").unwrap_err(), "a must not contain NUL characters");
    }

    #[test]
    fn values_are_typed() {
        let found = pick("a=2026-01-05T16:00:00+01:00&b=TRUE&zone=America%2FNew_York").unwrap();
        let at = found.moment("a").unwrap().unwrap().resolve(None);
        assert_eq!(at.to_string(), "2026-01-05T15:00:00.000Z", "the plus became a space on its way");
        assert_eq!(found.boolean("b").unwrap(), Some(true));
        assert_eq!(found.zone("zone").unwrap().unwrap().name(), "America/New_York");
        let wrong = pick("a=x&b=yes&zone=Mars").unwrap();
        assert_eq!(wrong.moment("a").unwrap_err().to_string(), "a is not a date-time");
        assert_eq!(wrong.integer("a").unwrap_err().to_string(), "a must be a whole number");
        assert_eq!(wrong.boolean("b").unwrap_err().to_string(), "b must be true or false");
        assert!(wrong.zone("zone").is_err());
        assert!(pick("a=-1").unwrap().count("a").is_err());
    }
}
