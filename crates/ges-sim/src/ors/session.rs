//! One session: binds first, then follows the floor or a script and reports, until it ends or is told to.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::Ors;
use super::entry::Start;
use super::scenario::{OnCancel, Scenario};
use super::storage::Told;
use crate::clock::rfc3339;
use crate::desk::Desk;
use crate::floor::{Estimate, NewCall, What, Withdrawal};
use crate::lock::Lock;
use crate::words;

/// Where nobody listens: the discard port of the loopback.
const DEAD_URL: &str = "http://127.0.0.1:9/genesys";

/// Something a session has to do at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deed {
    /// End with this reason.
    Finish(String),
    /// End without finishing the callback, for this reason.
    HandBack(&'static str),
    /// Report this state.
    Report(&'static str),
    /// Do not wait for the next step.
    Advance,
    /// End without a word.
    Stop,
}

/// How a session answers its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Answers,
    Hangs,
    Gone,
}

/// What a cancel comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CancelReply {
    Accepted,
    Connected,
    Hangs,
    Gone,
}

#[derive(Debug)]
struct Status {
    state: String,
    reason: Option<String>,
    dial_attempts: u32,
    bound_at: Option<u64>,
    dialed_at: Vec<u64>,
    /// The call-in request it was told of.
    called_in: Option<String>,
    reach: Reach,
    priority: i32,
    user_data: Map<String, Value>,
    /// Whether a script stands still.
    held: bool,
}

/// A session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) start: Start,
    started_at: u64,
    scenario: Option<Scenario>,
    status: Lock<Status>,
    deeds: mpsc::UnboundedSender<Deed>,
}

/// What a session does next.
enum Flow {
    On,
    Skip,
    Over,
}

impl Session {
    /// A session that has done nothing yet, and the deeds it will be told.
    pub(crate) fn new(
        start: Start,
        scenario: Option<Scenario>,
        now: u64,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<Deed>) {
        let (deeds, told) = mpsc::unbounded_channel();
        let status = Status {
            state: "QUEUED".into(),
            reason: None,
            dial_attempts: 0,
            bound_at: None,
            dialed_at: Vec::new(),
            called_in: None,
            reach: Reach::Answers,
            priority: start.priority,
            user_data: start.user_data.clone(),
            held: false,
        };
        let id = words::session_id();
        (Arc::new(Self { id, start, started_at: now, scenario, status: Lock::new(status), deeds }), told)
    }

    /// Tells it to do something; one that is over does not hear it.
    pub(crate) fn tell(&self, deed: Deed) {
        let _ = self.deeds.send(deed);
    }

    pub(crate) fn reach(&self) -> Reach {
        self.status.lock().reach
    }

    pub(crate) fn is_over(&self) -> bool {
        self.reach() == Reach::Gone
    }

    /// From now on it answers nothing.
    pub(crate) fn hang(&self) {
        self.status.lock().reach = Reach::Hangs;
    }

    /// It vanishes without a word.
    pub(crate) fn lose(&self, desk: &Desk) {
        self.status.lock().reach = Reach::Gone;
        desk.cut(&self.id);
        self.tell(Deed::Stop);
    }

    /// How long its answers take.
    pub(crate) fn answer_delay(&self) -> Duration {
        Duration::from_millis(self.scenario.as_ref().map_or(0, |scenario| scenario.answer_delay_ms))
    }

    /// Its callback is cancelled: it leaves the queue and ends with this reason, unless an agent is connected.
    pub(crate) fn cancel(&self, desk: &Desk, reason: String) -> CancelReply {
        self.leave(desk, Deed::Finish(reason))
    }

    /// Its callback has a new time: it leaves the queue and gives the callback back, unless an agent is connected.
    pub(crate) fn reschedule(&self, desk: &Desk) -> CancelReply {
        self.leave(desk, Deed::HandBack("RESCHEDULED"))
    }

