//! Dates and times as clients write them (engagement-api 3.3).

use ges_domain::Instant;
use ges_domain::hours::Zone;
use time::{Date, Month, PrimitiveDateTime, Time};

/// A date-time as written: with an offset it is an instant, without one it waits for a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// It carried an offset.
    At(Instant),
    /// It did not.
    Local(PrimitiveDateTime),
}

impl Moment {
    /// The instant: the offset wins, then the zone, then UTC. Gaps and overlaps of the clock are the zone's matter.
    pub(crate) fn resolve(self, zone: Option<&Zone>) -> Instant {
        match (self, zone) {
            (Self::At(at), _) => at,
            (Self::Local(local), Some(zone)) => zone.civil_to_instant(local),
            (Self::Local(local), None) => utc(local, 0),
        }
    }
}

/// Reads `yyyy-MM-dd`, then maybe `THH:mm`, `:ss`, a fraction of 1 to 9 digits (cut to milliseconds), and `Z`, `±HH`,
/// `±HHMM` or `±HH:MM`. Letters in either case; a space in front of an offset is a `+` that a query string lost.
pub(crate) fn moment(text: &str) -> Option<Moment> {
    let mut rest = Reader(text.trim_ascii().as_bytes());
    let (year, month, day) = (rest.digits(4)?, rest.after(b'-', 2)?, rest.after(b'-', 2)?);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()?;
    if rest.0.is_empty() {
        return Some(Moment::Local(PrimitiveDateTime::new(date, Time::MIDNIGHT)));
    }
    if !rest.take(b'T') && !rest.take(b't') {
        return None;
    }
    let (hour, minute) = (rest.digits(2)?, rest.after(b':', 2)?);
    let second = if rest.0.first() == Some(&b':') { rest.after(b':', 2)? } else { 0 };
    let nanos = if rest.take(b'.') { rest.fraction()? } else { 0 };
    let part = |number: u32| u8::try_from(number).ok();
    let time = Time::from_hms_nano(part(hour)?, part(minute)?, part(second)?, nanos).ok()?;
    let local = PrimitiveDateTime::new(date, time);
    match rest.offset_seconds()? {
        Some(offset) => Some(Moment::At(utc(local, offset))),
        None => Some(Moment::Local(local)),
    }
}

fn utc(local: PrimitiveDateTime, offset_seconds: i64) -> Instant {
    let nanos = local.assume_utc().unix_timestamp_nanos();
    let ms = i64::try_from(nanos.div_euclid(1_000_000)).expect("invariant: years have four digits");
    Instant::from_millis(ms - offset_seconds * 1000)
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take(&mut self, byte: u8) -> bool {
        let found = self.0.first() == Some(&byte);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    /// Exactly `count` digits.
    fn digits(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        let number =
            digits.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))?;
        self.0 = rest;
        Some(number)
    }

    /// Exactly `count` digits behind a separator.
    fn after(&mut self, separator: u8, count: usize) -> Option<u32> {
        if self.take(separator) { self.digits(count) } else { None }
    }

    /// 1 to 9 digits, as nanoseconds.
    fn fraction(&mut self) -> Option<u32> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&count) {
            return None;
        }
        let missing = u32::try_from(9 - count).ok()?;
        Some(self.digits(count)? * 10_u32.pow(missing))
    }

    /// Everything that is left, as an offset; `Some(None)` when nothing is left.
    fn offset_seconds(&mut self) -> Option<Option<i64>> {
        let sign = match self.0.first() {
            None => return Some(None),
            Some(b'Z' | b'z') if self.0.len() == 1 => return Some(Some(0)),
            Some(b'+' | b' ') => 1,
            Some(b'-') => -1,
            Some(_) => return None,
        };
        self.0 = &self.0[1..];
        let hours = self.digits(2)?;
        let minutes = match self.0 {
            [] => 0,
            [b':', ..] => self.after(b':', 2)?,
            _ => self.digits(2)?,
        };
        let fits = self.0.is_empty() && hours < 24 && minutes < 60;
        fits.then_some(Some(sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, zone: Option<&str>) -> Option<String> {
        let zone = zone.map(|name| Zone::named(name).unwrap());
        moment(text).map(|moment| moment.resolve(zone.as_ref()).to_string())
    }

    #[test]
    fn forms_of_the_reference_are_read() {
        for (text, zone, utc) in [
            ("2026-01-05T15:00:00.000Z", None, "2026-01-05T15:00:00.000Z"),
            ("2026-01-05T15:00:00Z", None, "2026-01-05T15:00:00.000Z"),
            ("2026-01-05T15:00Z", None, "2026-01-05T15:00:00.000Z"),
            ("2026-01-05t15:00z", None, "2026-01-05T15:00:00.000Z"),
            ("2026-01-05", None, "2026-01-05T00:00:00.000Z"),
            ("2026-01-05", Some("America/New_York"), "2026-01-05T05:00:00.000Z"),
            ("2026-01-05T10:00:00-05:00", None, "2026-01-05T15:00:00.000Z"),
            ("2026-01-05T10:00:00-0500", None, "2026-01-05T15:00:00.000Z"),
            ("2026-01-05T10:00-05", None, "2026-01-05T15:00:00.000Z"),
            ("2026-01-05T16:00:00 01:00", None, "2026-01-05T15:00:00.000Z"),
            ("2026-01-05T16:00:00+0100", Some("America/New_York"), "2026-01-05T15:00:00.000Z"),
            ("2026-01-05T15:00:00.1Z", None, "2026-01-05T15:00:00.100Z"),
            ("2026-01-05T15:00:00.123456789Z", None, "2026-01-05T15:00:00.123Z"),
            ("2026-01-05T15:00:00.000", Some("Europe/Paris"), "2026-01-05T14:00:00.000Z"),
            ("2026-01-05T15:00:00", None, "2026-01-05T15:00:00.000Z"),
            ("2026-03-08T02:30", Some("America/New_York"), "2026-03-08T07:30:00.000Z"),
            ("2026-11-01T01:30", Some("America/New_York"), "2026-11-01T05:30:00.000Z"),
            ("2028-02-29", None, "2028-02-29T00:00:00.000Z"),
        ] {
            assert_eq!(read(text, zone).as_deref(), Some(utc), "{text} in {zone:?}");
        }
    }

    #[test]
    fn anything_else_is_not_a_date() {
        for text in [
            "",
            "now",
            "2026",
            "2026-1-5",
            "2026-02-29",
            "2026-13-01",
            "2026-01-05T",
            "2026-01-05T24:00",
            "2026-01-05T15",
            "2026-01-05T15:60",
            "2026-01-05T15:00:61Z",
            "2026-01-05T15:00:00.Z",
            "2026-01-05T15:00:00.1234567890Z",
            "2026-01-05T15:00:00+1",
            "2026-01-05T15:00:00+24:00",
            "2026-01-05T15:00:00+01:60",
            "2026-01-05T15:00:00+01:00x",
            "2026-01-05T15:00:00ZZ",
            "2026-01-05 15:00",
            "2026-01-05Z",
            "+2026-01-05",
            "२०२६-01-05",
            "2026-01-05T15:00:00,5Z",
        ] {
            assert_eq!(moment(text), None, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in ".{0,40}") {
            let _ = moment(&text);
        }

        #[test]
        fn every_instant_reads_back(ms in 0_i64..253_402_300_799_999) {
            let at = Instant::from_millis(ms);
            proptest::prop_assert_eq!(moment(&at.to_string()), Some(Moment::At(at)));
        }
    }
}
