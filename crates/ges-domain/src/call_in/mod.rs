//! Click-To-Call-In (chapter 15): which number a consumer is told to dial, and whose call it is that comes in.
//!
//! A waiting request holds a key: a number with a code, a number with a caller, or a number alone. No two waiting requests hold
//! the same key (R-CTI-4, P-16), so a call belongs to one request at most. Stores load the keys held, ask [`allot`], and write.

mod allot;
mod group;
mod matching;
mod request;

pub use allot::{Allotted, Draws, Held, KEY_REST, allot};
pub use group::{AccessNumber, Allocation, BadGroup, CodeDigits, Group, GroupName, NotAnAccessNumber};
pub use matching::{IncomingCall, NotACode, code_of, first_of};
pub use request::{CallInRequest, Draft, Key, NotAKey, RETENTION, Reservation, State};

#[cfg(test)]
mod tests;
