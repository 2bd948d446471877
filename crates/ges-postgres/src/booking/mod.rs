//! Taking bookings: waiting requests share flights (group commit), a flight counts, decides and writes.
//!
//! Counting and writing are two statements without a transaction around them. What makes them one act is the service's
//! ledger: counting reads its sequence with the same snapshot, writing requires it unchanged and moves it on, so everything
//! that could fill a limit in between makes the write come to nothing and the flight counts again (I3, R-CRE-1). The second
//! time it holds the ledger's row lock, so two processes with the same busy service cannot push each other aside for long.

mod desk;
mod facts;
mod flight;
mod memory;
mod write;

use async_trait::async_trait;
use ges_domain::booking::{Booked, NewBooking};
use ges_domain::capacity::Usage;
use ges_domain::ports::{Bookings, StoreError};
use ges_domain::{Instant, Refusal, ServiceName, TenantId};
use tokio::sync::oneshot;

use crate::error::{Fault, reading};
use crate::{PgStore, details};

pub(crate) use desk::Desk;
use desk::Ticket;
pub(crate) use memory::Memory;

#[async_trait]
impl Bookings for PgStore {
    async fn book(&self, booking: NewBooking) -> Result<Booked, StoreError> {
        let callback = &booking.callback;
        let Some(service) = self.0.services.key(self.pool(), callback.tenant, &callback.service).await? else {
            return Ok(Booked::Refused(Refusal::UnknownService(callback.service.to_string())));
        };
        let details = details::encode(&callback.particulars)?;
        let (answer, answered) = oneshot::channel();
        if !self.0.desk.queue(Ticket { service, details, booking, answer }) {
            return Err(Fault::Busy("too many bookings wait already").into());
        }
        self.take_off();
        let lost = || Fault::Unreachable("the booking's flight ended without an answer");
        answered.await.unwrap_or_else(|_| Err(lost().into()))
    }

    async fn usage(
        &self,
        tenant: TenantId,
        service: &ServiceName,
        from: Instant,
        until: Instant,
    ) -> Result<Usage, StoreError> {
        let used = sqlx::query_as::<_, (i64, i32)>(
            "select u.grain, u.used
            from services s
            join slot_usage u on u.service = s.key
            where s.tenant = $1 and s.name = $2 and u.grain >= $3 and u.grain < $4 and u.used > 0",
        );
        let used = used.bind(tenant.0).bind(service.as_str()).bind(from.millis()).bind(until.millis());
        let used = used.fetch_all(self.pool()).await.map_err(reading("slot_usage"))?;
        Ok(used.into_iter().map(|(grain, used)| (Instant::from_millis(grain), used.cast_unsigned())).collect())
    }

    async fn watermark(&self, tenant: TenantId, service: &ServiceName, up_to: u32) -> Result<u32, StoreError> {
        let active = sqlx::query_scalar::<_, i64>(
            "select count(*)
            from (
                select 1
                from services s
                join callbacks c on c.service = s.key
                where s.tenant = $1 and s.name = $2 and c.state between 2 and 5
                limit $3
            ) active",
        );
        let active = active.bind(tenant.0).bind(service.as_str()).bind(i64::from(up_to));
        let active = active.fetch_one(self.pool()).await.map_err(reading("callbacks"))?;
        Ok(u32::try_from(active).unwrap_or(u32::MAX))
    }
}
