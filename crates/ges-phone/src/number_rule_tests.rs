//! The domain's number rules of chapter 13.2 against the real metadata: EX-K, P-13.

use std::time::{Duration, Instant};

use ges_domain::phone::{Country, NumberRule, PhoneKey, PhoneNumber, Verdict, key_of};
use proptest::prelude::*;

use crate::Plan;

fn rule(countries: &str, patterns: &str) -> NumberRule {
    let countries: Vec<_> = countries.split(',').collect();
    let document = format!(
        r#"{{"name":"rule","countries":{},"patterns":[{patterns}]}}"#,
        format!("{countries:?}").replace('\'', "\"")
    );
    let rule: NumberRule = serde_json::from_str(&document).unwrap();
    rule.check(&Plan).unwrap();
    rule
}

fn verdict(rule: &NumberRule, number: &str) -> Verdict {
    let number = PhoneNumber::new(number).unwrap();
    rule.verdict(&Plan, &key_of(&Plan, &number, &Country::US))
}

/// R-NV-4 to R-NV-9.
#[test]
fn ex_k_country_and_number_rules() {
    use Verdict::{CountryNotPermitted, CountryUnknown, Permitted};
    let country = |code: &str| Country::new(code).unwrap();
    let matches = |pattern: &str| Verdict::PatternMatch(pattern.to_owned());
    for (row, countries, patterns, number, expected) in [
        ("K1", "US", "", "+16504661100", Permitted),
        ("K2", "US", "", "+14165551234", CountryNotPermitted(country("CA"))),
        ("K3", "US", "", "+18765551234", CountryNotPermitted(country("JM"))),
        ("K4", "US", "", "+12223334444", CountryUnknown),
        ("K5", "US", "", "+80012345678", CountryUnknown),
        ("K6", "US", r#"{"simple":"1650"}"#, "+16504661100", matches("1650")),
        ("K7", "US", r#"{"simple":"1650466110?"}"#, "+16504661100", matches("1650466110?")),
        ("K8", "US", r#"{"simple":"*1100"}"#, "+16504661100", matches("*1100")),
        ("K9", "US", r#"{"simple":"650*"}"#, "+16504661100", Permitted),
        ("K10", "US", r#"{"expression":"^\\+1650"}"#, "+16504661100", matches(r"^\+1650")),
        ("K11", "US,CA", r#"{"simple":"1*","country":"CA"}"#, "+16504661100", Permitted),
        ("K11 the other way", "US,CA", r#"{"simple":"1*","country":"CA"}"#, "+14165550123", matches("1*")),
        ("no number at all", "US", "", "bad", CountryUnknown),
    ] {
        assert_eq!(verdict(&rule(countries, patterns), number), expected, "EX-K {row}");
    }
}

#[test]
fn k12_look_around_cannot_be_saved() {
    let document = r#"{"name":"rule","countries":["US"],"patterns":[{"simple":"1"},{"expression":"(?=1)"}]}"#;
    let rule: NumberRule = serde_json::from_str(document).unwrap();
    let said = rule.check(&Plan).unwrap_err().to_string();
    assert!(said.starts_with("patterns[1]"), "EX-K K12: {said}");
}

#[test]
fn k12b_nested_repetitions_answer_in_linear_time() {
    let text = format!("{}2", "1".repeat(40));
    let began = Instant::now();
    assert_eq!(ges_domain::phone::NumberingPlan::finds(&Plan, "(1+)+$", &text), Some(false), "EX-K K12b");
    assert!(began.elapsed() < Duration::from_secs(2), "a backtracking engine would take years");
}

#[test]
fn trying_a_rule_shows_form_country_and_verdict() {
    let number = PhoneNumber::new("020 7946 0958").unwrap();
    let tried = rule("US", "").try_with(&Plan, &number, &Country::new("GB").unwrap());
    assert_eq!((tried.key.as_str(), tried.country), ("442079460958", Country::new("GB").ok()), "R-NV-11");
    assert_eq!(tried.verdict, Verdict::CountryNotPermitted(Country::new("GB").unwrap()));
}

proptest! {
    #[test]
    fn p_13_a_verdict_depends_on_the_key_and_the_rule_alone(
        digits in "[1-9][0-9]{6,14}",
        home in prop::sample::select(vec!["US", "GB", "FR", "DE", "JM"]),
        pattern in "[0-9*?]{1,6}",
    ) {
        let rule = rule("US,GB,FR", &format!(r#"{{"simple":"{pattern}"}}"#));
        let number = PhoneNumber::new(&format!("+{digits}")).unwrap();
        let key = key_of(&Plan, &number, &Country::new(home).unwrap());
        let first = rule.verdict(&Plan, &key);
        prop_assert_eq!(&first, &rule.verdict(&Plan, &PhoneKey::stored(key.as_str())));
        let tried = rule.try_with(&Plan, &number, &Country::new(home).unwrap());
        prop_assert_eq!(tried.verdict, first, "spelling and default country play no part");
    }
}
