//! General storage in the process (integrations 2.12), for deployments without Redis. What it holds goes with the process, and
//! no other process sees it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::ports::{AreaAnswer, AreaContent, AreaId, AreaWrite, Areas, AreasDown, Clock, MOST_AREA_BYTES};
use ges_domain::{Instant, TenantId};

/// Most bytes of all areas together.
const MOST_BYTES: usize = 64 << 20;

type Place = (TenantId, AreaId);

/// Areas in memory.
pub struct LocalAreas {
    clock: Arc<dyn Clock>,
    held: Mutex<HashMap<Place, Held>>,
}

struct Held {
    owner: Option<String>,
    content: AreaContent,
    until: Instant,
}

impl Held {
    fn lets(&self, user: Option<&str>) -> bool {
        self.owner.as_deref().is_none_or(|owner| user == Some(owner))
    }
}

impl LocalAreas {
    /// Empty; lives end by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, held: Mutex::default() }
    }

    /// Works with an area that is there and lets this user in.
    fn with<T>(
        &self,
        place: &Place,
        user: Option<&str>,
        work: impl FnOnce(&mut HashMap<Place, Held>) -> T,
    ) -> AreaAnswer<T> {
        let now = self.clock.now();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match held.get(place).filter(|area| now < area.until) {
            None => AreaAnswer::Unknown,
            Some(area) if !area.lets(user) => AreaAnswer::NotYours,
            Some(_) => AreaAnswer::Done(work(&mut held)),
        }
    }
}

#[async_trait]
impl Areas for LocalAreas {
    async fn write(
        &self,
        tenant: TenantId,
        area: &AreaId,
        user: Option<&str>,
        write: AreaWrite,
        content: AreaContent,
        life: Duration,
    ) -> Result<AreaAnswer<()>, AreasDown> {
        let now = self.clock.now();
        let place = (tenant, area.clone());
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, area| now < area.until);
        let (mut next, mut owner) = (AreaContent::default(), user.map(str::to_owned));
        match held.get(&place) {
            Some(before) if !before.lets(user) => return Ok(AreaAnswer::NotYours),
            Some(before) => {
                owner = before.owner.clone().or(owner);
                if write == AreaWrite::Merge {
                    next = before.content.clone();
                }
            }
            None if write == AreaWrite::Merge => return Ok(AreaAnswer::Unknown),
            None => {}
        }
        next.merge(content);
        if next.bytes() > MOST_AREA_BYTES {
            return Ok(AreaAnswer::TooLarge);
        }
        let others = held.iter().filter(|(known, _)| **known != place).map(|(_, area)| area.content.bytes());
        if others.sum::<usize>() + next.bytes() > MOST_BYTES {
            return Err(AreasDown("the general storage of this process is full".into()));
        }
        held.insert(place, Held { owner, content: next, until: now + life });
        Ok(AreaAnswer::Done(()))
    }

    async fn read(
        &self,
        tenant: TenantId,
        area: &AreaId,
        user: Option<&str>,
    ) -> Result<AreaAnswer<AreaContent>, AreasDown> {
        let place = (tenant, area.clone());
        Ok(self.with(&place, user, |held| held.get(&place).map(|area| area.content.clone()).unwrap_or_default()))
    }

    async fn remove(
        &self,
        tenant: TenantId,
        area: &AreaId,
        user: Option<&str>,
        key: Option<&str>,
    ) -> Result<AreaAnswer<()>, AreasDown> {
        let place = (tenant, area.clone());
        Ok(self.with(&place, user, |held| match (key, held.get_mut(&place)) {
            (Some(key), Some(area)) => {
                area.content.texts.remove(key);
                area.content.files.remove(key);
            }
            _ => drop(held.remove(&place)),
        }))
    }
}

#[cfg(test)]
mod tests {
    use ges_domain::Instant;
    use ges_testkit::ManualClock;
    use ges_testkit::areas::AreasUnderTest;

    use super::*;

    struct Fresh(LocalAreas, Arc<ManualClock>);

    #[async_trait]
    impl AreasUnderTest for Fresh {
        fn areas(&self) -> &dyn Areas {
            &self.0
        }

        async fn pass(&self, length: Duration) {
            self.1.advance(length);
        }
    }

    async fn fresh() -> Fresh {
        let clock = Arc::new(ManualClock::at(Instant::from_millis(0)));
        Fresh(LocalAreas::new(clock.clone()), clock)
    }

    ges_testkit::areas_tests!(fresh);

    #[tokio::test]
    async fn a_full_process_takes_no_more_until_something_is_over() {
        let Fresh(areas, clock) = fresh().await;
        let tenant = ges_testkit::builders::tenant();
        let large = || {
            let texts = [("a".to_owned(), "x".repeat(MOST_AREA_BYTES - 1))].into();
            AreaContent { texts, ..AreaContent::default() }
        };
        let write = async |nth: usize| {
            let area = AreaId::new(&nth.to_string()).unwrap();
            areas.write(tenant, &area, None, AreaWrite::Create, large(), Duration::from_secs(60)).await
        };
        for nth in 0..64 {
            assert_eq!(write(nth).await.unwrap(), AreaAnswer::Done(()));
        }
        assert!(write(64).await.is_err());
        clock.advance(Duration::from_secs(60));
        assert_eq!(write(64).await.unwrap(), AreaAnswer::Done(()));
    }
}
