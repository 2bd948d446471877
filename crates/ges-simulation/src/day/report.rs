//! What a day came to, as a page of figures. Nothing in it depends on anything but the seed and the number of consumers.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ges_domain::callback::{Category, Change, Kind, Reason, State};
use ges_domain::invariants::{Evidence, Invariant, Story, Violation};
use ges_domain::ports::ServiceRef;

use super::figures::{Figures, Sample, by_service, changes};
use super::plan::{CLOSES, OPENS, Plan};
use super::tally::Notes;

/// The page so far.
pub(crate) struct Report(String);

/// Writes a line.
macro_rules! line {
    ($page:expr) => {
        $page.0.push('\n')
    };
    ($page:expr, $($text:tt)*) => {{
        // Writing to a text cannot fail.
        let _ = writeln!($page.0, $($text)*);
    }};
}

impl Report {
    pub(crate) fn of(seed: u64, plan: &Plan, evidence: &Evidence, notes: &Notes) -> Self {
        let mut page = Self(String::new());
        let (consumers, callbacks) = (plan.arrivals.len(), evidence.stories.len());
        line!(page, "# A day in the simulator\n");
        line!(page, "Seed {seed}: {consumers} consumers, {callbacks} callbacks in {} services.\n", plan.desks.len());
        page.services(plan, evidence);
        page.ends(evidence);
        page.times(evidence);
        page.calls(evidence, notes);
        page.troubles(evidence, notes);
        page.rest(notes);
        page
    }

    pub(crate) fn text(&self) -> String {
        self.0.clone()
    }

    fn services(&mut self, plan: &Plan, evidence: &Evidence) {
        line!(self, "## Services\n");
        line!(self, "| service | callbacks | immediate | scheduled | connected | slots | places booked |");
        line!(self, "|---|---:|---:|---:|---:|---|---:|");
        let services = by_service(evidence);
        for desk in &plan.desks {
            let stories = services.get(&desk.service).map_or(&[][..], Vec::as_slice);
            let count = |counts: &dyn Fn(&Story) -> bool| stories.iter().filter(|story| counts(story)).count();
            let minutes = u64::from(desk.slot.minutes());
            let cells = (CLOSES - OPENS).as_secs() / 60 / minutes;
            let booked = count(&|story| story.record.holds_slot());
            line!(
                self,
                "| {} | {} | {} | {} | {} | {cells} of {minutes} min, {} places | {} |",
                named(&desk.service),
                stories.len(),
                count(&|story| story.record.kind == Kind::Immediate),
                count(&|story| story.record.kind == Kind::Scheduled),
                count(&|story| story.record.reason == Some(Reason::AGENT_CONNECTED)),
                desk.places,
                percent(booked as u64, cells * u64::from(desk.places))
            );
        }
        line!(self);
    }

    fn ends(&mut self, evidence: &Evidence) {
        let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
        let mut categories: BTreeMap<&str, u64> = BTreeMap::new();
        for story in &evidence.stories {
            let reason = story.record.reason.as_ref();
            *reasons.entry(reason.map_or("(still open)", Reason::as_str)).or_default() += 1;
            let category = match reason.map(Reason::category) {
                Some(Category::Success) => "success",
                Some(Category::Cancel) => "cancel",
                Some(Category::Failure) => "failure",
                Some(Category::Other) | None => "other",
            };
            *categories.entry(category).or_default() += 1;
        }
        let all = evidence.stories.len() as u64;
        line!(self, "## How they ended\n");
        line!(self, "| reason | callbacks | of all |\n|---|---:|---:|");
        for (reason, count) in reasons {
            line!(self, "| {reason} | {count} | {} |", percent(count, all));
        }
        let categories: Vec<_> = categories.iter().map(|(name, count)| format!("{count} {name}")).collect();
        line!(self, "\nBy category: {}.\n", categories.join(", "));
    }

    fn times(&mut self, evidence: &Evidence) {
        let figures = Figures::of(evidence);
        line!(self, "## Times, in seconds\n");
        line!(
            self,
            "| what | callbacks | mean | p10 | p50 | p90 | p99 | most |\n|---|---:|---:|---:|---:|---:|---:|---:|"
        );
        let rows = [
            ("immediate: booking to conversation", &figures.wait),
            ("immediate: booking to first call", &figures.first_call),
            ("scheduled: desired time to first call (180 early at most)", &figures.lateness),
            ("scheduled: desired time to conversation", &figures.scheduled_wait),
            ("wait predicted at booking, less the wait for an agent", &figures.prediction),
            ("how far predictions were off, either way", &figures.prediction_error),
        ];
        for (what, sample) in rows {
            self.times_row(what, sample);
        }
        line!(self);
    }

    fn times_row(&mut self, what: &str, sample: &Sample) {
        let figures = [sample.mean()].into_iter().chain([10, 50, 90, 99, 100].map(|of| sample.percentile(of)));
        let figures: Vec<_> = figures.map(|figure| figure.map_or("-".to_owned(), |n| n.to_string())).collect();
        line!(self, "| {what} | {} | {} |", sample.len(), figures.join(" | "));
    }

    fn calls(&mut self, evidence: &Evidence, notes: &Notes) {
        let mut of_callback: BTreeMap<_, u64> = BTreeMap::new();
        for dial in &evidence.dials {
            *of_callback.entry(dial.id).or_default() += 1;
        }
        let mut callbacks_by_calls: BTreeMap<u64, u64> = BTreeMap::new();
        for calls in of_callback.values() {
            *callbacks_by_calls.entry(*calls).or_default() += 1;
        }
        let redials = evidence.dials.len() - of_callback.len();
        line!(self, "## Calls\n");
        line!(self, "{} calls to {} consumers, {redials} of them redials.", evidence.dials.len(), of_callback.len());
        let spread: Vec<_> = callbacks_by_calls.iter().map(|(calls, count)| format!("{count} × {calls}")).collect();
        line!(self, "Callbacks by their number of calls: {}.\n", spread.join(", "));
        self.list(notes, "dials: ");
        self.list(notes, "agents lost");
        line!(self);
    }

