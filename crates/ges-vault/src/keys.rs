//! Sealing and opening with one or several keys.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ges_domain::ports::Sealing;
use rand::RngCore as _;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};

/// First byte of everything sealed: this form.
const FORM: u8 = 1;
/// Bytes that name the key a text was sealed with.
const NAME_BYTES: usize = 4;
const KEY_BYTES: usize = 32;

/// The configured keys do not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("key number {0} is not 32 bytes in base64")]
pub struct BadKeys(usize);

struct Key {
    name: [u8; NAME_BYTES],
    key: LessSafeKey,
}

impl Key {
    fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        let mut name = [0; NAME_BYTES];
        name.copy_from_slice(&Sha256::digest(bytes)[..NAME_BYTES]);
        let key = UnboundKey::new(&AES_256_GCM, bytes).expect("invariant: the length is that of the algorithm");
        Self { name, key: LessSafeKey::new(key) }
    }
}

/// Keys: the first seals, all open. `Debug` shows how many there are.
pub struct Keys(Vec<Key>);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.0.len())
    }
}

impl Keys {
    /// Reads keys of 32 bytes in base64, with commas between them.
    ///
    /// # Errors
    /// [`BadKeys`] with the number of the first that is none, from 1.
    pub fn read(text: &str) -> Result<Self, BadKeys> {
        let read = |(nth, text): (usize, &str)| {
            let bytes = STANDARD.decode(text.trim()).map_err(|_| BadKeys(nth + 1))?;
            let bytes: [u8; KEY_BYTES] = bytes.try_into().map_err(|_| BadKeys(nth + 1))?;
            Ok(Key::new(&bytes))
        };
        text.split(',').enumerate().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// A key of its own, from chance: what it seals opens in this process alone.
    pub fn fleeting() -> Self {
        let mut bytes = [0; KEY_BYTES];
        rand::rng().fill_bytes(&mut bytes);
        Self(vec![Key::new(&bytes)])
    }

    /// A new key as text, for a process that keeps its own.
    pub fn draw() -> SecretString {
        let mut bytes = [0; KEY_BYTES];
        rand::rng().fill_bytes(&mut bytes);
        STANDARD.encode(bytes).into()
    }

    /// The name of the key that seals.
    pub(crate) fn sealer(&self) -> Option<[u8; NAME_BYTES]> {
        self.0.first().map(|key| key.name)
    }

    /// Whether a key of this name is among them.
    pub(crate) fn list(&self, name: [u8; NAME_BYTES]) -> bool {
        self.0.iter().any(|key| key.name == name)
    }

    /// Seals `document` so that it opens with the same `about` only. None without a key.
    pub fn seal(&self, about: &str, document: &str) -> Option<Vec<u8>> {
        let key = self.0.first()?;
        let mut nonce = [0; NONCE_LEN];
        rand::rng().fill_bytes(&mut nonce);
        let mut text = document.as_bytes().to_vec();
        let about = Aad::from(about.as_bytes());
        key.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), about, &mut text).ok()?;
        Some([&[FORM], key.name.as_slice(), nonce.as_slice(), text.as_slice()].concat())
    }

    /// Opens what was sealed with one of the keys; none when it was not, or when it was damaged.
    pub fn open(&self, about: &str, sealed: &[u8]) -> Option<String> {
        let (form, rest) = sealed.split_first()?;
        let (name, rest) = rest.split_at_checked(NAME_BYTES)?;
        let (nonce, text) = rest.split_at_checked(NONCE_LEN)?;
        if *form != FORM {
            return None;
        }
        let key = self.0.iter().find(|key| key.name == name)?;
        let mut text = text.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let clear = key.key.open_in_place(nonce, Aad::from(about.as_bytes()), &mut text).ok()?;
        String::from_utf8(clear.to_vec()).ok()
    }
}

impl Sealing for Keys {
    fn seal(&self, about: &str, text: &str) -> Option<Vec<u8>> {
        Self::seal(self, about, text)
    }

    fn open(&self, about: &str, sealed: &[u8]) -> Option<String> {
        Self::open(self, about, sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(byte: u8) -> String {
        STANDARD.encode([byte; KEY_BYTES])
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_and_for_its_owner() {
        let keys = Keys::read(&text(1)).unwrap();
        let sealed = keys.seal("tenant-1 push fcm", "the document").unwrap();
        assert_eq!(keys.open("tenant-1 push fcm", &sealed).as_deref(), Some("the document"));
        assert_eq!(keys.open("tenant-2 push fcm", &sealed), None, "I9: of another tenant");
        assert_eq!(Keys::read(&text(2)).unwrap().open("tenant-1 push fcm", &sealed), None, "another key");
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert_eq!(keys.open("tenant-1 push fcm", &damaged), None, "byte {at}");
        }
        assert_eq!(keys.open("tenant-1 push fcm", &sealed[..10]), None);
        let again = keys.seal("tenant-1 push fcm", "the document").unwrap();
        assert_ne!(sealed, again, "no nonce twice");
        assert!(!String::from_utf8_lossy(&sealed).contains("document"));
    }

    #[test]
    fn a_second_key_opens_what_it_sealed_when_it_was_the_first() {
        let old = Keys::read(&text(1)).unwrap();
        let sealed = old.seal("a", "document").unwrap();
        let both = Keys::read(&format!("{}, {}", text(2), text(1))).unwrap();
        assert_eq!(both.open("a", &sealed).as_deref(), Some("document"));
        let new = both.seal("a", "document").unwrap();
        assert_eq!(old.open("a", &new), None, "the first key seals");
    }

    #[test]
    fn keys_of_another_length_are_refused_without_showing_them() {
        let error = Keys::read(&format!("{},c2hvcnQ=", text(1))).unwrap_err();
        assert_eq!(error.to_string(), "key number 2 is not 32 bytes in base64");
        assert!(Keys::read("").is_err());
        assert_eq!(format!("{:?}", Keys::read(&text(1)).unwrap()), "Keys(1)", "I11");
    }
}
