//! Country and Number Validation rules (13.2).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Country, NumberingPlan, PhoneKey, PhoneNumber, read};
use crate::BadName;

/// Most patterns of a rule (R-NV-10).
const PATTERNS: usize = 500;
/// Longest pattern in characters (R-NV-9).
const LONGEST: usize = 256;

/// Which numbers may be called: permitted countries, then patterns that block (R-NV-1). Reading a document checks everything
/// but whether regular expressions compile, which [`NumberRule::check`] asks the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
pub struct NumberRule {
    name: String,
    countries: BTreeSet<Country>,
    patterns: Vec<Pattern>,
}

/// One pattern; a number that fits it is blocked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    form: Form,
    /// Only numbers of this country are compared; none: all (R-NV-7).
    country: Option<Country>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// Digits, `*`, `?`; digits alone are a prefix (R-NV-8).
    Simple(String),
    /// A regular expression (R-NV-9).
    Expression(String),
}

/// What a rule says about a number (R-NV-5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may be called.
    Permitted,
    /// `COUNTRY_NOT_PERMITTED`.
    CountryNotPermitted(Country),
    /// `COUNTRY_UNKNOWN`.
    CountryUnknown,
    /// `PATTERN_MATCH`, with the pattern.
    PatternMatch(String),
}

/// What trying a rule shows (R-NV-11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The number as rules see it.
    pub key: PhoneKey,
    /// Its country.
    pub country: Option<Country>,
    /// What the rule says.
    pub verdict: Verdict,
}

/// Why something is no number rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadNumberRule {
    /// The name is empty, too long or holds a NUL.
    #[error("name {0}")]
    Name(BadName),
    /// No country is permitted (EX-K K14).
    #[error("countries must name at least one country")]
    NoCountry,
    /// More patterns than a rule may have.
    #[error("patterns must be at most {PATTERNS}")]
    TooMany,
    /// A simple pattern with something else than digits, `*`, `?` and punctuation.
    #[error("patterns[{0}]: simple must be digits, * and ?")]
    Simple(usize),
    /// A pattern that is too long.
    #[error("patterns[{0}] must have at most {LONGEST} characters")]
    TooLong(usize),
    /// A pattern for a country that is not permitted anyway.
    #[error("patterns[{0}]: country is not among the permitted ones")]
    Country(usize),
    /// A regular expression of another syntax (EX-K K12).
    #[error("patterns[{0}]: expression does not compile; look-around and back-references are not known")]
    Expression(usize),
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    name: String,
    countries: BTreeSet<Country>,
    #[serde(default)]
    patterns: Vec<PatternDocument>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum PatternDocument {
    Simple {
        simple: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        country: Option<Country>,
    },
    Expression {
        expression: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        country: Option<Country>,
    },
}

impl NumberRule {
    /// Most rules of a tenant (R-NV-10).
    pub const MOST: u32 = 200;

    /// The name, unique in a tenant.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether every regular expression compiles.
    ///
    /// # Errors
    /// [`BadNumberRule::Expression`] names the first that does not (R-NV-9).
    pub fn check(&self, plan: &dyn NumberingPlan) -> Result<(), BadNumberRule> {
        let broken = self.patterns.iter().position(|pattern| match &pattern.form {
            Form::Simple(_) => false,
            Form::Expression(expression) => plan.finds(expression, "").is_none(),
        });
        broken.map_or(Ok(()), |at| Err(BadNumberRule::Expression(at)))
    }

    /// Decides about a number; nothing but the key and the rule counts (R-NV-5, R-NV-6, P-13).
    pub fn verdict(&self, plan: &dyn NumberingPlan, key: &PhoneKey) -> Verdict {
        match country_of(plan, key) {
            None => Verdict::CountryUnknown,
            Some(country) if !self.countries.contains(&country) => Verdict::CountryNotPermitted(country),
            Some(country) => {
                let applies = |pattern: &&Pattern| pattern.country.is_none_or(|only| only == country);
                let blocking = self.patterns.iter().filter(applies).find(|pattern| pattern.fits(plan, key));
                blocking.map_or(Verdict::Permitted, |pattern| Verdict::PatternMatch(pattern.text().to_owned()))
            }
        }
    }

    /// Tries the rule with a number, before it is saved or assigned (R-NV-11).
    pub fn try_with(&self, plan: &dyn NumberingPlan, number: &PhoneNumber, default_country: &Country) -> Tried {
        let key = PhoneKey::new(read(plan, number, default_country).as_ref(), number);
        Tried { country: country_of(plan, &key), verdict: self.verdict(plan, &key), key }
    }
}

/// The country of a number by its key: none when unassigned or not geographic (R-NV-6).
fn country_of(plan: &dyn NumberingPlan, key: &PhoneKey) -> Option<Country> {
    plan.parse(&format!("+{}", key.as_str()), &Country::US)?.region
}

impl Pattern {
    fn text(&self) -> &str {
        match &self.form {
            Form::Simple(text) | Form::Expression(text) => text,
        }
    }

    fn fits(&self, plan: &dyn NumberingPlan, key: &PhoneKey) -> bool {
        match &self.form {
            Form::Simple(pattern) if pattern.bytes().all(|byte| byte.is_ascii_digit()) => {
                key.as_str().starts_with(pattern.as_str())
            }
            Form::Simple(pattern) => glob(pattern.as_bytes(), key.as_str().as_bytes()),
            // What was saved compiled; what does not compile any more blocks rather than lets pass.
            Form::Expression(expression) => plan.finds(expression, &format!("+{}", key.as_str())).unwrap_or(true),
        }
    }
}

