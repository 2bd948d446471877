//! The waits that pull records forward (R-SUB-1, R-SUB-2), sampled beside the work so that a slow router delays nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use ges_domain::ports::{Catalogue, Clock, ServiceRef};
use ges_domain::service::Service;
use ges_domain::use_cases::CurrentWait;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::{Duty, MonitorSettings, Turn};

/// Queues that are asked about at once.
const ASKED_AT_ONCE: usize = 16;

/// Services for which somebody wants the wait, and what it is.
#[derive(Default)]
pub(crate) struct Waits {
    wanted: Mutex<BTreeMap<ServiceRef, Sample>>,
    more_wanted: Notify,
    news: Notify,
}

#[derive(Default, Clone)]
struct Sample {
    service: Option<Arc<Service>>,
    read_at: Option<Instant>,
    ewt: Option<Duration>,
}

impl Waits {
    /// Exactly these services are wanted from now on.
    pub(crate) fn want(&self, services: Vec<ServiceRef>) {
        let mut wanted = self.wanted();
        let mut next: BTreeMap<_, _> = services
            .into_iter()
            .map(|service| wanted.remove(&service).map_or((service.clone(), Sample::default()), |old| (service, old)))
            .collect();
        let more = next.values().any(|sample| sample.ewt.is_none());
        std::mem::swap(&mut *wanted, &mut next);
        drop(wanted);
        if more {
            self.more_wanted.notify_one();
        }
    }

    /// The waits known of the wanted services.
    pub(crate) fn known(&self) -> Vec<(ServiceRef, Duration)> {
        self.wanted().iter().filter_map(|(service, sample)| Some((service.clone(), sample.ewt?))).collect()
    }

    /// Returns when a wait has changed.
    pub(crate) async fn changed(&self) {
        self.news.notified().await;
    }

    fn wanted(&self) -> MutexGuard<'_, BTreeMap<ServiceRef, Sample>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Samples the wanted waits every `ewt_period`.
pub(crate) struct SampleWaits {
    pub(crate) waits: Arc<Waits>,
    pub(crate) current: Arc<CurrentWait>,
    pub(crate) catalogue: Arc<dyn Catalogue>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Arc<MonitorSettings>,
}

impl SampleWaits {
    /// The wait of one service, with the service as read within the last rescan period.
    async fn sample(&self, service: &ServiceRef, old: Sample) -> Option<Sample> {
        let fresh = old.read_at.is_some_and(|at| at.elapsed() < self.settings.rescan);
        let (known, read_at) = match old.service.filter(|_| fresh) {
            Some(known) => (known, old.read_at),
            None => match self.catalogue.service(service.tenant, &service.name).await {
                Ok(Some(found)) => (found, Some(Instant::now())),
                // A round will find out what that means.
                Ok(None) => return Some(Sample { ewt: Some(Duration::ZERO), ..Sample::default() }),
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "no settings to sample a wait with");
                    return None;
                }
            },
        };
        let ewt = self.current.of(service.tenant, &known, self.clock.now()).await;
        Some(Sample { service: Some(known), read_at, ewt: Some(ewt) })
    }
}

#[async_trait]
impl Duty for SampleWaits {
    async fn turn(&mut self) -> Turn {
        let wanted: Vec<_> = self.waits.wanted().iter().map(|(key, sample)| (key.clone(), sample.clone())).collect();
        let samples: Vec<_> = stream::iter(wanted)
            .map(async |(service, old)| (self.sample(&service, old).await, service))
            .buffer_unordered(ASKED_AT_ONCE)
            .collect()
            .await;
        let mut news = false;
        let mut kept = self.waits.wanted();
        for (sample, service) in samples {
            if let (Some(sample), Some(old)) = (sample, kept.get_mut(&service)) {
                news |= sample.ewt != old.ewt;
                *old = sample;
            }
        }
        let any = !kept.is_empty();
        drop(kept);
        if news {
            self.waits.news.notify_one();
        }
        self.current.forget_old(self.clock.now());
        let period = if any { self.settings.ewt_period } else { self.settings.rescan };
        Turn::RestFor(self.settings.jittered(period))
    }

    async fn woken(&mut self) {
        self.waits.more_wanted.notified().await;
    }
}
