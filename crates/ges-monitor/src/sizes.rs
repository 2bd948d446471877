//! Counting what waits, rarely (R-SUB-10).

use std::sync::Arc;

use async_trait::async_trait;
use ges_domain::ports::MonitorSizes;

use crate::core::Core;
use crate::{Duty, Turn};

pub(crate) struct CountSizes {
    pub(crate) core: Arc<Core>,
}

#[async_trait]
impl Duty for CountSizes {
    async fn turn(&mut self) -> Turn {
        let leases = self.core.rights.leases();
        if leases.is_empty() {
            self.core.gauges.sizes(MonitorSizes::default());
        } else {
            match self.core.handover.sizes(&leases).await {
                Ok(sizes) => self.core.gauges.sizes(sizes),
                Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "what waits was not counted"),
            }
        }
        Turn::RestFor(self.core.settings.jittered(self.core.settings.sizes_period))
    }
}
