//! Sessions: opened after a sign-in, resumed by a word, renewed while they are used, closed.

use std::time::Duration;

use ges_domain::access::{Permissions, Role, Roles};
use ges_domain::ports::{ConsoleSession, UserToken, UserTokens, WordDigest};
use ges_domain::{Instant, TenantId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Console, ConsoleError, IDLE, Operator, RENEW_BELOW};

/// A word of 256 bits that only its holder knows.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Word(pub(super) String);

impl Word {
    pub(super) fn digest(&self) -> WordDigest {
        WordDigest(Sha256::digest(self.0.as_bytes()).into())
    }
}

/// What the record holds of a session, sealed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Contents {
    csrf: String,
    name: String,
    /// None for the emergency user.
    user: Option<User>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    tenant: String,
    login: String,
    access: String,
    refresh: Option<String>,
    /// Milliseconds since 1970.
    expires_at: i64,
}

/// Session and what it holds, as read at one moment.
struct Read {
    key: WordDigest,
    sealed: Vec<u8>,
    contents: Contents,
}

fn about(key: WordDigest) -> String {
    use std::fmt::Write as _;
    key.0.iter().fold("console session ".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn expires_at(now: Instant, tokens: &UserTokens) -> i64 {
    (now + tokens.lasts).millis()
}

impl Console {
    /// A new word.
    pub(super) fn word(&self) -> Word {
        Word((0..4).map(|_| format!("{:016x}", self.chance.draw())).collect())
    }

    fn seal(&self, key: WordDigest, contents: &Contents) -> Result<Vec<u8>, ConsoleError> {
        let text = serde_json::to_string(contents).expect("invariant: contents are texts and numbers");
        self.sealing.seal(&about(key), &text).ok_or(ConsoleError::Down)
    }

    async fn open(&self, contents: Contents) -> Result<Word, ConsoleError> {
        let word = self.word();
        let key = word.digest();
        let sealed = self.seal(key, &contents)?;
        let session = ConsoleSession { key, sealed, idle_until: self.clock.now() + IDLE };
        self.sessions.open_session(&session).await.map_err(|error| ConsoleError::down(&error))?;
        Ok(word)
    }

    /// Opens a session for the user whose tokens these are; the word for the cookie.
    pub(super) async fn sign_in(&self, tokens: UserTokens) -> Result<Word, ConsoleError> {
        let identities = self.identities.as_ref().ok_or(ConsoleError::Down)?;
        let asked_at = self.clock.now();
        let person = identities.whose(&tokens.access).await.map_err(|error| ConsoleError::down(&error))?;
        let person = person.ok_or(ConsoleError::Refused)?;
        let (_, roles, permissions) = self.rights(person.tenant, &person.login).await?;
        tracing::info!("tenant.id" = %person.tenant, ?roles, permitted = permissions.iter().count(), "signed in");
        let user = User {
            tenant: person.tenant.to_string(),
            login: person.login.clone(),
            expires_at: expires_at(asked_at, &tokens),
            access: tokens.access.expose().to_owned(),
            refresh: tokens.refresh.map(|token| token.expose().to_owned()),
        };
        self.open(Contents { csrf: self.word().0, name: person.name.clone(), user: Some(user) }).await
    }

    /// Opens a session for the emergency user.
    pub(super) async fn break_in(&self, name: &str) -> Result<Word, ConsoleError> {
        tracing::warn!("signed in without GWS");
        self.open(Contents { csrf: self.word().0, name: name.to_owned(), user: None }).await
    }

    /// What a user may do (R-RB-1 to R-RB-6).
    async fn rights(&self, tenant: TenantId, login: &str) -> Result<(Option<u64>, Roles, Permissions), ConsoleError> {
        let directory = self.directory.as_ref().ok_or(ConsoleError::NoRole)?;
        let account = directory.account(tenant, login).await.map_err(|error| ConsoleError::down(&error))?;
        let roles = account.as_ref().map(|account| self.assignment.roles(&account.claims)).unwrap_or_default();
        let permissions = self.assignment.permissions(roles);
        if account.is_none() || permissions.is_empty() {
            return Err(ConsoleError::NoRole);
        }
        Ok((account.map(|account| account.key), roles, permissions))
    }

    async fn read(&self, key: WordDigest) -> Result<Read, ConsoleError> {
        let found = self.sessions.session(key, self.clock.now()).await.map_err(|error| ConsoleError::down(&error))?;
        let ConsoleSession { sealed, .. } = found.ok_or(ConsoleError::SignedOut)?;
        let text = self.sealing.open(&about(key), &sealed).ok_or(ConsoleError::SignedOut)?;
        let contents = serde_json::from_str(&text).map_err(|_| ConsoleError::SignedOut)?;
        Ok(Read { key, sealed, contents })
    }

    /// Who acts with this word; each use moves the end of the session.
    pub(super) async fn resume(&self, word: &Word) -> Result<Operator, ConsoleError> {
        let mut read = self.read(word.digest()).await?;
        if read.contents.user.is_some() {
            read = self.renewed(read).await?;
        }
        let operator = self.operator(&read).await?;
        let now = self.clock.now();
        let touched = self.sessions.touch_session(read.key, now, now + IDLE).await;
        if !touched.map_err(|error| ConsoleError::down(&error))? {
            return Err(ConsoleError::SignedOut);
        }
        Ok(operator)
    }

    async fn operator(&self, read: &Read) -> Result<Operator, ConsoleError> {
        let Contents { csrf, name, user } = &read.contents;
        let Some(user) = user else {
            let roles = Roles::default().with(Role::DevOps);
            let (csrf, name, permissions) = (csrf.clone(), name.clone(), roles.permissions());
            return Ok(Operator { tenant: None, account: None, login: name.clone(), name, roles, permissions, csrf });
        };
        let identities = self.identities.as_ref().ok_or(ConsoleError::Down)?;
        let whose = identities.whose(&UserToken::new(user.access.as_str())).await;
        if whose.map_err(|error| ConsoleError::down(&error))?.is_none() {
            self.close(read.key).await?;
            return Err(ConsoleError::SignedOut);
        }
        let tenant = user.tenant.parse().map_err(|_| ConsoleError::SignedOut)?;
        let (account, roles, permissions) = self.rights(tenant, &user.login).await?;
        Ok(Operator {
            tenant: Some(tenant),
            account,
            login: user.login.clone(),
            name: name.clone(),
            roles,
            permissions,
            csrf: csrf.clone(),
        })
    }

    /// The session with a token that lasts; as it is when the token does, or when no other is to be had yet.
    async fn renewed(&self, read: Read) -> Result<Read, ConsoleError> {
        let Some(user) = &read.contents.user else { return Ok(read) };
        let now = self.clock.now();
        let left = Instant::from_millis(user.expires_at).since(now);
        if left >= RENEW_BELOW {
            return Ok(read);
        }
        let (Some(refresh), Some(identities)) = (&user.refresh, &self.identities) else {
            return self.as_it_is(read, left).await;
        };
        let refresh = UserToken::new(refresh.as_str());
        match identities.renew(&refresh).await {
            Ok(Some(tokens)) => self.keep_renewed(&read, user, tokens, now).await,
            Ok(None) => {
                // Another pod may have spent the token a moment ago, and then the record holds the next one.
                let again = self.read(read.key).await?;
                if again.sealed != read.sealed { Ok(again) } else { self.as_it_is(again, left).await }
            }
            Err(error) if left.is_zero() => Err(ConsoleError::down(&error)),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a user's token was not renewed");
                Ok(read)
            }
        }
    }

    async fn keep_renewed(
        &self,
        read: &Read,
        user: &User,
        tokens: UserTokens,
        asked_at: Instant,
    ) -> Result<Read, ConsoleError> {
        let refresh = tokens.refresh.as_ref().map(|token| token.expose().to_owned());
        let user = User {
            expires_at: expires_at(asked_at, &tokens),
            access: tokens.access.expose().to_owned(),
            refresh: refresh.or_else(|| user.refresh.clone()),
            ..user.clone()
        };
        let contents = Contents { user: Some(user), ..read.contents.clone() };
        let sealed = self.seal(read.key, &contents)?;
        let kept = self.sessions.reseal_session(read.key, &read.sealed, &sealed).await;
        match kept.map_err(|error| ConsoleError::down(&error))? {
            true => Ok(Read { key: read.key, sealed, contents }),
            false => self.read(read.key).await,
        }
    }

    /// A token that cannot be renewed serves until it expires.
    async fn as_it_is(&self, read: Read, left: Duration) -> Result<Read, ConsoleError> {
        if !left.is_zero() {
            return Ok(read);
        }
        self.close(read.key).await?;
        Err(ConsoleError::SignedOut)
    }

    async fn close(&self, key: WordDigest) -> Result<(), ConsoleError> {
        self.sessions.close_session(key).await.map(drop).map_err(|error| ConsoleError::down(&error))
    }

    /// Ends a session, here first and then, as well as may be, at the authentication service.
    pub(super) async fn sign_out(&self, word: &Word) -> Result<(), ConsoleError> {
        let read = self.read(word.digest()).await?;
        self.close(read.key).await?;
        if let (Some(user), Some(identities)) = (&read.contents.user, &self.identities) {
            let token = UserToken::new(user.access.as_str());
            if let Err(error) = identities.sign_out(&token).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "a user's token lives on until it expires");
            }
        }
        Ok(())
    }
}
