//! One run: a stormy hour, quiet time, judgement.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ges_domain::invariants::{self, Invariant, Violation};

use crate::bug::Bug;
use crate::chance::Chance;
use crate::clients::client;
use crate::desk::Desk;
use crate::publisher::{provision, publish, put_right};
use crate::session::consume;
use crate::weather::{ACTIVE, QUIET};
use crate::workers::worker;
use crate::world::{Setting, World};

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// Broken promises, and what else went wrong.
    pub violations: Vec<Violation>,
    /// Tasks that panicked.
    pub panics: u64,
    /// Over every line of the trace, kept or not.
    pub hash: u64,
    /// What happened, one line per event, when it was to be kept.
    pub trace: Vec<String>,
    /// Callbacks in the record at the end.
    pub callbacks: usize,
    /// Entries written to the stream.
    pub entries: usize,
}

impl Outcome {
    /// Whether every promise held and nothing panicked.
    pub fn is_good(&self) -> bool {
        self.violations.is_empty() && self.panics == 0
    }
}

/// Runs one seed in virtual time, with a planted bug or none.
///
/// # Panics
/// When no runtime can be built.
pub fn run(seed: u64, bug: Option<Bug>, keep_trace: bool) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("invariant: a runtime without I/O needs nothing from outside");
    runtime.block_on(simulate(seed, bug, keep_trace))
}

async fn simulate(seed: u64, bug: Option<Bug>, keep_trace: bool) -> Outcome {
    let chance = Chance::seeded(seed);
    let (setting, floor) = Setting::stormy(&chance);
    let world = World::new(seed, chance, bug, keep_trace, setting);
    world.note("world", format!("seed {}, lease {:?}, {:?}", world.seed, world.setting.lease, world.weather()));
    provision(&world).await;
    let desks: Arc<[_]> = ["api1", "api2"].map(|name| Desk::new(&world, name)).into();
    for nth in 1..=world.chance.between(1, 4) {
        tokio::spawn(worker(Arc::clone(&world), nth));
    }
    tokio::spawn(consume(Arc::clone(&world), floor, Arc::clone(&desks)));
    tokio::spawn(stumble(Arc::clone(&world), Arc::clone(&desks)));
    world.spawn(publish(Arc::clone(&world)));
    for nth in 0..world.chance.between(30, 46) {
        world.spawn(client(Arc::clone(&world), Arc::clone(&desks), nth));
    }
    let mut violations = Vec::new();
    let mut passed = Duration::ZERO;
    let step = Duration::from_secs(300);
    while passed < ACTIVE + QUIET && violations.is_empty() {
        tokio::time::sleep(step).await;
        passed += step;
        if passed == ACTIVE {
            world.calm_down();
        }
        if world.is_calm() {
            put_right(&world).await;
        }
        let books = world.books();
        violations = [Invariant::Capacity, Invariant::Audit].into_iter().flat_map(|one| one.check(&books)).collect();
        let ended = books.stories.iter().all(|story| !story.record.state.is_open());
        if world.is_calm() && ended && world.running() == 0 {
            break;
        }
    }
    judge(&world, violations)
}

/// Promises that were broken on the way are named alone: what follows from damage is no news.
fn judge(world: &World, mut violations: Vec<Violation>) -> Outcome {
    world.running();
    let evidence = world.evidence();
    if violations.is_empty() {
        violations = invariants::check(&evidence);
        violations.append(&mut world.seen().live);
    }
    for violation in &violations {
        world.note("world", violation.to_string());
    }
    let mut trace = world.trace();
    Outcome {
        seed: world.seed,
        violations,
        panics: world.panics.load(Ordering::SeqCst),
        hash: trace.hash(),
        trace: std::mem::take(&mut trace.lines),
        callbacks: evidence.stories.len(),
        entries: evidence.entries.len(),
    }
}

/// API nodes stand still now and then.
async fn stumble(world: Arc<World>, desks: Arc<[Arc<Desk>]>) {
    while let Some((from, until)) = world.weather().blows {
        tokio::time::sleep(world.chance.seconds(from, until)).await;
        let weather = world.weather();
        if weather.blows.is_none() {
            return;
        }
        let desk = world.chance.one_of(&desks);
        let (length, suspended) = (world.chance.seconds(1, 100), world.chance.happens(weather.suspends));
        desk.node.note(format!("stands still for {} s, suspended: {suspended}", length.as_secs()));
        desk.node.stop_for(length, suspended);
    }
}