/// Whether `pattern` fits the whole `text`: `*` any run, `?` one character. Time is at most the product of both lengths.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(b'?') => (p, t) = (p + 1, t + 1),
            Some(byte) if *byte == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                // The last star takes one more character.
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// A simple pattern as it is saved: without punctuation and leading `+` (R-NV-8).
fn simplified(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !" -()".contains(*c)).collect();
    let text = text.strip_prefix('+').unwrap_or(&text);
    let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || b"*?".contains(&byte));
    fits.then(|| text.to_owned())
}

impl TryFrom<Document> for NumberRule {
    type Error = BadNumberRule;
    fn try_from(read: Document) -> Result<Self, BadNumberRule> {
        let name = read.name.trim();
        if !(1..=64).contains(&name.chars().count()) || name.contains('\0') {
            return Err(BadNumberRule::Name(BadName { min: 1, max: 64 }));
        }
        if read.countries.is_empty() {
            return Err(BadNumberRule::NoCountry);
        }
        if read.patterns.len() > PATTERNS {
            return Err(BadNumberRule::TooMany);
        }
        let pattern = |(at, pattern): (usize, PatternDocument)| {
            let (form, country) = match pattern {
                PatternDocument::Simple { simple, country } => {
                    (Form::Simple(simplified(&simple).ok_or(BadNumberRule::Simple(at))?), country)
                }
                PatternDocument::Expression { expression, country } => (Form::Expression(expression), country),
            };
            let pattern = Pattern { form, country };
            if pattern.text().chars().count() > LONGEST {
                return Err(BadNumberRule::TooLong(at));
            }
            if pattern.country.is_some_and(|country| !read.countries.contains(&country)) {
                return Err(BadNumberRule::Country(at));
            }
            Ok(pattern)
        };
        let patterns = read.patterns.into_iter().enumerate().map(pattern).collect::<Result<_, _>>()?;
        Ok(Self { name: name.to_owned(), countries: read.countries, patterns })
    }
}

impl From<NumberRule> for Document {
    fn from(rule: NumberRule) -> Self {
        let pattern = |pattern: Pattern| match pattern.form {
            Form::Simple(simple) => PatternDocument::Simple { simple, country: pattern.country },
            Form::Expression(expression) => PatternDocument::Expression { expression, country: pattern.country },
        };
        Self { name: rule.name, countries: rule.countries, patterns: rule.patterns.into_iter().map(pattern).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(document: &str) -> String {
        serde_json::from_str::<NumberRule>(document).unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_saved_is_named() {
        let many =
            format!(r#"{{"name":"a","countries":["US"],"patterns":[{}]}}"#, vec![r#"{"simple":"1"}"#; 501].join(","));
        let long = format!(r#"{{"name":"a","countries":["US"],"patterns":[{{"expression":"{}"}}]}}"#, "1".repeat(257));
        for (document, complaint) in [
            (r#"{"name":"a","countries":[]}"#, "at least one country"),
            (r#"{"name":" ","countries":["US"]}"#, "name must have"),
            (r#"{"name":"a","countries":["USA"]}"#, "country code"),
            (r#"{"name":"a","countries":["US"],"patterns":[{"simple":"1"},{"simple":"16a"}]}"#, "patterns[1]: simple"),
            (r#"{"name":"a","countries":["US"],"patterns":[{"simple":"+ "}]}"#, "patterns[0]: simple"),
            (
                r#"{"name":"a","countries":["US"],"patterns":[{"simple":"1","country":"CA"}]}"#,
                "not among the permitted",
            ),
            (&many, "at most 500"),
            (&long, "at most 256"),
        ] {
            let said = refused(document);
            assert!(said.contains(complaint), "EX-K K14, R-NV-1, R-NV-7 to R-NV-10: {said}");
        }
    }

    #[test]
    fn simple_patterns_lose_their_punctuation_and_documents_read_back() {
        let document = r#"{"name":" a ","countries":["us","CA"],"patterns":[{"simple":"+1 (650) 466-*"},{"expression":"^\\+1","country":"CA"}]}"#;
        let rule: NumberRule = serde_json::from_str(document).unwrap();
        assert_eq!(rule.patterns[0].text(), "1650466*", "R-NV-8");
        let written = serde_json::to_string(&rule).unwrap();
        assert_eq!(serde_json::from_str::<NumberRule>(&written).unwrap(), rule);
    }

    #[test]
    fn globs_fit_whole_numbers() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("*", "123", true),
            ("?", "", false),
            ("1*2*3", "1002003", true),
            ("1*2*3", "10020031", false),
            ("*1100", "16504661100", true),
            ("650*", "16504661100", false),
            ("1650466110?", "16504661100", true),
            ("1650466110?", "1650466110", false),
            ("**?", "1", true),
        ] {
            assert_eq!(glob(pattern.as_bytes(), text.as_bytes()), fits, "R-NV-8 {pattern} {text}");
        }
        let hard = "1*".repeat(64);
        assert!(
            !glob(format!("{hard}2").as_bytes(), "1".repeat(64).as_bytes()),
            "answers without backtracking for ever"
        );
    }
}
