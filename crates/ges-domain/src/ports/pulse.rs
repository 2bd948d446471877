//! Watching the sessions that have callbacks (chapter 6.2).

use async_trait::async_trait;

use super::StoreError;
use crate::callback::{Callback, SessionBinding, State};
use crate::{CallbackId, Instant, TenantId};

/// What came of asking a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked<T> {
    /// It answered.
    Answered(T),
    /// Its node knows no such session.
    Gone,
    /// No answer that says either; never counts against a session (R-POL-3).
    Unreachable,
}

/// Where a callback stands in its queue, as its session says (integrations 1.3).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// Position in the queue.
    pub position: Option<u32>,
    /// Estimated wait in seconds below 10,000; none when it is unknown.
    pub ewt: Option<u32>,
    /// The session's answer, letter by letter; empty when it is longer than [`Place::MOST_BYTES`].
    pub answer: String,
}

impl Place {
    /// Longest answer that is kept, in bytes.
    pub const MOST_BYTES: usize = 2_048;
}

/// What a node says of a session (integrations 1.3, `query`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Description {
    /// The session's own state, such as `running`.
    pub state: Option<String>,
    /// Where it says that its callback stands.
    pub callback_state: Option<State>,
    /// The whole answer, letter by letter, at most [`Description::MOST_BYTES`].
    pub document: String,
}

impl Description {
    /// Longest document that is kept, in bytes; a longer one is cut.
    pub const MOST_BYTES: usize = 16 * 1024;
}

/// Something that is passed on to a session, or back (integrations 2.11). `Debug` is not derived: it may be about a person.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Passed {
    /// The media type as the sender named it.
    pub content_type: Option<String>,
    /// The body, letter by letter.
    pub body: Vec<u8>,
    /// Parameters in the address of a request, letter by letter without the question mark; none in an answer.
    pub query: Option<String>,
}

impl std::fmt::Debug for Passed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Passed({} bytes)", self.body.len())
    }
}

/// Asks running sessions.
#[async_trait]
pub trait SessionRequests: Send + Sync {
    /// Where its callback stands in the queue, within some seconds.
    async fn place(&self, session: &SessionBinding) -> Asked<Place>;

    /// What its node says of it, within some seconds.
    async fn describe(&self, session: &SessionBinding) -> Asked<Description>;

    /// Passes a request on and its answer back, within some seconds. An answer that refuses the request is an answer, with its
    /// status.
    async fn relay(&self, session: &SessionBinding, action: &str, request: &Passed) -> Asked<(u16, Passed)>;
}

/// The newest news of a session; volatile (R-POL-1, integrations 1.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// When the session answered last; none when it never did.
    pub at: Option<Instant>,
    /// Where the callback stood then.
    pub place: Place,
    /// Whether it is reached; false after five minutes of errors.
    pub reachable: bool,
    /// What its node said of it, when that is news.
    pub diagnostics: Option<String>,
}

impl Seen {
    /// Whether it is news of the session that has this record: one that answered before the last attempt was made is another
    /// one (R-POL-1).
    pub fn is_of(&self, record: &Callback) -> bool {
        let since = record.submission.submitted_at;
        record.session.is_some() && self.at.is_none_or(|at| since.is_none_or(|since| since <= at))
    }

    /// Puts position and wait, as far as the session told them, into its record.
    pub fn tell(&self, record: &mut Callback) {
        record.position = self.place.position.or(record.position);
        record.ewt = self.place.ewt.or(record.ewt);
    }
}

/// Where news of sessions are kept for everybody who reads callbacks. Nothing depends on them: they may be lost at any moment.
#[async_trait]
pub trait SessionNews: Send + Sync {
    /// Keeps news for some minutes. Best effort.
    async fn keep(&self, news: &[(TenantId, CallbackId, Seen)]);

    /// The newest news of a callback's session, without diagnostics.
    async fn of(&self, tenant: TenantId, id: CallbackId) -> Option<Seen>;

    /// The newest news of several callbacks' sessions, in the order asked.
    async fn of_all(&self, tenant: TenantId, ids: &[CallbackId]) -> Vec<Option<Seen>> {
        let mut news = Vec::with_capacity(ids.len());
        for id in ids {
            news.push(self.of(tenant, *id).await);
        }
        news
    }

    /// The newest diagnostics of a callback's session (integrations 1.7).
    async fn diagnostics(&self, tenant: TenantId, id: CallbackId) -> Option<String>;
}

/// No news: positions and waits are those of the records.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoNews;

#[async_trait]
impl SessionNews for NoNews {
    async fn keep(&self, _: &[(TenantId, CallbackId, Seen)]) {}

    async fn of(&self, _: TenantId, _: CallbackId) -> Option<Seen> {
        None
    }

    async fn diagnostics(&self, _: TenantId, _: CallbackId) -> Option<String> {
        None
    }
}

/// Records that sessions have.
#[async_trait]
pub trait HeldRecords: Send + Sync {
    /// Records whose session needs looking after at `now` ([`Callback::is_held`]), by id, at most `limit`, those after `after`
    /// when it is given.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn held(&self, after: Option<CallbackId>, limit: u32, now: Instant) -> Result<Vec<Callback>, StoreError>;
}
