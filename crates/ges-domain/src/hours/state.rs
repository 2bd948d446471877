//! The hours of a service as decisions see them: always, kept by an office, or unreadable.

use std::time::Duration;

use super::offsets::Offsets;
use super::{OfficeHours, Window, Zone};
use crate::Instant;
use crate::slots::HORIZON;

const DAY: Duration = Duration::from_secs(86_400);
static ALWAYS_ZONE: Zone = Zone::utc();

/// When a service is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hours {
    /// No business hours are configured: open always, zone UTC (R-BH-7).
    Always,
    /// An office keeps them.
    Kept(OfficeHours),
    /// They are configured but do not read back: closed, never always open (R-BH-8).
    Unreadable,
}

impl Hours {
    /// The zone of the hours, in which grids and capacity rules are read; UTC without an office.
    pub fn zone(&self) -> &Zone {
        match self {
            Self::Kept(office) => office.zone(),
            Self::Always | Self::Unreadable => &ALWAYS_ZONE,
        }
    }

    /// Every open stretch of `from..until`, cut to it, merged and ascending (R-BH-6).
    ///
    /// The cost grows with the number of dates in the range.
    pub fn open_windows(&self, from: Instant, until: Instant) -> Vec<Window> {
        match self {
            Self::Kept(office) => office.open_windows(&office.zone().offsets(from, until), from, until),
            Self::Always | Self::Unreadable => self.windows_with(&Offsets::utc(), from, until),
        }
    }

    /// As [`Self::open_windows`], with the offsets of this zone around the range already looked up.
    pub(crate) fn windows_with(&self, offsets: &Offsets, from: Instant, until: Instant) -> Vec<Window> {
        match self {
            Self::Always if from < until => vec![Window { from, until }],
            Self::Always | Self::Unreadable => Vec::new(),
            Self::Kept(office) => office.open_windows(offsets, from, until),
        }
    }

    /// The merged window that contains `at`; both its ends are looked for within 14 days of `at` and cut there.
    pub fn window_at(&self, at: Instant) -> Option<Window> {
        if let Self::Kept(_) = self {
            // Most windows end within a day or two; the long look is for offices that hardly ever close.
            let (since, until) = (at - 2 * DAY, at + 2 * DAY);
            let near = self.open_windows(since, until).into_iter().find(|window| window.contains(at))?;
            if since < near.from && near.until < until {
                return Some(near);
            }
        }
        self.open_windows(at - HORIZON, at + HORIZON).into_iter().find(|window| window.contains(at))
    }

    /// Whether `at` is inside office hours; the closing instant is not (R-SLT-4).
    pub fn is_open(&self, at: Instant) -> bool {
        match self {
            Self::Always => true,
            Self::Unreadable => false,
            Self::Kept(_) => !self.open_windows(at, at + Duration::from_millis(1)).is_empty(),
        }
    }

    /// Whole seconds from `at` to the end of the merged window that contains it, 0 when closed, at most 1 209 600
    /// (R-OF-1, R-OF-2, P-2).
    pub fn open_for(&self, at: Instant) -> u32 {
        let left = self.window_at(at).map_or(Duration::ZERO, |window| window.until.since(at));
        u32::try_from(left.min(HORIZON).as_secs()).expect("invariant: 14 days of seconds fit into 32 bits")
    }
}
