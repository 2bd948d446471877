//! The stream inside the process, as the simulated orchestration reads it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ges_ors::{Delivery, LocalStream};
use ges_sim::{EntrySource, SourceError, StreamEntry};

/// As a consumer of the Redis stream reads (integrations 1.2.7).
const COUNT: usize = 16;
const BLOCK: Duration = Duration::from_secs(5);
const ABANDONED: Duration = Duration::from_secs(60);

/// Reads one [`LocalStream`].
pub(crate) struct LocalSource(pub(crate) Arc<LocalStream>);

#[async_trait]
impl EntrySource for LocalSource {
    async fn next(&self) -> Result<Vec<StreamEntry>, SourceError> {
        let mut taken = self.0.reclaim(ABANDONED, COUNT);
        if taken.is_empty() {
            taken = self.0.read_new(COUNT, BLOCK).await;
        }
        Ok(taken.into_iter().map(entry).collect())
    }

    async fn acknowledge(&self, id: &str) -> Result<(), SourceError> {
        // Ids are the ones given out above.
        if let Ok(id) = id.parse() {
            self.0.ack(id);
        }
        Ok(())
    }
}

fn entry(delivery: Delivery) -> StreamEntry {
    let fields = delivery.fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    StreamEntry { id: delivery.id.to_string(), fields }
}
