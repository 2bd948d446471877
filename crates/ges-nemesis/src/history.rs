//! What clients were told.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ges_domain::invariants::{Acknowledged, CancelAnswered, Read};
use ges_domain::{CallbackId, ServiceName, TenantId};

use crate::caller::Answer;

/// Answers that are no fault of the service: done, full, too late to cancel, and something it depends on is away.
const EXPECTED: [(u16, i64); 4] = [(200, 0), (429, 30), (400, 6), (500, 51)];

#[derive(Debug, Default)]
struct Told {
    acknowledged: Vec<Acknowledged>,
    cancels: Vec<CancelAnswered>,
    /// The last state a client saw.
    states: HashMap<CallbackId, String>,
    answers: BTreeMap<(&'static str, u16, i64), u64>,
    unanswered: u64,
    odd: Vec<String>,
}

/// The histories of all clients of a run.
#[derive(Debug)]
pub struct History {
    tenant: TenantId,
    told: Mutex<Told>,
}

impl History {
    /// Nothing was told yet.
    pub fn new(tenant: TenantId) -> Self {
        Self { tenant, told: Mutex::default() }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an answer; answers that a healthy service never gives are remembered.
    fn count(told: &mut Told, act: &'static str, answer: Option<&Answer>) {
        let Some(answer) = answer else {
            told.unanswered += 1;
            return;
        };
        let (status, code) = answer.verdict();
        *told.answers.entry((act, status, code)).or_default() += 1;
        if !EXPECTED.contains(&(status, code)) {
            told.odd.push(format!("{act} was answered {status} with code {code}"));
        }
    }

    /// A create was answered; the id when it was accepted.
    pub fn created(&self, service: &ServiceName, answer: Option<&Answer>) -> Option<CallbackId> {
        let mut told = self.told();
        Self::count(&mut told, "create", answer);
        let id = answer.filter(|answer| answer.status == 200).and_then(Answer::id)?;
        let (tenant, service) = (self.tenant, service.clone());
        told.acknowledged.push(Acknowledged { tenant, id, service, answered_at: crate::now() });
        Some(id)
    }

    /// A cancel of an acknowledged callback was answered.
    pub fn cancelled(&self, id: CallbackId, answer: Option<&Answer>) {
        let mut told = self.told();
        Self::count(&mut told, "cancel", answer);
        if let Some(answer) = answer.filter(|answer| matches!(answer.verdict(), (200, 0) | (400, 6))) {
            let success = answer.status == 200;
            told.cancels.push(CancelAnswered { id, success, answered_at: crate::now() });
        }
    }

    /// A question for an acknowledged callback was answered: what was final stays as it was.
    pub fn retrieved(&self, id: CallbackId, answer: Option<&Answer>) {
        let mut told = self.told();
        Self::count(&mut told, "retrieve", answer);
        let Some(answer) = answer.filter(|answer| answer.status == 200) else { return };
        let text = |field: &str| answer.body["data"][field].as_str().unwrap_or_default().to_owned();
        let seen = format!("{} {}", text("callbackState"), text("callbackReason"));
        let before = told.states.insert(id, seen.clone());
        if let Some(before) = before.filter(|before| before.starts_with("COMPLETED") && *before != seen) {
            told.odd.push(format!("{id} was {before} and later {seen}"));
        }
    }

    /// Records that were shown to a client.
    pub fn reads(&self) -> Vec<Read> {
        self.told().states.keys().map(|id| Read { by: self.tenant, id: *id }).collect()
    }

    /// Creates that were answered 200.
    pub fn acknowledged(&self) -> Vec<Acknowledged> {
        self.told().acknowledged.clone()
    }

    /// Cancels that were answered.
    pub fn cancels(&self) -> Vec<CancelAnswered> {
        self.told().cancels.clone()
    }

    /// What no client should ever be told.
    pub fn odd(&self) -> Vec<String> {
        self.told().odd.clone()
    }

    /// How often an act was answered so.
    pub fn answers(&self, act: &str, verdict: (u16, i64)) -> u64 {
        let told = self.told();
        told.answers
            .iter()
            .filter(|((did, status, code), _)| *did == act && (*status, *code) == verdict)
            .map(|(_, n)| n)
            .sum()
    }

    /// Requests without any answer: what happened is unknown to their clients.
    pub fn unanswered(&self) -> u64 {
        self.told().unanswered
    }

    /// All answers counted, for the report of a run.
    pub fn summary(&self) -> String {
        let told = self.told();
        let answers =
            told.answers.iter().map(|((act, status, code), count)| format!("{act} {status}/{code} × {count}"));
        let mut parts: Vec<_> = answers.collect();
        parts.push(format!("no answer × {}", told.unanswered));
        parts.join(", ")
    }
}
