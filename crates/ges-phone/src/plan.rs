//! The domain's numbering plan over libphonenumber metadata (R-NUM-2).

use ges_domain::phone::{Country, NumberingPlan, Parsed};
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberType, Region};

use crate::{expressions, short_numbers};

/// The numbering plan of the world. Stateless; the metadata is decoded once in a process.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plan;

impl Plan {
    /// Decodes the metadata now, instead of at the first number. Call it before a process says that it is ready.
    pub fn warm_up() -> Self {
        let plan = Self;
        // The result does not matter: parsing, type and region together touch everything that is built on first use.
        let _ = plan.parse("+16504661100", &Country::US);
        let _ = plan.is_emergency_or_short("112", &Country::US);
        plan
    }
}

impl NumberingPlan for Plan {
    fn parse(&self, input: &str, default_country: &Country) -> Option<Parsed> {
        // An unknown default country still lets international numbers through.
        let region = Region::from_code(default_country.as_str()).ok();
        let number = PHONE_NUMBER_UTIL.parse(input, region).ok()?;
        let digits = format!("{}{}", number.country_code, number.get_national_significant_number());
        Some(Parsed {
            possible: PHONE_NUMBER_UTIL.is_possible_number(&number),
            premium: number.get_type() == PhoneNumberType::PremiumRate,
            region: region_of(&number),
            e164_digits: digits,
        })
    }

    fn is_emergency_or_short(&self, input: &str, default_country: &Country) -> bool {
        let possible = |text: &str| self.parse(text, default_country).is_some_and(|parsed| parsed.possible);
        short_numbers::reached_by(&PHONE_NUMBER_UTIL.normalize_digits_only(input), default_country, possible)
            || short_numbers::reached_by(&subscriber_digits(input), default_country, possible)
    }

    fn finds(&self, expression: &str, text: &str) -> Option<bool> {
        Some(expressions::compiled(expression)?.is_match(text))
    }
}

/// The country of a number; `001` stands for numbers that belong to no country.
fn region_of(number: &PhoneNumber) -> Option<Country> {
    if !number.is_valid() {
        return None;
    }
    Country::new(number.get_region_code()?.as_region_str().as_str()).ok()
}

/// The digits in front of an extension, a pause or any other text: `911,,1` and `911 ext 5` still dial 911.
fn subscriber_digits(input: &str) -> String {
    let punctuation = |c: &char| " \u{a0}-.()/+\u{ff0b}\u{2010}\u{2011}\u{2012}\u{2013}\u{2212}".contains(*c);
    let front = input
        .trim_start_matches(|c: char| !c.is_numeric())
        .chars()
        .take_while(|c| c.is_numeric() || punctuation(c))
        .collect::<String>();
    PHONE_NUMBER_UTIL.normalize_digits_only(&front)
}
