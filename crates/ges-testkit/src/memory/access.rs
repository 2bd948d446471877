//! Console sessions and the list of services.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ges_domain::ports::{ConsoleSession, ConsoleSessions, ProvisionedServices, StoreError, WordDigest};
use ges_domain::{Instant, ServiceName, TenantId};

use super::MemoryStore;

/// Sessions, and browsers expected back.
#[derive(Default)]
pub(super) struct Console {
    sessions: BTreeMap<WordDigest, ConsoleSession>,
    returns: BTreeMap<WordDigest, Instant>,
}

#[async_trait]
impl ConsoleSessions for MemoryStore {
    async fn expect_return(&self, state: WordDigest, until: Instant) -> Result<(), StoreError> {
        self.open()?.console.returns.insert(state, until);
        Ok(())
    }

    async fn take_return(&self, state: WordDigest, now: Instant) -> Result<bool, StoreError> {
        Ok(self.open()?.console.returns.remove(&state).is_some_and(|until| now < until))
    }

    async fn open_session(&self, session: &ConsoleSession) -> Result<(), StoreError> {
        self.open()?.console.sessions.insert(session.key, session.clone());
        Ok(())
    }

    async fn session(&self, key: WordDigest, now: Instant) -> Result<Option<ConsoleSession>, StoreError> {
        Ok(self.open()?.console.sessions.get(&key).filter(|session| now < session.idle_until).cloned())
    }

    async fn touch_session(&self, key: WordDigest, now: Instant, idle_until: Instant) -> Result<bool, StoreError> {
        let mut state = self.open()?;
        let session = state.console.sessions.get_mut(&key).filter(|session| now < session.idle_until);
        let Some(session) = session else { return Ok(false) };
        session.idle_until = session.idle_until.max(idle_until);
        Ok(true)
    }

    async fn reseal_session(&self, key: WordDigest, was: &[u8], sealed: &[u8]) -> Result<bool, StoreError> {
        let mut state = self.open()?;
        let session = state.console.sessions.get_mut(&key).filter(|session| session.sealed == was);
        let Some(session) = session else { return Ok(false) };
        session.sealed = sealed.to_vec();
        Ok(true)
    }

    async fn close_session(&self, key: WordDigest) -> Result<bool, StoreError> {
        Ok(self.open()?.console.sessions.remove(&key).is_some())
    }

    async fn purge_sessions(&self, now: Instant, limit: u32) -> Result<u64, StoreError> {
        let mut state = self.open()?;
        let console = &mut state.console;
        let over = |(key, until): (&WordDigest, Instant)| (until <= now).then_some(*key);
        let returns = console.returns.iter().filter_map(|(key, until)| over((key, *until)));
        let sessions = console.sessions.iter().filter_map(|(key, session)| over((key, session.idle_until)));
        let over: Vec<_> = returns.chain(sessions).take(limit as usize).collect();
        for key in &over {
            console.returns.remove(key);
            console.sessions.remove(key);
        }
        Ok(over.len() as u64)
    }
}

#[async_trait]
impl ProvisionedServices for MemoryStore {
    async fn services_by_tenant(&self) -> Result<BTreeMap<TenantId, Vec<ServiceName>>, StoreError> {
        let state = self.open()?;
        let mut all: BTreeMap<TenantId, Vec<ServiceName>> = BTreeMap::new();
        for (service, provisioned) in &state.services {
            let of_tenant = all.entry(service.tenant).or_default();
            if !provisioned.removed {
                of_tenant.push(service.name.clone());
            }
        }
        all.values_mut().for_each(|names| names.sort_by(|one, other| one.as_str().cmp(other.as_str())));
        Ok(all)
    }
}
