//! The events that are pushed (R-PSH-2).

use serde::{Deserialize, Serialize};

/// What a push tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Event {
    /// The wait has fallen below the threshold of the service.
    CallbackUpcoming,
    /// An agent is reserved; the app should call in.
    CallbackCallIn,
    /// Staff changed the time.
    CallbackRescheduled,
    /// Staff cancelled.
    CallbackCancelled,
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 4] =
        [Self::CallbackUpcoming, Self::CallbackCallIn, Self::CallbackRescheduled, Self::CallbackCancelled];

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CallbackUpcoming => "CALLBACK_UPCOMING",
            Self::CallbackCallIn => "CALLBACK_CALL_IN",
            Self::CallbackRescheduled => "CALLBACK_RESCHEDULED",
            Self::CallbackCancelled => "CALLBACK_CANCELLED",
        }
    }

    /// The event of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == name)
    }

    /// Whether it is of no use once the callback has ended.
    pub const fn ends_with_the_callback(self) -> bool {
        !matches!(self, Self::CallbackCancelled)
    }
}
