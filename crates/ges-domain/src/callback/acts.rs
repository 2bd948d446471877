//! What people and sessions do to a stored record, decided from the record alone (chapter 5). Stores read the record, ask
//! here, and write the outcome as one compare-and-set; so every store decides alike.

use super::{
    Act, Actor, Callback, Change, Direction, FirstDial, Ignored, Kind, MoveWish, Overgrown, PushTarget, Reason,
    SessionUpdate, SessionVerdict, State, TimelineEvent, decide_session_update, may_act, session,
};
use crate::capacity::Usage;
use crate::ports::{
    CancelAnswer, CancelRequest, Cancelled, Edit, Edited, HandoverOutcome, Move, MoveAnswer, Moved, SessionAnswer,
};
use crate::{CallInId, Instant, SessionId};

/// A changed record and the event that tells it: to be written together, on the version it was read at.
pub type Write = (Callback, TimelineEvent);

/// First half of a cancel: R-CAN-1, R-CAN-2, R-CAN-3. `Err` is an answer without a write.
///
/// # Errors
/// The answer, when there is nothing to write.
pub fn cancel(record: &Callback, request: &CancelRequest, now: Instant) -> Result<Write, Cancelled> {
    match record.state {
        State::Completed => return Err(Cancelled::AlreadyCompleted),
        state if !may_act(Act::Cancel, state) => return Err(Cancelled::NotCancellable),
        _ => {}
    }
    let reason = request.reason.clone();
    let changes = match (&record.session, &record.cancel) {
        (None, _) => vec![Change::Completed { reason }],
        (Some(session), Some(_)) => return Err(Cancelled::AskSession(session.clone())),
        (Some(_), None) => vec![Change::CancelWished { reason }],
    };
    Ok(record.apply(request.actor.clone(), now, changes))
}

/// The answer once [`cancel`] or [`settle_cancel`] is written.
pub fn cancelled(record: Callback) -> Cancelled {
    match (&record.session, record.state) {
        (_, State::Completed) => Cancelled::Done(Box::new(record)),
        (Some(session), _) if record.cancel.is_some() => Cancelled::AskSession(session.clone()),
        _ => Cancelled::NotCancellable,
    }
}

/// Second half of a cancel: what the session `asked` answered (R-CAN-2). Its answer says nothing about another session that
/// took the callback meanwhile.
///
/// # Errors
/// The answer, when there is nothing to write.
pub fn settle_cancel(
    record: &Callback,
    asked: &SessionId,
    answer: CancelAnswer,
    actor: &Actor,
    now: Instant,
) -> Result<Write, Cancelled> {
    let Some(wish) = &record.cancel else {
        return Err(match record.state {
            State::Completed => Cancelled::AlreadyCompleted,
            _ => Cancelled::NotCancellable,
        });
    };
    if record.state == State::Completed {
        // Told again after it was completed without an answer (R-CAN-2).
        if record.cancel_to_tell().is_some_and(|(session, _)| session.id.is_same(asked))
            && let Some(news) = match answer {
                CancelAnswer::Accepted => Some(Change::CancelConfirmed),
                CancelAnswer::Refused => Some(Change::CancelCameTooLate),
                CancelAnswer::Gone => Some(Change::CancelDropped),
                CancelAnswer::NoAnswer => None,
            }
        {
            return Ok(record.apply(actor.clone(), now, vec![news]));
        }
        // The session was quicker than our settling; who won stands in the reason (I5).
        return Err(match record.reason.as_ref().is_some_and(Reason::frees_slot) {
            true => Cancelled::Done(Box::new(record.clone())),
            false => Cancelled::AlreadyCompleted,
        });
    }
    if let Some(other) = record.session.as_ref().filter(|session| !session.id.is_same(asked)) {
        return Err(Cancelled::AskSession(other.clone()));
    }
    let completed = Change::Completed { reason: wish.reason.clone() };
    let silent = matches!(answer, CancelAnswer::NoAnswer | CancelAnswer::Gone);
    let changes = match answer {
        CancelAnswer::Refused => vec![Change::CancelRefused],
        _ if silent && record.state == State::Processing => vec![Change::CancelRefused],
        CancelAnswer::Accepted => vec![Change::CancelConfirmed, completed],
        CancelAnswer::Gone => vec![Change::CancelDropped, completed],
        CancelAnswer::NoAnswer => vec![completed],
    };
    Ok(record.apply(actor.clone(), now, changes))
}

