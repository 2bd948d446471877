//! The rarely used fields of a record (chapter 2): stored together, compressed, beside the narrow row.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Change, MoveWish, Overgrown, UserData};
use crate::{CallInId, CallbackId, Instant, SessionId};

/// Who made the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Source {
    /// A web or mobile client through `/engagement/v3`.
    #[default]
    Api,
    /// Staff, in the console.
    Ui,
    /// A Designer application on the internal listener.
    Ivr,
    /// Recreated from a completed record (R-REC-10).
    Recreate,
}

/// What was offered and accepted; reporting only (R-TYP-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OfferType {
    /// As soon as possible.
    Asap,
    /// At a picked time.
    Scheduled,
    /// Both were offered.
    CombinedScheduledAndAsap,
}

impl OfferType {
    /// Exactly one of the three words, else what the presence of a desired time says (engagement-api 4.2).
    pub fn lenient(word: Option<&str>, has_desired_time: bool) -> Self {
        match word {
            Some("ASAP") => Self::Asap,
            Some("SCHEDULED") => Self::Scheduled,
            Some("COMBINED_SCHEDULED_AND_ASAP") => Self::CombinedScheduledAndAsap,
            _ if has_desired_time => Self::Scheduled,
            _ => Self::Asap,
        }
    }
}

/// Who gets push notifications: a registration token of the consumer's app. The channel is FCM, the only one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PushTarget(pub String);

impl std::fmt::Debug for PushTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PushTarget(FCM)")
    }
}

/// What a session told of its queue when it first dialed, for reporting (chapter 22).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstDial {
    /// Position in queue.
    pub position: Option<u32>,
    /// Estimated wait in seconds.
    pub ewt: Option<u32>,
}

/// A session that brought its callback with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnSession {
    /// The session.
    pub id: SessionId,
    /// Its node, when it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Optional fields of a record. `None` means not given; defaults are applied where the field is used.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Particulars {
    /// Where the record came from.
    #[serde(skip_serializing_if = "is_default")]
    pub source: Source,
    /// The member of staff who made it, for [`Source::Ui`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Prompt language such as `fr-CA`; absent means `en-US`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Overrides the service's routing point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route_point: Option<String>,
    /// Overrides the service's survey routing point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub survey_rp: Option<String>,
    /// Queue the inbound call would have used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inbound_vq: Option<String>,
    /// Queue its session waits in, instead of the service's (integrations 2.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_queue: Option<String>,
    /// EWT in seconds above which the callback was offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer_threshold: Option<i64>,
    /// Where the offer was made, free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// `ON-HOURS`, `OFF-HOURS` or what the caller sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer_timing: Option<String>,
    /// What was offered; absent means the default of R-TYP-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer_type: Option<OfferType>,
    /// The interaction in which the callback was offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origination_ixn: Option<String>,
    /// Attached data.
    #[serde(skip_serializing_if = "UserData::is_empty")]
    pub user_data: UserData,
    /// Push targets, at most ten.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub push_targets: Vec<PushTarget>,
    /// Whether the caller insisted on a capacity check (R-TYP-2).
    #[serde(skip_serializing_if = "is_default")]
    pub always_check_capacity: bool,
    /// EWT in seconds when it was booked, for reporting; none when nobody knew. Nearly every record has it: the name is short.
    #[serde(rename = "ewt", alias = "ewt_at_creation", skip_serializing_if = "Option::is_none")]
    pub ewt_at_creation: Option<u32>,
    /// The place a call made at that moment would have had in the queue, from 1, for reporting.
    #[serde(rename = "pos", skip_serializing_if = "Option::is_none")]
    pub position_at_creation: Option<u32>,
    /// The queue when the consumer was first dialed, for reporting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_dial: Option<FirstDial>,
    /// The completed record this one repeats (R-REC-10).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recreated_from: Option<CallbackId>,
    /// The call-in request whose call has come (R-CTI-14).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_in_request: Option<CallInId>,
    /// Whether a session still has to hear of that call (R-CTI-14).
    #[serde(skip_serializing_if = "is_default")]
    pub call_in_untold: bool,
    /// Earlier desired times, oldest first, at most the last ten.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub previous_desired: Vec<Instant>,
    /// Whether it was let in although nobody could say that a person asked (integrations 7.5).
    #[serde(skip_serializing_if = "is_default")]
    pub captcha_unverified: bool,
    /// Sessions that had it and gave it up, oldest first, at most the last ten; none of them may take it again (R-TR-2).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub former_sessions: Vec<SessionId>,
    /// Attempts that were written for earlier desired times; the numbers of new ones go on from them.
    #[serde(skip_serializing_if = "is_default")]
    pub attempts_before: u32,
    /// The last attempt that an update without a session's name has acknowledged (integrations 1.2.4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<u32>,
    /// The time somebody wishes, while the session that has it has to give way first (R-EDT-4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moving: Option<MoveWish>,
    /// The session that asked for it and has had it from the start (integrations 2.2); no attempt was ever made for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_session: Option<OwnSession>,
    /// Facts a session reported under names beginning with `_` (integrations 2.1, 2.10), at most [`Particulars::FACT_BYTES`].
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub session_facts: BTreeMap<String, String>,
}