    /// Told to leave the queue, for whatever reason; a script may answer otherwise.
    fn leave(&self, desk: &Desk, deed: Deed) -> CancelReply {
        let connected = self.status.lock().state == "PROCESSING";
        match self.scenario.as_ref().map(|scenario| scenario.on_cancel) {
            Some(OnCancel::Ignore) => return CancelReply::Accepted,
            Some(OnCancel::Hang) => return CancelReply::Hangs,
            Some(OnCancel::Gone) => {
                self.lose(desk);
                return CancelReply::Gone;
            }
            Some(OnCancel::Complete) if connected => return CancelReply::Connected,
            Some(OnCancel::Complete) => {}
            None => match desk.withdraw(&self.id) {
                Withdrawal::Talking => return CancelReply::Connected,
                Withdrawal::Unknown if connected => return CancelReply::Connected,
                Withdrawal::Unknown | Withdrawal::Removed => {}
            },
        }
        self.tell(deed);
        CancelReply::Accepted
    }

    /// Its callback is paused or goes on; a script stands still meanwhile.
    pub(crate) fn hold(&self, desk: &Desk, held: bool) {
        if self.scenario.is_some() || desk.hold(&self.id, held) {
            self.status.lock().held = held;
            self.tell(Deed::Report(if held { "PAUSED" } else { "QUEUED" }));
        }
    }

    /// Its callback has another priority, which counts in its queue.
    pub(crate) fn prioritise(&self, desk: &Desk, priority: i32) {
        self.status.lock().priority = priority;
        desk.prioritise(&self.id, priority);
    }

    /// The consumer of this call-in request is on the line. A script goes on with its next step.
    pub(crate) fn called_in(&self, desk: &Desk, request: Option<String>) {
        self.status.lock().called_in = Some(request.unwrap_or_default());
        match self.scenario {
            Some(_) => self.tell(Deed::Advance),
            None => desk.called_in(&self.id),
        }
    }

    /// Its callback has other user data; what it had is gone.
    pub(crate) fn replace_user_data(&self, user_data: Map<String, Value>) {
        self.status.lock().user_data = user_data;
    }

    /// The user data it would show an agent.
    pub(crate) fn user_data(&self) -> Value {
        Value::Object(self.status.lock().user_data.clone())
    }

    fn is_held(&self) -> bool {
        self.status.lock().held
    }

    /// Makes the next thing happen now.
    pub(crate) fn advance(&self, desk: &Desk) {
        match self.scenario {
            Some(_) => self.tell(Deed::Advance),
            None => desk.advance(&self.id),
        }
    }

    /// The diagnostics answer (integrations 1.3).
    pub(crate) fn queue_position(&self, desk: &Desk, now: u64) -> Value {
        let (position, waiting, ewt) = match (&self.scenario, desk.place(&self.id)) {
            (Some(scenario), _) => {
                let (position, ewt) = scenario.queue.at(now.saturating_sub(self.started_at));
                (position, position.max(scenario.queue.start_position), ewt)
            }
            (None, Some(place)) => {
                let ewt = match place.wait {
                    Estimate::Seconds(seconds) => seconds,
                    Estimate::Unknown | Estimate::NoAgents => 10_000,
                };
                (place.position as u64, place.waiting as u64, ewt)
            }
            (None, None) => (0, 0, 0),
        };
        json!({
            "_position": position.to_string(), "_eta": ewt.to_string(), "_total_waiting": waiting.to_string(),
            "_agent_ready_threshold_passed": position == 0, "ewt": format!("{ewt}.0"),
        })
    }