/// A move decided as far as the record alone can decide it.
#[derive(Debug, Clone, PartialEq)]
pub struct MoveStep {
    /// What to write.
    pub write: Write,
    /// The answer once it is written.
    pub answer: Moved,
    /// Whether it may only be written when [`finds_place`] says so.
    pub counted: bool,
}

/// Moves a record to another time, capacity aside (R-EDT-2 to R-EDT-4, T11, T12); keeps the wish when a session has it.
///
/// # Errors
/// The answer, when there is nothing to write.
pub fn move_booking(record: &Callback, to: &Move, now: Instant) -> Result<MoveStep, Moved> {
    if !may_act(Act::Reschedule, record.state) {
        return Err(Moved::NotReschedulable(record.state));
    }
    // Fields change with the time only as they would without it.
    if to.edit.is_some() && !may_act(Act::Edit, record.state) {
        return Err(Moved::NotReschedulable(record.state));
    }
    let Some(session) = &record.session else { return Ok(moved(record, to, now, None)) };
    let wish = MoveWish { at: now, desired: to.desired, kind: to.kind, deadline: to.deadline, confirmed: false };
    let (mut next, event) = record.apply(to.actor.clone(), now, vec![Change::MoveWished { to: to.desired }]);
    next.particulars.moving = Some(wish);
    Ok(MoveStep { write: (next, event), answer: Moved::SessionHolds(session.clone()), counted: true })
}

/// Second half of a move whose wish was kept: what became of the session `asked` (R-EDT-4, T12, EX-M16).
///
/// # Errors
/// The answer, when there is nothing to write.
pub fn settle_move(
    record: &Callback,
    asked: &SessionId,
    answer: MoveAnswer,
    to: &Move,
    now: Instant,
) -> Result<MoveStep, Moved> {
    if !record.state.is_open() {
        return Err(Moved::NotReschedulable(record.state));
    }
    if record.particulars.moving.is_none() {
        // Settled already, by the worker or by a repetition.
        return Err(match record.session {
            None if record.desired_at == to.desired => Moved::Done(Box::new(record.clone())),
            _ => Moved::NotReschedulable(record.state),
        });
    }
    if let Some(other) = record.session.as_ref().filter(|session| !session.id.is_same(asked)) {
        return Err(Moved::SessionHolds(other.clone()));
    }
    if answer == MoveAnswer::Refused || !may_act(Act::Reschedule, record.state) {
        let (mut next, event) = record.apply(to.actor.clone(), now, vec![Change::MoveDropped]);
        next.particulars.moving = None;
        let answer = Moved::NotReschedulable(next.state);
        return Ok(MoveStep { write: (next, event), answer, counted: false });
    }
    let ended = answer == MoveAnswer::Ended && record.session.is_some();
    Ok(moved(record, to, now, ended.then_some(Change::MoveConfirmed)))
}

impl MoveStep {
    /// What to write instead when the place is taken: a callback whose session was stopped for it waits for a new attempt at its
    /// old time (R-EDT-2). None when nothing is to be written.
    pub fn gives_up(&self, record: &Callback, to: &Move, now: Instant) -> Option<Write> {
        let stops = matches!(self.answer, Moved::Done(_)) && record.particulars.moving.is_some();
        let stopped = record.session.as_ref().filter(|_| stops)?;
        let mut changes = vec![Change::MoveDropped, Change::SessionUnbound];
        if self.write.1.changes.contains(&Change::MoveConfirmed) {
            changes.insert(0, Change::MoveConfirmed);
        }
        let (mut next, event) = record.apply(to.actor.clone(), now, changes);
        next.particulars.moving = None;
        next.particulars.leave(Some(&stopped.id));
        Some((next, event))
    }
}

