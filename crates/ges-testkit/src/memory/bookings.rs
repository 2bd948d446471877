//! Taking bookings: every count is one of the records.

use std::time::Duration;

use async_trait::async_trait;
use ges_domain::booking::{Asked, Booked, Ledger, NewBooking, admit};
use ges_domain::callback::Kind;
use ges_domain::capacity::Usage;
use ges_domain::phone::PhoneKey;
use ges_domain::ports::{Bookings, ServiceRef, StoreError};
use ges_domain::throttle::{Counted, NUMBER_DAY};
use ges_domain::{CallbackId, Instant, Refusal, ServiceName, TenantId};

use super::{MemoryStore, State, Stored};

#[async_trait]
impl Bookings for MemoryStore {
    async fn book(&self, booking: NewBooking) -> Result<Booked, StoreError> {
        let mut state = self.open()?;
        let callback = &booking.callback;
        let service = ServiceRef { tenant: callback.tenant, name: callback.service.clone() };
        if state.services.get(&service).is_none_or(|service| service.removed) {
            return Ok(Booked::Refused(Refusal::UnknownService(service.name.to_string())));
        }
        let answered = booking.keyed.as_ref().map_or(Ok(None), |keyed| state.answered(callback.tenant, keyed));
        match answered {
            Ok(None) => {}
            Ok(Some(id)) => return Ok(Booked::Repeated(CallbackId(id))),
            Err(refusal) => return Ok(Booked::Refused(refusal)),
        }
        if let Err(refusal) = admit(&booking, &state.ledger(&booking)) {
            return Ok(Booked::Refused(refusal));
        }
        let (row, event) = booking.entry();
        let stored = Stored { row: row.clone(), timeline: Vec::new(), accepted_as: row.kind, unclaimed: false };
        if state.records.contains_key(&row.id) {
            return Err(StoreError::Unavailable("the id is taken".into()));
        }
        state.insert(stored);
        let row = state.write((row, event));
        if let Some(keyed) = &booking.keyed {
            state.keep(row.tenant, keyed, row.id.0, row.created_at);
        }
        self.hint(&row);
        Ok(Booked::Accepted(Box::new(row)))
    }

    async fn usage(
        &self,
        tenant: TenantId,
        service: &ServiceName,
        from: Instant,
        until: Instant,
    ) -> Result<Usage, StoreError> {
        Ok(self.open()?.usage(tenant, service, from, until))
    }

    async fn watermark(&self, tenant: TenantId, service: &ServiceName, up_to: u32) -> Result<u32, StoreError> {
        let active = self.open()?.index.shelf(tenant, service).map_or(0, |shelf| shelf.active);
        Ok(u32::try_from(active).unwrap_or(u32::MAX).min(up_to))
    }
}

impl State {
    /// What is booked so far, as far as `booking` asks.
    fn ledger(&self, booking: &NewBooking) -> Ledger {
        let asked = Asked::by([booking]);
        let (tenant, service) = (booking.callback.tenant, &booking.callback.service);
        let now = booking.callback.created_at;
        let shelf = self.index.shelf(tenant, service);
        let accepted_since = |since: Instant| shelf.into_iter().flat_map(move |shelf| shelf.accepted_since(since));
        let count = |counted: usize| u32::try_from(counted).unwrap_or(u32::MAX);
        let window = |(length, limit): (&Duration, &u32)| {
            let newest: Vec<Instant> = accepted_since(now - *length).map(|(at, _)| at).take(*limit as usize).collect();
            (*length, Counted { accepted: count(newest.len()), oldest: newest.last().copied() })
        };
        let windows = asked.windows.iter().map(window);
        let of_number = |key: &PhoneKey, counts: &dyn Fn(&Stored) -> bool| {
            let ids = shelf.into_iter().filter_map(|shelf| shelf.numbers.get(key)).flatten();
            count(ids.filter_map(|id| self.records.get(id)).filter(|stored| counts(stored)).count())
        };
        let open = |key: &PhoneKey| of_number(key, &|stored| stored.row.state.is_open());
        let today = |stored: &Stored| stored.accepted_as == Kind::Immediate && stored.row.created_at > now - NUMBER_DAY;
        let day = |key: &PhoneKey| of_number(key, &today);
        let (from, until) = asked.usage.first().copied().unwrap_or((now, now));
        Ledger {
            windows: windows.collect(),
            number_open: asked.numbers.iter().map(|key| (key.clone(), open(key))).collect(),
            number_day: asked.numbers.iter().map(|key| (key.clone(), day(key))).collect(),
            active: count(shelf.map_or(0, |shelf| shelf.active)),
            usage: self.usage(tenant, service, from, until),
        }
    }
}
