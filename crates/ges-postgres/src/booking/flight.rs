//! One flight: remember or count, decide, write, answer.

use std::collections::HashMap;
use std::sync::Arc;

use ges_domain::CallbackId;
use ges_domain::Refusal;
use ges_domain::booking::{Asked, Booked, NewBooking, admit};
use ges_domain::idempotency::Kept;
use ges_domain::ports::StoreError;
use tokio::time::Instant as Monotonic;

use super::desk::Ticket;
use super::facts::{self, Facts, Wanted};
use super::write::{self, Rooms, Written};
use crate::PgStore;
use crate::error::{Fault, lost_a_race, refused_a_value, unavailable};
use crate::kept::{self, Place};

/// What one try came to.
enum Try {
    /// Everybody has an answer, in the order of the tickets.
    Decided(Vec<Booked>),
    /// Somebody else filled a limit between counting and writing; nothing was written.
    Overtaken,
}

/// Ends the flight even when it panics: its services may fly again.
struct Landing {
    store: PgStore,
    services: Vec<i32>,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.store.0.desk.land(&self.services);
        self.store.take_off();
    }
}

impl PgStore {
    /// Starts every flight that may start. A flight does not depend on those who wait for it.
    pub(super) fn take_off(&self) {
        while let Some(tickets) = self.0.desk.board() {
            let store = self.clone();
            let mut services: Vec<i32> = tickets.iter().map(|ticket| ticket.service).collect();
            services.dedup();
            // Made before the task, so that a task that never runs lands too.
            let landing = Landing { store: store.clone(), services };
            self.spawn(async move {
                store.fly(tickets).await;
                drop(landing);
            });
        }
    }

    async fn fly(&self, tickets: Vec<Ticket>) {
        match self.try_all(&tickets).await {
            Ok(answers) => {
                for (ticket, answer) in tickets.into_iter().zip(answers) {
                    // Whoever went away does not hear that it is booked.
                    let _ = ticket.answer.send(Ok(answer));
                }
            }
            // One row that the server does not take must not refuse the others.
            Err(Failed { refused: true, .. }) if tickets.len() > 1 => {
                for ticket in tickets {
                    let alone = std::slice::from_ref(&ticket);
                    let answer = self.try_all(alone).await.map(|answers| answers.into_iter().next());
                    let missing = || Err(Fault::Shape.into());
                    let answer = answer.map_err(|failed| failed.error).and_then(|one| one.map_or_else(missing, Ok));
                    let _ = ticket.answer.send(answer);
                }
            }
            Err(Failed { error, .. }) => {
                let shared = Arc::new(error);
                for ticket in tickets {
                    let _ = ticket.answer.send(Err(StoreError::Unavailable(shared.clone().into())));
                }
            }
        }
    }

    async fn try_all(&self, tickets: &[Ticket]) -> Result<Vec<Booked>, Failed> {
        match self.by_memory(tickets).await {
            Ok(Some(answers)) => return Ok(answers),
            Ok(None) => {}
            Err(failed) if failed.raced => {}
            Err(failed) => return Err(failed),
        }
        // Neither statement needs a transaction: the second one comes to nothing when the first is out of date.
        match self.by_counting(tickets).await {
            Ok(Try::Decided(answers)) => return Ok(answers),
            Ok(Try::Overtaken) => {}
            Err(failed) if failed.raced => {}
            Err(failed) => return Err(failed),
        }
        let mut services: Vec<i32> = tickets.iter().map(|ticket| ticket.service).collect();
        services.sort_unstable();
        services.dedup();
        let mut transaction = self.pool().begin().await.map_err(unavailable)?;
        write::lock(&mut *transaction, &services).await?;
        let facts = facts::count(&mut *transaction, &wanted(tickets)).await?;
        let kept = kept::recall(&mut *transaction, &places(tickets)).await?;
        let decided = decide(tickets, facts, kept);
        if !decided.admitted.is_empty() {
            let written = write::write(&mut *transaction, &decided.admitted, &decided.facts, None).await??;
            if written != Written::All {
                return Err(Failed::from(StoreError::Contended));
            }
        }
        transaction.commit().await.map_err(unavailable)?;
        Ok(answers(decided.admitted, decided.settled))
    }

    /// Decides by what the last flight left and counts only what that did not know; none when this is not enough.
    async fn by_memory(&self, tickets: &[Ticket]) -> Result<Option<Vec<Booked>>, Failed> {
        if tickets.iter().any(|ticket| ticket.booking.keyed.is_some()) {
            return Ok(None);
        }
        let memory = &self.0.memory;
        let mut wanted = wanted(tickets);
        let Some(mut known) = memory.take(wanted.keys()) else { return Ok(None) };
        for (service, wanted) in &mut wanted {
            if let Some(known) = known.get_mut(service) {
                wanted.asked = known.missing(std::mem::take(&mut wanted.asked));
            }
        }
        wanted.retain(|_, wanted| wanted.asked != Asked::default());
        if !wanted.is_empty() {
            let counted = facts::count(self.pool(), &wanted).await?;
            for (service, facts) in counted {
                let asked = wanted.get(&service).map(|wanted| &wanted.asked);
                let same =
                    asked.zip(known.get_mut(&service)).is_some_and(|(asked, known)| known.complete(asked, facts));
                if !same {
                    memory.overtaken([service].iter());
                    return Ok(None);
                }
            }
        }
        let (mut facts, mut rests) = (HashMap::new(), HashMap::new());
        for (service, known) in known {
            let (fact, rest) = known.into_facts();
            facts.insert(service, fact);
            rests.insert(service, rest);
        }
        let decided = decide(tickets, facts, HashMap::new());
        // Whoever is refused is told so by a count of his own time.
        if decided.settled.iter().any(Option::is_some) {
            return Ok(None);
        }
        let Decided { admitted, settled, facts, rooms } = decided;
        match write::write(self.pool(), &admitted, &facts, Some(rooms)).await?? {
            Written::All => {}
            Written::NoRoom => return Ok(None),
            Written::Overtaken => {
                memory.overtaken(facts.keys());
                return Ok(None);
            }
        }
        for (service, facts) in facts {
            if let Some(rest) = rests.remove(&service) {
                memory.put_back(service, facts.seq + 1, facts.ledger, rest);
            }
        }
        Ok(Some(answers(admitted, settled)))
    }

