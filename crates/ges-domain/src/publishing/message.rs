//! A publish as it arrives, and what came of it (R-PUB-2, R-PUB-3).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Cells, Problem, Table};
use crate::Instant;

/// Which publish: its id, opaque, and its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Edition {
    /// The publish id, which is also the version of the table.
    pub id: String,
    /// When it was published, never later than it arrived: a clock that runs ahead must not shut later publishes out.
    pub published_at: Instant,
}

/// How much a publish speaks about (R-PUB-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// The sections it holds and these, which go. What it does not name stays.
    Changes {
        /// Names of sections.
        removed: Vec<String>,
    },
    /// A whole table: its rows that are absent go.
    Snapshot(Table),
}

/// One publish of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// Its id and time; none when the sender has none, then it is the latest there is.
    pub edition: Option<Edition>,
    /// When it arrived, in store time.
    pub received_at: Instant,
    /// How much it speaks about.
    pub extent: Extent,
    /// Sections by name.
    pub sections: BTreeMap<String, Cells>,
    /// It applies only to this version of its table.
    pub only_if: Option<String>,
    /// What was found wrong before: rows without a name, patterns that are none.
    pub refused: Vec<Problem>,
}

impl Publish {
    /// A publish of nothing, which looks again at rows that were refused: what they refer to may have come since.
    pub fn again(received_at: Instant) -> Self {
        Self::changes(received_at, BTreeMap::new(), Vec::new())
    }

    /// Whether it says nothing at all.
    pub fn is_empty(&self) -> bool {
        self.sections.is_empty() && matches!(&self.extent, Extent::Changes { removed } if removed.is_empty())
    }

    /// Changes without id and time of their own.
    pub fn changes(received_at: Instant, sections: BTreeMap<String, Cells>, removed: Vec<String>) -> Self {
        let extent = Extent::Changes { removed };
        Self { edition: None, received_at, extent, sections, only_if: None, refused: Vec::new() }
    }
}

/// What came of a publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// It is in force.
    Applied(Box<Report>),
    /// A later one is in force; nothing changed (R-PUB-3).
    Older,
    /// It has been applied before; nothing changed (R-PUB-3).
    Repeated,
    /// The table has another version than the sender expects; nothing changed.
    VersionDiffers,
}

/// What a publish changed, by the names of services, calendars and so on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The configuration's revision since.
    pub revision: u64,
    /// Were not there before.
    pub added: Vec<String>,
    /// Were there with other cells.
    pub updated: Vec<String>,
    /// Are gone.
    pub removed: Vec<String>,
    /// Were not taken, or were to go and stay because services use them (R-CFG-1, R-CR-5).
    pub invalid: Vec<Problem>,
    /// Whether a service came, went or has other settings.
    pub services_changed: bool,
}
