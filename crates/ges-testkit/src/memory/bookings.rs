//! Taking bookings: every count is made afresh from the records.

use std::time::Duration;

use async_trait::async_trait;
use ges_domain::booking::{Asked, Booked, Ledger, NewBooking, admit};
use ges_domain::callback::Kind;
use ges_domain::capacity::Usage;
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
        state.records.insert(row.id, stored);
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
        let active = self.open()?.of(tenant, service).filter(|stored| stored.row.state.is_active()).count();
        Ok(u32::try_from(active).unwrap_or(u32::MAX).min(up_to))
    }
}

impl State {
    /// What is booked so far, as far as `booking` asks.
    fn ledger(&self, booking: &NewBooking) -> Ledger {
        let asked = Asked::by([booking]);
        let (tenant, service) = (booking.callback.tenant, &booking.callback.service);
        let now = booking.callback.created_at;
        let accepted_since = |since: Instant| {
            let of = self.of(tenant, service).filter(|stored| stored.accepted_as == Kind::Immediate);
            of.map(|stored| &stored.row).filter(move |row| row.created_at > since)
        };
        let count = |counted: usize| u32::try_from(counted).unwrap_or(u32::MAX);
        let window = |(length, limit): (&Duration, &u32)| {
            let mut newest: Vec<Instant> = accepted_since(now - *length).map(|row| row.created_at).collect();
            newest.sort_unstable_by(|one, other| other.cmp(one));
            newest.truncate(*limit as usize);
            (*length, Counted { accepted: count(newest.len()), oldest: newest.last().copied() })
        };
        let windows = asked.windows.iter().map(window);
        let of_number =
            |key| self.of(tenant, service).map(|stored| &stored.row).filter(move |row| row.phone_key == key);
        let open = |key| count(of_number(key).filter(|row| row.state.is_open()).count());
        let day = |key| count(accepted_since(now - NUMBER_DAY).filter(|row| row.phone_key == key).count());
        let (from, until) = asked.usage.first().copied().unwrap_or((now, now));
        Ledger {
            windows: windows.collect(),
            number_open: asked.numbers.iter().map(|key| (key.clone(), open(key.clone()))).collect(),
            number_day: asked.numbers.iter().map(|key| (key.clone(), day(key.clone()))).collect(),
            active: count(self.of(tenant, service).filter(|stored| stored.row.state.is_active()).count()),
            usage: self.usage(tenant, service, from, until),
        }
    }
}
