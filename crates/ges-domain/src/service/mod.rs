//! A callback service as provisioned (chapter 7.1): its settings and what they refer to.

mod settings;

pub use settings::{BadSetting, FirstParty, Settings};

use crate::ServiceName;
use crate::callback::Particulars;
use crate::capacity::CapacityRule;
use crate::hours::Hours;
use crate::phone::{NumberRule, NumberingPlan, PhoneKey, Screening, Verdict};
use crate::region::{Region, RegionRule};
use crate::slots::Schedule;
use crate::throttle;

/// Everything a decision about one service needs, read together.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// The name bookings use.
    pub name: ServiceName,
    /// Its row of CALLBACK_SETTINGS.
    pub settings: Settings,
    /// The hours the row refers to.
    pub hours: Hours,
    /// The Capacity rule assigned to it (R-CR-3).
    pub capacity: Option<CapacityRule>,
    /// The Country and Number rule assigned to it (R-NV-2).
    pub number_rule: Option<NumberRule>,
    /// The Region Affinity rule assigned to it (R-RA-2).
    pub region_rule: Option<RegionRule>,
    /// The tenant's own throttle settings, below the service's (R-THR-1).
    pub tenant_throttle: throttle::Settings,
    /// Paused by an administrator (R-PAU-1).
    pub paused: bool,
    /// Removed by a publish (R-PUB-6); kept so that old bookings can be explained.
    pub removed: bool,
}

impl Service {
    /// When and how much it can be booked.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            hours: self.hours.clone(),
            slot: self.settings.slot_minutes,
            max_per_slot: self.settings.max_per_slot,
            rule: self.capacity.clone(),
        }
    }

    /// The limits in force (R-THR-1).
    pub fn limits(&self) -> throttle::Limits {
        throttle::resolve(&self.settings.throttle, &self.tenant_throttle)
    }

    /// How numbers are screened (R-THR-1).
    pub fn screening(&self) -> Screening {
        throttle::screening(&self.settings.throttle, &self.tenant_throttle)
    }

    /// Whether its number rule forbids to call this number (R-NV-4, R-NV-5, R-NV-12).
    pub fn blocks(&self, plan: &dyn NumberingPlan, key: &PhoneKey) -> bool {
        self.number_rule.as_ref().is_some_and(|rule| rule.verdict(plan, key) != Verdict::Permitted)
    }

    /// The regions its rule prefers; none without a rule (R-RA-3).
    pub fn preferred_regions(&self) -> &[Region] {
        self.region_rule.as_ref().map_or(&[], RegionRule::preferred)
    }

    /// The queue in which the session of a callback with these particulars waits: what the request says, what is published, the
    /// name of the service (integrations 2.2, R-CON-5).
    pub fn virtual_queue<'a>(&'a self, particulars: &'a Particulars) -> &'a str {
        let named = particulars.virtual_queue.as_deref().or(self.settings.virtual_queue.as_deref());
        named.unwrap_or(self.name.as_str())
    }

    /// The queue whose wait counts for it.
    pub fn ewt_queue(&self) -> &str {
        let named = self.settings.ewt_queue.as_deref().or(self.settings.virtual_queue.as_deref());
        named.unwrap_or(self.name.as_str())
    }

    /// The queue whose wait counts for a callback with these particulars: the one it waits in, when the request names one.
    pub fn ewt_queue_for<'a>(&'a self, particulars: &'a Particulars) -> &'a str {
        particulars.virtual_queue.as_deref().unwrap_or(self.ewt_queue())
    }
}