/// The move itself; `first` happened before it.
fn moved(record: &Callback, to: &Move, now: Instant, first: Option<Change>) -> MoveStep {
    let (record, fields) = match &to.edit {
        Some(edit) => &edited(record, edit),
        None => &(record.clone(), Vec::new()),
    };
    let change = Change::Rescheduled {
        from: record.desired_at,
        to: to.desired,
        was: record.kind,
        kind: to.kind,
        old_deadline: record.deadline,
        deadline: to.deadline,
    };
    let edited = (!fields.is_empty()).then(|| Change::Edited { fields: fields.clone() });
    let changes = first.into_iter().chain(edited).chain([change]).collect();
    let (mut next, event) = record.apply(to.actor.clone(), now, changes);
    let particulars = &mut next.particulars;
    particulars.moving = None;
    // Who called for the old time does not wait on the line for the new one.
    particulars.call_in_untold = false;
    // The number of an entry for the old time must not be taken for one of the new time, by whoever records it or binds for it (I4).
    particulars.attempts_before = match record.may_be_on_its_way(now) {
        true => record.next_attempt(),
        false => record.last_attempt(),
    };
    // The old session's late news must not take the callback again (EX-M16, R-TR-2).
    particulars.leave(record.session.as_ref().map(|session| &session.id));
    particulars.previous_desired.push(record.desired_at);
    if particulars.previous_desired.len() > 10 {
        particulars.previous_desired.remove(0);
    }
    MoveStep { answer: Moved::Done(Box::new(next.clone())), write: (next, event), counted: true }
}

/// Edits a SCHEDULED record (chapter 5).
///
/// # Errors
/// The answer, when there is nothing to write.
pub fn edit(record: &Callback, edit: &Edit, actor: &Actor, now: Instant) -> Result<Write, Edited> {
    if !may_act(Act::Edit, record.state) {
        return Err(Edited::NotEditable(record.state));
    }
    let (mut edited, fields) = edited(record, edit);
    if fields.is_empty() {
        return Err(Edited::Done(Box::new(record.clone())));
    }
    // An entry with the old number must not be recorded as the one that calls the new number.
    if edited.phone != record.phone && record.may_be_on_its_way(now) {
        edited.particulars.attempts_before = record.next_attempt();
    }
    Ok(edited.apply(actor.clone(), now, vec![Change::Edited { fields }]))
}

/// The record with its fields changed, and the names of those that differ.
fn edited(record: &Callback, edit: &Edit) -> (Callback, Vec<String>) {
    let mut edited = record.clone();
    let mut fields: Vec<String> = Vec::new();
    if let Some((phone, key)) = &edit.phone
        && *phone != edited.phone
    {
        (edited.phone, edited.phone_key) = (phone.clone(), key.clone());
        fields.push("phoneNumber".into());
    }
    if let Some(user_data) = &edit.user_data
        && *user_data != edited.particulars.user_data
    {
        edited.particulars.user_data = user_data.clone();
        fields.push("userData".into());
    }
    if edit.priority.is_some() && edit.priority != edited.priority {
        edited.priority = edit.priority;
        fields.push("priority".into());
    }
    if edit.language.is_some() && edit.language != edited.particulars.language {
        edited.particulars.language = edit.language.clone();
        fields.push("language".into());
    }
    // Whoever asks has looked whether they fit; what has come to the record since may make them too many, and then they wait.
    if edited.particulars.note_facts(&edit.facts).is_ok()
        && edited.particulars.session_facts != record.particulars.session_facts
    {
        fields.push("sessionFacts".into());
    }
    if let Some(direction) = edit.direction {
        edited.direction = direction;
    }
    (edited, fields)
}

