//! Under which names routers know tenants (integrations 3.1, 4.3): remembered, so that no look-up waits twice for whoever knows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::TenantId;
use ges_http_client::Monotonic;

/// Longest wait for the name of a tenant, so that its routers can still be asked in the time of a look-up.
const PATIENCE: Duration = Duration::from_secs(1);
/// A name that is known is asked for anew after this time, while it goes on serving.
const ANEW: Duration = Duration::from_secs(60);
/// Who got no name asks again after this time.
const AGAIN: Duration = Duration::from_secs(10);

/// Knows under which names routers know tenants.
#[async_trait]
pub trait TenantNames: Send + Sync {
    /// The name of a tenant; none when it has none here, or when nobody can tell now.
    async fn name_of(&self, tenant: TenantId) -> Option<Arc<str>>;
}

#[derive(Clone)]
struct Known {
    name: Option<Arc<str>>,
    asked_at: Duration,
}

/// What was told so far.
pub(crate) struct Names {
    source: Option<Arc<dyn TenantNames>>,
    known: Mutex<HashMap<TenantId, Known>>,
    clock: Monotonic,
}

impl Names {
    pub(crate) fn new(source: Option<Arc<dyn TenantNames>>, clock: Monotonic) -> Arc<Self> {
        Arc::new(Self { source, known: Mutex::default(), clock })
    }

    /// The name of a tenant; none when nobody told one, or not in time. A name that was told once serves until another is.
    pub(crate) async fn of(self: &Arc<Self>, tenant: TenantId) -> Option<Arc<str>> {
        let source = Arc::clone(self.source.as_ref()?);
        let now = (self.clock)();
        let known = self.known().get(&tenant).cloned();
        let ask = || {
            let names = Arc::clone(self);
            tokio::spawn(async move {
                let told = source.name_of(tenant).await;
                names.note(tenant, told);
            })
        };
        match known {
            Some(Known { name: Some(name), asked_at }) => {
                if now >= asked_at + ANEW {
                    self.note(tenant, None);
                    drop(ask());
                }
                Some(name)
            }
            Some(Known { name: None, asked_at }) if now < asked_at + AGAIN => None,
            _ => {
                let _ = tokio::time::timeout(PATIENCE, ask()).await;
                self.known().get(&tenant).and_then(|known| known.name.clone())
            }
        }
    }

    fn note(&self, tenant: TenantId, told: Option<Arc<str>>) {
        let asked_at = (self.clock)();
        let mut all = self.known();
        let known = all.entry(tenant).or_insert(Known { name: None, asked_at });
        known.asked_at = asked_at;
        if told.is_some() {
            known.name = told;
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<TenantId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

    use uuid::Uuid;

    use super::*;

    const TENANT: TenantId = TenantId(Uuid::from_u128(1));

    /// Tells this, or hangs.
    #[derive(Default)]
    struct Source {
        told: Mutex<Option<&'static str>>,
        hangs: Mutex<bool>,
        asked: AtomicUsize,
    }

    #[async_trait]
    impl TenantNames for Source {
        async fn name_of(&self, _: TenantId) -> Option<Arc<str>> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            if *self.hangs.lock().unwrap() {
                std::future::pending::<()>().await;
            }
            self.told.lock().unwrap().map(Arc::from)
        }
    }

    struct Scene {
        source: Arc<Source>,
        seconds: Arc<AtomicU64>,
        names: Arc<Names>,
    }

    impl Scene {
        fn new() -> Self {
            let (source, seconds) = (Arc::<Source>::default(), Arc::new(AtomicU64::new(0)));
            let clock = Arc::clone(&seconds);
            let clock: Monotonic = Arc::new(move || Duration::from_secs(clock.load(Ordering::SeqCst)));
            Self { names: Names::new(Some(source.clone()), clock), source, seconds }
        }

        async fn name(&self) -> Option<String> {
            let name = self.names.of(TENANT).await.map(|name| name.to_string());
            // What was begun beside the answer ends.
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            name
        }

        fn asked(&self) -> usize {
            self.source.asked.load(Ordering::SeqCst)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_serves_while_it_is_asked_for_anew() {
        let scene = Scene::new();
        *scene.source.told.lock().unwrap() = Some("Acme");
        assert_eq!((scene.name().await.as_deref(), scene.asked()), (Some("Acme"), 1));
        scene.seconds.store(59, Ordering::SeqCst);
        assert_eq!((scene.name().await.as_deref(), scene.asked()), (Some("Acme"), 1));
        scene.seconds.store(60, Ordering::SeqCst);
        *scene.source.told.lock().unwrap() = Some("Sons");
        assert_eq!((scene.name().await.as_deref(), scene.asked()), (Some("Acme"), 2), "nobody waits");
        assert_eq!((scene.name().await.as_deref(), scene.asked()), (Some("Sons"), 2));
        *scene.source.told.lock().unwrap() = None;
        scene.seconds.store(120, Ordering::SeqCst);
        scene.name().await;
        assert_eq!((scene.name().await.as_deref(), scene.asked()), (Some("Sons"), 3), "nobody can tell now");
        *scene.source.hangs.lock().unwrap() = true;
        for minute in 3..6 {
            scene.seconds.store(60 * minute, Ordering::SeqCst);
            let begun = tokio::time::Instant::now();
            assert_eq!(scene.name().await.as_deref(), Some("Sons"));
            assert_eq!(begun.elapsed(), Duration::ZERO, "whoever hangs keeps nobody waiting");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_name_nobody_waits_longer_than_a_second_and_it_is_asked_again() {
        let scene = Scene::new();
        assert_eq!((scene.name().await, scene.asked()), (None, 1));
        scene.seconds.store(9, Ordering::SeqCst);
        assert_eq!((scene.name().await, scene.asked()), (None, 1));
        scene.seconds.store(10, Ordering::SeqCst);
        *scene.source.told.lock().unwrap() = Some("Acme");
        assert_eq!(scene.name().await.as_deref(), Some("Acme"));
        let scene = Scene::new();
        *scene.source.hangs.lock().unwrap() = true;
        let begun = tokio::time::Instant::now();
        assert_eq!(scene.name().await, None);
        assert_eq!(begun.elapsed(), PATIENCE);
    }
}
