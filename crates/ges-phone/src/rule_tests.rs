//! The domain's rules of chapter 13.1 against the real metadata: EX-J, row I4 of EX-I, P-12.

use ges_domain::phone::{Country, NumberRefusal, NumberingPlan, PhoneNumber, Screening, key_of, plausibility, read};
use proptest::prelude::*;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType, Region};

use crate::Plan;

fn given(text: &str) -> PhoneNumber {
    PhoneNumber::new(text).unwrap()
}

fn country(code: &str) -> Country {
    Country::new(code).unwrap()
}

fn verdict(input: &str, default_country: &str) -> Result<String, NumberRefusal> {
    let screening = Screening { default_country: country(default_country), ..Screening::default() };
    plausibility(&Plan, &given(input), &screening, true).map(|key| key.as_str().to_owned())
}

/// R-NUM-1 to R-NUM-7.
#[test]
fn ex_j_plausibility() {
    use NumberRefusal::{Impossible, Premium};
    // input, default country, possible (none: not parseable), region, E.164 digits, verdict
    for (input, default_country, possible, region, e164, refused) in [
        ("+12223334444", "US", Some(true), None, "12223334444", None),
        ("12223334444", "US", Some(true), None, "12223334444", None),
        ("2223334444", "US", Some(true), None, "12223334444", None),
        ("+19059680004", "US", Some(true), Some("CA"), "19059680004", None),
        ("+19005551234", "US", Some(true), Some("US"), "19005551234", Some(Premium)),
        ("111", "US", Some(false), None, "1111", Some(Impossible)),
        ("911", "US", Some(false), None, "1911", Some(Impossible)),
        ("0604120405", "FR", Some(true), Some("FR"), "33604120405", None),
        ("+4989125016040", "DE", Some(true), Some("DE"), "4989125016040", None),
        ("+33899123456", "FR", Some(true), Some("FR"), "33899123456", Some(Premium)),
        ("+449098790123", "GB", Some(true), Some("GB"), "449098790123", Some(Premium)),
        ("+16505551234567", "US", Some(false), None, "16505551234567", Some(Impossible)),
        ("011442079460958", "US", Some(true), Some("GB"), "442079460958", None),
        ("442079460958", "US", Some(true), Some("GB"), "442079460958", None),
        ("1-800-FLOWERS", "US", Some(true), Some("US"), "18003569377", None),
        ("+1 650 466 1100 ext 12", "US", Some(true), Some("US"), "16504661100", None),
        ("+999123456789", "US", None, None, "", Some(Impossible)),
        ("bad", "DE", None, None, "", Some(Impossible)),
        ("+80012345678", "US", Some(true), None, "80012345678", None),
    ] {
        let row = format!("EX-J {input} ({default_country})");
        let parsed = read(&Plan, &given(input), &country(default_country));
        assert_eq!(parsed.as_ref().map(|parsed| parsed.possible), possible, "{row}: possible");
        if let Some(parsed) = parsed {
            assert_eq!(parsed.region, region.map(country), "{row}: region");
            assert_eq!(parsed.e164_digits, e164, "{row}: E.164");
        }
        let expected = refused.map_or(Ok(e164.to_owned()), Err);
        assert_eq!(verdict(input, default_country), expected, "{row}: verdict");
    }
}

#[test]
fn ex_i_row_i4_three_spellings_are_one_number() {
    for spelling in ["+12223334444", "12223334444", "2223334444"] {
        assert_eq!(key_of(&Plan, &given(spelling), &Country::US).as_str(), "12223334444", "EX-I I4 {spelling}");
    }
}

