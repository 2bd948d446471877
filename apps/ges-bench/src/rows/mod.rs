//! The rows of the cost budget, one module each.

mod creates;
mod drain;
mod idle;
mod kills;
mod lateness;
mod memory;
mod mixed;
mod statements;
mod storage;
mod waiting;

use anyhow::Result;
use clap::ValueEnum;

use crate::report::Figure;

/// A row, or a few that are measured on one deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Row {
    /// Bookings per second against single INSERTs, and processor time per booking.
    Creates,
    /// Store operations of one immediate callback from creation to end.
    Statements,
    /// Store operations while nothing happens.
    Idle,
    /// Store operations of callbacks that only wait, and how soon a new worker knows them.
    Waiting,
    /// Bytes per 10,000 bookings.
    Storage,
    /// Many due in one instant against pipelined XADDs.
    Drain,
    /// How late callbacks leave.
    Lateness,
    /// kill −9 in a burst: missing and twice.
    Kills,
    /// Memory, readiness, takeover.
    Memory,
    /// Response times at 200 mixed requests a second.
    Mixed,
}

impl Row {
    /// All of them, cheap ones first.
    pub(crate) fn all() -> Vec<Self> {
        Self::value_variants().to_vec()
    }

    /// Its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Creates => "creates",
            Self::Statements => "statements",
            Self::Idle => "idle",
            Self::Waiting => "waiting",
            Self::Storage => "storage",
            Self::Drain => "drain",
            Self::Lateness => "lateness",
            Self::Kills => "kills",
            Self::Memory => "memory",
            Self::Mixed => "mixed",
        }
    }

    /// Measures it on a deployment of its own.
    pub(crate) async fn measure(self, quick: bool) -> Result<Vec<Figure>> {
        match self {
            Self::Creates => creates::measure(quick).await,
            Self::Statements => statements::measure(quick).await,
            Self::Idle => idle::measure(quick).await,
            Self::Waiting => waiting::measure(quick).await,
            Self::Storage => storage::measure(quick).await,
            Self::Drain => drain::measure(quick).await,
            Self::Lateness => lateness::measure(quick).await,
            Self::Kills => kills::measure(quick).await,
            Self::Memory => memory::measure(quick).await,
            Self::Mixed => mixed::measure(quick).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_command_line() {
        for row in Row::all() {
            assert_eq!(row.to_possible_value().unwrap().get_name(), row.name());
        }
    }
}
