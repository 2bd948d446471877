//! May this number be called back? (R-NUM-2 to R-NUM-8)

use super::{Country, PhoneKey, PhoneNumber};

/// What a numbering plan makes of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// E.164 without `+` and without any extension (R-NUM-7); digits only.
    pub e164_digits: String,
    /// Length and characters fit a number of its country; the range need not be assigned (R-NUM-5).
    pub possible: bool,
    /// The number is of the premium-rate type (R-NUM-6).
    pub premium: bool,
    /// Country of the number; absent when unassigned or not geographic (R-NV-6).
    pub region: Option<Country>,
}

/// The world's numbering plan: metadata only, no rule of ours.
pub trait NumberingPlan: Send + Sync {
    /// Reads `input`, a number of `default_country` unless it says otherwise; `None` when it is no number at all.
    fn parse(&self, input: &str, default_country: &Country) -> Option<Parsed>;

    /// Whether dialling `input` would reach an emergency service of any country, or is a short code of
    /// `default_country`.
    fn is_emergency_or_short(&self, input: &str, default_country: &Country) -> bool;

    /// Whether a regular expression of a number rule is found in `text`, in time linear in both; `None` when it is none
    /// (R-NV-9).
    fn finds(&self, expression: &str, text: &str) -> Option<bool>;
}

/// How strictly a service looks at numbers (settings `blockImpossible`, `blockPremium`, `defaultCountry`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screening {
    /// Country of numbers without a country code.
    pub default_country: Country,
    /// Refuse what is not a possible number (R-NUM-5).
    pub block_impossible: bool,
    /// Refuse premium-rate numbers (R-NUM-6).
    pub block_premium: bool,
}

impl Default for Screening {
    /// The product defaults: `US`, both blocked.
    fn default() -> Self {
        Self { default_country: Country::US, block_impossible: true, block_premium: true }
    }
}

/// Why a number is not called back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberRefusal {
    /// Not a possible number (R-NUM-5), or an emergency or short number (R-NUM-8). Wire kind `ImpossibleNumber`.
    #[error("the number cannot be called")]
    Impossible,
    /// A premium-rate number (R-NUM-6). Wire kind `PremiumNumber`.
    #[error("premium-rate numbers are not called")]
    Premium,
}

/// Reads a number the way the rules want it: nationally first, then as international without its `+` (R-NUM-2, R-NUM-4).
///
/// The second look applies to inputs of 11 to 15 digits, without letters and `+`, that are not possible nationally.
pub fn read(plan: &dyn NumberingPlan, number: &PhoneNumber, default_country: &Country) -> Option<Parsed> {
    let given = number.as_given();
    let national = plan.parse(given, default_country);
    if national.as_ref().is_some_and(|parsed| parsed.possible) || !lacks_plus(given) {
        return national;
    }
    plan.parse(&format!("+{given}"), default_country).filter(|parsed| parsed.possible).or(national)
}

fn lacks_plus(given: &str) -> bool {
    let digits = given.chars().filter(char::is_ascii_digit).count();
    (11..=15).contains(&digits) && !given.chars().any(|c| c.is_alphabetic() || c == '+' || c == '\u{ff0b}')
}

/// The key under which a number is counted (R-NUM-3); refuses nothing.
pub fn key_of(plan: &dyn NumberingPlan, number: &PhoneNumber, default_country: &Country) -> PhoneKey {
    PhoneKey::new(read(plan, number, default_country).as_ref(), number)
}

/// Lets a number pass with its key, or says why not (R-NUM-5, R-NUM-6, R-NUM-8; EX-J).
///
/// `external`: the request came over the external API, where emergency and short numbers never pass.
///
/// # Errors
/// [`NumberRefusal`], impossible before premium.
pub fn plausibility(
    plan: &dyn NumberingPlan,
    number: &PhoneNumber,
    screening: &Screening,
    external: bool,
) -> Result<PhoneKey, NumberRefusal> {
    if external && plan.is_emergency_or_short(number.as_given(), &screening.default_country) {
        return Err(NumberRefusal::Impossible);
    }
    let parsed = read(plan, number, &screening.default_country);
    if screening.block_impossible && !parsed.as_ref().is_some_and(|parsed| parsed.possible) {
        return Err(NumberRefusal::Impossible);
    }
    if screening.block_premium && parsed.as_ref().is_some_and(|parsed| parsed.premium) {
        return Err(NumberRefusal::Premium);
    }
    Ok(PhoneKey::new(parsed.as_ref(), number))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A plan of two rules: with `+` everything is possible, without it nothing is; 911 is an emergency number.
    struct TwoRules;

    impl NumberingPlan for TwoRules {
        fn parse(&self, input: &str, _: &Country) -> Option<Parsed> {
            let digits: String = input.chars().filter(char::is_ascii_digit).collect();
            (!digits.is_empty()).then(|| Parsed {
                possible: input.starts_with('+'),
                premium: digits.contains("900"),
                e164_digits: if input.starts_with('+') { digits } else { format!("1{digits}") },
                region: None,
            })
        }

        fn is_emergency_or_short(&self, input: &str, _: &Country) -> bool {
            input == "911"
        }

        fn finds(&self, expression: &str, text: &str) -> Option<bool> {
            Some(text.contains(expression))
        }
    }

    fn verdict(number: &str, screening: Screening, external: bool) -> Result<String, NumberRefusal> {
        plausibility(&TwoRules, &PhoneNumber::new(number).unwrap(), &screening, external)
            .map(|key| key.as_str().to_owned())
    }

    const OPEN: Screening = Screening { default_country: Country::US, block_impossible: false, block_premium: false };

    #[test]
    fn eleven_to_fifteen_digits_may_lack_their_plus() {
        let strict = Screening::default();
        assert_eq!(verdict("44 2079 460 958", strict, true).as_deref(), Ok("442079460958"));
        assert_eq!(verdict("442079460958123", strict, true).as_deref(), Ok("442079460958123"), "15 digits");
        assert_eq!(verdict("4420794609", strict, true), Err(NumberRefusal::Impossible), "10 digits");
        assert_eq!(verdict("4420794609581234", strict, true), Err(NumberRefusal::Impossible), "16 digits");
        assert_eq!(verdict("44207946095 EIGHT", strict, true), Err(NumberRefusal::Impossible), "letters");
    }

    #[test]
    fn switches_open_the_gates_one_by_one() {
        assert_eq!(verdict("123", OPEN, true).as_deref(), Ok("1123"));
        assert_eq!(verdict("123", Screening { block_impossible: true, ..OPEN }, true), Err(NumberRefusal::Impossible));
        assert_eq!(verdict("+1900555", OPEN, true).as_deref(), Ok("1900555"));
        assert_eq!(verdict("+1900555", Screening { block_premium: true, ..OPEN }, true), Err(NumberRefusal::Premium));
    }

    #[test]
    fn emergency_numbers_never_pass_from_outside() {
        assert_eq!(verdict("911", OPEN, true), Err(NumberRefusal::Impossible), "R-NUM-8");
        assert_eq!(verdict("911", OPEN, false).as_deref(), Ok("1911"));
    }
}
