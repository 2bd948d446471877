//! Values with everything filled in that a fact does not need.

use std::time::Duration;

use ges_domain::booking::{NewBooking, SlotClaim};
use ges_domain::call_in::{AccessNumber, Allocation, CodeDigits, Group, GroupName};
use ges_domain::callback::{Callback, Direction, Kind, Particulars, Reason, SessionUpdate, State, Submission};
use ges_domain::capacity::{Calendar, CapacityRule, Limits as Capacity, RuleSlot, Shared};
use ges_domain::hours::{Days, OfficeHours, Opening, Regular, Zone};
use ges_domain::idempotency::{BodyDigest, Key, Keyed, Operation};
use ges_domain::phone::{NumberRule, PhoneKey, PhoneNumber};
use ges_domain::ports::{CancelRequest, Ids, Move, PauseAct, PauseScope, ServiceRow};
use ges_domain::service::Settings;
use ges_domain::slots::{Cell, Grid, SlotLength};
use ges_domain::throttle::{InQueueCheck, KnownWindows, Limits, Reach, Window};
use ges_domain::{CallbackId, Instant, Refusal, ServiceName, SessionId, TenantId};
use uuid::Uuid;

use crate::CountingIds;

/// Monday, 2099-06-01T12:00:00Z: when a test begins unless it says otherwise.
///
/// Later than the clock of any machine: a store takes its own time where that is later than a node's.
pub const START: Instant = Instant::from_millis(4_083_998_400_000);

static IDS: CountingIds = CountingIds::new();

/// [`START`] and some seconds.
pub fn after(seconds: u64) -> Instant {
    START + Duration::from_secs(seconds)
}

/// The tenant of most tests.
pub fn tenant() -> TenantId {
    TenantId(Uuid::from_u128(0xc0ff_ee00_0000_4000_8000_0000_0000_0100))
}

/// Somebody else.
pub fn other_tenant() -> TenantId {
    TenantId(Uuid::from_u128(0xc0ff_ee00_0000_4000_8000_0000_0000_0200))
}

/// A service name.
pub fn service(name: &str) -> ServiceName {
    ServiceName::new(name).unwrap()
}

/// Staff pauses or resumes a service, or all without one.
pub fn pause_act(name: Option<&str>, paused: bool, at: Instant) -> PauseAct {
    let scope = name.map_or(PauseScope::All, |name| PauseScope::Service(service(name)));
    PauseAct { scope, paused, by: "ada".into(), at }
}

