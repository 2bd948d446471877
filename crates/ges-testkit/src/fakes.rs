//! Settable stand-ins for routers, numbering plan, sessions and the registry of contact centers.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ges_domain::booking::CaptchaToken;
use ges_domain::callback::{PushTarget, SessionBinding};
use ges_domain::origin::{Origin, OriginList};
use ges_domain::phone::{Country, NumberingPlan, Parsed};
use ges_domain::ports::{
    Chance, CredentialDesk, CredentialError, CredentialKind, HumanCheck, HumanVerdict, PushProvider, SessionEvent,
    Sessions, Told,
};
use ges_domain::push::{Message, Sent, Texts};
use ges_domain::statistics::{Question as StatisticsQuestion, Statistics, StatisticsError};
use ges_domain::tenancy::{ApiKeys, TenancyError, WebOrigins};
use ges_domain::wait::{Estimate, EwtMode, Question, WaitError, WaitEstimates};
use ges_domain::{CallbackId, Instant, SessionId, TenantId};

/// Waits per queue; a queue nobody set has [`Estimate::NoCalls`].
#[derive(Debug, Default)]
pub struct FakeWaits(Mutex<Waits>);

#[derive(Debug, Default)]
struct Waits {
    queues: HashMap<(TenantId, String), Estimate>,
    down: bool,
    silent: HashSet<String>,
    asked: u32,
    last: Option<(String, EwtMode, bool)>,
    positions: HashMap<String, u32>,
}

impl FakeWaits {
    /// Sets what is answered for a queue.
    pub fn set(&self, tenant: TenantId, queue: &str, estimate: Estimate) {
        self.0.lock().unwrap().queues.insert((tenant, queue.to_owned()), estimate);
    }

    /// Sets the place a new call would have in a queue.
    pub fn set_position(&self, queue: &str, position: u32) {
        self.0.lock().unwrap().positions.insert(queue.to_owned(), position);
    }

    /// Whether no router answers.
    pub fn set_down(&self, down: bool) {
        self.0.lock().unwrap().down = down;
    }

    /// Makes every router silent about one queue.
    pub fn set_silent(&self, queue: &str) {
        self.0.lock().unwrap().silent.insert(queue.to_owned());
    }

    /// Queue, mode and calls on hold of the last question.
    pub fn last(&self) -> Option<(String, EwtMode, bool)> {
        self.0.lock().unwrap().last.clone()
    }

    /// How often somebody asked.
    pub fn asked(&self) -> u32 {
        self.0.lock().unwrap().asked
    }
}

#[async_trait]
impl WaitEstimates for FakeWaits {
    async fn estimate(&self, tenant: TenantId, asked: &Question<'_>) -> Result<Estimate, WaitError> {
        let mut waits = self.0.lock().unwrap();
        waits.asked += 1;
        waits.last = Some((asked.queue.to_owned(), asked.mode, asked.on_hold));
        if waits.down || waits.silent.contains(asked.queue) {
            return Err(WaitError::Unavailable("the test took the routers down".into()));
        }
        Ok(waits.queues.get(&(tenant, asked.queue.to_owned())).copied().unwrap_or(Estimate::NoCalls))
    }

    fn position(&self, _: TenantId, queue: &str) -> Option<u32> {
        self.0.lock().unwrap().positions.get(queue).copied()
    }
}

/// A numbering plan in which 7 to 15 digits are a possible number, those that begin with 1900 are premium, and up to three digits are
/// short; text with a letter is no number. Numbers from 1 are American, those from 44 British, others belong to no country. An
/// expression is found where its own text is.
#[derive(Debug, Clone, Copy, Default)]
pub struct FakePlan;

impl NumberingPlan for FakePlan {
    fn parse(&self, input: &str, default_country: &Country) -> Option<Parsed> {
        let digits: String = input.chars().filter(char::is_ascii_digit).collect();
        if digits.is_empty() || input.chars().any(char::is_alphabetic) {
            return None;
        }
        let national = !input.trim_start().starts_with('+') && digits.len() == 10 && *default_country == Country::US;
        let e164_digits = if national { format!("1{digits}") } else { digits };
        Some(Parsed {
            possible: (7..=15).contains(&e164_digits.len()),
            premium: e164_digits.starts_with("1900"),
            region: country_of(&e164_digits),
            e164_digits,
        })
    }

    fn is_emergency_or_short(&self, input: &str, _default_country: &Country) -> bool {
        (1..=3).contains(&input.chars().filter(char::is_ascii_digit).count())
    }

    fn finds(&self, expression: &str, text: &str) -> Option<bool> {
        let whole = expression.strip_prefix("^(?:").and_then(|rest| rest.strip_suffix(")$"));
        match whole {
            Some(whole) => (!whole.contains('(')).then(|| text == whole),
            None => (!expression.contains('(')).then(|| text.contains(expression)),
        }
    }
}

fn country_of(e164_digits: &str) -> Option<Country> {
    match e164_digits {
        digits if digits.starts_with('1') => Some(Country::US),
        digits if digits.starts_with("44") => Country::new("GB").ok(),
        _ => None,
    }
}

