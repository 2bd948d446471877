//! The rarely used fields as bytes: nothing when they are defaults, else one format byte and JSON, compressed when that pays.

use ges_domain::callback::Particulars;
use ges_domain::ports::{Cause, StoreError};

use crate::error::{Fault, unreadable};

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
/// Shorter documents gain nothing from compression.
const COMPRESS_FROM: usize = 200;
const LEVEL: i32 = 3;
/// Far above the largest document that can be written: 400 KiB of user data with every escape.
const MAX_BYTES: usize = 8 << 20;

/// The stored form; `None` for defaults.
pub(crate) fn encode(particulars: &Particulars) -> Result<Option<Vec<u8>>, StoreError> {
    if *particulars == Particulars::default() {
        return Ok(None);
    }
    let failed = |cause: Cause| StoreError::Unavailable(cause);
    let mut bytes = vec![PLAIN];
    serde_json::to_writer(&mut bytes, particulars).map_err(|error| failed(error.into()))?;
    if bytes.len() > COMPRESS_FROM {
        let mut packed = vec![ZSTD];
        packed.extend(zstd::bulk::compress(&bytes[1..], LEVEL).map_err(|error| failed(error.into()))?);
        if packed.len() < bytes.len() {
            return Ok(Some(packed));
        }
    }
    Ok(Some(bytes))
}

/// Reads the stored form.
pub(crate) fn decode(stored: Option<&[u8]>) -> Result<Particulars, StoreError> {
    let Some(stored) = stored else { return Ok(Particulars::default()) };
    let json = |bytes: &[u8]| {
        // The text of the error could quote the document (I11).
        serde_json::from_slice(bytes).map_err(|_| unreadable("callbacks", Fault::Value("details")))
    };
    match stored.split_first() {
        Some((&PLAIN, document)) => json(document),
        Some((&ZSTD, packed)) => {
            let document = zstd::bulk::decompress(packed, MAX_BYTES).map_err(|error| unreadable("callbacks", error))?;
            json(&document)
        }
        _ => Err(unreadable("callbacks", Fault::Value("details"))),
    }
}

#[cfg(test)]
mod tests {
    use ges_domain::callback::{Scalar, Source, UserData};

    use super::*;

    fn with(text: String) -> Particulars {
        let user_data = UserData::new([("note".to_owned(), Scalar::Text(text))]).unwrap();
        Particulars { source: Source::Ivr, user_data, ..Particulars::default() }
    }

    #[test]
    fn defaults_take_no_room() {
        assert_eq!(encode(&Particulars::default()).unwrap(), None);
        assert_eq!(decode(None).unwrap(), Particulars::default());
    }

    #[test]
    fn short_documents_stay_plain_and_long_ones_are_packed() {
        for (text, format) in [("short".to_owned(), PLAIN), ("long ".repeat(200), ZSTD)] {
            let particulars = with(text);
            let stored = encode(&particulars).unwrap().unwrap();
            assert_eq!(stored[0], format);
            assert_eq!(decode(Some(&stored)).unwrap(), particulars);
        }
    }

    #[test]
    fn the_largest_user_data_reads_back_escapes_and_all() {
        let particulars = with("\u{1}".repeat(UserData::MAX_BYTES - 100));
        let stored = encode(&particulars).unwrap().unwrap();
        assert_eq!(decode(Some(&stored)).unwrap(), particulars);
    }

    #[test]
    fn damage_is_found_and_not_quoted() {
        for damaged in [&b""[..], b"\x09{}", b"\x00{\"user_data\":\"secret\"}", b"\x01secret"] {
            let error = decode(Some(damaged)).unwrap_err();
            assert!(matches!(error, StoreError::Unreadable { table: "callbacks", .. }));
            assert!(!format!("{error:?}").contains("secret"), "I11");
        }
    }
}
