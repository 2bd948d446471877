//! What the rules need from outside, as acts of the business. Every method is one act: all of it happened, or nothing did.
//!
//! A business "no" is a value in `Ok`; `Err` means the outside broke.

mod accepted;
mod areas;
mod call_in;
mod catalogue;
mod credentials;
mod error;
mod handover;
mod human;
mod ids;
mod kept;
mod lookup;
mod publisher;
mod pulse;
mod push;
mod record;
mod sessions;
mod stream;

pub use accepted::AcceptedTimes;
pub use areas::{
    AreaAnswer, AreaContent, AreaFile, AreaId, AreaWrite, Areas, AreasDown, BadAreaId, MOST_AREA_BYTES, area_life,
};
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
pub use lookup::{Among, Look, Lookup, MOST_FOUND};
pub use publisher::{Publication, PublishError, Publisher};
pub use pulse::{HeldRecords, Pulse, SessionPulse};
pub use push::{Begun, NoticeEnd, NoticeKey, NoticeLine, Notices, PushProvider, Settled, UpcomingClaim, UpcomingPage};
pub use record::{Bookings, CancelAnswer, CancelRequest, Cancelled, Edit, Edited, Move, Moved, Record, SessionAnswer};
pub use sessions::{CancelOutcome, Sessions};
pub use stream::{Dispatch, StreamError, SubmissionStream};
