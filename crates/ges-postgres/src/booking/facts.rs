//! What is booked so far, for a whole flight in one statement.

use std::collections::HashMap;
use std::time::Duration;

use ges_domain::Instant;
use ges_domain::booking::{Asked, Ledger, NewBooking};
use ges_domain::phone::PhoneKey;
use ges_domain::throttle::{Counted, NUMBER_DAY};
use sqlx::PgExecutor;

/// One service of a flight, as counted.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Sequence of its ledger at the moment of counting.
    pub(super) seq: i64,
    /// Whether it takes no bookings any more (R-PUB-6).
    pub(super) removed: bool,
    pub(super) ledger: Ledger,
}

/// What is asked about one service, and when.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) asked: Asked,
    pub(super) now: Instant,
}

impl Wanted {
    /// Only what decisions about these bookings can depend on is asked.
    pub(super) fn by(bookings: &[&NewBooking]) -> Self {
        // Counting from the earliest booking of the flight on can only count too much, by the age of the flight.
        let now = bookings.iter().map(|booking| booking.callback.created_at).min().unwrap_or(Instant::from_millis(0));
        Self { asked: Asked::by(bookings.iter().copied()), now }
    }
}

/// The parameters of the statement, one list per column of its inputs.
#[derive(Default)]
struct Questions {
    services: Vec<i32>,
    window_service: Vec<i32>,
    window_length: Vec<i64>,
    window_since: Vec<i64>,
    window_most: Vec<i64>,
    number_service: Vec<i32>,
    number_key: Vec<String>,
    number_since: Vec<i64>,
    active_service: Vec<i32>,
    active_limit: i64,
    usage_service: Vec<i32>,
    usage_from: Vec<i64>,
    usage_until: Vec<i64>,
}

fn ms(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

impl Questions {
    fn add(&mut self, service: i32, Wanted { asked, now }: &Wanted) {
        let now = *now;
        self.services.push(service);
        for (length, limit) in &asked.windows {
            self.window_service.push(service);
            self.window_length.push(ms(*length));
            self.window_since.push((now - *length).millis());
            self.window_most.push((*limit).into());
        }
        for number in &asked.numbers {
            self.number_service.push(service);
            self.number_key.push(number.as_str().to_owned());
            self.number_since.push((now - NUMBER_DAY).millis());
        }
        if let Some(limit) = asked.active_limit {
            self.active_service.push(service);
            self.active_limit = self.active_limit.max(limit.into());
        }
        for (from, until) in &asked.usage {
            self.usage_service.push(service);
            self.usage_from.push(from.millis());
            self.usage_until.push(until.millis());
        }
    }
}

/// `what` a row tells of a service: its ledger, a window (`at`: length; last: its oldest), a number (`at`: open), its active
/// callbacks, a grain (`at`).
type Fact = (i32, i32, Option<String>, i64, i64, Option<i64>);

const SELECT: &str = "
    select 0, l.service, null::text, l.seq, s.removed::int::bigint, null::bigint
    from service_ledger l
    join services s on s.key = l.service
    where l.service = any ($1)
    union all
    select 1, w.service, null, w.length, o.counted, o.oldest
    from unnest($2::int[], $3::bigint[], $4::bigint[], $5::bigint[]) w (service, length, since, most)
    cross join lateral (
        select count(*) as counted, min(n.created_at) as oldest
        from (
            select c.created_at
            from callbacks c
            where c.service = w.service and c.counted and c.created_at > w.since
            order by c.created_at desc
            limit w.most
        ) n
    ) o
    union all
    select 2, n.service, n.phone_key, o.open, o.day, null
    from unnest($6::int[], $7::text[], $8::bigint[]) n (service, phone_key, since)
    cross join lateral (
        select count(*) filter (where c.state <> 6) as open,
            count(*) filter (where c.counted and c.created_at > n.since) as day
        from callbacks c
        where c.service = n.service and c.phone_key = n.phone_key collate \"C\"
    ) o
    union all
    select 3, a.service, null, 0, (
        select count(*)
        from (
            select 1
            from callbacks c
            where c.service = a.service and c.state between 2 and 5
            limit $10
        ) active), null
    from unnest($9::int[]) a (service)
    union all
    select 4, u.service, null, u.grain, u.used, null
    from unnest($11::int[], $12::bigint[], $13::bigint[]) r (service, since, until)
    join slot_usage u on u.service = r.service and u.grain >= r.since and u.grain < r.until";

/// Counts everything that is wanted, by service.
pub(super) async fn count(
    executor: impl PgExecutor<'_>,
    flight: &HashMap<i32, Wanted>,
) -> Result<HashMap<i32, Facts>, sqlx::Error> {
    let mut asked = Questions::default();
    for (service, wanted) in flight {
        asked.add(*service, wanted);
    }
    let rows = sqlx::query_as::<_, Fact>(SELECT)
        .bind(&asked.services)
        .bind(&asked.window_service)
        .bind(&asked.window_length)
        .bind(&asked.window_since)
        .bind(&asked.window_most)
        .bind(&asked.number_service)
        .bind(&asked.number_key)
        .bind(&asked.number_since)
        .bind(&asked.active_service)
        .bind(asked.active_limit)
        .bind(&asked.usage_service)
        .bind(&asked.usage_from)
        .bind(&asked.usage_until)
        .fetch_all(executor)
        .await?;
    let mut facts: HashMap<i32, Facts> = HashMap::new();
    // Ranges of one service may overlap; each grain counts once.
    let mut grains: HashMap<(i32, i64), u32> = HashMap::new();
    for (what, service, key, at, counted, oldest) in rows {
        let fact = facts.entry(service).or_default();
        let ledger = &mut fact.ledger;
        let number = |counted: i64| u32::try_from(counted).unwrap_or(u32::MAX);
        match (what, key) {
            (0, _) => (fact.seq, fact.removed) = (at, counted != 0),
            (1, _) => {
                let counted = Counted { accepted: number(counted), oldest: oldest.map(Instant::from_millis) };
                ledger.windows.insert(Duration::from_millis(at.unsigned_abs()), counted);
            }
            (2, Some(key)) => {
                let key = PhoneKey::stored(&key);
                ledger.number_open.insert(key.clone(), number(at));
                ledger.number_day.insert(key, number(counted));
            }
            (3, _) => ledger.active = number(counted),
            _ => drop(grains.insert((service, at), number(counted))),
        }
    }
    for ((service, grain), used) in grains.into_iter().filter(|(_, used)| *used > 0) {
        facts.entry(service).or_default().ledger.usage.add(Instant::from_millis(grain), used);
    }
    Ok(facts)
}
