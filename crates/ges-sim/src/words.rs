//! Random words that never repeat, not even across restarts: session ids and tokens.

use rand::Rng as _;

/// A session id: 32 upper-case letters and digits.
pub(crate) fn session_id() -> String {
    draw(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 32)
}

/// A random UUID.
pub(crate) fn uuid() -> String {
    let digits = draw(b"0123456789abcdef", 32);
    [&digits[..8], &digits[8..12], &format!("4{}", &digits[13..16]), &format!("a{}", &digits[17..20]), &digits[20..]]
        .join("-")
}

/// An access token: 32 hexadecimal digits.
pub(crate) fn token() -> String {
    draw(b"0123456789abcdef", 32)
}

fn draw(alphabet: &[u8], length: usize) -> String {
    let mut rng = rand::rng();
    (0..length).map(|_| char::from(alphabet[rng.random_range(0..alphabet.len())])).collect()
}