#[test]
fn emergency_and_short_numbers_are_refused_even_when_impossible_ones_pass() {
    let open = |home| Screening { default_country: country(home), block_impossible: false, block_premium: false };
    for (input, home) in [
        ("911", "US"),
        ("9-1-1", "US"),
        ("+911", "US"),
        (" 9 1 1 ", "DE"),
        ("٩١١", "US"),
        ("９１１", "US"),
        ("911,,1", "US"),
        ("911 ext 5", "US"),
        ("911#", "US"),
        ("tel:112", "US"),
        ("9115", "US"),
        ("112", "US"),
        ("999", "US"),
        ("15", "US"),
        ("000", "FR"),
        ("411", "US"),
        ("118218", "FR"),
    ] {
        let refused = plausibility(&Plan, &given(input), &open(home), true);
        assert_eq!(refused, Err(NumberRefusal::Impossible), "R-NUM-8 {input} ({home})");
        assert!(plausibility(&Plan, &given(input), &open(home), false).is_ok(), "only from outside: {input}");
    }
}

#[test]
fn ordinary_numbers_are_no_short_numbers() {
    for (input, home) in [
        ("+16504661100", "US"),
        ("6504661100", "US"),
        ("112025550123", "US"),
        ("15012345678", "CN"),
        ("+8615012345678", "CN"),
        ("0604120405", "FR"),
        ("020 7946 0958", "GB"),
        ("1-800-FLOWERS", "US"),
        ("bad", "US"),
    ] {
        assert!(!Plan.is_emergency_or_short(input, &country(home)), "{input} ({home})");
    }
}

#[test]
fn an_unknown_default_country_still_reads_international_numbers() {
    assert_eq!(verdict("+16504661100", "ZZ").as_deref(), Ok("16504661100"));
    assert_eq!(verdict("6504661100", "ZZ"), Err(NumberRefusal::Impossible));
}

/// A valid number of a random country with a random end, in one of the spellings people use.
fn spelled() -> impl Strategy<Value = (String, String, String)> {
    let regions: Vec<Region> = PHONE_NUMBER_UTIL.get_supported_regions().collect();
    let types = [PhoneNumberType::FixedLine, PhoneNumberType::Mobile];
    (prop::sample::select(regions), prop::sample::select(types.to_vec()), 0_u64..1000, 0_usize..9).prop_filter_map(
        "a valid number of its region",
        |(region, kind, end, spelling)| {
            let mut number = PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(region, kind).ok()?;
            number.national_number = number.national_number / 1000 * 1000 + end;
            if !number.is_valid_for_region(region) {
                return None;
            }
            let e164 = number.format_as(PhoneNumberFormat::E164).into_owned();
            let international = number.format_as(PhoneNumberFormat::International).into_owned();
            let text = match spelling {
                0 => e164.clone(),
                1 => international,
                2 => number.format_as(PhoneNumberFormat::National).into_owned(),
                3 => number.format_as(PhoneNumberFormat::RFC3966).into_owned(),
                4 => format!("  {international}  ext. 7"),
                5 => international.replace(' ', "-"),
                6 => international.replace(' ', "."),
                7 => format!("({}) {}", &e164[..3], &e164[3..]),
                _ => e164.chars().flat_map(|c| [c, ' ']).collect(),
            };
            Some((region.as_region_str().as_str().to_owned(), e164, text))
        },
    )
}

proptest! {
    #[test]
    fn p_12_every_spelling_of_a_number_has_one_key((home, e164, text) in spelled()) {
        let home = country(&home);
        let key = key_of(&Plan, &given(&text), &home);
        prop_assert_eq!(key.as_str(), &e164[1..], "{} under {}", text, home);
        prop_assert!(key.as_str().bytes().all(|byte| byte.is_ascii_digit()), "digits only when it parses");
    }

    #[test]
    fn p_12_no_text_breaks_the_key(text in "(.{1,64}|[+＋]?[0-9٠-٩０-９ ().,;:=#*/x~a-zéA-Z-]{1,63})", home in "[A-Z]{2}") {
        if let Ok(number) = PhoneNumber::new(&text) {
            let home = country(&home);
            let key = key_of(&Plan, &number, &home);
            prop_assert_eq!(&key, &key_of(&Plan, &number, &home));
            prop_assert!(!key.as_str().is_empty());
            let _ = Plan.is_emergency_or_short(&text, &home);
        }
    }
}
