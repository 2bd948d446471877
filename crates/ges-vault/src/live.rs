//! Keys that change while they are in use, on many pods that hear of it one after the other.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ges_domain::ports::Sealing;
use tokio::time::Instant;

use crate::Keys;

/// A key that took the place of another seals so much later: by then every pod has read it and can open what it seals. Secret
/// folders are brought up to date within a minute or two and read once a minute (integrations 10.1).
pub const HEARD_EVERYWHERE: Duration = Duration::from_secs(300);

/// Keys that can be replaced. What they list opens at once; the first of them seals once every pod has heard of it, as long
/// as the one that sealed until then is still among them, else at once.
pub struct LiveKeys(RwLock<Ring>);

struct Ring {
    keys: Arc<Keys>,
    /// Seals until then.
    before: Option<(Arc<Keys>, Instant)>,
}

impl Ring {
    fn seals(&self) -> &Arc<Keys> {
        match &self.before {
            Some((before, until)) if Instant::now() < *until => before,
            _ => &self.keys,
        }
    }
}

impl std::fmt::Debug for LiveKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LiveKeys(***)")
    }
}

impl LiveKeys {
    /// Begins with these.
    pub fn new(keys: Keys) -> Self {
        Self(RwLock::new(Ring { keys: Arc::new(keys), before: None }))
    }

    /// Goes on with these: what was sealed by a key that is not among them is not opened any more.
    pub fn change(&self, keys: Keys) {
        let mut ring = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = Arc::clone(ring.seals());
        let goes_on = before.sealer() != keys.sealer() && before.sealer().is_some_and(|name| keys.list(name));
        ring.before = goes_on.then(|| (before, Instant::now() + HEARD_EVERYWHERE));
        ring.keys = Arc::new(keys);
    }
}

impl Sealing for LiveKeys {
    fn seal(&self, about: &str, text: &str) -> Option<Vec<u8>> {
        let keys = Arc::clone(self.0.read().unwrap_or_else(PoisonError::into_inner).seals());
        keys.seal(about, text)
    }

    fn open(&self, about: &str, sealed: &[u8]) -> Option<String> {
        let keys = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).keys);
        keys.open(about, sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys by letter, the first first.
    fn keys(letters: &str) -> Keys {
        let text = |letter: char| letter.to_string().repeat(42) + "A=";
        Keys::read(&letters.chars().map(text).collect::<Vec<_>>().join(",")).unwrap()
    }

    /// Which of the keys has sealed this.
    fn sealed_by(sealed: &[u8]) -> char {
        "ABC".chars().find(|letter| keys(&letter.to_string()).open("a session", sealed).is_some()).unwrap()
    }

    fn seal(live: &LiveKeys) -> Vec<u8> {
        live.seal("a session", "word").unwrap()
    }

    fn opens(live: &LiveKeys, sealed: &[u8]) -> bool {
        live.open("a session", sealed).as_deref() == Some("word")
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_key_opens_at_once_and_seals_when_every_pod_has_heard_of_it() {
        let (early, late) = (LiveKeys::new(keys("A")), LiveKeys::new(keys("A")));
        let old = seal(&early);
        early.change(keys("BA"));
        tokio::time::advance(HEARD_EVERYWHERE - Duration::from_secs(1)).await;
        let meanwhile = seal(&early);
        assert!(opens(&late, &meanwhile), "a pod that has not heard yet opens it");
        late.change(keys("BA"));
        tokio::time::advance(Duration::from_secs(1)).await;
        let new = seal(&early);
        assert_eq!((sealed_by(&meanwhile), sealed_by(&new)), ('A', 'B'));
        assert!([&old, &meanwhile, &new].iter().all(|sealed| opens(&early, sealed) && opens(&late, sealed)));
        early.change(keys("B"));
        assert!(opens(&early, &new) && !opens(&early, &old), "what is not listed does not open");
        assert_eq!(sealed_by(&seal(&early)), 'B');
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_stands_alone_is_used_at_once() {
        let live = LiveKeys::new(keys("A"));
        let old = seal(&live);
        live.change(keys("B"));
        assert_eq!(sealed_by(&seal(&live)), 'B', "nobody may seal with a key that was taken away");
        assert!(!opens(&live, &old));
    }

    #[tokio::test(start_paused = true)]
    async fn each_change_counts_from_the_key_that_seals() {
        let live = LiveKeys::new(keys("A"));
        live.change(keys("BA"));
        live.change(keys("CBA"));
        tokio::time::advance(Duration::from_secs(299)).await;
        assert_eq!(sealed_by(&seal(&live)), 'A');
        live.change(keys("CB"));
        assert_eq!(sealed_by(&seal(&live)), 'C', "A was taken away");
        live.change(keys("CBA"));
        assert_eq!(sealed_by(&seal(&live)), 'C', "the first is the same");
        live.change(keys("AC"));
        assert_eq!(sealed_by(&seal(&live)), 'C');
        tokio::time::advance(HEARD_EVERYWHERE).await;
        assert_eq!(sealed_by(&seal(&live)), 'A');
        assert_eq!(format!("{live:?}"), "LiveKeys(***)", "I11");
    }
}
