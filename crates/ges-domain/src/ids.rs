//! Names and ids: distinct types, never bare text or UUIDs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A contact center (CCID). Nothing is shared between tenants (R-CON-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantId(pub Uuid);

/// Identity of one callback, version 7 inside, just a UUID outside (design decision 11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallbackId(pub Uuid);

/// Identity of one call-in request, version 7 inside, just a UUID outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallInId(pub Uuid);

impl fmt::Display for CallInId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for CallbackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The text is not a UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID")]
pub struct NotAnId;

impl FromStr for TenantId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        Uuid::try_parse(text.trim()).map(Self).map_err(|_| NotAnId)
    }
}

impl FromStr for CallbackId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        Uuid::try_parse(text).map(Self).map_err(|_| NotAnId)
    }
}

/// A text that breaks the limits of its name type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must have {min} to {max} characters and no NUL")]
pub struct BadName {
    /// Fewest characters allowed.
    pub min: usize,
    /// Most characters allowed.
    pub max: usize,
}

/// Name of a callback service, which is also its queue (R-CON-5): 1 to 255 characters, trimmed, compared exactly.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceName(Box<str>);

impl ServiceName {
    /// Most characters.
    pub const LONGEST: usize = 255;

    /// Trims outer white space and checks the length.
    ///
    /// # Errors
    /// [`BadName`] when empty, longer than 255 characters, or with a NUL, which PostgreSQL cannot hold.
    pub fn new(text: &str) -> Result<Self, BadName> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > Self::LONGEST || text.contains('\0') {
            return Err(BadName { min: 1, max: Self::LONGEST });
        }
        Ok(Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ServiceName {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        Self::new(&text)
    }
}

impl From<ServiceName> for String {
    fn from(name: ServiceName) -> Self {
        name.0.into()
    }
}

/// Id of an orchestration session: 1 to 128 of `A-Z a-z 0-9 ~ . _ -` (integrations 0.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(Box<str>);

impl SessionId {
    /// Checks length and characters.
    ///
    /// # Errors
    /// [`BadName`] when the text is not a session id.
    pub fn new(text: &str) -> Result<Self, BadName> {
        let fits = (1..=128).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"~._-".contains(&byte));
        if fits { Ok(Self(text.into())) } else { Err(BadName { min: 1, max: 128 }) }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id without the `.node<digits>` that its cookie form ends with: what tells sessions apart (integrations 0.3).
    pub fn bare(&self) -> &str {
        let cookie = self.0.rsplit_once(".node");
        let bare = cookie.filter(|(bare, node)| {
            !bare.is_empty() && !node.is_empty() && node.bytes().all(|byte| byte.is_ascii_digit())
        });
        bare.map_or(&self.0, |(bare, _)| bare)
    }

    /// Whether both name one session; the cookie form of an id names the same session as the bare one.
    pub fn is_same(&self, other: &Self) -> bool {
        self.bare() == other.bare()
    }

    /// Whether it says which node runs the session.
    pub fn names_node(&self) -> bool {
        self.bare().len() < self.0.len()
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for SessionId {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        Self::new(&text)
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-CON-5.
    #[test]
    fn service_names_are_trimmed_and_bounded() {
        assert_eq!(ServiceName::new("  my svc/x ").unwrap().as_str(), "my svc/x");
        assert!(ServiceName::new("   ").is_err());
        assert!(ServiceName::new(&"x".repeat(256)).is_err());
        assert!(ServiceName::new(&"ü".repeat(255)).is_ok());
        assert!(ServiceName::new("a\0b").is_err(), "design decision 15");
    }

    #[test]
    fn session_ids_take_the_node_suffix_and_nothing_odd() {
        assert!(SessionId::new("00GESDEMO7H2K4M6P8R0T2V4X6Z8B0D2.node3").is_ok());
        assert!(SessionId::new("").is_err());
        assert!(SessionId::new("a/b").is_err());
    }

    /// Integrations 0.3.
    #[test]
    fn the_cookie_form_of_a_session_id_names_the_same_session() {
        let id = |text: &str| SessionId::new(text).unwrap();
        assert!(id("X.node3").is_same(&id("X")) && id("X.node3").is_same(&id("X.node12")));
        assert!(id("X.node3").names_node() && !id("X").names_node());
        for other in ["Y.node3", "X.node", "X.nodeA", ".node3", "X.nodes"] {
            assert!(!id("X").is_same(&id(other)), "{other}");
        }
        assert_eq!(id(".node3").bare(), ".node3");
    }
}
