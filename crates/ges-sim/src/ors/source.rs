//! Where entries come from: Redis, or a stream inside the process.

use async_trait::async_trait;

/// One entry of the orchestration stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEntry {
    /// The stream's id of it.
    pub id: String,
    /// Its fields.
    pub fields: Vec<(String, String)>,
}

/// The stream cannot be read for the moment.
#[derive(Debug, thiserror::Error)]
#[error("the orchestration stream does not answer")]
pub struct SourceError(#[from] pub Box<dyn std::error::Error + Send + Sync>);

/// A consumer's view of the stream: every entry is delivered at least once until it is acknowledged (integrations 1.2.7).
#[async_trait]
pub trait EntrySource: Send + Sync {
    /// The next entries, at most a few dozen. Waits some seconds for one and may then answer none. An entry that was
    /// delivered and not acknowledged for a minute is delivered again.
    ///
    /// # Errors
    /// [`SourceError`]: asking again later is safe; nothing is lost.
    async fn next(&self) -> Result<Vec<StreamEntry>, SourceError>;

    /// Says that an entry is done with. Safe to repeat.
    ///
    /// # Errors
    /// [`SourceError`]: it will be delivered again.
    async fn acknowledge(&self, id: &str) -> Result<(), SourceError>;
}