/// Notes the call-in request whose call has come, and that a session has to hear of it when the consumer was to call and
/// orchestration has the callback, be it that no session has bound yet (R-CTI-14). None when it is noted already.
pub fn link_call_in(record: &Callback, call_in: CallInId, now: Instant) -> Option<Write> {
    if record.particulars.call_in_request == Some(call_in) {
        return None;
    }
    let mut linked = record.clone();
    linked.particulars.call_in_request = Some(call_in);
    linked.particulars.call_in_untold = record.direction == Direction::UserOriginated && record.state.is_active();
    Some(linked.apply(Actor::Ivr, now, vec![Change::Edited { fields: vec!["callInRequestId".into()] }]))
}

/// Notes that the session `asked` has heard of the call of `call_in` (R-CTI-14). None when there is nothing to note: another
/// session has the callback by now, another call has come, or it was noted before.
pub fn call_in_told(record: &Callback, call_in: CallInId, asked: &SessionId, now: Instant) -> Option<Write> {
    let (session, waiting) = record.call_in_to_tell()?;
    if !session.id.is_same(asked) || waiting != call_in {
        return None;
    }
    let mut told = record.clone();
    told.particulars.call_in_untold = false;
    Some(told.apply(Actor::Monitor, now, vec![Change::Edited { fields: vec!["callInTold".into()] }]))
}

/// What a session update comes to for a store.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionWrite {
    /// Write the record and its event.
    Audited(Box<Write>),
    /// Write queue position and EWT only: no version, no event; they are volatile (R-POL-1).
    Volatile(Box<Callback>),
    /// Write nothing.
    Answer(SessionAnswer),
}

/// Applies a session's update to a record (R-TR-1 to R-TR-3).
pub fn session_update(record: &Callback, update: &SessionUpdate, now: Instant) -> SessionWrite {
    let mut changes = match decide_session_update(record, update, now) {
        SessionVerdict::Accept(changes) => changes,
        SessionVerdict::Ignore(why) => return SessionWrite::Answer(SessionAnswer::Ignored(why)),
        SessionVerdict::Stranger => return SessionWrite::Answer(SessionAnswer::Stranger),
        SessionVerdict::Illegal { from, to } => return SessionWrite::Answer(SessionAnswer::Illegal { from, to }),
    };
    let mut noted = record.clone();
    let mut fields = match note(&mut noted, update) {
        Ok(fields) => fields,
        Err(overgrown) => return SessionWrite::Answer(SessionAnswer::TooLarge(overgrown)),
    };
    let acknowledged = session::acknowledged(record, update).filter(|_| !record.is_taken_unnamed());
    if acknowledged.is_some() {
        noted.particulars.acknowledged = acknowledged;
        fields.push("acknowledgedAttempt".to_owned());
    }
    if !fields.is_empty() {
        changes.push(Change::Edited { fields });
    }
    let dialed = changes.iter().any(|change| matches!(change, Change::Dialed { .. }));
    if dialed && record.dial_attempts == 0 {
        let (position, ewt) = (update.position.or(record.position), update.ewt.or(record.ewt));
        noted.particulars.first_dial = (position.is_some() || ewt.is_some()).then_some(FirstDial { position, ewt });
    }
    let told = |next: &mut Callback| {
        if next.state.is_open() {
            next.position = update.position.or(next.position);
            next.ewt = update.ewt.or(next.ewt);
        }
    };
    if changes.is_empty() {
        told(&mut noted);
        let news = (noted.position, noted.ewt) != (record.position, record.ewt);
        return match (news, record.state) {
            (true, _) => SessionWrite::Volatile(Box::new(noted)),
            (false, State::Completed) => SessionWrite::Answer(SessionAnswer::Ignored(Ignored::Final)),
            (false, _) => SessionWrite::Answer(SessionAnswer::Accepted(Box::new(noted))),
        };
    }
    let confirms_move = changes.contains(&Change::MoveConfirmed);
    let actor = update.on_behalf.clone().unwrap_or(Actor::Session);
    let (mut next, event) = noted.apply(actor, now, changes);
    if let Some(wish) = next.particulars.moving.as_mut().filter(|_| confirms_move) {
        wish.confirmed = true;
    }
    told(&mut next);
    if next.state.is_open() && next.session.is_none() {
        // It gave the callback up, so it cannot take it again (R-TR-2).
        next.particulars.leave(record.session.as_ref().map(|session| &session.id).or(update.session.as_ref()));
    }
    SessionWrite::Audited(Box::new((next, event)))
}

