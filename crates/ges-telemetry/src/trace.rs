//! Where a piece of work stands in a trace (W3C Trace Context). Nothing is recorded or exported here: the ids join our log
//! lines with those of callers and peers.

use std::fmt;
use std::future::Future;

tokio::task_local! {
    static POSITION: TracePosition;
}

/// A trace and one span of it, in the form of the header `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TracePosition {
    trace: u128,
    span: u64,
    flags: u8,
}

impl TracePosition {
    /// The first span of a trace of our own, not sampled. `None` for ids of zero, which no trace has.
    pub fn first(trace: u128, span: u64) -> Option<Self> {
        (trace != 0 && span != 0).then_some(Self { trace, span, flags: 0 })
    }

    /// Reads the header; `None` for everything the recommendation calls invalid. Of later versions only the known part is
    /// read, as it asks for.
    pub fn parse(header: &str) -> Option<Self> {
        let bytes = header.as_bytes();
        let lower = |field: &[u8]| field.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let version = bytes.get(..2).filter(|version| lower(version) && *version != b"ff")?;
        let rest = bytes.get(55..)?;
        if (version == b"00" && !rest.is_empty()) || rest.first().is_some_and(|next| *next != b'-') {
            return None;
        }
        let mut fields = header.get(..55)?.split('-').skip(1);
        let mut field = |length| fields.next().filter(|field| field.len() == length && lower(field.as_bytes()));
        let (trace, span, flags) = (field(32)?, field(16)?, field(2)?);
        let position = Self::first(u128::from_str_radix(trace, 16).ok()?, u64::from_str_radix(span, 16).ok()?)?;
        // Only the first flag, "sampled", has a meaning that may be handed on.
        Some(Self { flags: u8::from_str_radix(flags, 16).ok()? & 1, ..position })
    }

    /// A span of our own in the same trace; an id of zero keeps the old one.
    #[must_use]
    pub fn child(self, span: u64) -> Self {
        Self { span: if span == 0 { self.span } else { span }, ..self }
    }

    /// Id of the trace: 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }

    /// Runs `work` at this position; what it calls in this task is told.
    pub async fn around<F: Future>(self, work: F) -> F::Output {
        POSITION.scope(self, work).await
    }

    /// Where the running work stands, if it is traced.
    pub fn current() -> Option<Self> {
        POSITION.try_with(|position| *position).ok()
    }
}

impl fmt::Display for TracePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_header_reads_and_writes_back() {
        let position = TracePosition::parse(GOOD).unwrap();
        assert_eq!(position.to_string(), GOOD);
        assert_eq!(position.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let child = position.child(0xab);
        assert_eq!(child.to_string(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00000000000000ab-01");
        let later = TracePosition::parse(&format!("cc{}-what-comes-later", &GOOD[2..])).unwrap();
        assert_eq!(later, position, "later versions begin alike");
        assert_eq!(TracePosition::parse(&GOOD.replace("-01", "-ff")).unwrap(), position, "unknown flags are dropped");
    }

    #[test]
    fn what_is_not_valid_is_no_position() {
        let bad = [
            String::new(),
            "00".into(),
            GOOD[..54].into(),
            format!("{GOOD}-"),
            format!("{GOOD}0"),
            GOOD.to_uppercase(),
            GOOD.replace("00-4", "ff-4"),
            GOOD.replace('-', "_"),
            GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            GOOD.replace("00f067aa0ba902b7", &"0".repeat(16)),
            GOOD.replace("4bf9", "4bg9"),
            GOOD.replace("4bf9", "+bf9"),
            GOOD.replace("3577b34d", "3577-34d"),
            format!("cc{}.more", &GOOD[2..]),
            "00-4bf92f3577b34da6a3ce929d0e0e473\u{e9}-00f067aa0ba902b7-01".into(),
        ];
        for header in bad {
            assert_eq!(TracePosition::parse(&header), None, "{header}");
        }
    }

    #[test]
    fn ids_of_zero_begin_no_trace() {
        assert_eq!(TracePosition::first(0, 1), None);
        assert_eq!(TracePosition::first(1, 0), None);
        assert!(TracePosition::first(1, 1).unwrap().to_string().ends_with("-00"), "not sampled");
    }
}
