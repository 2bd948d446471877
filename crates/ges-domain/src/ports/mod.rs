//! What the rules need from outside, as acts of the business. Every method is one act: all of it happened, or nothing did.
//!
//! A business "no" is a value in `Ok`; `Err` means the outside broke.

mod accepted;
mod areas;
mod bulk;
mod call_in;
mod catalogue;
mod console_sessions;
mod credentials;
mod directory;
mod error;
mod former;
mod handover;
mod human;
mod identities;
mod ids;
mod kept;
mod lookup;
mod pauses;
mod proxies;
mod published;
mod publisher;
mod publishing;
mod pulse;
mod push;
mod record;
mod sealing;
mod sessions;
mod stream;

pub use accepted::AcceptedTimes;
pub use areas::{
    AreaAnswer, AreaContent, AreaFile, AreaId, AreaWrite, Areas, AreasDown, BadAreaId, MOST_AREA_BYTES, area_life,
};
pub use bulk::{BulkJobs, Opened, Pending};
pub use call_in::{CallIns, Reserved};
pub use catalogue::{Catalogue, RuleRemoved, ServiceRow};
pub use console_sessions::{ConsoleSession, ConsoleSessions, WordDigest};
pub use credentials::{
    CredentialDesk, CredentialError, CredentialKind, OpenCredential, OpenCredentials, SealedCredential,
    SealedCredentials,
};
pub use directory::{Account, Directory, DirectoryError};
pub use error::{Cause, Remedy, StoreError};
pub use former::FormerSessions;
pub use handover::{
    AgendaLine, Handed, Handover, HandoverOutcome, MonitorSizes, SHARDS, ServiceRef, Shard, ShardLease, Shards, Wake,
    WakeUps, shard_of,
};
pub use human::{HumanCheck, HumanVerdict, NoHumanCheck};
pub use identities::{Identities, IdentityError, Person, UserToken, UserTokens};
pub use ids::{Chance, Clock, Ids};
pub use kept::KeptAnswers;
pub use lookup::{Among, Look, Lookup, MOST_FOUND};
pub use pauses::{Misplaced, PauseAct, PauseEntry, PauseScope, Pauses};
pub use proxies::{ProvisionedServices, Proxies, Proxy, ProxyError};
pub use published::{NobodyFollows, PublishedServices};
pub use publisher::{Publication, PublishError, Publisher};
pub use publishing::Publishing;
pub use pulse::{Asked, Description, HeldRecords, NoNews, Passed, Place, Seen, SessionNews, SessionRequests};
pub use push::{Begun, NoticeEnd, NoticeKey, NoticeLine, Notices, PushProvider, Settled, UpcomingClaim, UpcomingPage};
pub use record::{
    Bookings, CancelAnswer, CancelRequest, Cancelled, Edit, Edited, Move, MoveAnswer, Moved, Record, SessionAnswer,
};
pub use sealing::Sealing;
pub use sessions::{SessionEvent, Sessions, Told};
pub use stream::{Dispatch, StreamError, SubmissionStream};
