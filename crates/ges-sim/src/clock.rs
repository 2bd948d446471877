//! The simulator's time: the wall clock at start, then the runtime's clock, which tests can pause.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Milliseconds since the epoch, and back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SimClock {
    started: Instant,
    started_ms: u64,
}

impl SimClock {
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), started_ms: u64::try_from(since_epoch.as_millis()).unwrap_or(0) }
    }

    pub(crate) fn now(&self) -> u64 {
        self.started_ms.saturating_add(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) async fn sleep_until(&self, at: u64) {
        tokio::time::sleep(Duration::from_millis(at.saturating_sub(self.now()))).await;
    }
}

/// The wire form of an instant: RFC 3339, UTC, milliseconds.
pub(crate) fn rfc3339(ms: u64) -> String {
    let nanos = i128::from(ms) * 1_000_000;
    time::OffsetDateTime::from_unix_timestamp_nanos(nanos)
        .ok()
        .and_then(|at| at.format(&time::format_description::well_known::Rfc3339).ok())
        .unwrap_or_else(|| format!("{ms}ms"))
}

/// Reads RFC 3339; none when it is not, or lies before the epoch.
pub(crate) fn parse_rfc3339(text: &str) -> Option<u64> {
    let at = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
    u64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_read_back() {
        let ms = parse_rfc3339("2026-11-23T15:30:00.250Z").unwrap();
        assert_eq!(parse_rfc3339(&rfc3339(ms)), Some(ms));
        assert_eq!(parse_rfc3339("2026-11-23T16:30:00.250+01:00"), Some(ms));
        assert_eq!(parse_rfc3339("tomorrow"), None);
    }
}
