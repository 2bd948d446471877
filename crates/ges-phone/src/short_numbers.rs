//! Emergency and short numbers (R-NUM-8), from a table of the public metadata in `data/`.

use std::collections::{HashMap, HashSet};
use std::sync::{LazyLock, OnceLock};

use ges_domain::phone::Country;
use regex::Regex;

/// See its first lines for the columns and the source.
const TABLE: &str = include_str!("../data/short_numbers.tsv");

struct ShortNumbers {
    emergency: Vec<&'static str>,
    pattern: Option<&'static str>,
    compiled: OnceLock<Option<Regex>>,
}

impl ShortNumbers {
    fn is_short(&self, digits: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| {
            let pattern = self.pattern?;
            Some(
                Regex::new(&format!("^(?:{pattern})$")).expect("invariant: a test compiles every pattern of the table"),
            )
        });
        compiled.as_ref().is_some_and(|pattern| pattern.is_match(digits))
    }
}

static BY_COUNTRY: LazyLock<HashMap<&'static str, ShortNumbers>> = LazyLock::new(|| {
    TABLE
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut columns = line.split('\t').map(|column| Some(column).filter(|column| *column != "-"));
            let (country, emergency, pattern) = (columns.next()??, columns.next()?, columns.next()?);
            let emergency = emergency.map(|numbers| numbers.split(',').collect()).unwrap_or_default();
            Some((country, ShortNumbers { emergency, pattern, compiled: OnceLock::new() }))
        })
        .collect()
});

static EMERGENCY_ANYWHERE: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| BY_COUNTRY.values().flat_map(|country| &country.emergency).copied().collect());

/// Whether dialling `digits` reaches a short number.
///
/// True for an emergency number of any country, for a short code of `country`, and for an emergency number of
/// `country` with digits behind it, unless the whole is a `possible` number: exchanges connect at the first match.
pub(crate) fn reached_by(digits: &str, country: &Country, possible: impl Fn(&str) -> bool) -> bool {
    if digits.is_empty() {
        return false;
    }
    if EMERGENCY_ANYWHERE.contains(digits) {
        return true;
    }
    let Some(home) = BY_COUNTRY.get(country.as_str()) else { return false };
    home.is_short(digits) || (home.emergency.iter().any(|number| digits.starts_with(number)) && !possible(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_reads_and_every_pattern_compiles() {
        let rows = TABLE.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(BY_COUNTRY.len(), rows);
        assert!(rows > 200, "{rows} countries");
        for (country, numbers) in BY_COUNTRY.iter() {
            assert!(Country::new(country).is_ok(), "{country}");
            for number in &numbers.emergency {
                assert!(number.len() >= 2 && number.bytes().all(|byte| byte.is_ascii_digit()), "{country} {number}");
            }
            if numbers.pattern.is_some() {
                assert!(!numbers.is_short("0000000000000000"), "{country}: compiles and is bounded");
            }
        }
    }

    #[test]
    fn well_known_emergency_numbers_are_in_the_table() {
        for number in ["112", "911", "999", "000", "110", "118", "119", "15", "17", "18", "190", "113", "144", "122"] {
            assert!(EMERGENCY_ANYWHERE.contains(number), "{number}");
        }
    }
}