impl Particulars {
    /// Language when none was given.
    pub const DEFAULT_LANGUAGE: &'static str = "en-US";
    /// Most bytes of all facts together, names included.
    pub const FACT_BYTES: usize = 128 * 1024;

    /// Takes facts over: an empty text removes. What is over the limit already may only shrink.
    ///
    /// # Errors
    /// [`Overgrown::Facts`] when they would take more than [`Self::FACT_BYTES`]; nothing is changed then.
    pub fn note_facts(&mut self, facts: &BTreeMap<String, String>) -> Result<(), Overgrown> {
        if facts.is_empty() {
            return Ok(());
        }
        let bytes = |facts: &BTreeMap<String, String>| -> usize {
            facts.iter().map(|(name, value)| name.len() + value.len()).sum()
        };
        let mut noted = self.session_facts.clone();
        for (name, value) in facts {
            match value.is_empty() {
                true => drop(noted.remove(name)),
                false => drop(noted.insert(name.clone(), value.clone())),
            }
        }
        if bytes(&noted) > bytes(&self.session_facts).max(Self::FACT_BYTES) {
            return Err(Overgrown::Facts);
        }
        self.session_facts = noted;
        Ok(())
    }

    /// Whether a session had it once and gave it up (R-TR-2).
    pub fn was_left_by(&self, session: &SessionId) -> bool {
        self.former_sessions.iter().any(|former| former.is_same(session))
    }

    /// Remembers a session that gave the callback up.
    pub(super) fn leave(&mut self, session: Option<&SessionId>) {
        const MOST: usize = 10;
        self.former_sessions.extend(session.cloned());
        let surplus = self.former_sessions.len().saturating_sub(MOST);
        self.former_sessions.drain(..surplus);
    }

    /// What the first event of a record tells (T1, T2): the booking, and the session it came with.
    pub fn first_changes(&self) -> Vec<Change> {
        let bound = |own: &OwnSession| Change::SessionBound { session: own.id.clone(), url: own.url.clone() };
        std::iter::once(Change::Booked).chain(self.own_session.as_ref().map(bound)).collect()
    }

    /// The prompt language.
    pub fn language(&self) -> &str {
        self.language.as_deref().unwrap_or(Self::DEFAULT_LANGUAGE)
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_of_the_official_clients_counts_as_the_default() {
        let sentence = "ASAP if the request does not include the desiredTime parameter and SCHEDULED if it does.";
        assert_eq!(OfferType::lenient(Some(sentence), false), OfferType::Asap);
        assert_eq!(OfferType::lenient(Some(sentence), true), OfferType::Scheduled);
        assert_eq!(OfferType::lenient(None, true), OfferType::Scheduled);
        assert_eq!(OfferType::lenient(Some("ASAP"), true), OfferType::Asap);
    }

    #[test]
    fn what_the_routers_said_takes_few_bytes_and_the_longer_name_is_read() {
        let told = Particulars { ewt_at_creation: Some(240), position_at_creation: Some(12), ..Particulars::default() };
        assert_eq!(serde_json::to_string(&told).unwrap(), r#"{"ewt":240,"pos":12}"#);
        let read: Particulars = serde_json::from_str(r#"{"ewt_at_creation":240,"pos":12}"#).unwrap();
        assert_eq!(read, told);
    }

    #[test]
    fn empty_particulars_are_an_empty_document() {
        assert_eq!(serde_json::to_string(&Particulars::default()).unwrap(), "{}");
    }
}
