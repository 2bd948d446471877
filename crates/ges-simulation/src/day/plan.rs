//! What a day is made of: services, hours, people at work, and when consumers come. Everything is drawn before it begins.

use std::time::Duration;

use ges_domain::ports::ServiceRef;
use ges_domain::slots::SlotLength;
use ges_domain::throttle;
use ges_testkit::builders::{other_tenant, service, tenant};

use crate::chance::Chance;
use crate::world::Offer;

/// From when until when the office is open, counted from the beginning: eight to twenty hours.
pub(crate) const OPENS: Duration = hours(3);
pub(crate) const CLOSES: Duration = hours(15);
/// The last agents go.
const LAST_SHIFT_ENDS: Duration = Duration::from_secs(16 * 3_600 + 1_800);
/// Nothing goes wrong any more.
pub(crate) const CALM: Duration = hours(17);
/// Nobody waits longer for the end.
pub(crate) const LAST: Duration = hours(32);

const fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3_600)
}

/// One service and its people.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) service: ServiceRef,
    /// Of a hundred consumers so many want it.
    pub(crate) share: u64,
    pub(crate) slot: SlotLength,
    pub(crate) places: u32,
    pub(crate) dials: u32,
    pub(crate) redial: u32,
    pub(crate) priority: Option<i32>,
    pub(crate) ttl: u32,
    /// Mean length of a conversation.
    pub(crate) talk: Duration,
    /// Chance that a dialed consumer answers.
    pub(crate) answers: f64,
    /// When agents work, from the beginning, one stretch each.
    pub(crate) stretches: Vec<(Duration, Duration)>,
}

/// A whole day.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) desks: Vec<Desk>,
    /// When consumers come, in order.
    pub(crate) arrivals: Vec<Duration>,
}

impl Plan {
    /// A day for so many consumers.
    pub(crate) fn drawn(chance: &Chance, consumers: u64) -> Self {
        let of = |tenant, name| ServiceRef { tenant, name: service(name) };
        // Service, share, minutes of a slot, dial attempts, rest between them, priority, seconds to live, talk, answers.
        let kinds = [
            (of(tenant(), "CB_Sales"), 40, 15, 3, 300, None, 10_800, 240, 0.86),
            (of(tenant(), "CB_Support"), 30, 30, 4, 420, None, 14_400, 420, 0.80),
            (of(tenant(), "CB_Premium"), 10, 10, 5, 180, Some(50), 7_200, 300, 0.90),
            (of(other_tenant(), "CB_Sales"), 20, 60, 1, 600, None, 7_200, 180, 0.75),
        ];
        let desks = kinds.into_iter().map(|(service, share, slot, dials, redial, priority, ttl, talk, answers)| {
            let wanting = consumers * share / 100;
            let cells = (CLOSES - OPENS).as_secs() / 60 / slot;
            let load = wanting as f64 * (talk as f64 + 30.0) * 0.8 / (CLOSES - OPENS).as_secs_f64();
            Desk {
                service,
                share,
                slot: SlotLength::from_minutes(u32::try_from(slot).unwrap_or(15)).unwrap_or_default(),
                places: u32::try_from(wanting * 65 / 100 / cells + 1).unwrap_or(u32::MAX),
                dials,
                redial,
                priority,
                ttl,
                talk: Duration::from_secs(talk),
                answers,
                stretches: shifts(chance, (load * 2.0).ceil() as u64 + 1),
            }
        });
        Self { desks: desks.collect(), arrivals: arrivals(chance, consumers) }
    }

    /// How its services can be booked.
    pub(crate) fn offers(&self) -> Vec<Offer> {
        let offer = |desk: &Desk| Offer { service: desk.service.clone(), slot: desk.slot, places: desk.places };
        self.desks.iter().map(offer).collect()
    }

    /// A service that somebody wants.
    pub(crate) fn wanted(&self, chance: &Chance) -> &Desk {
        let mut left = chance.between(0, 100);
        for desk in &self.desks {
            if left < desk.share {
                return desk;
            }
            left -= desk.share;
        }
        &self.desks[0]
    }

    /// The desk of a service.
    pub(crate) fn desk(&self, service: &ServiceRef) -> Option<&Desk> {
        self.desks.iter().find(|desk| desk.service == *service)
    }
}

impl Desk {
    /// The queue on the floor.
    pub(crate) fn queue(&self) -> String {
        queue_of(&self.service)
    }

    /// So many agents are at work.
    pub(crate) fn agents_at(&self, at: Duration) -> u32 {
        let at_work = self.stretches.iter().filter(|(from, until)| (*from..*until).contains(&at)).count();
        u32::try_from(at_work).unwrap_or(u32::MAX)
    }
}

/// The queue of a service; two tenants may have one of the same name.
pub(crate) fn queue_of(service: &ServiceRef) -> String {
    format!("{}/{}", service.tenant, service.name)
}

/// Limits that a day like this one does not reach.
pub(crate) fn limits() -> throttle::Settings {
    throttle::Settings {
        throttle_limit1: Some(10_000),
        throttle_limit2: Some(100_000),
        max_queued: Some(50_000),
        ..throttle::Settings::default()
    }
}

/// Three shifts that overlap at noon; everybody takes two short breaks and a long one.
fn shifts(chance: &Chance, agents: u64) -> Vec<(Duration, Duration)> {
    let mut stretches = Vec::new();
    for nth in 0..agents {
        let (from, until) = match nth % 3 {
            0 => (OPENS, OPENS + Duration::from_secs(8 * 3_600 + 1_800)),
            1 => (OPENS + Duration::from_secs(6_300), CLOSES - hours(2)),
            _ => (OPENS + Duration::from_secs(3 * 3_600 + 1_800), LAST_SHIFT_ENDS),
        };
        // Somebody is late now and then.
        let mut begins = from + chance.seconds(0, 600);
        for (after, length) in [(2, 900), (4, 1_800), (6, 900)] {
            let rest = from + hours(after) + chance.seconds(0, 3_000);
            stretches.push((begins, rest));
            begins = rest + Duration::from_secs(length);
        }
        stretches.push((begins, until));
    }
    stretches
}

/// How busy it is, where 1 is an ordinary hour of a day: few before opening, two rush hours.
fn intensity(at: Duration) -> f64 {
    match at.as_secs_f64() / 3_600.0 {
        before if before < 3.0 => 0.15,
        rush if (5.0..6.0).contains(&rush) => MOST,
        rush if (11.0..12.5).contains(&rush) => 1.9,
        late if late >= 14.0 => 0.4,
        _ => 1.0,
    }
}

/// The first rush hour.
const MOST: f64 = 2.4;

/// A Poisson process that thins out with the hour, until so many have come.
fn arrivals(chance: &Chance, consumers: u64) -> Vec<Duration> {
    let mut arrivals = Vec::new();
    while (arrivals.len() as u64) < consumers {
        let at = chance.seconds(0, CLOSES.as_secs());
        if chance.happens(intensity(at) / MOST) {
            arrivals.push(at);
        }
    }
    arrivals.sort_unstable();
    arrivals
}