/// Chance that counts up from a number.
#[derive(Debug, Default)]
pub struct CountingChance(AtomicU64);

impl CountingChance {
    /// The next draw is `first`.
    pub const fn from(first: u64) -> Self {
        Self(AtomicU64::new(first))
    }
}

impl Chance for CountingChance {
    fn draw(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// What is asked of the fake statistics service.
pub type StatisticsAsked = (TenantId, String, u64);

/// A statistics service that answers what a test sets, and an empty object without.
#[derive(Debug, Default)]
pub struct FakeStatistics {
    next: Mutex<VecDeque<Result<String, StatisticsError>>>,
    asked: Mutex<Vec<StatisticsAsked>>,
}

impl FakeStatistics {
    /// Sets the next answer that has none yet.
    pub fn answer(&self, answer: Result<&str, StatisticsError>) {
        self.next.lock().unwrap().push_back(answer.map(str::to_owned));
    }

    /// Tenant, canonical request and seconds of every question so far.
    pub fn asked(&self) -> Vec<StatisticsAsked> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Statistics for FakeStatistics {
    async fn get_statistic_ex(
        &self,
        tenant: TenantId,
        question: StatisticsQuestion<'_>,
    ) -> Result<Arc<str>, StatisticsError> {
        let asked = (tenant, question.canonical.to_owned(), question.max_age.as_secs());
        self.asked.lock().unwrap().push(asked);
        let answer = self.next.lock().unwrap().pop_front().unwrap_or_else(|| Ok("{}".to_owned()));
        answer.map(Arc::from)
    }
}

/// What was asked of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionCall {
    /// What happened to its callback.
    Told(SessionId, CallbackId, SessionEvent),
    /// To stop, because it has no right to it.
    Terminate(SessionId),
}

/// Sessions that answer from a script, and [`Told::Accepted`] when it is used up.
#[derive(Debug, Default)]
pub struct FakeSessions {
    script: Mutex<VecDeque<Told>>,
    stops: Mutex<VecDeque<Told>>,
    calls: Mutex<Vec<SessionCall>>,
}

impl FakeSessions {
    /// Adds an answer to the next order to stop that has none yet.
    pub fn answer_stop(&self, told: Told) {
        self.stops.lock().unwrap().push_back(told);
    }

    /// Adds an answer to the next event that has none yet.
    pub fn answer(&self, told: Told) {
        self.script.lock().unwrap().push_back(told);
    }

    /// What was asked so far.
    pub fn calls(&self) -> Vec<SessionCall> {
        self.calls.lock().unwrap().clone()
    }
}

#[async_trait]
impl Sessions for FakeSessions {
    async fn tell(&self, session: &SessionBinding, callback: CallbackId, event: &SessionEvent, _at: Instant) -> Told {
        self.calls.lock().unwrap().push(SessionCall::Told(session.id.clone(), callback, event.clone()));
        self.script.lock().unwrap().pop_front().unwrap_or(Told::Accepted)
    }

    async fn terminate(&self, session: &SessionBinding) -> Told {
        self.calls.lock().unwrap().push(SessionCall::Terminate(session.id.clone()));
        self.stops.lock().unwrap().pop_front().unwrap_or(Told::Accepted)
    }
}

/// Lists of web origins.
#[derive(Debug, Default)]
pub struct FakeOrigins {
    lists: Mutex<HashMap<TenantId, OriginList>>,
    down: Mutex<bool>,
}

impl FakeOrigins {
    /// Gives a tenant its list, as the setting spells it.
    pub fn give(&self, tenant: TenantId, list: &str) {
        self.lists.lock().unwrap().insert(tenant, OriginList::read(list).0);
    }

    /// Whether the registry does not answer.
    pub fn set_down(&self, down: bool) {
        *self.down.lock().unwrap() = down;
    }

    fn lists(&self) -> Result<HashMap<TenantId, OriginList>, TenancyError> {
        match *self.down.lock().unwrap() {
            true => Err(TenancyError::Unavailable("the test took the registry down".into())),
            false => Ok(self.lists.lock().unwrap().clone()),
        }
    }
}

#[async_trait]
impl WebOrigins for FakeOrigins {
    async fn admits(&self, tenant: TenantId, origin: &Origin) -> Result<bool, TenancyError> {
        Ok(self.lists()?.get(&tenant).is_some_and(|list| list.admits(origin)))
    }

    async fn any_admits(&self, origin: &Origin) -> Result<bool, TenancyError> {
        Ok(self.lists()?.values().any(|list| list.admits(origin)))
    }
}

/// A registry of contact centers.
#[derive(Debug, Default)]
pub struct FakeKeys {
    keys: Mutex<HashMap<String, TenantId>>,
    down: Mutex<bool>,
}

impl FakeKeys {
    /// Gives a tenant a key; the tenant is known from then on.
    pub fn give(&self, key: &str, tenant: TenantId) {
        self.keys.lock().unwrap().insert(key.to_owned(), tenant);
    }

    /// Takes a key away; a tenant without keys is not known any more.
    pub fn forget(&self, key: &str) {
        self.keys.lock().unwrap().remove(key);
    }

    /// Whether the registry does not answer.
    pub fn set_down(&self, down: bool) {
        *self.down.lock().unwrap() = down;
    }

    fn answering(&self) -> Result<(), TenancyError> {
        match *self.down.lock().unwrap() {
            true => Err(TenancyError::Unavailable("the test took the registry down".into())),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl ApiKeys for FakeKeys {
    async fn tenant_of(&self, key: &str) -> Result<Option<TenantId>, TenancyError> {
        self.answering()?;
        Ok(self.keys.lock().unwrap().get(key).copied())
    }

    async fn known(&self, tenant: TenantId) -> Result<bool, TenancyError> {
        self.answering()?;
        Ok(self.keys.lock().unwrap().values().any(|known| *known == tenant))
    }

    async fn only(&self) -> Result<Option<TenantId>, TenancyError> {
        self.answering()?;
        let keys = self.keys.lock().unwrap();
        let tenants: HashSet<TenantId> = keys.values().copied().collect();
        Ok(tenants.iter().next().copied().filter(|_| tenants.len() == 1))
    }
}

/// A verifier that accepts the token `human` and nothing else, unless it is told what to answer.
#[derive(Debug, Default)]
pub struct FakeHumans {
    answer: Mutex<Option<HumanVerdict>>,
    asked: Mutex<Vec<Option<String>>>,
}

impl FakeHumans {
    /// Answers every question like this from now on.
    pub fn answer(&self, verdict: HumanVerdict) {
        *self.answer.lock().unwrap() = Some(verdict);
    }

    /// The site keys of the questions so far.
    pub fn asked(&self) -> Vec<Option<String>> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl HumanCheck for FakeHumans {
    async fn check(&self, _tenant: TenantId, site_key: Option<&str>, token: &CaptchaToken) -> HumanVerdict {
        self.asked.lock().unwrap().push(site_key.map(str::to_owned));
        let otherwise = if token.text == "human" { HumanVerdict::Human } else { HumanVerdict::NotHuman };
        self.answer.lock().unwrap().unwrap_or(otherwise)
    }
}

/// A provider of pushes that writes down what it is given, and answers from a script per target, else accepts.
#[derive(Debug, Default)]
pub struct FakePush {
    script: Mutex<HashMap<String, VecDeque<Sent>>>,
    sent: Mutex<Vec<(PushTarget, Message)>>,
    texts: Mutex<Arc<Texts>>,
}

impl FakePush {
    /// Adds an answer to the next message for `target` that has none yet.
    pub fn answer(&self, target: &str, sent: Sent) {
        self.script.lock().unwrap().entry(target.to_owned()).or_default().push_back(sent);
    }

    /// Sets every tenant's texts.
    pub fn set_texts(&self, texts: Texts) {
        *self.texts.lock().unwrap() = Arc::new(texts);
    }

    /// What was given to it, answered or not.
    pub fn sent(&self) -> Vec<(PushTarget, Message)> {
        self.sent.lock().unwrap().clone()
    }
}

#[async_trait]
impl PushProvider for FakePush {
    async fn texts(&self, _tenant: TenantId) -> Arc<Texts> {
        self.texts.lock().unwrap().clone()
    }

    async fn send(&self, _tenant: TenantId, target: &PushTarget, message: &Message) -> Sent {
        self.sent.lock().unwrap().push((target.clone(), message.clone()));
        let mut script = self.script.lock().unwrap();
        script.get_mut(&target.0).and_then(VecDeque::pop_front).unwrap_or(Sent::Accepted)
    }
}

/// Keeps credentials in clear and takes everything but the document `bad`.
#[derive(Debug, Default)]
pub struct FakeDesk(Mutex<std::collections::BTreeMap<(TenantId, &'static str, String), String>>);

#[async_trait]
impl CredentialDesk for FakeDesk {
    async fn put(
        &self,
        tenant: TenantId,
        kind: CredentialKind,
        name: &str,
        document: &str,
    ) -> Result<(), CredentialError> {
        if document == "bad" {
            return Err(CredentialError::Bad("it is bad".into()));
        }
        self.0.lock().unwrap().insert((tenant, kind.as_str(), name.to_owned()), document.to_owned());
        Ok(())
    }

    async fn remove(&self, tenant: TenantId, kind: CredentialKind, name: &str) -> Result<bool, CredentialError> {
        Ok(self.0.lock().unwrap().remove(&(tenant, kind.as_str(), name.to_owned())).is_some())
    }

    async fn names(&self, tenant: TenantId, kind: CredentialKind) -> Result<Vec<String>, CredentialError> {
        let kept = self.0.lock().unwrap();
        let of_kind = kept.keys().filter(|(owner, of, _)| (*owner, *of) == (tenant, kind.as_str()));
        Ok(of_kind.map(|(_, _, name)| name.clone()).collect())
    }
}