    /// Counts, decides and writes, without holding anything in between.
    async fn by_counting(&self, tickets: &[Ticket]) -> Result<Try, Failed> {
        let (wanted, counted_at) = (wanted(tickets), Monotonic::now());
        let facts = facts::count(self.pool(), &wanted).await?;
        // After counting: an answer kept meanwhile has moved a ledger on, or stands in the way of ours.
        let kept = kept::recall(self.pool(), &places(tickets)).await?;
        let Decided { admitted, settled, facts, .. } = decide(tickets, facts, kept);
        if !admitted.is_empty() && write::write(self.pool(), &admitted, &facts, None).await?? != Written::All {
            self.0.memory.overtaken(facts.keys());
            return Ok(Try::Overtaken);
        }
        for (service, facts) in facts.into_iter().filter(|(_, facts)| !facts.removed) {
            let moved_on = admitted.iter().any(|(ticket, _)| ticket.service == service);
            if let Some(Wanted { asked, .. }) = wanted.get(&service) {
                self.0.memory.learn(service, asked, facts.seq + i64::from(moved_on), facts.ledger, counted_at);
            }
        }
        Ok(Try::Decided(answers(admitted, settled)))
    }
}

/// A flight that failed.
struct Failed {
    error: StoreError,
    /// The server refused a value of one booking: surely nothing was written.
    refused: bool,
    /// Because of other writers.
    raced: bool,
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self { error, refused: false, raced: false }
    }
}

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        let (refused, raced) = (refused_a_value(&error), lost_a_race(&error));
        Self { error: unavailable(error), refused, raced }
    }
}

/// What has to be known to decide a flight, by service.
fn wanted(tickets: &[Ticket]) -> HashMap<i32, Wanted> {
    let mut services: HashMap<i32, Vec<&NewBooking>> = HashMap::new();
    for ticket in tickets {
        services.entry(ticket.service).or_default().push(&ticket.booking);
    }
    services.into_iter().map(|(service, bookings)| (service, Wanted::by(&bookings))).collect()
}

/// Where the answers of a flight's requests under keys are kept.
fn places(tickets: &[Ticket]) -> Vec<Place> {
    let bookings = tickets.iter().map(|ticket| &ticket.booking);
    bookings.filter_map(|one| Some(kept::place(one.callback.tenant, one.keyed.as_ref()?))).collect()
}

/// What the domain says to each booking of a flight.
struct Decided<'a> {
    admitted: Vec<write::Admitted<'a>>,
    /// By place in the flight: the answer of those that are not to be written.
    settled: Vec<Option<Booked>>,
    facts: HashMap<i32, Facts>,
    /// What the admitted ones need their numbers to have at most.
    rooms: Rooms,
}

/// The answers in the order of the tickets.
fn answers(admitted: Vec<write::Admitted<'_>>, settled: Vec<Option<Booked>>) -> Vec<Booked> {
    let mut admitted = admitted.into_iter();
    let answers = settled.into_iter().map(|settled| match settled {
        Some(answer) => answer,
        None => {
            let (_, record) = admitted.next().expect("invariant: whoever is not settled is admitted");
            Booked::Accepted(Box::new(record))
        }
    });
    answers.collect()
}

/// Decides the bookings one after the other, each against what was counted and what was admitted before it.
fn decide(tickets: &[Ticket], mut facts: HashMap<i32, Facts>, mut kept: HashMap<Place, Kept>) -> Decided<'_> {
    let (mut admitted, mut settled, mut rooms) = (Vec::new(), Vec::new(), Rooms::default());
    for ticket in tickets {
        let booking = &ticket.booking;
        let place = booking.keyed.as_ref().map(|keyed| (keyed, kept::place(booking.callback.tenant, keyed)));
        let before = match &place {
            None => Ok(None),
            Some((keyed, place)) => keyed.answered(kept.get(place)),
        };
        if let Some(answer) = before.map_or_else(|no| Some(Booked::Refused(no)), |id| id.map(repeated)) {
            settled.push(Some(answer));
            continue;
        }
        let verdict = match facts.get_mut(&ticket.service).filter(|facts| !facts.removed) {
            None => Err(Refusal::UnknownService(booking.callback.service.to_string())),
            Some(facts) => admit(booking, &facts.ledger).map(|()| {
                if let Some(room) = facts.ledger.number_room(booking) {
                    rooms.add(ticket.service, booking, room);
                }
                facts.ledger.enter(booking);
            }),
        };
        if verdict.is_ok() {
            admitted.push((ticket, booking.entry().0));
            if let Some((keyed, place)) = place {
                kept.insert(place, Kept { body: keyed.body, subject: booking.callback.id.0 });
            }
        }
        settled.push(verdict.err().map(Booked::Refused));
    }
    Decided { admitted, settled, facts, rooms }
}

fn repeated(id: uuid::Uuid) -> Booked {
    Booked::Repeated(CallbackId(id))
}
