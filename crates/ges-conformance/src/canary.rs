//! Values about people, tokens and keys that are used wherever the API takes one, and must be in no log (I11).

/// The API key.
pub const API_KEY: &str = "canary-key-5d0c6a81";
/// The client secret of this service.
pub const CLIENT_SECRET: &str = "canary-client-secret-9b27";
/// The password of the database.
pub const DATABASE_PASSWORD: &str = "canary-database-password-17aa";
/// The password of the accelerating Redis.
pub const REDIS_PASSWORD: &str = "canary-redis-password-4c1d";
/// The user at the orchestration Redis.
pub const STREAM_USER: &str = "canary-stream-user-88fe";
/// The password of that user.
pub const STREAM_PASSWORD: &str = "canary-stream-password-0b6a";
/// The password of an encrypted client secret.
pub const DECRYPT_PASSWORD: &str = "canary-decrypt-password-6f19";
/// 32 bytes that seal credentials, in base64.
pub const CREDENTIALS_KEY: &str = "Y2FuYXJ5LWNyZWRlbnRpYWxzLWtleS0zMi1ieXRlcyE=";
/// 32 bytes that seal tokens of sessions, in base64.
pub const SESSION_KEY: &str = "Y2FuYXJ5LXNlc3Npb24ta2V5LTMyLWJ5dGVzLWxvbmc=";
/// Our key at Nexus.
pub const NEXUS_KEY: &str = "canary-nexus-key-d2c7";
/// What callers of the internal API show.
pub const INTERNAL_TOKEN: &str = "canary-internal-token-51e8";
/// What they would show in the other mode.
pub const INTERNAL_PASSWORD: &str = "canary-internal-password-93b0";
/// Our token at Consul.
pub const CONSUL_TOKEN: &str = "canary-consul-token-7ade";
/// The password in the address of the proxy.
pub const PROXY_PASSWORD: &str = "canary-proxy-password-2e45";
/// The password of the emergency sign-in.
pub const EMERGENCY_PASSWORD: &str = "canary-emergency-password-c3d9";
/// What a contact center registers for reCAPTCHA.
pub const CAPTCHA_SECRET: &str = "canary-captcha-secret-a0f4";
/// What a contact center registers for statistics: secret and password of its user.
pub const STATISTICS_SECRET: &str = "canary-statistics-secret-1b73";
/// What a contact center registers for pushes, or tries to.
pub const PUSH_SECRET: &str = "canary-push-secret-f6e2";
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

/// What only we and our neighbours know: it belongs in no answer at all.
pub const SECRETS: [&str; 18] = [
    CLIENT_SECRET,
    DATABASE_PASSWORD,
    REDIS_PASSWORD,
    STREAM_USER,
    STREAM_PASSWORD,
    DECRYPT_PASSWORD,
    CREDENTIALS_KEY,
    "canary-credentials-key",
    SESSION_KEY,
    "canary-session-key",
    NEXUS_KEY,
    INTERNAL_TOKEN,
    INTERNAL_PASSWORD,
    CONSUL_TOKEN,
    PROXY_PASSWORD,
    EMERGENCY_PASSWORD,
    CAPTCHA_SECRET,
    STATISTICS_SECRET,
];

/// The canaries that stand in a text, however it was written down: in quotes, masked in part, percent-encoded.
pub fn found_in(text: &str) -> Vec<&'static str> {
    let own = [API_KEY, USER_DATA, USER_DATA_KEY, CAPTCHA_TOKEN, PUSH_TARGET, PUSH_SECRET, PHONES];
    own.into_iter().chain(SECRETS).chain(EXAMPLES).filter(|canary| text.contains(canary)).collect()
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
