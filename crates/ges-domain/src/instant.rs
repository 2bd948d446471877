//! Points in time (R-CON-1): UTC, millisecond precision, one integer wide.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// An instant as milliseconds since 1970-01-01T00:00Z; may lie before it.
///
/// `Display` is the wire form `yyyy-MM-ddTHH:mm:ss.SSSZ` of the API reference, section 3.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Instant(i64);

const WIRE: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

impl Instant {
    /// The instant `ms` milliseconds after the epoch.
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded towards the past.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, length: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(length.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, length: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(length.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|at| at.format(WIRE).ok());
        match text {
            Some(text) => f.write_str(&text),
            None => write!(f, "{}ms", self.0),
        }
    }
}

/// The text is not an RFC 3339 date-time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 date-time")]
pub struct NotAnInstant;

impl FromStr for Instant {
    type Err = NotAnInstant;

    /// Reads RFC 3339; digits beyond the millisecond are cut.
    fn from_str(text: &str) -> Result<Self, NotAnInstant> {
        let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| NotAnInstant)?;
        i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).map(Self).map_err(|_| NotAnInstant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-CON-1.
    #[test]
    fn wire_form_has_three_fraction_digits_and_reads_back() {
        let at: Instant = "2026-01-05T10:00:00-05:00".parse().unwrap();
        assert_eq!(at.to_string(), "2026-01-05T15:00:00.000Z");
        assert_eq!("2026-01-05T15:00:00.0009Z".parse::<Instant>().unwrap(), at);
        assert_eq!("1969-12-31T23:59:59.999Z".parse::<Instant>().unwrap(), Instant::from_millis(-1));
    }

    #[test]
    fn since_never_runs_backwards() {
        let at = Instant::from_millis(5);
        assert_eq!(at.since(Instant::from_millis(9)), Duration::ZERO);
        assert_eq!(at.since(Instant::from_millis(2)), Duration::from_millis(3));
    }
}
