//! Requests: who was promised which number until when (15.2).

use std::fmt;
use std::time::Duration;

use super::{AccessNumber, Draws, GroupName};
use crate::callback::UserData;
use crate::idempotency::Keyed;
use crate::phone::{PhoneKey, PhoneNumber};
use crate::{CallInId, CallbackId, Instant, TenantId};

/// How long a request is kept after it was made (R-CTI-10).
pub const RETENTION: Duration = crate::callback::RETENTION;

/// What makes a waiting request findable on its number (R-CTI-4). Two are equal exactly when their texts are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The code that was given out.
    Code(u64),
    /// The number the consumer will call from.
    Caller(PhoneKey),
    /// The access number alone: nobody else without a code uses it.
    Exclusive,
}

impl fmt::Debug for Key {
    /// Says the kind, never the code or the number (I11).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Code(_) => "Code",
            Self::Caller(_) => "Caller",
            Self::Exclusive => "Exclusive",
        })
    }
}

/// The stored text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the key of a call-in request")]
pub struct NotAKey;

impl Key {
    /// The text stores keep: a letter for the kind and the rest.
    pub fn to_text(&self) -> String {
        match self {
            Self::Code(code) => format!("c{code}"),
            Self::Caller(key) => format!("p{}", key.as_str()),
            Self::Exclusive => "x".to_owned(),
        }
    }

    /// Reads [`Key::to_text`] back.
    ///
    /// # Errors
    /// [`NotAKey`] for every other text.
    pub fn stored(text: &str) -> Result<Self, NotAKey> {
        match text.split_at_checked(1) {
            Some(("c", code)) => code.parse().map(Self::Code).map_err(|_| NotAKey),
            Some(("p", key)) if !key.is_empty() => Ok(Self::Caller(PhoneKey::stored(key))),
            Some(("x", "")) => Ok(Self::Exclusive),
            _ => Err(NotAKey),
        }
    }
}

/// A key on a number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reservation {
    /// The number to dial.
    pub number: AccessNumber,
    /// What tells its requests apart.
    pub key: Key,
}

/// Where a request stands (R-CTI-3); MATCHED and EXPIRED are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its call has not come yet.
    Waiting,
    /// Its call came.
    Matched,
    /// Its time is over, or the same caller asked again.
    Expired,
}

/// A request that has its key.
#[derive(Debug, Clone, PartialEq)]
pub struct CallInRequest {
    /// Identity.
    pub id: CallInId,
    /// The contact center.
    pub tenant: TenantId,
    /// The group.
    pub group: GroupName,
    /// What it holds while it waits.
    pub reservation: Reservation,
    /// The number the consumer said to call from.
    pub from: Option<PhoneNumber>,
    /// Attached data.
    pub user_data: UserData,
    /// The callback it is tied to.
    pub callback: Option<CallbackId>,
    /// As last written; [`CallInRequest::state_at`] says how it stands.
    pub state: State,
    /// When it was made.
    pub created_at: Instant,
    /// The call has to come before this instant.
    pub expires_at: Instant,
    /// When it was matched or replaced.
    pub ended_at: Option<Instant>,
    /// The number the call came from, when it was shown.
    pub matched_from: Option<PhoneNumber>,
}

impl CallInRequest {
    /// How it stands at `now`: waiting ends by itself, `expires_at` is outside (R-CTI-3, EX-P P7).
    pub fn state_at(&self, now: Instant) -> State {
        match self.state {
            State::Waiting if now >= self.expires_at => State::Expired,
            state => state,
        }
    }

    /// The access code, when its group uses codes.
    pub fn code(&self) -> Option<u64> {
        match self.reservation.key {
            Key::Code(code) => Some(code),
            Key::Caller(_) | Key::Exclusive => None,
        }
    }
}

/// A request without its key: what [`super::allot`] and the store make a [`CallInRequest`] of.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Identity.
    pub id: CallInId,
    /// The contact center.
    pub tenant: TenantId,
    /// The group asked for.
    pub group: GroupName,
    /// The number the consumer said to call from, with its key.
    pub from: Option<(PhoneNumber, PhoneKey)>,
    /// Attached data.
    pub user_data: UserData,
    /// The callback it is tied to.
    pub callback: Option<CallbackId>,
    /// Chance for codes and numbers.
    pub draws: Draws,
    /// When it was made.
    pub created_at: Instant,
    /// The key it came under, if any (I6).
    pub keyed: Option<Keyed>,
}

impl Draft {
    /// The request with its key, waiting for `lifetime`.
    pub fn with(&self, reservation: Reservation, lifetime: Duration) -> CallInRequest {
        CallInRequest {
            id: self.id,
            tenant: self.tenant,
            group: self.group.clone(),
            reservation,
            from: self.from.as_ref().map(|(number, _)| number.clone()),
            user_data: self.user_data.clone(),
            callback: self.callback,
            state: State::Waiting,
            created_at: self.created_at,
            expires_at: self.created_at + lifetime,
            ended_at: None,
            matched_from: None,
        }
    }
}
