//! States and types of a callback (chapters 1 and 3.1).

use serde::{Deserialize, Serialize};

/// Where a callback stands (chapter 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Held by GES; no session exists.
    Scheduled,
    /// Handed to orchestration, or waiting to be; no agent assigned.
    Queued,
    /// An agent is reserved, the call is not with the agent yet.
    Routing,
    /// The agent handles it; it cannot be cancelled any more.
    Processing,
    /// Was queued or routing when its service was paused.
    Paused,
    /// Final, with a reason (R-ST-2).
    Completed,
}

impl State {
    /// Every state, in the order of a good day.
    pub const ALL: [Self; 6] =
        [Self::Scheduled, Self::Queued, Self::Routing, Self::Processing, Self::Paused, Self::Completed];

    /// The word internal readers see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDULED",
            Self::Queued => "QUEUED",
            Self::Routing => "ROUTING",
            Self::Processing => "PROCESSING",
            Self::Paused => "PAUSED",
            Self::Completed => "COMPLETED",
        }
    }

    /// Reads the word of [`State::as_str`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// What external readers see: PAUSED reads as QUEUED (R-ST-1).
    pub const fn external(self) -> Self {
        match self {
            Self::Paused => Self::Queued,
            other => other,
        }
    }

    /// In the hands of orchestration: QUEUED, ROUTING, PROCESSING or PAUSED (R-CON-7, R-QS-5).
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Queued | Self::Routing | Self::Processing | Self::Paused)
    }

    /// Not final (R-CON-7).
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Completed)
    }
}

/// Type of a callback; it never changes by itself (R-TYP-6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// As soon as an agent is free.
    Immediate,
    /// At a day and time the consumer picked.
    Scheduled,
}

impl Kind {
    /// The word of the record field `type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Immediate => "IMMEDIATE",
            Self::Scheduled => "SCHEDULED",
        }
    }
}

/// Who dials (chapter 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Direction {
    /// We dial the consumer.
    #[default]
    #[serde(rename = "USERTERMINATED")]
    UserTerminated,
    /// A push asks the consumer's app to call in.
    #[serde(rename = "USERORIGINATED")]
    UserOriginated,
}

impl Direction {
    /// The word of the setting and of the stream entry.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserTerminated => "USERTERMINATED",
            Self::UserOriginated => "USERORIGINATED",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-ST-1.
    #[test]
    fn paused_is_hidden_from_external_readers() {
        assert_eq!(State::Paused.external(), State::Queued);
        for state in State::ALL {
            assert_eq!(State::from_word(state.as_str()), Some(state));
            assert_ne!(state.external(), State::Paused);
        }
    }

    /// R-CON-7, R-QS-5.
    #[test]
    fn watermark_states_are_the_active_ones() {
        let active: Vec<_> = State::ALL.into_iter().filter(|state| state.is_active()).collect();
        assert_eq!(active, [State::Queued, State::Routing, State::Processing, State::Paused]);
    }
}
