//! Descriptions of numbers for those who ask (integrations 2.16).

use ges_domain::phone::{Country, NumberFacts, NumberGuide, PhoneNumber};
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType, Region};

use crate::Plan;

impl NumberGuide for Plan {
    fn describe(&self, number: &PhoneNumber, country: &Country) -> Option<NumberFacts> {
        let region = Region::from_code(country.as_str()).ok();
        let parsed = PHONE_NUMBER_UTIL.parse(number.as_given(), region).ok()?;
        let kind = parsed.get_type();
        let own = parsed.get_region_code().map(|region| region.as_region_str().as_str().to_owned());
        Some(NumberFacts {
            e164: parsed.format_as(PhoneNumberFormat::E164).into_owned(),
            international: parsed.format_as(PhoneNumberFormat::International).into_owned(),
            national: parsed.format_as(PhoneNumberFormat::National).into_owned(),
            country_code: parsed.country_code.to_string(),
            // The library's own answer holds for every region whose numbers look alike.
            valid_for_region: parsed.is_valid() && own.as_deref() == Some(country.as_str()),
            region: own.filter(|_| parsed.is_valid()).unwrap_or_default(),
            kind: word(kind).to_owned(),
            possible: PHONE_NUMBER_UTIL.is_possible_number(&parsed),
            valid: parsed.is_valid(),
            premium: kind == PhoneNumberType::PremiumRate,
        })
    }
}

/// The name of a type, as the reference library writes it.
const fn word(kind: PhoneNumberType) -> &'static str {
    match kind {
        PhoneNumberType::FixedLine => "FIXED_LINE",
        PhoneNumberType::Mobile => "MOBILE",
        PhoneNumberType::FixedLineOrMobile => "FIXED_LINE_OR_MOBILE",
        PhoneNumberType::TollFree => "TOLL_FREE",
        PhoneNumberType::PremiumRate => "PREMIUM_RATE",
        PhoneNumberType::SharedCost => "SHARED_COST",
        PhoneNumberType::VoIP => "VOIP",
        PhoneNumberType::PersonalNumber => "PERSONAL_NUMBER",
        PhoneNumberType::Pager => "PAGER",
        PhoneNumberType::UAN => "UAN",
        PhoneNumberType::VoiceMail => "VOICEMAIL",
        PhoneNumberType::Unknown => "UNKNOWN",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(number: &str, country: &str) -> Option<NumberFacts> {
        Plan.describe(&PhoneNumber::new(number).unwrap(), &Country::new(country).unwrap())
    }

    #[test]
    fn numbers_are_described_as_dialed_in_a_country() {
        let british = described("020 7946 0958", "GB").unwrap();
        assert_eq!(british.e164, "+442079460958");
        assert_eq!((british.international.as_str(), british.national.as_str()), ("+44 20 7946 0958", "020 7946 0958"));
        assert_eq!((british.country_code.as_str(), british.region.as_str()), ("44", "GB"));
        assert!(british.possible && british.valid && british.valid_for_region && !british.premium);
        let elsewhere = described("+442079460958", "US").unwrap();
        assert!(elsewhere.valid && !elsewhere.valid_for_region);
        let premium = described("900 234 5678", "US").unwrap();
        assert_eq!((premium.kind.as_str(), premium.premium), ("PREMIUM_RATE", true));
        assert_eq!(described("call me", "US"), None);
    }
}
