//! Which sessions are asked when, in memory: filled from the records that sessions have, emptied with them.

use std::collections::HashMap;

use ges_domain::CallbackId;
use ges_domain::callback::Callback;
use tokio::time::Instant;

use super::line::{Due, Line};

#[derive(Debug, Default)]
pub(super) struct Agenda(HashMap<CallbackId, Line>);

impl Agenda {
    /// From now on everything has to be met anew.
    pub(super) fn begin_round(&mut self) {
        self.0.values_mut().for_each(|line| line.met = false);
    }

    /// A record that a session has.
    pub(super) fn meet(&mut self, record: &Callback, now: Instant) {
        let Some(session) = &record.session else { return };
        match self.0.get_mut(&record.id).filter(|line| line.session.id == session.id) {
            Some(line) => line.meet(session, record.state),
            None => drop(self.0.insert(record.id, Line::new(record, session.clone(), now))),
        }
    }

    /// What was not met is over, or somebody else's.
    pub(super) fn end_round(&mut self) {
        self.0.retain(|_, line| line.met);
    }

    pub(super) fn line(&mut self, id: CallbackId) -> Option<&mut Line> {
        self.0.get_mut(&id)
    }

    pub(super) fn forget(&mut self, id: CallbackId) {
        self.0.remove(&id);
    }

    /// The earliest time at which one is asked.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().map(Line::next).min()
    }

    /// Questions whose time has come, those that wait longest first, at most `most`.
    pub(super) fn due(&self, now: Instant, most: usize) -> Vec<Due> {
        let mut due: Vec<(Instant, CallbackId, Due)> =
            self.0.iter().filter_map(|(id, line)| Some((line.next(), *id, line.due(*id, now)?))).collect();
        due.sort_by_key(|(at, id, _)| (*at, *id));
        due.truncate(most);
        due.into_iter().map(|(_, _, due)| due).collect()
    }
}