    /// The query answer (integrations 1.3).
    pub(crate) fn describe(&self, desk: &Desk, now: u64) -> Value {
        let queue = self.queue_position(desk, now);
        let status = self.status.lock();
        json!({
            "session": self.id,
            "state": if status.reach == Reach::Gone { "ended" } else { "running" },
            "activeStates": [match status.state.as_str() {
                "QUEUED" => "waitForAgent",
                "ROUTING" => "dialing",
                "PROCESSING" => "conversation",
                "PAUSED" => "paused",
                _ => "final",
            }],
            "startedAt": rfc3339(self.started_at),
            "tenant": self.start.ccid,
            "data": {
                "_service_id": self.start.service_id, "_service_name": self.start.service_name,
                "_attempt": self.start.attempt, "_bound": status.bound_at.is_some(),
                "_bound_at": status.bound_at.map(rfc3339),
                "_dialed_at": status.dialed_at.iter().copied().map(rfc3339).collect::<Vec<_>>(),
                "_callback_state": status.state, "_callback_reason": status.reason,
                "_dial_attempts": status.dial_attempts, "_call_in_id": status.called_in,
                "_priority": status.priority, "_position": queue["_position"], "_ewt": queue["_eta"],
            },
        })
    }

    /// The first call to GES. Nothing is queued or dialed before it is accepted (integrations 1.2.7).
    pub(crate) async fn bind(&self, ors: &Ors) -> Told {
        if let Some(scenario) = &self.scenario {
            tokio::time::sleep(Duration::from_millis(scenario.ack_delay_ms)).await;
            if scenario.never_ack {
                return Told::Accepted;
            }
        }
        let keys = [("_callback_state", "QUEUED"), ("_ors_session_id", &self.id), ("_ors_url", &ors.url)];
        let told = self.update(ors, &keys).await;
        self.status.lock().bound_at = (told == Told::Accepted).then(|| ors.clock.now());
        told
    }

    /// Lives on after the bind, to the end.
    pub(crate) async fn live(&self, ors: &Ors, mut deeds: mpsc::UnboundedReceiver<Deed>) {
        let lost = self.scenario.as_ref().is_some_and(|scenario| scenario.lost_after_ack);
        if !lost {
            match &self.scenario {
                Some(scenario) => self.follow(ors, scenario, &mut deeds).await,
                None => self.queue_up(ors, &mut deeds).await,
            }
        }
        self.end(ors);
    }

    /// It is over; its node knows it no longer.
    pub(crate) fn end(&self, ors: &Ors) {
        self.status.lock().reach = Reach::Gone;
        if self.scenario.is_none() {
            ors.desk.cut(&self.id);
        }
    }

    /// Waits on the floor and reports what happens there.
    async fn queue_up(&self, ors: &Ors, deeds: &mut mpsc::UnboundedReceiver<Deed>) {
        let mut happens = ors.desk.offer(NewCall {
            id: self.id.clone(),
            queue: self.start.service_name.clone(),
            earliest_dial: self.start.earliest_dial,
            priority: self.start.priority,
            max_dial_attempts: self.start.max_dial_attempts,
            redial_ms: self.start.redial_ms,
            calls_in: self.start.calls_in,
        });
        let mut on_floor = true;
        loop {
            let flow = tokio::select! {
                biased;
                () = ors.stop.cancelled() => return,
                deed = deeds.recv() => self.obey(ors, deed).await,
                what = happens.recv(), if on_floor => match what {
                    Some(what) => self.report(ors, what).await,
                    // Taken off the floor; the deed that did it follows.
                    None => { on_floor = false; Flow::On }
                },
            };
            if matches!(flow, Flow::Over) {
                return;
            }
        }
    }

    async fn report(&self, ors: &Ors, what: What) -> Flow {
        let told = match what {
            What::Reserved => self.update(ors, &[("_callback_state", "ROUTING")]).await,
            What::Dialed(attempt) => self.update(ors, &[("_dial_attempts", &attempt.to_string())]).await,
            What::Connected => self.update(ors, &[("_callback_state", "PROCESSING")]).await,
            What::Requeued => self.update(ors, &[("_callback_state", "QUEUED")]).await,
            What::Ended(reason) => {
                self.finish(ors, reason).await;
                return Flow::Over;
            }
        };
        if told == Told::Refused { Flow::Over } else { Flow::On }
    }

