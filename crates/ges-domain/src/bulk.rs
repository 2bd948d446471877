//! Doing the same to many callbacks at once (R-BLK-1 to R-BLK-3): what a job is, whom it takes, and what became of each record.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use uuid::Uuid;

use crate::callback::State;
use crate::idempotency::{BodyDigest, Key, Keyed, Operation};
use crate::phone::PhoneNumber;
use crate::{CallbackId, Instant, NotAnId, ServiceName, TenantId};

/// Most records of one request (R-BLK-2).
pub const MOST: u32 = 10_000;
/// Records worked off in a second (R-BLK-2).
pub const PER_SECOND: u32 = 50;
/// How long a job and its report are kept, from its creation.
pub const RETENTION: Duration = Duration::from_secs(14 * 24 * 3600);

/// Identity of one job, version 7 inside, just a UUID outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BulkId(pub Uuid);

impl fmt::Display for BulkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for BulkId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        Uuid::try_parse(text).map(Self).map_err(|_| NotAnId)
    }
}

/// What is done to every record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It is cancelled with `CANCELLED_BY_ADMIN` (R-BLK-1).
    Cancel,
    /// It is booked again, all with the same choice (R-BLK-3).
    Recreate {
        /// The desired time of the new ones; as soon as possible when absent.
        desired: Option<Instant>,
    },
}

impl Kind {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Recreate { .. } => "recreate",
        }
    }
}

/// Whom it takes. An empty list takes everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Desired times from here…
    pub from: Instant,
    /// …until before here.
    pub until: Instant,
    /// States.
    pub states: Vec<State>,
    /// Services.
    pub services: Vec<ServiceName>,
}

/// Whom a job takes (R-BLK-1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// These, each once, in this order; unknown ones are named in the report.
    Ids(Vec<CallbackId>),
    /// Every record of the tenant that passes when the job is opened, in the order of desired time and id.
    Filter(Filter),
}

impl Selection {
    /// These ids, repeats left out.
    pub fn of(ids: impl IntoIterator<Item = CallbackId>) -> Self {
        let mut seen = BTreeSet::new();
        Self::Ids(ids.into_iter().filter(|id| seen.insert(*id)).collect())
    }
}

/// A job as it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Its identity; opening the same again changes nothing.
    pub id: BulkId,
    /// The tenant.
    pub tenant: TenantId,
    /// What is done.
    pub kind: Kind,
    /// To whom.
    pub selection: Selection,
    /// Who wishes it.
    pub by: String,
    /// When.
    pub at: Instant,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Records wait for it.
    Running,
    /// Every record has an outcome.
    Done,
    /// Somebody stopped it; what had no outcome by then stays as it is.
    Stopped,
}

impl Stage {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Done => "DONE",
            Self::Stopped => "STOPPED",
        }
    }
}

/// A job as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its identity.
    pub id: BulkId,
    /// The tenant.
    pub tenant: TenantId,
    /// What is done.
    pub kind: Kind,
    /// Who wished it.
    pub by: String,
    /// When.
    pub created_at: Instant,
    /// When it was done or stopped.
    pub ended_at: Option<Instant>,
    /// How far it is.
    pub stage: Stage,
    /// Records it takes.
    pub total: u32,
    /// Records it was done to.
    pub succeeded: u32,
    /// Records that refused.
    pub failed: u32,
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Succeeded {
        /// The new record, of a recreate.
        created: Option<CallbackId>,
    },
    /// It was not.
    Failed {
        /// Why; nothing personal.
        cause: String,
    },
}

/// One record of a job, as it was when the job was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its place in the job, from 1.
    pub position: u32,
    /// The record.
    pub callback: CallbackId,
    /// Its service; absent when the tenant has no such record.
    pub service: Option<ServiceName>,
    /// Its number.
    pub phone: Option<PhoneNumber>,
    /// Its desired time.
    pub desired: Option<Instant>,
    /// What became of it; none while it waits.
    pub outcome: Option<Outcome>,
}

/// The key under which a job does one record: whoever dies in between does it again, and it happens once (I6, P-19).
pub fn keyed(job: BulkId, kind: Kind, callback: CallbackId) -> Keyed {
    let operation = match kind {
        Kind::Cancel => Operation::Cancel,
        Kind::Recreate { .. } => Operation::Create,
    };
    let key = Key::new(&format!("bulk:{job}:{callback}")).expect("invariant: two UUIDs are visible and short");
    Keyed { operation, key, body: BodyDigest([0; 32]) }
}
