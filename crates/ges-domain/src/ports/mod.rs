//! What the rules need from outside, as acts of the business. Every method is one act: all of it happened, or nothing did.
//!
//! A business "no" is a value in `Ok`; `Err` means the outside broke.

mod accepted;
mod bulk;
mod call_in;
mod catalogue;
mod credentials;
mod error;
mod handover;
mod human;
mod ids;
mod kept;
mod pauses;
mod pulse;
mod push;
mod record;
mod sessions;
mod stream;

pub use accepted::AcceptedTimes;
pub use bulk::{BulkJobs, Opened, Pending};
pub use call_in::{CallIns, Reserved};
pub use catalogue::{Catalogue, ServiceRow};
pub use credentials::{
    CredentialDesk, CredentialError, CredentialKind, OpenCredential, OpenCredentials, SealedCredential,
    SealedCredentials,
};
pub use error::{Cause, Remedy, StoreError};
pub use handover::{
    AgendaLine, Handed, Handover, HandoverOutcome, MonitorSizes, SHARDS, ServiceRef, Shard, ShardLease, Shards, Wake,
    WakeUps, shard_of,
};
pub use human::{HumanCheck, HumanVerdict, NoHumanCheck};
pub use ids::{Chance, Clock, Ids};
pub use kept::KeptAnswers;
pub use pauses::{Misplaced, PauseAct, PauseEntry, PauseScope, Pauses};
pub use pulse::{HeldRecords, Pulse, SessionPulse};
pub use push::{Begun, NoticeEnd, NoticeKey, NoticeLine, Notices, PushProvider, Settled, UpcomingClaim, UpcomingPage};
pub use record::{Bookings, CancelAnswer, CancelRequest, Cancelled, Edit, Edited, Move, Moved, Record, SessionAnswer};
pub use sessions::{SessionEvent, Sessions, Told};
pub use stream::{Dispatch, StreamError, SubmissionStream};
