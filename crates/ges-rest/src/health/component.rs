//! One thing this process depends on, and what is known of it.

use std::borrow::Cow;
use std::time::Duration;

use ges_domain::Instant;
use ges_telemetry::Dependency;
use serde::Serialize;
use tokio::time::Instant as Moment;

use super::NodeState;

/// Failures in a row that make a component DOWN; one lost packet must wake nobody.
const FAILURES: u32 = 2;
/// How long the outcome of a real call counts for a component that is not probed.
const MEMORY: Duration = Duration::from_secs(300);

/// A dependency as the application declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component {
    /// Name in health documents.
    pub name: &'static str,
    /// Whether nothing works without it: readiness and the overall state depend on it.
    pub critical: bool,
    /// Whether a [`super::Probe`] looks at it; else [`super::Health::told`] is all that is known.
    pub probed: bool,
    /// Its gauge, which follows rule H: 1 is DOWN.
    pub dependency: Option<Dependency>,
    /// Whether one failure is enough: what is looked at has been patient already.
    pub patient: bool,
    /// What its loss means, shown while it is DOWN.
    pub effect: Option<&'static str>,
}

impl Component {
    /// A probed system that has a gauge.
    pub const fn of(dependency: Dependency, critical: bool) -> Self {
        Self {
            name: dependency.name(),
            critical,
            probed: true,
            dependency: Some(dependency),
            patient: false,
            effect: None,
        }
    }

    /// A system without a gauge.
    pub const fn named(name: &'static str, critical: bool, probed: bool) -> Self {
        Self { name, critical, probed, dependency: None, patient: false, effect: None }
    }

    /// The same with a sentence on what its loss means.
    pub const fn with_effect(self, effect: &'static str) -> Self {
        Self { effect: Some(effect), ..self }
    }

    /// The same of which nobody looks at anything here.
    pub const fn unprobed(self) -> Self {
        Self { probed: false, ..self }
    }

    /// The same whose probe fails only after failures in a row of its own, so that a second round of waiting would be one too
    /// many.
    pub const fn patient(self) -> Self {
        Self { patient: true, ..self }
    }
}

/// Whether a component works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// Nobody has looked, or not lately.
    Unknown,
    /// It answered.
    Up,
    /// It failed twice in a row.
    Down,
}

/// A component and what the last looks came to.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub(super) component: Component,
    state: State,
    since: Option<Instant>,
    failures: u32,
    latency: Option<Duration>,
    error: Option<Cow<'static, str>>,
    last_look: Option<Moment>,
    last_success: Option<Moment>,
}

impl Watched {
    pub(super) const fn new(component: Component) -> Self {
        Self {
            component,
            state: State::Unknown,
            since: None,
            failures: 0,
            latency: None,
            error: None,
            last_look: None,
            last_success: None,
        }
    }

    /// Takes in one outcome: UP after one success, DOWN after two failures, after one where nothing is probed or the probe is
    /// patient.
    pub(super) fn take(&mut self, outcome: Result<(), Cow<'static, str>>, latency: Option<Duration>, at: Instant) {
        let now = Moment::now();
        self.last_look = Some(now);
        self.latency = latency;
        let next = match outcome {
            Ok(()) => {
                (self.failures, self.error, self.last_success) = (0, None, Some(now));
                State::Up
            }
            Err(category) => {
                self.failures = self.failures.saturating_add(1);
                self.error = Some(category);
                let enough = self.failures >= FAILURES || self.component.patient || !self.component.probed;
                if enough { State::Down } else { self.state }
            }
        };
        if next != self.state {
            (self.state, self.since) = (next, Some(at));
        }
    }

    /// The state as it reads now.
    pub(super) fn state(&self) -> State {
        let fresh = self.component.probed || self.last_look.is_some_and(|look| look.elapsed() < MEMORY);
        if fresh { self.state } else { State::Unknown }
    }

    /// Whether it answered within this time.
    pub(super) fn answered_within(&self, within: Duration) -> bool {
        self.last_success.is_some_and(|at| at.elapsed() <= within)
    }

    pub(super) fn body(&self) -> ComponentBody {
        let state = self.state();
        ComponentBody {
            name: self.component.name,
            critical: self.component.critical,
            state,
            metric: self.component.dependency.and_then(Dependency::gauge),
            value: self.component.dependency.and_then(Dependency::gauge).map(|_| u8::from(state == State::Down)),
            latency_ms: self.latency.map(|latency| u64::try_from(latency.as_millis()).unwrap_or(u64::MAX)),
            consecutive_failures: self.component.probed.then_some(self.failures),
            since: self.since.map(|since| since.to_string()),
            error: self.error.clone(),
            effect: self.component.effect.filter(|_| state == State::Down),
            nodes: None,
        }
    }
}

/// One entry of the detail document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ComponentBody {
    pub(super) name: &'static str,
    critical: bool,
    state: State,
    metric: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consecutive_failures: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nodes: Option<Vec<NodeState>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Instant = Instant::from_millis(0);

    fn ago(seconds: u64) -> Option<Moment> {
        Moment::now().checked_sub(Duration::from_secs(seconds))
    }

    #[test]
    fn an_answer_counts_for_as_long_as_asked() {
        let mut watched = Watched::new(Component::named("store", true, true));
        assert!(!watched.answered_within(Duration::from_secs(10)), "never looked at");
        watched.take(Ok(()), None, AT);
        assert!(watched.answered_within(Duration::from_secs(10)));
        watched.last_success = ago(11);
        assert!(!watched.answered_within(Duration::from_secs(10)));
        watched.take(Err("timeout".into()), None, AT);
        assert_eq!(watched.state(), State::Up, "one failure is no fall, but it is no answer either");
        assert!(!watched.answered_within(Duration::from_secs(10)));
    }

    /// Test H1 of integrations 9.1: two failures of 20 s each are the time there is, not four.
    #[test]
    fn h1_one_failure_of_a_patient_probe_is_enough() {
        for (component, after_one) in [
            (Component::of(Dependency::Urs, false).patient(), State::Down),
            (Component::of(Dependency::GwsEnv, false), State::Up),
        ] {
            let mut watched = Watched::new(component);
            watched.take(Ok(()), None, AT);
            watched.take(Err("down".into()), None, AT);
            assert_eq!(watched.state(), after_one, "{component:?}");
            watched.take(Ok(()), None, AT);
            assert_eq!(watched.state(), State::Up, "one success is enough for all");
        }
    }

    #[test]
    fn what_nobody_probes_is_forgotten_after_five_minutes() {
        let mut watched = Watched::new(Component::named("push", false, false));
        watched.take(Err("timeout".into()), None, AT);
        assert_eq!(watched.state(), State::Down);
        watched.last_look = ago(301);
        assert_eq!(watched.state(), State::Unknown);
    }
}
