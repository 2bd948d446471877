//! Looks at every dependency in the background, so that asking for health costs nothing (integrations 8.3).

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ges_domain::ports::Clock;
use rand::Rng;
use tokio::time::Instant as Moment;
use tokio_util::sync::CancellationToken;

use super::component::{Component, State};
use crate::api::Observed;

/// Shortest and longest rest between two looks.
pub(super) const REST: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(20));
/// The same for critical components: readiness promises that they answered within ten seconds.
const CRITICAL_REST: (Duration, Duration) = (Duration::from_secs(6), Duration::from_millis(6_900));
/// Longest time a look may take.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Rest between two heartbeats of the scheduler.
const BEAT: Duration = Duration::from_secs(5);

/// Why a look failed: a category such as `connection refused`, without address or credential (I11).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ProbeFault(pub Cow<'static, str>);

type Look = Pin<Box<dyn Future<Output = Result<(), ProbeFault>> + Send>>;

/// A component and how to look at it.
#[derive(Clone)]
pub struct Probe {
    component: Component,
    look: Arc<dyn Fn() -> Look + Send + Sync>,
}

impl Probe {
    /// `look` runs again and again, each time at most 3 s; it may fail, hang or panic.
    pub fn new<F>(component: Component, look: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), ProbeFault>> + Send + 'static,
    {
        Self { component, look: Arc::new(move || Box::pin(look())) }
    }

    /// The same, with an act for its first success after a failure.
    #[must_use]
    pub fn when_back(self, act: impl Fn() + Send + Sync + 'static) -> Self {
        let (away, act) = (Arc::new(AtomicBool::new(false)), Arc::new(act));
        let Self { component, look } = self;
        Self::new(component, move || {
            let (away, act, asked) = (away.clone(), act.clone(), look());
            async move {
                // A look that takes too long is dropped here, and counts as one without an answer.
                let was_away = away.swap(true, Ordering::Relaxed);
                asked.await?;
                away.store(false, Ordering::Relaxed);
                if was_away {
                    act();
                }
                Ok(())
            }
        })
    }

    /// One look, however long it takes.
    ///
    /// # Errors
    /// [`ProbeFault`] when what it looks at is not there.
    pub async fn look(&self) -> Result<(), ProbeFault> {
        (self.look)().await
    }

    /// What it looks at.
    pub const fn component(&self) -> Component {
        self.component
    }
}

/// Runs the probes of one process.
pub struct Prober {
    /// Where outcomes go, as health and as gauges.
    pub observed: Observed,
    /// Time of the documents.
    pub clock: Arc<dyn Clock>,
    /// What to look at.
    pub probes: Vec<Probe>,
}

impl Prober {
    /// Looks at once, then again and again, and beats the heart of the scheduler, until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let health = self.observed.health.clone();
        let this = Arc::new(self);
        let mut loops = tokio::task::JoinSet::new();
        for probe in this.probes.clone() {
            let this = Arc::clone(&this);
            loops.spawn(async move {
                loop {
                    this.look(&probe).await;
                    tokio::time::sleep(rest(&probe.component)).await;
                }
            });
        }
        let beats = async {
            loop {
                health.beat();
                tokio::time::sleep(BEAT).await;
            }
        };
        let _: Option<()> = stop.run_until_cancelled(beats).await;
        loops.shutdown().await;
    }

    /// One look at everything, all at the same time.
    pub async fn round(&self) {
        futures_util::future::join_all(self.probes.iter().map(|probe| self.look(probe))).await;
    }

    /// A look runs in a task of its own, so that a panic in it is one more way to fail.
    async fn look(&self, probe: &Probe) {
        let component = probe.component;
        let started = Moment::now();
        let mut task = tokio::spawn((probe.look)());
        let outcome = match tokio::time::timeout(TIMEOUT, &mut task).await {
            Ok(Ok(outcome)) => outcome.map_err(|fault| fault.0),
            // Counted where it was thrown, by the hook of the process.
            Ok(Err(_)) => Err("probe panicked".into()),
            Err(_) => {
                task.abort();
                Err("timeout".into())
            }
        };
        let latency = outcome.is_ok().then(|| started.elapsed());
        let error = outcome.as_ref().err().map(ToString::to_string);
        let before = self.observed.health.state_of(component.name);
        let after = self.observed.health.take(component.name, outcome, latency, self.clock.now());
        if let Some(dependency) = component.dependency {
            let up = (after != State::Unknown).then_some(after == State::Up);
            self.observed.metrics.dependency(dependency, up);
        }
        if before != Some(after) {
            match after {
                State::Down => tracing::warn!(dependency = component.name, error, "a dependency is down"),
                _ => tracing::info!(dependency = component.name, "a dependency is up"),
            }
        }
    }
}

/// Random, so that the pods of a deployment do not look in step.
fn rest(component: &Component) -> Duration {
    let (shortest, longest) = if component.critical { CRITICAL_REST } else { REST };
    rand::rng().random_range(shortest..=longest)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use ges_telemetry::Dependency;

    use super::*;

    #[tokio::test]
    async fn who_is_back_is_told_once_for_every_time_it_was_away() {
        let (up, told) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU32::new(0)));
        let (seen, counted) = (up.clone(), told.clone());
        let probe = Probe::new(Component::of(Dependency::GwsConfig, false), move || {
            let up = seen.load(Ordering::Relaxed);
            async move { if up { Ok(()) } else { Err(ProbeFault("no answer".into())) } }
        });
        let probe = probe.when_back(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        for (is_up, times) in [(true, 0), (false, 0), (false, 0), (true, 1), (true, 1), (false, 1), (true, 2)] {
            up.store(is_up, Ordering::Relaxed);
            assert_eq!(probe.look().await.is_ok(), is_up);
            assert_eq!(told.load(Ordering::Relaxed), times);
        }
    }
}
