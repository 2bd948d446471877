//! Who waits to be booked, and which flights are under way.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ges_domain::booking::{Booked, NewBooking};
use ges_domain::ports::StoreError;
use tokio::sync::oneshot;

/// Most bookings of one flight.
const MOST_ABOARD: usize = 256;
/// Most flights at a time. Each has services no other has, so they never wait for each other.
const MOST_FLIGHTS: usize = 3;

/// Most bookings that may wait; beyond it a server that is down would only fill our memory.
const MOST_WAITING: usize = 20_000;

/// A booking that waits.
pub(super) struct Ticket {
    /// Key of its service.
    pub(super) service: i32,
    /// Its particulars as stored.
    pub(super) details: Option<Vec<u8>>,
    pub(super) booking: NewBooking,
    pub(super) answer: oneshot::Sender<Result<Booked, StoreError>>,
}

/// The queue in front of the flights. A service is in the air at most once, and lines up again when it lands.
#[derive(Default)]
pub(crate) struct Desk(Mutex<Lines>);

#[derive(Default)]
struct Lines {
    waiting: HashMap<i32, VecDeque<Ticket>>,
    /// Services with somebody waiting that are not in the air, longest waiting first.
    ready: VecDeque<i32>,
    in_the_air: HashSet<i32>,
    flights: usize,
    /// How many wait.
    queued: usize,
}

impl Desk {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lines a booking up; `false` when too many wait already.
    pub(super) fn queue(&self, ticket: Ticket) -> bool {
        let mut lines = self.lines();
        if lines.queued >= MOST_WAITING {
            return false;
        }
        lines.queued += 1;
        let service = ticket.service;
        let line = lines.waiting.entry(service).or_default();
        line.push_back(ticket);
        if line.len() == 1 && !lines.in_the_air.contains(&service) {
            lines.ready.push_back(service);
        }
        true
    }

    /// The next flight, if one may start: its bookings in the order they came, one service after the other. Whoever has
    /// gone away meanwhile is left behind and not booked.
    pub(super) fn board(&self) -> Option<Vec<Ticket>> {
        let mut lines = self.lines();
        if lines.flights >= MOST_FLIGHTS {
            return None;
        }
        let mut aboard: Vec<Ticket> = Vec::new();
        while aboard.len() < MOST_ABOARD
            && let Some(service) = lines.ready.pop_front()
        {
            let Some(line) = lines.waiting.get_mut(&service) else { continue };
            let (before, waited) = (aboard.len(), line.len());
            while aboard.len() < MOST_ABOARD
                && let Some(ticket) = line.pop_front()
            {
                if !ticket.answer.is_closed() {
                    aboard.push(ticket);
                }
            }
            let left = line.len();
            if left == 0 {
                lines.waiting.remove(&service);
            }
            lines.queued -= waited - left;
            if aboard.len() > before {
                lines.in_the_air.insert(service);
            }
        }
        if aboard.is_empty() {
            return None;
        }
        lines.flights += 1;
        Some(aboard)
    }

    /// Ends a flight with these services.
    pub(super) fn land(&self, services: &[i32]) {
        let mut lines = self.lines();
        lines.flights -= 1;
        for service in services {
            lines.in_the_air.remove(service);
            if lines.waiting.contains_key(service) {
                lines.ready.push_back(*service);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ges_testkit::builders::{START, immediate};

    use super::*;

    type Answered = oneshot::Receiver<Result<Booked, StoreError>>;

    fn queue(desk: &Desk, service: i32) -> Answered {
        let (answer, answered) = oneshot::channel();
        assert!(desk.queue(Ticket { service, details: None, booking: immediate(START).build(), answer }));
        answered
    }

    fn services(flight: &[Ticket]) -> Vec<i32> {
        flight.iter().map(|ticket| ticket.service).collect()
    }

    #[test]
    fn bookings_that_come_while_their_service_is_in_the_air_share_the_next_flight() {
        let desk = Desk::default();
        let _first = queue(&desk, 1);
        let flight = desk.board().unwrap();
        let _later: Vec<_> = (0..5).map(|_| queue(&desk, 1)).collect();
        assert!(desk.board().is_none(), "its service is in the air");
        desk.land(&services(&flight));
        assert_eq!(desk.board().unwrap().len(), 5);
    }

    #[test]
    fn other_services_do_not_wait_but_flights_are_bounded() {
        let desk = Desk::default();
        let mut waiting = Vec::new();
        for service in 0..4 {
            waiting.push(queue(&desk, service));
            let flight = desk.board();
            assert_eq!(flight.is_some(), service < 3, "flight {service}");
        }
        desk.land(&[0]);
        assert_eq!(services(&desk.board().unwrap()), [3]);
    }

    #[test]
    fn a_flight_is_bounded_and_the_rest_lines_up_again() {
        let desk = Desk::default();
        let _waiting: Vec<_> = (0..300).map(|_| queue(&desk, 1)).collect();
        let flight = desk.board().unwrap();
        assert_eq!(flight.len(), MOST_ABOARD);
        desk.land(&[1]);
        assert_eq!(desk.board().unwrap().len(), 300 - MOST_ABOARD);
    }

    #[test]
    fn only_so_many_may_wait_and_a_flight_makes_room() {
        let desk = Desk::default();
        let _waiting: Vec<_> = (0..MOST_WAITING).map(|_| queue(&desk, 1)).collect();
        let one_more = || {
            let (answer, _) = oneshot::channel();
            desk.queue(Ticket { service: 2, details: None, booking: immediate(START).build(), answer })
        };
        assert!(!one_more());
        desk.board().unwrap();
        assert!(one_more());
    }

    #[test]
    fn whoever_went_away_before_boarding_is_not_booked() {
        let desk = Desk::default();
        drop(queue(&desk, 1));
        assert!(desk.board().is_none());
        let _stays = queue(&desk, 1);
        assert_eq!(desk.board().unwrap().len(), 1);
    }
}
