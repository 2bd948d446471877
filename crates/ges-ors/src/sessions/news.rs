//! News of sessions inside one process (R-POL-1): pods share theirs over Redis, the standalone edition has only itself.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::ports::{Seen, SessionNews};
use ges_domain::{CallbackId, TenantId};
use tokio::time::Instant;

/// How long news stay; as long as they do in Redis.
const KEPT: Duration = Duration::from_secs(600);
/// News by how many callbacks are looked through for old ones.
const SWEEP_FROM: usize = 1_024;

#[derive(Debug)]
struct Kept {
    seen: Seen,
    diagnostics: Option<String>,
    until: Instant,
}

/// News in memory.
#[derive(Debug, Default)]
pub struct LocalNews {
    kept: Mutex<HashMap<(TenantId, CallbackId), Kept>>,
}

impl LocalNews {
    fn kept(&self) -> MutexGuard<'_, HashMap<(TenantId, CallbackId), Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SessionNews for LocalNews {
    async fn keep(&self, news: &[(TenantId, CallbackId, Seen)]) {
        let now = Instant::now();
        let mut kept = self.kept();
        if kept.len() >= SWEEP_FROM && kept.len() == kept.capacity() {
            kept.retain(|_, news| news.until > now);
        }
        for (tenant, id, seen) in news {
            let mut seen = seen.clone();
            let fresh = seen.diagnostics.take();
            let before = kept.remove(&(*tenant, *id)).and_then(|news| news.diagnostics);
            let diagnostics = fresh.or(before);
            kept.insert((*tenant, *id), Kept { seen, diagnostics, until: now + KEPT });
        }
    }

    async fn of(&self, tenant: TenantId, id: CallbackId) -> Option<Seen> {
        let kept = self.kept();
        kept.get(&(tenant, id)).filter(|news| news.until > Instant::now()).map(|news| news.seen.clone())
    }

    async fn diagnostics(&self, tenant: TenantId, id: CallbackId) -> Option<String> {
        let kept = self.kept();
        kept.get(&(tenant, id)).filter(|news| news.until > Instant::now()).and_then(|news| news.diagnostics.clone())
    }
}

#[cfg(test)]
mod tests {
    use ges_domain::ports::Place;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn news_stay_ten_minutes_and_diagnostics_outlive_the_next_news() {
        let news = LocalNews::default();
        let (tenant, id) = (TenantId(uuid::Uuid::from_u128(1)), CallbackId(uuid::Uuid::from_u128(2)));
        let place = Place { position: Some(3), ewt: Some(60), answer: "{}".into() };
        let at = Some("2026-11-23T15:31:07.201Z".parse().unwrap());
        let seen = Seen { at, place, reachable: true, diagnostics: None };
        news.keep(&[(tenant, id, Seen { diagnostics: Some("all".into()), ..seen.clone() })]).await;
        news.keep(&[(tenant, id, seen.clone())]).await;
        assert_eq!(news.of(tenant, id).await, Some(seen));
        assert_eq!(news.diagnostics(tenant, id).await.as_deref(), Some("all"));
        assert_eq!(news.of(TenantId(uuid::Uuid::from_u128(9)), id).await, None, "I9");
        tokio::time::advance(KEPT).await;
        assert_eq!((news.of(tenant, id).await, news.diagnostics(tenant, id).await), (None, None));
    }
}
