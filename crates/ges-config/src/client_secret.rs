//! The client secret in the forms existing installations have it in (integrations 10.4).
//!
//! AES-128-ECB under an unsalted digest of a password hides a secret from a glance and from nobody else. It is read, with a
//! warning, and never written.

use aes::Aes128;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cipher::block_padding::Pkcs7;
use cipher::{BlockModeDecrypt as _, KeyInit as _};
use md5::{Digest as _, Md5};
use secrecy::{ExposeSecret as _, SecretString};

/// How the client secret is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Encrypted when a password is there and the text decrypts with it, else in clear.
    Auto,
    /// In clear, whatever else is configured.
    Plain,
    /// Encrypted, or the process does not start.
    Aes128Ecb,
}

impl Encoding {
    /// Reads a word of the catalogue.
    pub(crate) fn of(word: &str) -> Self {
        match word {
            "plain" => Self::Plain,
            "aes-128-ecb" => Self::Aes128Ecb,
            _ => Self::Auto,
        }
    }
}

/// What became of a configured text.
#[derive(Debug)]
pub(crate) enum Reading {
    /// It is the secret.
    Clear(SecretString),
    /// It was decrypted, which is to be warned of.
    Decrypted(SecretString),
    /// It did not decrypt and is taken for the secret, which is to be warned of.
    Undecrypted(SecretString),
    /// It has to decrypt and does not, or there is no password.
    Unreadable,
}

/// Reads the configured text of the client secret.
pub(crate) fn read(text: SecretString, password: Option<&SecretString>, encoding: Encoding) -> Reading {
    let decrypted = || decrypt(text.expose_secret(), password?.expose_secret());
    match (encoding, password) {
        (Encoding::Plain, _) | (Encoding::Auto, None) => Reading::Clear(text),
        (Encoding::Auto, Some(_)) => match decrypted() {
            Some(secret) => Reading::Decrypted(secret),
            None => Reading::Undecrypted(text),
        },
        (Encoding::Aes128Ecb, _) => decrypted().map_or(Reading::Unreadable, Reading::Decrypted),
    }
}

/// The clear text; none when the text is neither hexadecimal nor base64, no whole number of blocks, not padded as it should
/// be, or not Unicode.
fn decrypt(text: &str, password: &str) -> Option<SecretString> {
    let text = text.trim();
    let sealed = hex::decode(text).ok().or_else(|| STANDARD.decode(text).ok())?;
    let key: [u8; 16] = Md5::digest(password.as_bytes()).into();
    let clear = ecb::Decryptor::<Aes128>::new(&key.into()).decrypt_padded_vec::<Pkcs7>(&sealed).ok()?;
    String::from_utf8(clear).ok().map(SecretString::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "ges-demo-passphrase";
    const CLEAR: &str = "s3cret-client-value";
    const HEX: &str = "330bcbea0cc217874fb5788eaaf0290b0a058a856bbff4f50ae82492e2c6bc85";
    const BASE64: &str = "MwvL6gzCF4dPtXiOqvApCwoFioVrv/T1CugkkuLGvIU=";

    /// `secret`, and what happened to the text: `c`lear, `d`ecrypted, `u`ndecrypted, `-` unreadable.
    fn outcome(text: &str, password: Option<&str>, encoding: Encoding) -> (char, String) {
        let password = password.map(|text| SecretString::from(text.to_owned()));
        let (mark, secret) = match read(text.to_owned().into(), password.as_ref(), encoding) {
            Reading::Clear(secret) => ('c', secret),
            Reading::Decrypted(secret) => ('d', secret),
            Reading::Undecrypted(secret) => ('u', secret),
            Reading::Unreadable => ('-', String::new().into()),
        };
        (mark, secret.expose_secret().to_owned())
    }

    #[test]
    fn the_key_is_the_digest_of_the_password() {
        assert_eq!(hex::encode(Md5::digest(PASSWORD)), "ec9655a8f42cfbd8a5711388755a025c");
    }

    #[test]
    fn check_21_the_vector_decrypts_from_hexadecimal_and_base64() {
        for text in [HEX, BASE64, &HEX.to_uppercase(), &format!(" {HEX}\n")] {
            for encoding in [Encoding::Auto, Encoding::Aes128Ecb] {
                assert_eq!(outcome(text, Some(PASSWORD), encoding), ('d', CLEAR.into()), "{encoding:?}");
            }
            assert_eq!(outcome(text, Some(PASSWORD), Encoding::Plain), ('c', text.into()));
            assert_eq!(outcome(text, None, Encoding::Auto), ('c', text.into()));
            assert_eq!(outcome(text, None, Encoding::Aes128Ecb).0, '-', "there is no password");
        }
    }

    #[test]
    fn what_does_not_decrypt_is_the_secret_itself_unless_it_has_to_decrypt() {
        let (short, damaged) = (&HEX[..30], HEX.replace("85", "86"));
        let wrong_blocks = &BASE64[..20];
        for text in [CLEAR, "", short, &damaged, wrong_blocks, "c2VjcmV0", "AAAAAAAAAAAAAAAAAAAAAA=="] {
            assert_eq!(outcome(text, Some(PASSWORD), Encoding::Auto), ('u', text.into()), "{text}");
            assert_eq!(outcome(text, Some(PASSWORD), Encoding::Aes128Ecb).0, '-', "{text}");
        }
        assert_eq!(outcome(HEX, Some("another"), Encoding::Aes128Ecb).0, '-');
    }

    #[test]
    fn nothing_of_the_secret_shows() {
        let shown = format!("{:?}", read(HEX.to_owned().into(), Some(&PASSWORD.to_owned().into()), Encoding::Auto));
        assert!(!shown.contains(CLEAR) && !shown.contains(HEX), "I11");
    }
}
