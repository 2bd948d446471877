//! Signing in at the console, and who acts there (integrations 4.2.3, 8.6; R-RB-6; design decisions 2 and 8).
//!
//! A browser holds a word and nothing else. Its digest finds a session in the record store, where the tokens of the user lie
//! sealed. Never here: a token, a code or a word in a log line or an answer.

mod error;
mod guesses;
mod operator;
mod pages;
mod routes;
mod session;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ges_domain::access::{Assignment, Sight};
use ges_domain::ports::{Chance, Clock, ConsoleSessions, Directory, Identities, Sealing, StoreError};

pub use error::ConsoleError;
pub use guesses::Guesses;
pub use operator::Operator;
pub(crate) use routes::routes;

/// A session that is not used for so long is over (R-RB-6).
const IDLE: Duration = Duration::from_secs(20 * 60);
/// A browser may take so long to sign in.
const RETURN: Duration = Duration::from_secs(10 * 60);
/// A token with less left is renewed.
const RENEW_BELOW: Duration = Duration::from_secs(60);
/// Rows deleted at once.
const PURGE: u32 = 500;

/// Name and password of the sign-in that works without GWS.
#[derive(Clone)]
pub struct BreakGlass {
    /// The name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for BreakGlass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BreakGlass(***)")
    }
}

/// What signing in at the console works with.
pub struct Console {
    /// The authentication service; without it only the emergency sign-in works.
    pub identities: Option<Arc<dyn Identities>>,
    /// What users may do; without it nobody but the emergency user may do anything.
    pub directory: Option<Arc<dyn Directory>>,
    /// The record of sessions.
    pub sessions: Arc<dyn ConsoleSessions>,
    /// Seals what the record holds.
    pub sealing: Arc<dyn Sealing>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
    /// Words nobody can foresee.
    pub chance: Arc<dyn Chance>,
    /// How roles are given.
    pub assignment: Assignment,
    /// How browsers reach the console, without a path; none: as their request says.
    pub public_base: Option<String>,
    /// The emergency sign-in; none: there is none.
    pub break_glass: RwLock<Option<BreakGlass>>,
    /// Who is guessing at the emergency password.
    pub guesses: Guesses,
}

impl Console {
    /// Another emergency sign-in from now on, or none (integrations 10.1).
    pub fn change_break_glass(&self, break_glass: Option<BreakGlass>) {
        *self.break_glass.write().unwrap_or_else(PoisonError::into_inner) = break_glass;
    }

    fn break_glass(&self) -> Option<BreakGlass> {
        self.break_glass.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Which services the operator sees (R-LOB-2).
    ///
    /// # Errors
    /// [`ConsoleError::Down`] when the configuration does not answer.
    pub async fn sight(&self, operator: &Operator) -> Result<Sight, ConsoleError> {
        let access = match (operator.tenant, operator.account, &self.directory) {
            (Some(tenant), Some(account), Some(directory)) => {
                directory.proxy_access(tenant, account).await.map_err(|error| ConsoleError::down(&error))?
            }
            _ => Arc::default(),
        };
        Ok(Sight::new(operator.roles, (*access).clone()))
    }

    /// Deletes sessions and expected returns that are over. Returns how many.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    pub async fn purge(&self) -> Result<u64, StoreError> {
        let mut all = 0;
        loop {
            let gone = self.sessions.purge_sessions(self.clock.now(), PURGE).await?;
            all += gone;
            if gone < u64::from(PURGE) {
                return Ok(all);
            }
        }
    }
}
