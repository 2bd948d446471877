//! Records that sessions are changing, as this process last knew them: most updates of a running session then cost one
//! statement.
//!
//! A remembered record decides nothing by itself. What is written because of it is a compare-and-set on its version, which
//! comes to nothing when the record has moved on; what would be answered without writing is decided again by a fresh read.

use std::sync::Arc;
use std::time::Duration;

use ges_domain::callback::Callback;
use ges_domain::{CallbackId, TenantId};
use moka::future::Cache;

use crate::row::Stored;

/// Most bytes remembered, roughly.
const MOST_BYTES: u64 = 4 << 20;
/// Beside its texts of any length, roughly what a record takes.
const RECORD_BYTES: usize = 1_500;
/// A session that has been silent for so long will be read again.
const IDLE: Duration = Duration::from_secs(300);

type Key = (TenantId, CallbackId);

/// The memory of one process.
pub(crate) struct Recent(Cache<Key, Arc<Stored>>);

impl Default for Recent {
    fn default() -> Self {
        let cache = Cache::builder().max_capacity(MOST_BYTES).time_to_idle(IDLE);
        Self(cache.weigher(|_, stored: &Arc<Stored>| weight(&stored.record)).build())
    }
}

impl Recent {
    pub(super) async fn get(&self, tenant: TenantId, id: CallbackId) -> Option<Arc<Stored>> {
        self.0.get(&(tenant, id)).await
    }

    /// Remembers a record that was just written while a session has it; forgets any other. Without a session some fields
    /// change beside the version (R-SUB-7).
    pub(super) async fn written(&self, record: &Callback, service_key: i32) {
        let key = (record.tenant, record.id);
        if record.session.is_some() && record.state.is_open() {
            self.0.insert(key, Arc::new(Stored { record: record.clone(), service_key })).await;
        } else {
            self.0.invalidate(&key).await;
        }
    }

    pub(super) async fn forget(&self, tenant: TenantId, id: CallbackId) {
        self.0.invalidate(&(tenant, id)).await;
    }
}

fn weight(record: &Callback) -> u32 {
    let facts: usize = record.particulars.session_facts.iter().map(|(name, value)| name.len() + value.len()).sum();
    u32::try_from(RECORD_BYTES + record.particulars.user_data.json_bytes() + facts).unwrap_or(u32::MAX)
}
