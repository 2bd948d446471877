//! What is handed to the dialler (R-SUB-5).

use super::PhoneNumber;

/// The dial prefix of the queue followed by the number as given (R-SUB-5).
///
/// `prefix`: 0 to 16 of digits, `*`, `#`, `+`. With the prefix `+` a leading `+` of the number is dropped, so that one
/// remains; with any other prefix nothing is repaired.
pub fn dialed_digits(prefix: &str, number: &PhoneNumber) -> String {
    let number = number.as_given();
    let number = if prefix == "+" { number.strip_prefix('+').unwrap_or(number) } else { number };
    format!("{prefix}{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-SUB-5.
    #[test]
    fn ex_l_dialed_digits() {
        for (prefix, number, dialed) in [
            ("+", "12223334444", "+12223334444"),
            ("+", "+12223334444", "+12223334444"),
            ("", "2223334444", "2223334444"),
            ("91", "2223334444", "912223334444"),
            ("9", "+12223334444", "9+12223334444"),
        ] {
            assert_eq!(dialed_digits(prefix, &PhoneNumber::new(number).unwrap()), dialed, "EX-L {prefix:?} {number}");
        }
    }
}