/// Takes over user data and facts; names the fields that changed.
///
/// # Errors
/// [`Overgrown`] when the record would outgrow a limit (R-REC-5); one that is over it already may only shrink.
fn note(record: &mut Callback, update: &SessionUpdate) -> Result<Vec<String>, Overgrown> {
    let before = record.particulars.clone();
    if update.replace_user_data {
        record.particulars.user_data = super::UserData::default();
    }
    record.particulars.user_data.merge(update.user_data.iter().cloned()).map_err(|_| Overgrown::UserData)?;
    record.particulars.note_facts(&update.facts)?;
    let mut fields = Vec::new();
    if record.particulars.user_data != before.user_data {
        fields.push("userData".to_owned());
    }
    if record.particulars.session_facts != before.session_facts {
        fields.push("sessionFacts".to_owned());
    }
    Ok(fields)
}

/// Whether a moved record asks for a place it does not hold yet: staying in its own cell always works (R-EDT-2).
pub fn needs_place(record: &Callback, to: &Move) -> bool {
    match &to.slot {
        Some(claim) => {
            let own = record.holds_slot()
                && record.kind == Kind::Scheduled
                && (claim.cell.from..claim.cell.until).contains(&record.desired_at);
            !own
        }
        None => false,
    }
}

/// Whether a moved record finds its place; `booked` covers the claimed cell and its rule slot, the record's own place
/// included, which counts as free (R-EDT-2, R-CR-10).
pub fn finds_place(record: &Callback, to: &Move, booked: &Usage) -> bool {
    let Some(claim) = to.slot.as_ref().filter(|_| needs_place(record, to)) else { return true };
    let mut others = booked.clone();
    if record.holds_slot() {
        others.remove(record.desired_at);
    }
    others.remaining(&claim.cell, &claim.limits) > 0
}

/// Takes a push target that does not exist any more off the record (R-PSH-5); none when it is not there, or the record is final.
pub fn drop_target(record: &Callback, target: &PushTarget, at: Instant) -> Option<Write> {
    if record.state == State::Completed || !record.particulars.push_targets.contains(target) {
        return None;
    }
    let mut fewer = record.clone();
    fewer.particulars.push_targets.retain(|known| known != target);
    Some(fewer.apply(Actor::Monitor, at, vec![Change::Edited { fields: vec!["pushTargets".into()] }]))
}

/// Records that `attempt` was written to the stream (T3, R-SUB-8).
///
/// # Errors
/// The answer, when there is nothing to write: recorded before, or overtaken.
pub fn record_handed(record: &Callback, attempt: u32, at: Instant) -> Result<Write, HandoverOutcome> {
    if record.waits_for_handover() && record.next_attempt() == attempt {
        return Ok(record.apply(Actor::Monitor, at, vec![Change::Submitted { attempt }]));
    }
    let unanswered = record.state.is_open() && record.session.is_none() && record.submission.submitted_at.is_some();
    let recorded_before = unanswered && record.last_attempt() == attempt;
    Err(if recorded_before { HandoverOutcome::Recorded } else { HandoverOutcome::Overtaken })
}

#[cfg(test)]
#[path = "acts_tests.rs"]
mod tests;
