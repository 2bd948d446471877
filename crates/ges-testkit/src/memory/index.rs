//! What the records of each service come to, kept up to date with every write, so that no question reads all records.
//!
//! Invariant: it equals [`Index::of`] the records at any moment; a store that is dropped checks that.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ges_domain::callback::{Callback, Kind};
use ges_domain::capacity::Usage;
use ges_domain::phone::PhoneKey;
use ges_domain::ports::ServiceRef;
use ges_domain::{CallbackId, Instant, ServiceName, TenantId};

use super::Stored;

/// The shelves of all services.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Index(BTreeMap<ServiceRef, Shelf>);

/// The records of one service, by what is asked of them.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Shelf {
    pub(super) all: BTreeSet<CallbackId>,
    pub(super) open: BTreeSet<CallbackId>,
    /// Open with a session, or ended by a cancel that its session has not heard of.
    pub(super) held: BTreeSet<CallbackId>,
    /// How many are active (R-QS-5).
    pub(super) active: usize,
    /// Those that wait for their hand-over, in the order they go out.
    pub(super) waiting: BTreeSet<(Instant, i32, Instant, CallbackId)>,
    /// When each wants a look without being woken.
    pub(super) timers: BTreeSet<(Instant, CallbackId)>,
    /// Places taken, by grain (R-CAP-3).
    places: BTreeMap<Instant, u32>,
    /// When those were made that were accepted as IMMEDIATE (R-THR-5).
    pub(super) immediate: BTreeSet<(Instant, CallbackId)>,
    /// Those of one number.
    pub(super) numbers: HashMap<PhoneKey, BTreeSet<CallbackId>>,
}

/// The service of a record.
pub(super) fn service_of(row: &Callback) -> ServiceRef {
    ServiceRef { tenant: row.tenant, name: row.service.clone() }
}

impl Index {
    /// The index of these records, made afresh.
    pub(super) fn of<'a>(records: impl IntoIterator<Item = &'a Stored>) -> Self {
        let mut index = Self::default();
        records.into_iter().for_each(|stored| index.add(stored));
        index
    }

    /// What is known of a service; none without records.
    pub(super) fn shelf(&self, tenant: TenantId, name: &ServiceName) -> Option<&Shelf> {
        self.0.get(&ServiceRef { tenant, name: name.clone() })
    }

    /// Every service with records.
    pub(super) fn shelves(&self) -> impl Iterator<Item = (&ServiceRef, &Shelf)> {
        self.0.iter()
    }

    /// Takes a record in.
    pub(super) fn add(&mut self, stored: &Stored) {
        let (row, shelf) = (&stored.row, self.0.entry(service_of(&stored.row)).or_default());
        shelf.all.insert(row.id);
        shelf.active += usize::from(row.state.is_active());
        shelf.open.extend(row.state.is_open().then_some(row.id));
        shelf.held.extend(may_be_held(row).then_some(row.id));
        shelf.waiting.extend(row.waits_for_handover().then(|| row.order()));
        shelf.timers.extend(row.wake_at().map(|at| (at, row.id)));
        if row.holds_slot() {
            *shelf.places.entry(Usage::grain_of(row.desired_at)).or_default() += 1;
        }
        shelf.immediate.extend((stored.accepted_as == Kind::Immediate).then_some((row.created_at, row.id)));
        shelf.numbers.entry(row.phone_key.clone()).or_default().insert(row.id);
    }

    /// Takes a record out that is about to change or to go.
    pub(super) fn take(&mut self, stored: &Stored) {
        let (row, service) = (&stored.row, service_of(&stored.row));
        let Some(shelf) = self.0.get_mut(&service) else { return };
        shelf.all.remove(&row.id);
        shelf.active -= usize::from(row.state.is_active());
        shelf.open.remove(&row.id);
        shelf.held.remove(&row.id);
        shelf.waiting.remove(&row.order());
        if let Some(at) = row.wake_at() {
            shelf.timers.remove(&(at, row.id));
        }
        let grain = Usage::grain_of(row.desired_at);
        if row.holds_slot()
            && let Some(places) = shelf.places.get_mut(&grain)
        {
            *places -= 1;
            if *places == 0 {
                shelf.places.remove(&grain);
            }
        }
        shelf.immediate.remove(&(row.created_at, row.id));
        if let Some(of_number) = shelf.numbers.get_mut(&row.phone_key) {
            of_number.remove(&row.id);
            if of_number.is_empty() {
                shelf.numbers.remove(&row.phone_key);
            }
        }
        if shelf.all.is_empty() {
            self.0.remove(&service);
        }
    }
}

impl Shelf {
    /// Places taken in the grains that start in `from..until`.
    pub(super) fn usage(&self, from: Instant, until: Instant) -> Usage {
        if from >= until {
            return Usage::default();
        }
        self.places.range(from..until).map(|(grain, count)| (*grain, *count)).collect()
    }

    /// When the newest IMMEDIATE ones after `since` were accepted, the newest first.
    pub(super) fn accepted_since(&self, since: Instant) -> impl Iterator<Item = (Instant, CallbackId)> {
        self.immediate.iter().rev().take_while(move |(at, _)| *at > since).copied()
    }
}

/// Whether [`Callback::is_held`] may say so at some time.
fn may_be_held(row: &Callback) -> bool {
    (row.state.is_open() && row.session.is_some()) || row.cancel_to_tell().is_some()
}
