//! Who is signed in at the console. The record store keeps it (design decision 2), sealed and under digests.

use async_trait::async_trait;

use super::StoreError;
use crate::Instant;

/// SHA-256 of a word that a browser holds. The store never sees the word itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WordDigest(pub [u8; 32]);

/// A session as it is stored: the store cannot read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleSession {
    /// Digest of the word in the cookie.
    pub key: WordDigest,
    /// Everything about the user, sealed.
    pub sealed: Vec<u8>,
    /// From then on it is over, unless it is used before (R-RB-6).
    pub idle_until: Instant,
}

/// The record of sign-ins under way and of sessions.
#[async_trait]
pub trait ConsoleSessions: Send + Sync {
    /// Expects a browser to come back with the word behind `state`, before `until`. Safe to repeat.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known to have happened; asking again is safe.
    async fn expect_return(&self, state: WordDigest, until: Instant) -> Result<(), StoreError>;

    /// Takes a browser back, once: whether it was expected and is not late.
    ///
    /// # Errors
    /// [`StoreError`]: the word may be spent.
    async fn take_return(&self, state: WordDigest, now: Instant) -> Result<bool, StoreError>;

    /// Begins a session. Safe to repeat.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known to have happened; asking again is safe.
    async fn open_session(&self, session: &ConsoleSession) -> Result<(), StoreError>;

    /// A session that is not over.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn session(&self, key: WordDigest, now: Instant) -> Result<Option<ConsoleSession>, StoreError>;

    /// Lets a session that is not over last until `idle_until`, if that is later; whether there is one. Safe to repeat.
    ///
    /// # Errors
    /// [`StoreError`]: asking again is safe.
    async fn touch_session(&self, key: WordDigest, now: Instant, idle_until: Instant) -> Result<bool, StoreError>;

    /// Puts other contents in place of `was`; `false` when somebody else did, or the session is gone.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known to have happened; look again.
    async fn reseal_session(&self, key: WordDigest, was: &[u8], sealed: &[u8]) -> Result<bool, StoreError>;

    /// Ends a session; whether there was one. Safe to repeat.
    ///
    /// # Errors
    /// [`StoreError`]: asking again is safe.
    async fn close_session(&self, key: WordDigest) -> Result<bool, StoreError>;

    /// Deletes up to `limit` sessions and expected returns that are over. Returns how many.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn purge_sessions(&self, now: Instant, limit: u32) -> Result<u64, StoreError>;
}
