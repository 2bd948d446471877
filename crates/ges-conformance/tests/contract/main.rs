//! The public API against the real programs: the checklist and the examples of the API reference, its code table, browsers, and
//! what must not be logged.

#![expect(clippy::unwrap_used, reason = "a broken expectation is a failed test")]

mod checklist;
mod codes;
mod cors;
mod designer;
mod ear;
mod examples;
mod examples_outside;
mod fuzzed;
mod identity;
mod internal;
mod privacy;
mod rotation;
mod running;
mod secrets;
mod world;