/// A session id.
pub fn session(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

/// Settings that pass their own check, otherwise defaults: open always, 15-minute cells of 100.
pub fn settings() -> Settings {
    Settings { callback_application: "CallbackApp".into(), routing_point: "5001".into(), ..Settings::default() }
}

/// A service to provision with [`settings`].
pub fn service_row(name: &str) -> ServiceRow {
    ServiceRow { name: service(name), settings: settings(), capacity_rule: None, number_rule: None, region_rule: None }
}

/// A Country and Number rule that permits these countries and blocks nothing else.
pub fn number_rule(name: &str, countries: &[&str]) -> NumberRule {
    serde_json::from_value(serde_json::json!({ "name": name, "countries": countries })).unwrap()
}

/// A call-in group whose requests wait for two minutes; `codes` is the length of its codes.
pub fn call_in_group(name: &str, numbers: &[&str], codes: Option<u8>) -> Group {
    Group {
        name: GroupName::new(name).unwrap(),
        description: String::new(),
        numbers: numbers.iter().map(|number| AccessNumber::new(number).unwrap()).collect(),
        codes: codes.map(|digits| CodeDigits::new(digits).unwrap()),
        lifetime: Duration::from_secs(120),
        allocation: Allocation::RoundRobin,
        service: None,
    }
}

/// Hours in UTC, the same from Monday to Friday.
pub fn weekday_hours(name: &str, start: &str, end: &str) -> OfficeHours {
    let days: Days = "Mon-Fri".parse().unwrap();
    let regular = vec![Regular { days, opening: Opening::new(start, end).unwrap() }];
    OfficeHours::new(name, Zone::named("Etc/UTC").unwrap(), regular, Vec::new(), Vec::new()).unwrap()
}

/// A rule that gives every hour of the week `places`.
pub fn hourly_rule(name: &str, places: u32) -> CapacityRule {
    let mut calendar = Calendar::empty(RuleSlot::Hour);
    for (day, hour) in (0..7).flat_map(|day| (0..24).map(move |hour| (day, hour))) {
        calendar.set(day, hour, places).unwrap();
    }
    CapacityRule::new(name, calendar).unwrap()
}

/// The cell of the 15-minute UTC grid that holds `at`.
pub fn quarter(at: Instant) -> Cell {
    Grid::new(&Zone::utc(), SlotLength::default()).cell_at(at)
}

/// A claim on the quarter of `at` with `places`.
pub fn claim(at: Instant, places: u32) -> SlotClaim {
    SlotClaim { cell: quarter(at), limits: Capacity { cell_limit: places, shared: None } }
}

/// As [`claim`], with a limit that the whole hour shares (R-CR-10).
pub fn claim_in_hour(at: Instant, places: u32, in_the_hour: u32) -> SlotClaim {
    let hour_ms = 3_600_000;
    let from = Instant::from_millis(at.millis().div_euclid(hour_ms) * hour_ms);
    let shared = Shared { from, until: from + Duration::from_secs(3600), limit: in_the_hour };
    SlotClaim { cell: quarter(at), limits: Capacity { cell_limit: places, shared: Some(shared) } }
}

/// Limits that refuse nothing in a test.
pub fn no_limits() -> Limits {
    let never = |seconds| Window { limit: 1_000_000, length: Duration::from_secs(seconds) };
    Limits {
        windows: [never(300), never(3600)],
        per_number_day: 1_000_000,
        in_queue: InQueueCheck::Off,
        max_queued: 1_000_000,
    }
}

/// A booking that passes every check, to be changed where a fact needs it.
#[derive(Debug, Clone)]
pub struct Draft(NewBooking);

/// An IMMEDIATE booking made at `now`.
pub fn immediate(now: Instant) -> Draft {
    Draft::new(Kind::Immediate, now, now)
}

/// A SCHEDULED booking made at `now` for `desired`, in a quarter of 100 places.
pub fn scheduled(now: Instant, desired: Instant) -> Draft {
    Draft::new(Kind::Scheduled, now, desired).slot(claim(desired, 100))
}

impl Draft {
    fn new(kind: Kind, now: Instant, desired_at: Instant) -> Self {
        let phone = PhoneNumber::new("+1 650 466 1100").unwrap();
        let callback = Callback {
            id: IDS.callback_id(),
            tenant: tenant(),
            service: service("CB_Sales"),
            kind,
            direction: Direction::UserTerminated,
            state: if kind == Kind::Scheduled { State::Scheduled } else { State::Queued },
            reason: None,
            phone_key: PhoneKey::new(None, &phone),
            phone,
            desired_at,
            created_at: now,
            updated_at: now,
            completed_at: None,
            deadline: desired_at + Duration::from_secs(86_400),
            priority: None,
            particulars: Particulars::default(),
            submission: Submission::default(),
            session: None,
            dial_attempts: 0,
            cancel: None,
            reschedules: 0,
            version: 0,
            session_seq: 0,
            position: None,
            ewt: None,
        };
        let (limits, reach) = (no_limits(), Reach::Public);
        Self(NewBooking {
            callback,
            slot: None,
            limits,
            reach,
            refused_later: None,
            keyed: None,
            known: KnownWindows::default(),
        })
    }

    /// For another tenant.
    #[must_use]
    pub fn tenant(mut self, tenant: TenantId) -> Self {
        self.0.callback.tenant = tenant;
        self
    }

    /// On another service than `CB_Sales`.
    #[must_use]
    pub fn on(mut self, name: &str) -> Self {
        self.0.callback.service = service(name);
        self
    }

    /// With this id.
    #[must_use]
    pub fn id(mut self, id: CallbackId) -> Self {
        self.0.callback.id = id;
        self
    }

    /// For another number; its key is its digits.
    #[must_use]
    pub fn number(mut self, number: &str) -> Self {
        let phone = PhoneNumber::new(number).unwrap();
        self.0.callback.phone_key = PhoneKey::new(None, &phone);
        self.0.callback.phone = phone;
        self
    }

    /// With this priority.
    #[must_use]
    pub fn priority(mut self, priority: i32) -> Self {
        self.0.callback.priority = Some(priority);
        self
    }

    /// With this claim instead of a quarter of 100 places.
    #[must_use]
    pub fn slot(mut self, claim: SlotClaim) -> Self {
        self.0.slot = Some(claim);
        self
    }

    /// With other limits.
    #[must_use]
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.0.limits);
        self
    }

    /// Made by staff, whom the abuse limits do not hold for (R-CRE-8).
    #[must_use]
    pub fn by_staff(mut self) -> Self {
        self.0.reach = Reach::Staff;
        self
    }

    /// With a refusal of steps 13 or 14 waiting; such a booking claims no cell.
    #[must_use]
    pub fn refused_later(mut self, refusal: Refusal) -> Self {
        self.0.refused_later = Some(refusal);
        self.0.slot = None;
        self
    }

    /// Changes anything else of the record.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Callback)) -> Self {
        change(&mut self.0.callback);
        self
    }

    /// Under this idempotency key, asked with a body of this digest.
    #[must_use]
    pub fn under(mut self, key: &str, body: u8) -> Self {
        self.0.keyed = Some(keyed(Operation::Create, key, body));
        self
    }

    /// The booking.
    pub fn build(self) -> NewBooking {
        self.0
    }
}

/// An update of session `name` with a sequence and a state.
pub fn update(name: &str, seq: u64, state: State) -> SessionUpdate {
    SessionUpdate { session: Some(session(name)), seq: Some(seq), state: Some(state), ..SessionUpdate::default() }
}

/// The update with which session `name` ends its callback.
pub fn ending(name: &str, seq: u64, reason: &str) -> SessionUpdate {
    SessionUpdate { reason: Some(Reason::new(reason).unwrap()), ..update(name, seq, State::Completed) }
}

/// A request under a key, its body's digest being 32 times `body`.
pub fn keyed(operation: Operation, key: &str, body: u8) -> Keyed {
    Keyed { operation, key: Key::new(key).unwrap(), body: BodyDigest([body; 32]) }
}

/// The consumer's wish to cancel.
pub fn consumer_cancels() -> CancelRequest {
    CancelRequest { actor: ges_domain::callback::Actor::Api, reason: Reason::CANCELLED, keyed: None }
}

/// A move by the consumer to `desired`, into a quarter of `places`.
pub fn move_to(desired: Instant, places: u32) -> Move {
    Move {
        actor: ges_domain::callback::Actor::Api,
        desired,
        kind: Kind::Scheduled,
        deadline: desired + Duration::from_secs(86_400),
        slot: Some(claim(desired, places)),
        edit: None,
    }
}