    /// Follows a script. A step that dials waits for the agreed time.
    async fn follow(&self, ors: &Ors, scenario: &Scenario, deeds: &mut mpsc::UnboundedReceiver<Deed>) {
        // Who was never let in does nothing but wait (integrations 1.2.7).
        let steps = if scenario.never_ack { &[][..] } else { &scenario.steps };
        for step in steps {
            let mut not_before = 0;
            let state = step.update.get("_callback_state").map(String::as_str);
            if step.update.contains_key("_dial_attempts") || matches!(state, Some("ROUTING" | "PROCESSING")) {
                not_before = self.start.earliest_dial;
            }
            let mut at = not_before.max(ors.clock.now() + step.after_ms);
            loop {
                let flow = tokio::select! {
                    biased;
                    () = ors.stop.cancelled() => return,
                    deed = deeds.recv() => self.obey(ors, deed).await,
                    () = ors.clock.sleep_until(at), if !self.is_held() => break,
                };
                match flow {
                    Flow::On => {}
                    Flow::Skip => at = not_before,
                    Flow::Over => return,
                }
            }
            let keys: Vec<(&str, &str)> = step.update.iter().map(|(key, value)| (&**key, &**value)).collect();
            if self.update(ors, &keys).await == Told::Refused || state == Some("COMPLETED") {
                return;
            }
        }
        loop {
            let flow = tokio::select! {
                () = ors.stop.cancelled() => return,
                deed = deeds.recv() => self.obey(ors, deed).await,
            };
            if matches!(flow, Flow::Over) {
                return;
            }
        }
    }

    async fn obey(&self, ors: &Ors, deed: Option<Deed>) -> Flow {
        match deed {
            None | Some(Deed::Stop) => Flow::Over,
            Some(Deed::Advance) => Flow::Skip,
            Some(Deed::Finish(reason)) => {
                self.finish(ors, &reason).await;
                Flow::Over
            }
            Some(Deed::HandBack(reason)) => {
                self.update(ors, &[("_session_state", "ENDED"), ("_session_reason", reason)]).await;
                Flow::Over
            }
            Some(Deed::Report(state)) => match self.update(ors, &[("_callback_state", state)]).await {
                Told::Refused => Flow::Over,
                Told::Accepted | Told::Unanswered => Flow::On,
            },
        }
    }

    async fn finish(&self, ors: &Ors, reason: &str) {
        self.update(ors, &[("_callback_state", "COMPLETED"), ("_callback_reason", reason)]).await;
    }

    async fn update(&self, ors: &Ors, keys: &[(&str, &str)]) -> Told {
        let never_ack = self.scenario.as_ref().is_some_and(|scenario| scenario.never_ack);
        {
            let mut status = self.status.lock();
            for (key, value) in keys {
                match *key {
                    "_callback_state" => status.state = (*value).into(),
                    "_callback_reason" => status.reason = Some((*value).into()),
                    "_dial_attempts" => {
                        status.dial_attempts = value.parse().unwrap_or(status.dial_attempts);
                        status.dialed_at.push(ors.clock.now());
                    }
                    _ => {}
                }
            }
        }
        if never_ack {
            return Told::Accepted;
        }
        let keys: Vec<(String, String)> = keys.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let wrong = self.scenario.as_ref().is_some_and(|scenario| scenario.ges_url_wrong);
        let start = if wrong { Start { ges_url: DEAD_URL.into(), ..self.start.clone() } } else { self.start.clone() };
        // A simulator that stops does not wait for answers; its sessions are gone, as in a crash.
        let told = ors.stop.run_until_cancelled(ors.storage.update(&start, &self.id, &keys)).await;
        told.unwrap_or(Told::Unanswered)
    }
}
