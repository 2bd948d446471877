//! Groups: a pool of access numbers and how it is given out (15.1).

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{BadName, ServiceName};

/// Name of a group: 1 to 255 characters, trimmed, compared exactly.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GroupName(Box<str>);

impl GroupName {
    /// Trims outer white space and checks the length.
    ///
    /// # Errors
    /// [`BadName`] when empty, longer than 255 characters, or with a NUL.
    pub fn new(text: &str) -> Result<Self, BadName> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > 255 || text.contains('\0') {
            return Err(BadName { min: 1, max: 255 });
        }
        Ok(Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for GroupName {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        Self::new(&text)
    }
}

impl From<GroupName> for String {
    fn from(name: GroupName) -> Self {
        name.0.into()
    }
}

/// A number of the contact center that consumers dial: `+` and 3 to 15 digits. It belongs to no person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccessNumber(Box<str>);

/// The text is no access number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be + and 3 to 15 digits")]
pub struct NotAnAccessNumber;

impl AccessNumber {
    /// Takes a number in E.164 form with its `+`.
    ///
    /// # Errors
    /// [`NotAnAccessNumber`] for every other form.
    pub fn new(text: &str) -> Result<Self, NotAnAccessNumber> {
        let digits = text.trim().strip_prefix('+').ok_or(NotAnAccessNumber)?;
        let fits = (3..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if fits { Ok(Self(format!("+{digits}").into())) } else { Err(NotAnAccessNumber) }
    }

    /// The number that a switch reports as dialed: with or without `+`, with or without punctuation.
    ///
    /// # Errors
    /// [`NotAnAccessNumber`] unless 3 to 15 digits remain.
    pub fn dialed(text: &str) -> Result<Self, NotAnAccessNumber> {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        Self::new(&format!("+{digits}"))
    }

    /// The number with its `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AccessNumber {
    type Error = NotAnAccessNumber;
    fn try_from(text: String) -> Result<Self, NotAnAccessNumber> {
        Self::new(&text)
    }
}

impl From<AccessNumber> for String {
    fn from(number: AccessNumber) -> Self {
        number.0.into()
    }
}

/// Which number of the pool is tried first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Allocation {
    /// The one after the last.
    #[default]
    RoundRobin,
    /// Any.
    Random,
}

/// Length of access codes: 4 to 10 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeDigits(u8);

impl CodeDigits {
    /// `None` unless 4 to 10.
    pub const fn new(digits: u8) -> Option<Self> {
        if digits >= 4 && digits <= 10 { Some(Self(digits)) } else { None }
    }

    /// How many digits.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The smallest code, which does not begin with 0 (R-CTI-5).
    pub(crate) const fn first(self) -> u64 {
        10_u64.pow(self.0 as u32 - 1)
    }

    /// How many codes there are.
    pub(crate) const fn count(self) -> u64 {
        9 * self.first()
    }
}

/// A group. Reading a document checks it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
pub struct Group {
    /// Unique in a tenant.
    pub name: GroupName,
    /// Free text.
    pub description: String,
    /// 1 to 100 different numbers.
    pub numbers: Vec<AccessNumber>,
    /// Length of its access codes; none: it uses no codes.
    pub codes: Option<CodeDigits>,
    /// How long a request waits for its call, 30 to 3,600 s.
    pub lifetime: Duration,
    /// Which number is tried first.
    pub allocation: Allocation,
    /// The service it belongs to, for who may see it and for the country of national numbers.
    pub service: Option<ServiceName>,
}

/// Why something is no group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadGroup {
    /// None, too many, or one twice.
    #[error("numbers must be 1 to 100 different numbers")]
    Numbers,
    /// Out of range.
    #[error("accessCodeLength must be 4 to 10")]
    CodeLength,
    /// Out of range.
    #[error("requestLifetime must be 30 to 3600 seconds")]
    Lifetime,
    /// Too long, or with a NUL.
    #[error("description must have at most 255 characters and no NUL")]
    Description,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    name: GroupName,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    numbers: Vec<AccessNumber>,
    #[serde(default)]
    access_code: bool,
    #[serde(default = "six")]
    access_code_length: u8,
    #[serde(default = "two_minutes")]
    request_lifetime: u32,
    #[serde(default)]
    allocation: Allocation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    service_name: Option<ServiceName>,
}

const fn six() -> u8 {
    6
}

const fn two_minutes() -> u32 {
    120
}

impl TryFrom<Document> for Group {
    type Error = BadGroup;
    fn try_from(read: Document) -> Result<Self, BadGroup> {
        let mut distinct = read.numbers.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() != read.numbers.len() || !(1..=100).contains(&distinct.len()) {
            return Err(BadGroup::Numbers);
        }
        let digits = CodeDigits::new(read.access_code_length).ok_or(BadGroup::CodeLength)?;
        if !(30..=3600).contains(&read.request_lifetime) {
            return Err(BadGroup::Lifetime);
        }
        if read.description.chars().count() > 255 || read.description.contains('\0') {
            return Err(BadGroup::Description);
        }
        Ok(Self {
            name: read.name,
            description: read.description,
            numbers: read.numbers,
            codes: read.access_code.then_some(digits),
            lifetime: Duration::from_secs(read.request_lifetime.into()),
            allocation: read.allocation,
            service: read.service_name,
        })
    }
}

impl From<Group> for Document {
    fn from(group: Group) -> Self {
        Self {
            name: group.name,
            description: group.description,
            numbers: group.numbers,
            access_code: group.codes.is_some(),
            access_code_length: group.codes.map_or(six(), CodeDigits::get),
            request_lifetime: u32::try_from(group.lifetime.as_secs()).unwrap_or(u32::MAX),
            allocation: group.allocation,
            service_name: group.service,
        }
    }
}
