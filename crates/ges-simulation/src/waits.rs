//! Waits that swing: every two minutes another one, now and then none at all.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ges_domain::TenantId;
use ges_domain::wait::{Estimate, Question, WaitError, WaitEstimates};

use crate::world::World;

/// How long a wait stays as it is, in milliseconds.
const SWING_MS: i64 = 120_000;

pub(crate) struct SwingingWaits {
    world: Arc<World>,
    /// The period the value belongs to, and the value.
    now: Mutex<(i64, Estimate)>,
}

impl SwingingWaits {
    pub(crate) fn new(world: Arc<World>) -> Self {
        Self { world, now: Mutex::new((0, Estimate::NoCalls)) }
    }
}

#[async_trait]
impl WaitEstimates for SwingingWaits {
    async fn estimate(&self, _: TenantId, _: &Question<'_>) -> Result<Estimate, WaitError> {
        let (weather, chance) = (self.world.weather(), &self.world.chance);
        if chance.happens(weather.routers_down) {
            return Err(WaitError::Unavailable("no router answers".into()));
        }
        let period = self.world.now().millis() / SWING_MS;
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if now.0 != period {
            let seconds = u32::try_from(chance.between(0, weather.wait_most)).unwrap_or(0);
            *now = (period, if seconds == 0 { Estimate::NoCalls } else { Estimate::Known(seconds) });
        }
        Ok(now.1)
    }
}
