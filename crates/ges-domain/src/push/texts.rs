//! In which words (R-PSH-1, R-PSH-8).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Event;
use crate::callback::Particulars;

/// What a phone shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// First line.
    pub title: String,
    /// The rest.
    pub body: String,
}

/// A tenant's texts, by event and language. An empty one uses the built-in English.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Texts(BTreeMap<Event, BTreeMap<String, Text>>);

impl Texts {
    /// With one text more.
    #[must_use]
    pub fn with(mut self, event: Event, language: &str, title: &str, body: &str) -> Self {
        let text = Text { title: title.into(), body: body.into() };
        self.0.entry(event).or_default().insert(language.into(), text);
        self
    }

    /// Title and body for a language: its own, that of its first part, that of `en-US`, or the built-in English (R-PSH-8).
    pub fn choose(&self, event: Event, language: &str) -> (&str, &str) {
        let part = language.split(['-', '_']).next().unwrap_or(language);
        let texts = self.0.get(&event);
        let find = |wanted: &str| {
            texts?.iter().find(|(language, _)| language.eq_ignore_ascii_case(wanted)).map(|(_, text)| text)
        };
        let chosen = find(language).or_else(|| find(part)).or_else(|| find(Particulars::DEFAULT_LANGUAGE));
        chosen.map_or_else(|| built_in(event), |text| (text.title.as_str(), text.body.as_str()))
    }
}

const fn built_in(event: Event) -> (&'static str, &'static str) {
    match event {
        Event::CallbackUpcoming => {
            ("Your callback is coming up", "We will call you at {phoneNumber} in about {estimatedWaitMinutes} minutes.")
        }
        Event::CallbackCallIn => ("An agent is ready for you", "Please call us now."),
        Event::CallbackRescheduled => ("Your callback has a new time", "We will call you at {desiredTime}."),
        Event::CallbackCancelled => {
            ("Your callback was cancelled", "We will not call you. Please ask again if you still need us.")
        }
    }
}
