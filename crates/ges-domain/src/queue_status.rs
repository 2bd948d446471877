//! Whether a queue is ready for callbacks (chapter 18).

use std::time::Duration;

use crate::Instant;
use crate::service::Service;
use crate::wait::Estimate;

/// What a page that offers callbacks needs to know about a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueStatus {
    /// The wait in seconds, as the router says it; none when it cannot tell (R-QS-1).
    pub ewt: Option<u32>,
    /// An immediate callback booked now would be made before the office closes (R-QS-3).
    pub offer_immediate: bool,
    /// Scheduled callbacks are enabled; capacity is not looked at (R-QS-2).
    pub offer_scheduled: bool,
}

/// Whether an immediate callback may be offered, the queue's size aside: then, and only then, its watermark matters.
///
/// `estimate`: the router's answer for the service. Rules: R-QS-3, R-PAU-2.
pub fn immediate_but_for_size(service: &Service, estimate: Estimate, now: Instant) -> bool {
    let wait = Duration::from_secs(estimate.ewt().unwrap_or(0).into());
    service.settings.immediate_callback_enabled
        && !service.paused
        && estimate != Estimate::NoAgents
        && service.schedule().immediate_open(now, wait)
}

/// The status of a queue (R-QS-1 to R-QS-4; EX-O). `watermark`: its active callbacks (R-QS-5); counting may stop at the limit.
pub fn decide(service: &Service, estimate: Estimate, watermark: u32, now: Instant) -> QueueStatus {
    let room = watermark < service.limits().max_queued;
    QueueStatus {
        ewt: estimate.ewt(),
        offer_immediate: room && immediate_but_for_size(service, estimate, now),
        offer_scheduled: service.settings.scheduled_callback_enabled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hours::{Hours, OfficeHours, Opening, Regular, Zone};
    use crate::service::Settings;
    use crate::{ServiceName, throttle};

    /// Monday, 600 s before the office closes.
    const NOW: &str = "2026-06-01T16:50:00Z";

    fn service() -> Service {
        let regular =
            vec![Regular { days: "Mon-Fri".parse().unwrap(), opening: Opening::new("09:00", "17:00").unwrap() }];
        let hours = OfficeHours::new("Office", Zone::named("Etc/UTC").unwrap(), regular, Vec::new(), Vec::new());
        Service {
            name: ServiceName::new("VQ_Support").unwrap(),
            settings: Settings::default(),
            hours: Hours::Kept(hours.unwrap()),
            capacity: None,
            number_rule: None,
            region_rule: None,
            tenant_throttle: throttle::Settings::default(),
            paused: false,
            removed: false,
        }
    }

    /// R-QS-1 to R-QS-4.
    #[test]
    fn ex_o_queue_status() {
        use Estimate::{Known, NoAgents, NoCalls};
        let open: Instant = NOW.parse().unwrap();
        let closed: Instant = "2026-06-01T18:00:00Z".parse().unwrap();
        let off =
            Service { settings: Settings { scheduled_callback_enabled: false, ..Settings::default() }, ..service() };
        // row, service, estimate, watermark, now, ewt, immediate, scheduled
        for (row, service, estimate, watermark, now, ewt, immediate, scheduled) in [
            ("O1", service(), Known(120), 0, open, Some(120), true, true),
            ("O2", service(), Known(600), 0, open, Some(600), false, true),
            ("O3", service(), NoCalls, 0, open, None, true, true),
            ("O4", service(), NoAgents, 0, open, None, false, true),
            ("O5", service(), Known(10), 0, closed, Some(10), false, true),
            ("O6", service(), Known(10), 1000, open, Some(10), false, true),
            ("O7", off, Known(10), 0, open, Some(10), true, false),
            ("one below the limit", service(), Known(10), 999, open, Some(10), true, true),
            ("one second earlier than O2", service(), Known(599), 0, open, Some(599), true, true),
            ("paused", Service { paused: true, ..service() }, Known(10), 0, open, Some(10), false, true),
        ] {
            let expected = QueueStatus { ewt, offer_immediate: immediate, offer_scheduled: scheduled };
            assert_eq!(decide(&service, estimate, watermark, now), expected, "EX-O {row}");
        }
    }

    #[test]
    fn immediate_callbacks_that_are_switched_off_are_not_offered() {
        let settings = Settings { immediate_callback_enabled: false, ..Settings::default() };
        let service = Service { settings, ..service() };
        assert!(!decide(&service, Estimate::Known(0), 0, NOW.parse().unwrap()).offer_immediate);
    }
}
