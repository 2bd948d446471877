//! Region Affinity rules (R-RA-1, R-RA-2).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::BadName;

/// Name of a group of nodes, such as a data center: 1 to 64 characters, trimmed, compared exactly.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(Box<str>);

impl Region {
    /// Trims outer white space and checks the length.
    ///
    /// # Errors
    /// [`BadName`] when empty, longer than 64 characters, or with a NUL.
    pub fn new(text: &str) -> Result<Self, BadName> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > 64 || text.contains('\0') {
            return Err(BadName { min: 1, max: 64 });
        }
        Ok(Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Region {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        Self::new(&text)
    }
}

impl From<Region> for String {
    fn from(region: Region) -> Self {
        region.0.into()
    }
}

/// The regions a queue prefers, the most wanted first (R-RA-2). Reading a document checks it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
pub struct RegionRule {
    name: String,
    preferred: Vec<Region>,
}

/// Why something is no region rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRegionRule {
    /// The name is empty, too long or holds a NUL.
    #[error("name {0}")]
    Name(BadName),
    /// Nothing is preferred.
    #[error("preferred must name at least one region")]
    Empty,
    /// A region stands twice.
    #[error("preferred must not name a region twice")]
    Twice,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    name: String,
    preferred: Vec<Region>,
}

impl RegionRule {
    /// A rule called `name`, trimmed.
    ///
    /// # Errors
    /// [`BadRegionRule`] unless the name has 1 to 64 characters and each of one or more regions stands once.
    pub fn new(name: &str, preferred: Vec<Region>) -> Result<Self, BadRegionRule> {
        let name = name.trim();
        if !(1..=64).contains(&name.chars().count()) || name.contains('\0') {
            return Err(BadRegionRule::Name(BadName { min: 1, max: 64 }));
        }
        if preferred.is_empty() {
            return Err(BadRegionRule::Empty);
        }
        let twice = preferred.iter().enumerate().any(|(at, region)| preferred[..at].contains(region));
        if twice {
            return Err(BadRegionRule::Twice);
        }
        Ok(Self { name: name.to_owned(), preferred })
    }

    /// The name, unique in a tenant.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The preferred regions in order.
    pub fn preferred(&self) -> &[Region] {
        &self.preferred
    }
}

impl TryFrom<Document> for RegionRule {
    type Error = BadRegionRule;
    fn try_from(read: Document) -> Result<Self, BadRegionRule> {
        Self::new(&read.name, read.preferred)
    }
}

impl From<RegionRule> for Document {
    fn from(rule: RegionRule) -> Self {
        Self { name: rule.name, preferred: rule.preferred }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_a_name_and_each_region_once() {
        let read = |text: &str| serde_json::from_str::<RegionRule>(text).map_err(|error| error.to_string());
        let rule = read(r#"{"name":" West first ","preferred":["west","east"]}"#).unwrap();
        assert_eq!((rule.name(), rule.preferred().len()), ("West first", 2));
        assert_eq!(read(&serde_json::to_string(&rule).unwrap()), Ok(rule));
        for (document, complaint) in [
            (r#"{"name":"","preferred":["west"]}"#, "name must have"),
            (r#"{"name":"a","preferred":[]}"#, "at least one"),
            (r#"{"name":"a","preferred":["west"," west"]}"#, "twice"),
            (r#"{"name":"a","preferred":[" "]}"#, "characters"),
        ] {
            let said = read(document).unwrap_err();
            assert!(said.contains(complaint), "R-RA-2 {document}: {said}");
        }
    }
}
