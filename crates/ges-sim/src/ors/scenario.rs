//! Scripts a session can follow instead of the floor (integrations 1.8).

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a session does when it is told to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum OnCancel {
    /// It ends with the given reason.
    #[default]
    Complete,
    /// It answers 200 and goes on.
    Ignore,
    /// It does not answer.
    Hang,
    /// It is gone: 404.
    Gone,
}

/// One step: wait, then tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) after_ms: u64,
    pub(crate) update: BTreeMap<String, String>,
}

/// The queue a scripted session pretends to stand in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ScriptedQueue {
    pub(crate) start_position: u64,
    pub(crate) ewt_per_position: u64,
    /// 0: never.
    pub(crate) advance_every_ms: u64,
}

impl Default for ScriptedQueue {
    fn default() -> Self {
        Self { start_position: 5, ewt_per_position: 40, advance_every_ms: 400 }
    }
}

impl ScriptedQueue {
    /// Position, at least 1, and estimate in seconds after this long.
    pub(crate) fn at(&self, elapsed_ms: u64) -> (u64, u64) {
        let advanced = elapsed_ms.checked_div(self.advance_every_ms).unwrap_or(0);
        let position = self.start_position.saturating_sub(advanced).max(1);
        (position, position.saturating_mul(self.ewt_per_position).min(10_000))
    }
}

/// A script.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Scenario {
    /// Time before the bind.
    pub(crate) ack_delay_ms: u64,
    /// Never bind.
    pub(crate) never_ack: bool,
    /// Be gone after the bind.
    pub(crate) lost_after_ack: bool,
    /// Every REST answer takes this long.
    pub(crate) answer_delay_ms: u64,
    /// Call a dead address instead of GES.
    pub(crate) ges_url_wrong: bool,
    pub(crate) steps: Vec<Step>,
    pub(crate) queue: ScriptedQueue,
    pub(crate) on_cancel: OnCancel,
}

/// What a control call says is no script.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoScript {
    #[error("there is no scenario {0}")]
    Name(String),
    #[error("the scenario does not read")]
    Document(#[from] serde_json::Error),
    #[error("expected {{\"default\": …, \"services\": {{…}}}}")]
    Playbook,
}

impl Scenario {
    /// A script as a control call tells it: a built-in name, or the steps themselves; `floor` is none.
    ///
    /// # Errors
    /// [`NoScript`].
    pub(crate) fn read(document: Value) -> Result<Option<Self>, NoScript> {
        match document {
            Value::String(name) if name == "floor" => Ok(None),
            Value::String(name) => Self::named(&name).map(Some).ok_or(NoScript::Name(name)),
            script => Ok(Some(serde_json::from_value(script)?)),
        }
    }

    /// A built-in one by name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let happy = Self {
            ack_delay_ms: 200,
            steps: vec![
                step(500, &[("_callback_state", "QUEUED")]),
                step(2_000, &[("_callback_state", "ROUTING")]),
                step(1_000, &[("_callback_state", "PROCESSING"), ("_dial_attempts", "1")]),
                step(3_000, &[("_callback_state", "COMPLETED"), ("_callback_reason", "AGENT_CONNECTED")]),
            ],
            ..Self::default()
        };
        Some(match name {
            "happy" => happy,
            "neverAck" => Self { never_ack: true, ..happy },
            "ackThenLost" => Self { lost_after_ack: true, ..happy },
            "slow" => Self { answer_delay_ms: 2_900, ..happy },
            "gesUrlWrong" => Self { ges_url_wrong: true, ..happy },
            "noAgents" => Self {
                steps: vec![step(500, &[("_callback_state", "QUEUED")])],
                queue: ScriptedQueue { start_position: 1, ewt_per_position: 10_000, advance_every_ms: 0 },
                ..happy
            },
            "busyRetry" => Self { steps: busy_retry(), ..happy },
            _ => return None,
        })
    }
}

fn step(after_ms: u64, update: &[(&str, &str)]) -> Step {
    Step { after_ms, update: update.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect() }
}

/// Three dial attempts, nobody there.
fn busy_retry() -> Vec<Step> {
    let mut steps = vec![step(500, &[("_callback_state", "QUEUED")])];
    for attempt in ["1", "2", "3"] {
        steps.push(step(1_000, &[("_callback_state", "ROUTING")]));
        steps.push(step(500, &[("_dial_attempts", attempt)]));
        steps.push(step(1_500, &[("_callback_state", "QUEUED")]));
    }
    steps.push(step(200, &[("_callback_state", "COMPLETED"), ("_callback_reason", "REDIAL_LIMIT_REACHED")]));
    steps
}

/// Which service follows which script; without one the floor decides.
#[derive(Debug, Default)]
pub(crate) struct Playbook {
    otherwise: Option<Scenario>,
    by_service: HashMap<String, Option<Scenario>>,
}

impl Playbook {
    /// A whole playbook: `{"default": "happy", "services": {"CB_Sales": {"steps": […]}}}`, either part may be absent.
    ///
    /// # Errors
    /// [`NoScript`].
    pub(crate) fn read(document: Value) -> Result<Self, NoScript> {
        let Value::Object(mut document) = document else { return Err(NoScript::Playbook) };
        let otherwise = document.remove("default").map_or(Ok(None), Scenario::read)?;
        let services = match document.remove("services") {
            None => Map::new(),
            Some(Value::Object(services)) => services,
            Some(_) => return Err(NoScript::Playbook),
        };
        if !document.is_empty() {
            return Err(NoScript::Playbook);
        }
        let by_service = services.into_iter().map(|(service, script)| Ok((service, Scenario::read(script)?)));
        Ok(Self { otherwise, by_service: by_service.collect::<Result<_, NoScript>>()? })
    }

    /// Sets the script of a service, or the default; none sends it back to the floor.
    pub(crate) fn set(&mut self, service: Option<String>, scenario: Option<Scenario>) {
        match service {
            Some(service) => {
                self.by_service.insert(service, scenario);
            }
            None => self.otherwise = scenario,
        }
    }

    pub(crate) fn of(&self, service: &str) -> Option<Scenario> {
        self.by_service.get(service).unwrap_or(&self.otherwise).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_name_is_built_in() {
        for name in ["happy", "neverAck", "ackThenLost", "slow", "noAgents", "busyRetry", "gesUrlWrong"] {
            assert!(Scenario::named(name).is_some(), "{name}");
        }
        assert!(Scenario::named("else").is_none());
    }

    #[test]
    fn the_documented_document_reads() {
        let scenario: Scenario = serde_json::from_str(
            r#"{"ackDelayMs":200,"steps":[{"afterMs":500,"update":{"_callback_state":"QUEUED"}}],
                "queue":{"startPosition":5,"ewtPerPosition":40,"advanceEveryMs":400},"onCancel":"gone"}"#,
        )
        .unwrap();
        assert_eq!((scenario.on_cancel, scenario.steps.len()), (OnCancel::Gone, 1));
        assert_eq!(scenario.queue.at(0), (5, 200));
        assert_eq!(scenario.queue.at(900), (3, 120));
        assert_eq!(scenario.queue.at(60_000), (1, 40), "never below the first place");
    }

    #[test]
    fn a_service_without_a_script_of_its_own_takes_the_default() {
        let mut playbook = Playbook::default();
        assert_eq!(playbook.of("CB_Sales"), None, "the floor");
        playbook.set(None, Scenario::named("happy"));
        playbook.set(Some("CB_Support".into()), None);
        assert!(playbook.of("CB_Sales").is_some());
        assert_eq!(playbook.of("CB_Support"), None, "back to the floor");
    }
}
