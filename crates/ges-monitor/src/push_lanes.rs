//! Who may send how much at once, so that no service waits behind the slow phones of another one (integrations 0.4).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ges_domain::ports::ServiceRef;

/// Messages under way, by service.
///
/// Invariant: never more than the limit together, and a service takes at most half of what the others leave: those that come
/// after it find places too.
#[derive(Debug)]
pub(crate) struct Lanes {
    limit: usize,
    under_way: Mutex<BTreeMap<ServiceRef, usize>>,
}

impl Lanes {
    /// So many messages at once, all services together.
    pub(crate) fn of(limit: usize) -> Self {
        Self { limit, under_way: Mutex::default() }
    }

    /// How many more messages a service may send now.
    pub(crate) fn room(&self, service: &ServiceRef) -> usize {
        let under_way = self.under_way();
        let all: usize = under_way.values().sum();
        let own = under_way.get(service).copied().unwrap_or(0);
        let share = (self.limit + own).saturating_sub(all).div_ceil(2);
        share.saturating_sub(own).min(self.limit.saturating_sub(all))
    }

    /// Takes a place for one message; `freed` is called when it is given back.
    pub(crate) fn enter(self: &Arc<Self>, service: &ServiceRef, freed: impl FnOnce() + Send + 'static) -> Place {
        *self.under_way().entry(service.clone()).or_default() += 1;
        Place { lanes: Arc::clone(self), service: service.clone(), freed: Some(Box::new(freed)) }
    }

    fn under_way(&self) -> MutexGuard<'_, BTreeMap<ServiceRef, usize>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One message's place, given back when dropped.
pub(crate) struct Place {
    lanes: Arc<Lanes>,
    service: ServiceRef,
    freed: Option<Box<dyn FnOnce() + Send>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut under_way = self.lanes.under_way();
        if let Some(count) = under_way.get_mut(&self.service) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.service);
            }
        }
        drop(under_way);
        if let Some(freed) = self.freed.take() {
            freed();
        }
    }
}

#[cfg(test)]
mod tests {
    use ges_testkit::builders::{service, tenant};

    use super::*;

    #[test]
    fn a_service_takes_half_of_what_the_others_leave_and_all_together_keep_to_the_limit() {
        let lanes = Arc::new(Lanes::of(16));
        let of = |name: &str| ServiceRef { tenant: tenant(), name: service(name) };
        let mut places = Vec::new();
        let mut taken = Vec::new();
        for name in ["CB_A", "CB_B", "CB_C", "CB_D", "CB_E", "CB_F"] {
            let room = lanes.room(&of(name));
            taken.push(room);
            places.extend((0..room).map(|_| lanes.enter(&of(name), || {})));
            assert!(lanes.room(&of(name)) <= 1, "{name} has its share");
        }
        assert_eq!(taken, [8, 4, 2, 1, 1, 0]);
        places.drain(..8);
        assert_eq!(lanes.room(&of("CB_F")), 4);
        places.clear();
        assert_eq!(lanes.room(&of("CB_B")), 8);
    }
}
