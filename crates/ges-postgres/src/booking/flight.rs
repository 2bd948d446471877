//! One flight: count, decide, write, answer.

use std::collections::HashMap;
use std::sync::Arc;

use ges_domain::CallbackId;
use ges_domain::Refusal;
use ges_domain::booking::{Booked, NewBooking, admit};
use ges_domain::idempotency::Kept;
use ges_domain::ports::StoreError;
use sqlx::PgPool;

use super::desk::Ticket;
use super::{facts, write};
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
        // Neither statement needs a transaction: the second one comes to nothing when the first is out of date.
        match once(self.pool(), tickets).await {
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
        let facts = facts::count(&mut *transaction, &by_service(tickets)).await?;
        let kept = kept::recall(&mut *transaction, &places(tickets)).await?;
        let decided = decide(tickets, facts, kept);
        if !decided.admitted.is_empty() {
            let written = write::write(&mut *transaction, &decided.admitted, &decided.facts).await??;
            if !written {
                return Err(Failed::from(StoreError::Contended));
            }
        }
        transaction.commit().await.map_err(unavailable)?;
        Ok(decided.answers())
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

async fn once(pool: &PgPool, tickets: &[Ticket]) -> Result<Try, Failed> {
    let facts = facts::count(pool, &by_service(tickets)).await?;
    // After counting: an answer kept meanwhile has moved a ledger on, or stands in the way of ours.
    let kept = kept::recall(pool, &places(tickets)).await?;
    let decided = decide(tickets, facts, kept);
    let written = match decided.admitted.is_empty() {
        true => true,
        false => write::write(pool, &decided.admitted, &decided.facts).await??,
    };
    Ok(if written { Try::Decided(decided.answers()) } else { Try::Overtaken })
}

fn by_service(tickets: &[Ticket]) -> HashMap<i32, Vec<&NewBooking>> {
    let mut services: HashMap<i32, Vec<&NewBooking>> = HashMap::new();
    for ticket in tickets {
        services.entry(ticket.service).or_default().push(&ticket.booking);
    }
    services
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
    facts: HashMap<i32, facts::Facts>,
}

impl Decided<'_> {
    /// The answers in the order of the tickets.
    fn answers(self) -> Vec<Booked> {
        let mut admitted = self.admitted.into_iter();
        let answers = self.settled.into_iter().map(|settled| match settled {
            Some(answer) => answer,
            None => {
                let (_, record) = admitted.next().expect("invariant: whoever is not settled is admitted");
                Booked::Accepted(Box::new(record))
            }
        });
        answers.collect()
    }
}

/// Decides the bookings one after the other, each against what was counted and what was admitted before it.
fn decide(tickets: &[Ticket], mut facts: HashMap<i32, facts::Facts>, mut kept: HashMap<Place, Kept>) -> Decided<'_> {
    let (mut admitted, mut settled) = (Vec::new(), Vec::new());
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
            Some(facts) => admit(booking, &facts.ledger).map(|()| facts.ledger.enter(booking)),
        };
        if verdict.is_ok() {
            admitted.push((ticket, booking.entry().0));
            if let Some((keyed, place)) = place {
                kept.insert(place, Kept { body: keyed.body, subject: booking.callback.id.0 });
            }
        }
        settled.push(verdict.err().map(Booked::Refused));
    }
    Decided { admitted, settled, facts }
}

fn repeated(id: uuid::Uuid) -> Booked {
    Booked::Repeated(CallbackId(id))
}
