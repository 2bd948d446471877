//! What is sent (R-PSH-7).

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::{Event, Texts};
use crate::Instant;
use crate::call_in::CallInRequest;
use crate::callback::{Callback, State};

/// Largest payload a push provider takes, in bytes (integrations 6.3).
pub const MAX_PAYLOAD_BYTES: usize = 4_096;
/// How long a provider may keep a message for a phone that is off.
const TTL: Duration = Duration::from_secs(600);

/// One push, ready for a provider. `Debug` shows the event alone (I11).
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// What it tells.
    pub event: Event,
    /// First line on the phone.
    pub title: String,
    /// The rest.
    pub body: String,
    /// Fields for the app, all text.
    pub data: BTreeMap<&'static str, String>,
    /// At most 32 letters, digits and hyphens: a phone shows one message of a tag, so a repeat replaces what it repeats.
    pub tag: String,
    /// How long it is worth delivering.
    pub ttl: Duration,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({})", self.event.as_str())
    }
}

/// Adds what an app needs to call in: the number, the code if there is one, and until when in milliseconds since the epoch (R-PSH-7).
pub fn with_call_in(mut message: Message, call_in: &CallInRequest) -> Message {
    message.data.insert("toPhoneNumber", call_in.reservation.number.as_str().to_owned());
    message.data.insert("expirationTime", call_in.expires_at.millis().to_string());
    message.data.extend(call_in.code().map(|code| ("accessCode", code.to_string())));
    message.fit();
    message
}

/// Puts a push together from the record as it stands. `queue_wait`: the wait of its queue, used when the session has told
/// none; `occasion`: [`Event::occasion`] of the write that announced it.
pub fn compose(
    event: Event,
    occasion: u64,
    record: &Callback,
    queue_wait: Duration,
    texts: &Texts,
    now: Instant,
) -> Message {
    let wait = match record.state {
        State::Scheduled | State::Completed => Duration::ZERO,
        _ => record.ewt.map_or(queue_wait, |seconds| Duration::from_secs(seconds.into())),
    };
    let remaining = wait.max(record.desired_at.since(now));
    let (title, body) = texts.choose(event, record.particulars.language());
    let fill = |text: &str| {
        text.replace("{phoneNumber}", &masked(record.phone.as_given()))
            .replace("{desiredTime}", &record.desired_at.to_string())
            .replace("{estimatedWaitMinutes}", &remaining.as_secs().div_ceil(60).max(1).to_string())
            .replace("{serviceName}", record.service.as_str())
    };
    let data = BTreeMap::from([
        ("event", event.as_str().to_owned()),
        ("callbackId", record.id.to_string()),
        ("serviceName", record.service.to_string()),
        ("desiredTime", record.desired_at.to_string()),
        ("estimatedWaitTime", remaining.as_secs().to_string()),
    ]);
    let tag = format!("{}{occasion}-{}", letter(event), &record.id.0.simple().to_string()[12..]);
    let mut message = Message { event, title: fill(title), body: fill(body), data, tag, ttl: TTL };
    message.fit();
    message
}

/// Names the event in a tag.
const fn letter(event: Event) -> char {
    match event {
        Event::CallbackUpcoming => 'u',
        Event::CallbackCallIn => 'i',
        Event::CallbackRescheduled => 'r',
        Event::CallbackCancelled => 'c',
    }
}

/// Only the last two digits.
fn masked(number: &str) -> String {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    let shown: String = digits[digits.len().saturating_sub(2)..].iter().collect();
    format!("…{shown}")
}

impl Message {
    /// Bytes of everything that counts towards the provider's limit.
    pub fn payload_bytes(&self) -> usize {
        let data: usize = self.data.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.title.len() + self.body.len() + data
    }

    /// Cuts the body, then the title, at a character until the payload fits.
    fn fit(&mut self) {
        for long in [false, true] {
            let over = self.payload_bytes().saturating_sub(MAX_PAYLOAD_BYTES);
            let text = if long { &mut self.title } else { &mut self.body };
            let keep = (0..=text.len().saturating_sub(over)).rev().find(|at| text.is_char_boundary(*at));
            text.truncate(keep.unwrap_or(0));
        }
    }
}
