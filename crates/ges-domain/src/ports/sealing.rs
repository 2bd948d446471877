//! Sealing texts before they reach a store that must not read them.

/// Seals and opens texts.
pub trait Sealing: Send + Sync {
    /// Seals `text` so that it opens with the same `about` only; none without a key.
    fn seal(&self, about: &str, text: &str) -> Option<Vec<u8>>;

    /// Opens what was sealed; none when it was sealed with another key or about something else, or was damaged.
    fn open(&self, about: &str, sealed: &[u8]) -> Option<String>;
}
