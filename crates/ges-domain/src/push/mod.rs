//! Push notifications (chapter 16): what is pushed and when, once, in which words, and when again after a failure.

mod due;
mod event;
mod message;
mod retry;
mod texts;

pub use due::{Upcoming, announced, upcoming};
pub use event::Event;
pub use message::{MAX_PAYLOAD_BYTES, Message, compose, with_call_in};
pub use retry::{ABANDON_AFTER, HOLD, MAX_ATTEMPTS, SEND_TIME, Sent, Verdict, abandoned, judge};
pub use texts::{Text, Texts};

#[cfg(test)]
mod tests;
