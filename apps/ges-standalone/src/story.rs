//! What happens to callbacks, one line a step, for people who watch. No numbers, no names (I11).

use std::io::Write as _;

use std::sync::Arc;

use ges_domain::callback::{Change, State};
use ges_domain::ports::{Clock, NoticeKey};
use ges_domain::{Instant, TenantId};
use ges_monitor::PushGauges;
use ges_sqlite::Written;
use ges_telemetry::Metrics;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// Prints until the store is closed.
pub(crate) async fn tell(mut changes: Receiver<Written>) {
    loop {
        let line = match changes.recv().await {
            Ok(written) => line(&written),
            Err(RecvError::Lagged(missed)) => Some(format!("… {missed} steps are not shown")),
            Err(RecvError::Closed) => return,
        };
        if let Some(line) = line {
            // Nobody reading any more is no failure.
            let _ = writeln!(std::io::stdout(), "{line}");
        }
    }
}

/// `12:00:01 <id> CB_Sales QUEUED → ROUTING`; nothing for a write that people need not see.
fn line(written: &Written) -> Option<String> {
    let (after, remark) = (written.after.as_str(), remarks(&written.event.changes).join(", "));
    let step = match written.before {
        None => format!("booked → {after}"),
        Some(before) if before != written.after => format!("{} → {after}", before.as_str()),
        Some(_) if remark.is_empty() => return None,
        Some(_) => after.to_owned(),
    };
    let remark = if remark.is_empty() { remark } else { format!("  {remark}") };
    Some(format!("{} {} {} {step}{remark}", clock(written.event.at), written.id, written.service))
}

fn remarks(changes: &[Change]) -> Vec<String> {
    let remark = |change: &Change| {
        Some(match change {
            Change::Submitted { attempt } => format!("handed over, attempt {attempt}"),
            Change::SessionBound { .. } => "a session has it".into(),
            Change::SessionUnbound => "its session is gone, it waits for another".into(),
            Change::Dialed { attempts } => format!("dialing, attempt {attempts}"),
            Change::Edited { .. } => "edited".into(),
            Change::Rescheduled { to, .. } => format!("rescheduled to {to}"),
            Change::CancelWished { .. } => "somebody wishes to cancel".into(),
            Change::CancelRefused => "too late to cancel".into(),
            Change::MoveWished { to } => format!("somebody wishes {to} instead"),
            Change::MoveDropped => "it keeps its time".into(),
            Change::CancelCameTooLate => "the cancel came too late".into(),
            Change::HeardLate { state } => format!("its session says {} all the same", state.as_str()),
            Change::Completed { reason } => reason.to_string(),
            Change::Moved { to: State::Queued } | Change::Booked | Change::Moved { .. } => return None,
            Change::SessionSaw { .. } | Change::CancelConfirmed | Change::CancelDropped | Change::MoveConfirmed => {
                return None;
            }
        })
    };
    changes.iter().filter_map(remark).collect()
}

/// Time of day in UTC.
fn clock(at: Instant) -> String {
    let second = at.seconds().rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// Counts pushes, and tells of each that has ended.
pub(crate) struct PushStory {
    pub(crate) metrics: Metrics,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) quiet: bool,
}

impl PushGauges for PushStory {
    fn push_ended(&self, push: &NoticeKey, success: bool) {
        self.metrics.push_ended(push, success);
        if !self.quiet {
            let outcome = if success { "sent" } else { "failed" };
            let (at, event) = (clock(self.clock.now()), push.event.as_str());
            // Nobody reading any more is no failure.
            let _ = writeln!(std::io::stdout(), "{at} {} push {event} {outcome}", push.callback);
        }
    }

    fn number_given(&self, tenant: TenantId) {
        self.metrics.number_given(tenant);
    }
}

#[cfg(test)]
mod tests {
    use ges_domain::callback::{Actor, Reason, TimelineEvent};
    use ges_domain::{ServiceName, SessionId};

    use super::*;

    fn written(before: Option<State>, after: State, changes: Vec<Change>) -> Written {
        Written {
            tenant: ges_sim::Seed::TENANT.parse().unwrap(),
            id: "0f2b1d5e-7a4c-4f6e-9a51-0a4f6a2f3c10".parse().unwrap(),
            service: ServiceName::new("CB_Sales").unwrap(),
            before,
            after,
            event: TimelineEvent {
                seq: 1,
                at: "2026-06-01T12:00:01Z".parse().unwrap(),
                actor: Actor::Session,
                changes,
            },
        }
    }

    #[test]
    fn steps_read_as_sentences() {
        let session = SessionId::new("ABC").unwrap();
        for (before, after, changes, expected) in [
            (None, State::Queued, vec![Change::Booked], "booked → QUEUED"),
            (
                Some(State::Scheduled),
                State::Queued,
                vec![Change::Submitted { attempt: 1 }],
                "SCHEDULED → QUEUED  handed over, attempt 1",
            ),
            (
                Some(State::Queued),
                State::Queued,
                vec![Change::SessionBound { session, url: None }],
                "QUEUED  a session has it",
            ),
            (Some(State::Queued), State::Routing, vec![Change::Moved { to: State::Routing }], "QUEUED → ROUTING"),
            (
                Some(State::Processing),
                State::Completed,
                vec![Change::Completed { reason: Reason::AGENT_CONNECTED }],
                "PROCESSING → COMPLETED  AGENT_CONNECTED",
            ),
        ] {
            let line = line(&written(before, after, changes)).unwrap();
            assert_eq!(line, format!("12:00:01 0f2b1d5e-7a4c-4f6e-9a51-0a4f6a2f3c10 CB_Sales {expected}"));
        }
        let counted = written(Some(State::Queued), State::Queued, vec![Change::SessionSaw { seq: 4 }]);
        assert_eq!(line(&counted), None, "bookkeeping is not shown");
    }
}