    fn troubles(&mut self, evidence: &Evidence, notes: &Notes) {
        let stories: BTreeMap<_, _> = evidence.stories.iter().map(|story| (story.record.id, story)).collect();
        let ended_with =
            |id, reason: Reason| stories.get(id).is_some_and(|s| s.record.reason.as_ref() == Some(&reason));
        let bereft = notes.bereft.len();
        let given_up = notes.bereft.iter().filter(|(id, _)| ended_with(id, Reason::SESSION_LOST)).count();
        let again = notes.bereft.iter().filter(|(id, lost)| {
            let later = evidence.entries.iter().filter(|entry| entry.id == *id);
            later.clone().any(|entry| entry.at > *lost)
        });
        let again = again.count();
        let mut first = std::collections::BTreeSet::new();
        let entries: Vec<_> = evidence.entries.iter().filter(|entry| first.insert((entry.id, entry.attempt))).collect();
        let resubmitted = entries.iter().filter(|entry| entry.attempt > 1).count();
        line!(self, "## What befell the day\n");
        line!(
            self,
            "- {bereft} sessions went with their node: {again} callbacks got a new attempt, {given_up} ended with SESSION_LOST"
        );
        line!(
            self,
            "- {} entries on the stream, {} written twice, {resubmitted} later attempts",
            evidence.entries.len(),
            evidence.entries.len() - entries.len()
        );
        let moved =
            |to: State| changes(evidence, |change| matches!(change, Change::Moved { to: state } if *state == to));
        let paused_ms: i64 = notes.pauses.iter().map(|pause| pause.until.millis() - pause.from.millis()).sum();
        line!(
            self,
            "- {} pauses of services, {} minutes in all; callbacks paused {} times",
            notes.pauses.len(),
            paused_ms / 60_000,
            moved(State::Paused)
        );
        line!(self, "- no router answered for {} s", notes.no_router_ms / 1_000);
        for what in
            ["orchestration nodes lost", "worker nodes killed", "publishes", "router ", "sessions that were refused"]
        {
            self.list(notes, what);
        }
        line!(self);
    }

    fn rest(&mut self, notes: &Notes) {
        line!(self, "## Consumers\n");
        for what in ["cancels", "reschedules", "call-ins", "refused", "no answer"] {
            self.list(notes, what);
        }
        line!(self);
    }

    /// Everything that was counted under words that begin like this.
    fn list(&mut self, notes: &Notes, begins: &str) {
        for (what, count) in notes.counts.iter().filter(|(what, _)| what.starts_with(begins)) {
            line!(self, "- {what}: {count}");
        }
    }

    /// What was looked at.
    pub(crate) fn looks(&mut self, evidence: &Evidence, live: &BTreeMap<Invariant, u64>) {
        line!(self, "## What was looked at\n");
        let seen = [
            ("acknowledged bookings", evidence.acknowledged.len()),
            ("records with timelines", evidence.stories.len()),
            ("events in timelines", evidence.stories.iter().map(|story| story.timeline.len()).sum()),
            ("stream entries", evidence.entries.len()),
            ("sessions that offered to take a callback", evidence.sessions.len()),
            ("calls", evidence.dials.len()),
            ("writes of monitors", evidence.writes.len()),
            ("cancels", evidence.cancels.len()),
            ("answers under keys", evidence.repeated.len()),
            ("records shown", evidence.reads.len()),
            ("cells", evidence.cells.len()),
        ];
        for (what, count) in seen {
            line!(self, "- {what}: {count}");
        }
        let live: Vec<_> = live.iter().map(|(promise, looked)| format!("{} {looked}", promise.id())).collect();
        line!(self, "- by the monitors themselves in passing: {}\n", live.join(", "));
    }

    /// The judgement.
    pub(crate) fn conclude(&mut self, violations: &[Violation], findings: &[String], panics: u64, hash: u64) {
        line!(self, "## Judgement\n");
        for promise in Invariant::ALL {
            let broken = violations.iter().filter(|violation| violation.invariant == promise).count();
            line!(
                self,
                "- {}: {}",
                promise.id(),
                if broken == 0 { "holds".to_owned() } else { format!("broken {broken} times") }
            );
        }
        violations.iter().take(SHOWN).for_each(|violation| line!(self, "  - {violation}"));
        line!(
            self,
            "- conditions of the day: {}",
            if findings.is_empty() { "hold".to_owned() } else { format!("broken {} times", findings.len()) }
        );
        findings.iter().take(SHOWN).for_each(|finding| line!(self, "  - {finding}"));
        line!(self, "- tasks that panicked: {panics}");
        line!(self, "- trace: {hash:016x}");
    }
}

/// Most violations and findings that are shown one by one.
const SHOWN: usize = 20;

/// Which tenant's service.
fn named(service: &ServiceRef) -> String {
    let tenant = if service.tenant == ges_testkit::builders::tenant() { "one" } else { "two" };
    format!("{tenant}/{}", service.name)
}

/// With one digit behind the point.
fn percent(part: u64, of: u64) -> String {
    match of {
        0 => "-".to_owned(),
        of => {
            let tenths = part * 1_000 / of;
            format!("{}.{} %", tenths / 10, tenths % 10)
        }
    }
}
