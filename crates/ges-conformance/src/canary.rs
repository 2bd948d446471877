//! Values about people, tokens and keys that are used wherever the API takes one, and must be in no log (I11).

/// The API key.
pub const API_KEY: &str = "canary-key-5d0c6a81";
/// The client secret of this service.
pub const CLIENT_SECRET: &str = "canary-client-secret-9b27";
/// The password of the database.
pub const DATABASE_PASSWORD: &str = "canary-database-password-17aa";
/// A value of user data.
pub const USER_DATA: &str = "canary-user-data-30f2";
/// A key of user data.
pub const USER_DATA_KEY: &str = "canaryUserDataKey";
/// A CAPTCHA token.
pub const CAPTCHA_TOKEN: &str = "canary-captcha-token-e11b";
/// A push target.
pub const PUSH_TARGET: &str = "canary-push-target-77c0";
/// How every phone number begins that [`phone`] makes.
pub(crate) const PHONES: &str = "1415867";
/// Values of the documented examples, which are used as they stand there.
const EXAMPLES: [&str; 4] = ["12223334444", "9059683457", "joe@example.com", "fcm-registration-token"];

/// A possible phone number of its own.
pub fn phone(number: u16) -> String {
    format!("{PHONES}{:04}", number % 10_000)
}

/// The canaries that stand in a text, however it was written down: in quotes, masked in part, percent-encoded.
pub fn found_in(text: &str) -> Vec<&'static str> {
    let own = [API_KEY, CLIENT_SECRET, DATABASE_PASSWORD, USER_DATA, USER_DATA_KEY, CAPTCHA_TOKEN, PUSH_TARGET, PHONES];
    own.into_iter().chain(EXAMPLES).filter(|canary| text.contains(canary)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canaries_are_found_inside_longer_texts() {
        let text = format!("GET /api-key/{API_KEY}?x phone=Some(\"+{}\")", phone(7));
        assert_eq!(found_in(&text), [API_KEY, PHONES]);
        assert_eq!(found_in("nothing to see; 1415 867"), [""; 0]);
    }
}
