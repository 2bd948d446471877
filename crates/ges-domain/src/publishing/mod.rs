//! What Designer publishes, read into decisions (chapter 7, integrations 5.3 and 2.14).
//!
//! A publish is sections of named text cells. [`decide`] says what a store has to write for it, so that every store decides alike;
//! nothing here parses JSON or compiles an expression.

mod calendar;
mod capacity;
mod cells;
mod columns;
mod decide;
mod message;
mod patterns;
mod problem;
mod rows;
mod section;
mod standing;
#[cfg(test)]
mod tests;
mod uses;

pub use calendar::{read_hours, read_special_days};
pub use capacity::read_capacity;
pub use cells::Cells;
pub use columns::read_settings;
pub use decide::{Changes, PublishedService, Verdict, decide};
pub use message::{Edition, Extent, Publish, Published, Report};
pub use patterns::{NoMatch, first_matches, section_of_group, unreadable_patterns};
pub use problem::{Flaw, Problem};
pub use rows::sections_of;
pub use section::{Identity, Kind, Section, Table, named};
pub use standing::{KEEPS_ASSIGNMENTS, Standing, TableState};
pub use uses::Present;
