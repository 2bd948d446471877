//! General storage (integrations 2.12): small areas of keys that applications keep for a while. Volatile by contract.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use super::Cause;
use crate::TenantId;

/// Most bytes of an area: keys, texts and files together.
pub const MOST_AREA_BYTES: usize = 1 << 20;
/// Longest life of an area without a write that renews it.
const LONGEST_AREA_LIFE: Duration = Duration::from_secs(14 * 24 * 3600);
/// Life of an area whose wanted life is none.
const DEFAULT_AREA_LIFE: Duration = Duration::from_secs(30);

/// How long an area lives when this many seconds are asked for, as text: more than 0, at most 14 days; anything else is 30 s.
pub fn area_life(text: &str) -> Duration {
    match text.trim().parse::<u64>() {
        Ok(seconds) if seconds > 0 => Duration::from_secs(seconds).min(LONGEST_AREA_LIFE),
        _ => DEFAULT_AREA_LIFE,
    }
}

/// Name of an area: 1 to 128 of the letters, digits and `~._-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AreaId(Box<str>);

/// Text that names no area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 128 letters, digits or ~._-")]
pub struct BadAreaId;

impl AreaId {
    /// Takes a name.
    ///
    /// # Errors
    /// [`BadAreaId`].
    pub fn new(text: &str) -> Result<Self, BadAreaId> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"~._-".contains(&byte);
        match (1..=128).contains(&text.len()) && text.bytes().all(fits) {
            true => Ok(Self(text.into())),
            false => Err(BadAreaId),
        }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A file as it was sent. `Debug` shows its size alone (I11).
#[derive(Clone, PartialEq, Eq)]
pub struct AreaFile {
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for AreaFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AreaFile({} bytes)", self.bytes.len())
    }
}

/// What an area holds: texts and files, each under names of their own. `Debug` shows counts alone (I11).
#[derive(Clone, PartialEq, Eq, Default)]
pub struct AreaContent {
    /// Texts by key. In a write an empty text removes the key.
    pub texts: BTreeMap<String, String>,
    /// Files by key.
    pub files: BTreeMap<String, AreaFile>,
}

impl fmt::Debug for AreaContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AreaContent({} texts, {} files)", self.texts.len(), self.files.len())
    }
}

impl AreaContent {
    /// Bytes of keys, texts and files.
    pub fn bytes(&self) -> usize {
        let texts = self.texts.iter().map(|(key, text)| key.len() + text.len());
        let files = self.files.iter().map(|(key, file)| key.len() + file.media_type.len() + file.bytes.len());
        texts.chain(files).sum()
    }

    /// Sets what `news` has; an empty text removes its key.
    pub fn merge(&mut self, news: Self) {
        for (key, text) in news.texts {
            match text.is_empty() {
                true => drop(self.texts.remove(&key)),
                false => drop(self.texts.insert(key, text)),
            }
        }
        self.files.extend(news.files);
    }
}

/// How a write treats what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AreaWrite {
    /// Makes the area, in place of one of the same name and owner.
    Create,
    /// Merges into an area that is there.
    Merge,
}

/// What an access to an area came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AreaAnswer<T> {
    /// It was carried out.
    Done(T),
    /// No such area, or its time is over. Nothing changed.
    Unknown,
    /// It belongs to another user. Nothing changed.
    NotYours,
    /// It would be larger than [`MOST_AREA_BYTES`]. Nothing changed.
    TooLarge,
}

/// The storage does not answer. What was written may be there.
#[derive(Debug, thiserror::Error)]
#[error("the general storage did not answer")]
pub struct AreasDown(#[source] pub Cause);

/// Areas of every tenant. An area made for a user is that user's: others, and callers that name nobody, are
/// [`AreaAnswer::NotYours`].
#[async_trait]
pub trait Areas: Send + Sync {
    /// Writes `content` and lets the area live for `life` from now on; all of it or nothing.
    ///
    /// # Errors
    /// [`AreasDown`].
    async fn write(
        &self,
        tenant: TenantId,
        area: &AreaId,
        user: Option<&str>,
        write: AreaWrite,
        content: AreaContent,
        life: Duration,
    ) -> Result<AreaAnswer<()>, AreasDown>;

    /// Reads a whole area.
    ///
    /// # Errors
    /// [`AreasDown`].
    async fn read(
        &self,
        tenant: TenantId,
        area: &AreaId,
        user: Option<&str>,
    ) -> Result<AreaAnswer<AreaContent>, AreasDown>;

    /// Removes one key with its text and its file, or the whole area; removing a key that is not there is done.
    ///
    /// # Errors
    /// [`AreasDown`].
    async fn remove(
        &self,
        tenant: TenantId,
        area: &AreaId,
        user: Option<&str>,
        key: Option<&str>,
    ) -> Result<AreaAnswer<()>, AreasDown>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_are_seconds_from_one_to_fourteen_days_and_anything_else_is_thirty() {
        for (text, seconds) in
            [("3600", 3600), ("1", 1), ("0", 30), ("-5", 30), ("x", 30), ("", 30), ("99999999999", 1_209_600)]
        {
            assert_eq!(area_life(text).as_secs(), seconds, "{text}");
        }
    }

    #[test]
    fn names_are_bounded_in_length_and_letters() {
        assert!(AreaId::new("A~z._-9").is_ok() && AreaId::new(&"a".repeat(128)).is_ok());
        for bad in ["", "a b", "a/b", "ü", &"a".repeat(129)] {
            assert_eq!(AreaId::new(bad), Err(BadAreaId), "{bad}");
        }
    }

    #[test]
    fn content_shows_counts_alone() {
        let mut content = AreaContent { texts: [("a".into(), "secret".into())].into(), ..AreaContent::default() };
        assert_eq!((content.bytes(), format!("{content:?}").contains("secret")), (7, false), "I11");
        content.merge(AreaContent { texts: [("a".into(), String::new())].into(), ..AreaContent::default() });
        assert_eq!(content.bytes(), 0, "an empty text removes its key");
    }
}
