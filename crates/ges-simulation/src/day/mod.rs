//! A day in the simulator: thousands of consumers, four services, people at work, and everything that befalls a contact center, in
//! virtual time. The same seed gives the same day and the same report, letter for letter.

mod caller;
mod director;
mod figures;
mod floor;
mod plan;
mod published;
mod report;
mod routers;
mod session;
mod tally;
mod town;
mod verdict;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ges_domain::invariants::{self, Invariant, LogText, Violation};

use crate::bug::Bug;
use crate::chance::Chance;
use crate::desk::Desk;
use crate::weather::Weather;
use crate::workers::worker;
use crate::world::{Setting, World};
use plan::{CALM, LAST, Plan};
use town::Town;

/// What a day came to.
#[derive(Debug)]
pub struct DayOutcome {
    /// Everything that happened, in figures; the same for the same seed.
    pub report: String,
    /// Broken promises.
    pub violations: Vec<Violation>,
    /// What else must be true of a day and is not.
    pub findings: Vec<String>,
    /// Tasks that panicked.
    pub panics: u64,
    /// Callbacks in the record at the end.
    pub callbacks: usize,
    /// What happened, one line per event, when it was to be kept.
    pub trace: Vec<String>,
}

impl DayOutcome {
    /// Whether every promise and every condition of the day held.
    pub fn is_good(&self) -> bool {
        self.violations.is_empty() && self.findings.is_empty() && self.panics == 0
    }
}

/// Runs a day of about so many callbacks, with a planted bug or none.
///
/// # Panics
/// When no runtime can be built.
pub fn run_day(seed: u64, callbacks: u64, bug: Option<Bug>, keep_trace: bool) -> DayOutcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("invariant: a runtime without I/O needs nothing from outside");
    // One in nine finds no time or comes too late.
    runtime.block_on(simulate(seed, callbacks + callbacks / 8, bug, keep_trace))
}

async fn simulate(seed: u64, consumers: u64, bug: Option<Bug>, keep_trace: bool) -> DayOutcome {
    let chance = Chance::seeded(seed);
    let plan = Arc::new(Plan::drawn(&chance, consumers));
    let town = Town::new(Arc::clone(&plan), seed);
    let setting = Setting {
        weather: WEATHER,
        lease: Duration::from_secs(30),
        outside: town.clone(),
        offers: plan.offers(),
        watches: true,
    };
    let world = World::new(seed, chance, bug, keep_trace, setting);
    director::provision(&world, &town).await;
    let desks: Arc<[_]> = ["api1", "api2", "api3"].map(|name| Desk::new(&world, name)).into();
    for nth in 1..=3 {
        tokio::spawn(worker(Arc::clone(&world), nth));
    }
    tokio::spawn(floor::live(Arc::clone(&town.floor)));
    tokio::spawn(floor::staff(Arc::clone(&town.floor), Arc::clone(&plan)));
    tokio::spawn(session::consume(Arc::clone(&world), Arc::clone(&town), Arc::clone(&desks)));
    director::direct(&world, &town);
    for (nth, arrival) in (0..).zip(&plan.arrivals) {
        let (world, town, desks) = (Arc::clone(&world), Arc::clone(&town), Arc::clone(&desks));
        let consumer = caller::consumer(Arc::clone(&world), town, desks, nth, *arrival);
        world.spawn(consumer);
    }
    let violations = pass(&world).await;
    judge(&world, &town, violations)
}

/// Lets the day pass until everything has come to rest. I3 and I8 are looked at on the way.
async fn pass(world: &World) -> Vec<Violation> {
    let mut passed = Duration::ZERO;
    let step = Duration::from_secs(600);
    while passed < LAST {
        tokio::time::sleep(step).await;
        passed += step;
        if passed == CALM {
            world.calm_down();
        }
        let hourly = passed.as_secs().is_multiple_of(LOOKED_EVERY);
        if !hourly && !world.is_calm() {
            continue;
        }
        let books = world.books();
        if hourly {
            let on_the_way = [Invariant::Capacity, Invariant::Audit];
            let violations: Vec<_> = on_the_way.into_iter().flat_map(|one| one.check(&books)).collect();
            if !violations.is_empty() {
                return violations;
            }
        }
        let ended = books.stories.iter().all(|story| !story.record.state.is_open());
        if world.is_calm() && ended && world.running() == 0 {
            break;
        }
    }
    Vec::new()
}

/// Seconds between two looks on the way.
const LOOKED_EVERY: u64 = 3 * 3_600;

fn judge(world: &World, town: &Town, mut violations: Vec<Violation>) -> DayOutcome {
    world.running();
    let mut evidence = world.evidence();
    let notes = std::mem::take(&mut *town.tally.notes());
    let mut report = report::Report::of(world.seed, &town.plan, &evidence, &notes);
    report.looks(&evidence, &world.seen().looked);
    // I11: nobody's number stands in the trace, as far as it holds digits enough for one, or in the report.
    let text = format!("{}\n{}", world.trace().suspects.join("\n"), report.text());
    let numbers = (0..).zip(&town.plan.arrivals).map(|(nth, _)| caller::number(nth));
    evidence.logs.push(LogText { text, forbidden: numbers.map(|number| number[1..].to_owned()).collect() });
    if violations.is_empty() {
        violations = invariants::check(&evidence);
        violations.append(&mut world.seen().live);
    }
    let findings = verdict::findings(&town.plan, &evidence, &notes);
    let panics = world.panics.load(Ordering::SeqCst);
    let mut trace = world.trace();
    report.conclude(&violations, &findings, panics, trace.hash());
    let (report, trace) = (report.text(), std::mem::take(&mut trace.lines));
    DayOutcome { report, violations, findings, panics, callbacks: evidence.stories.len(), trace }
}

/// Small faults all day long; what is worse has its time.
const WEATHER: Weather = Weather {
    error_before: 0.000_5,
    error_after: 0.000_5,
    slow: 0.005,
    request_lost: 0.000_3,
    stream_before: 0.002,
    stream_after: 0.002,
    entry_late: 0.005,
    hint_lost: 0.02,
    hint_doubled: 0.01,
    hint_late: 0.02,
    update_lost: 0.005,
    update_doubled: 0.005,
    ..Weather::CALM
};
