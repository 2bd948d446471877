//! Estimated wait time as the router would figure it (R-EWT-3, R-EWT-4).

/// How the wait is estimated (R-EWT-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Average interval of the last departures, blind to agents (`urs`).
    Mode1,
    /// Handling time of the last calls over the agents (`urs2`).
    #[default]
    Mode2,
    /// As mode2 over the last 600 s (`stat`).
    Mode3,
}

impl Mode {
    /// Reads the router method `aqt`; anything unknown is the router's default `urs`.
    pub fn from_method(method: &str) -> Self {
        match method {
            "urs2" => Self::Mode2,
            "stat" => Self::Mode3,
            _ => Self::Mode1,
        }
    }
}

/// An estimate, or why there is none (R-EWT-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Estimate {
    /// Whole seconds, result code 0.
    Seconds(u64),
    /// Nothing was handled yet, result code -1.
    Unknown,
    /// Nobody is logged in, result code -2.
    NoAgents,
}

/// mode1: `waiting x (t_last - t_first) / (n - 1)` over the last departures, in milliseconds and order; rounded down.
pub fn mode1(waiting: usize, departures: &[u64]) -> Estimate {
    let (Some(first), Some(last)) = (departures.first(), departures.last()) else { return Estimate::Unknown };
    let gaps = departures.len() as u64 - 1;
    if gaps == 0 {
        return Estimate::Unknown;
    }
    let span_ms = last.saturating_sub(*first);
    Estimate::Seconds((waiting as u64).saturating_mul(span_ms) / (gaps * 1000))
}

/// mode2: `waiting x AHT / agents`, with the average handling time in milliseconds; rounded up.
pub fn mode2(waiting: usize, aht_ms: u64, agents: u32) -> Estimate {
    if agents == 0 {
        return Estimate::NoAgents;
    }
    Estimate::Seconds((waiting as u64).saturating_mul(aht_ms).div_ceil(u64::from(agents) * 1000))
}
