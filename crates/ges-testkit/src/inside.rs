//! Settable stand-ins for what the internal API works with.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::TenantId;
use ges_domain::phone::{Country, NumberFacts, NumberGuide, NumberingPlan, PhoneNumber};
use ges_domain::ports::{
    AreaAnswer, AreaContent, AreaId, AreaWrite, Areas, AreasDown, MOST_AREA_BYTES, Publication, PublishError, Publisher,
};

use crate::FakePlan;

/// Owner and content of an area.
type Held = (Option<String>, AreaContent);

/// Areas in memory without an end of life; down when told so.
#[derive(Debug, Default)]
pub struct FakeAreas {
    areas: Mutex<HashMap<(TenantId, AreaId), Held>>,
    down: Mutex<bool>,
}

impl FakeAreas {
    /// Whether the storage is silent.
    pub fn set_down(&self, down: bool) {
        *self.down.lock().unwrap() = down;
    }

    fn answering(&self) -> Result<(), AreasDown> {
        match *self.down.lock().unwrap() {
            true => Err(AreasDown("the test took the storage down".into())),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Areas for FakeAreas {
    async fn write(
        &self,
        tenant: TenantId,
        area: &AreaId,
        user: Option<&str>,
        write: AreaWrite,
        content: AreaContent,
        _life: Duration,
    ) -> Result<AreaAnswer<()>, AreasDown> {
        self.answering()?;
        let mut areas = self.areas.lock().unwrap();
        let key = (tenant, area.clone());
        let mut next = AreaContent::default();
        match areas.get(&key) {
            Some((owner, _)) if owner.as_deref().is_some_and(|owner| user != Some(owner)) => {
                return Ok(AreaAnswer::NotYours);
            }
            Some((_, before)) if write == AreaWrite::Merge => next = before.clone(),
            None if write == AreaWrite::Merge => return Ok(AreaAnswer::Unknown),
            _ => {}
        }
        next.merge(content);
        if next.bytes() > MOST_AREA_BYTES {
            return Ok(AreaAnswer::TooLarge);
        }
        let owner = areas.get(&key).and_then(|(owner, _)| owner.clone()).or_else(|| user.map(str::to_owned));
        areas.insert(key, (owner, next));
        Ok(AreaAnswer::Done(()))
    }

    async fn read(
        &self,
        tenant: TenantId,
        area: &AreaId,
        user: Option<&str>,
    ) -> Result<AreaAnswer<AreaContent>, AreasDown> {
        self.answering()?;
        Ok(match self.areas.lock().unwrap().get(&(tenant, area.clone())) {
            None => AreaAnswer::Unknown,
            Some((Some(owner), _)) if user != Some(owner) => AreaAnswer::NotYours,
            Some((_, content)) => AreaAnswer::Done(content.clone()),
        })
    }

    async fn remove(
        &self,
        tenant: TenantId,
        area: &AreaId,
        user: Option<&str>,
        key: Option<&str>,
    ) -> Result<AreaAnswer<()>, AreasDown> {
        self.answering()?;
        let mut areas = self.areas.lock().unwrap();
        let place = (tenant, area.clone());
        match areas.get_mut(&place) {
            None => return Ok(AreaAnswer::Unknown),
            Some((Some(owner), _)) if user != Some(owner) => return Ok(AreaAnswer::NotYours),
            Some((_, content)) if key.is_some() => {
                let key = key.unwrap_or_default();
                content.texts.remove(key);
                content.files.remove(key);
            }
            Some(_) => drop(areas.remove(&place)),
        }
        Ok(AreaAnswer::Done(()))
    }
}

/// A publisher that keeps what it was given and answers what it is told.
#[derive(Debug, Default)]
pub struct FakePublisher {
    answer: Mutex<Option<PublishError>>,
    sent: Mutex<Vec<(TenantId, Publication)>>,
}

impl FakePublisher {
    /// Fails like this from now on.
    pub fn fail(&self, error: PublishError) {
        *self.answer.lock().unwrap() = Some(error);
    }

    /// What was given to it so far.
    pub fn sent(&self) -> Vec<(TenantId, Publication)> {
        self.sent.lock().unwrap().clone()
    }
}

#[async_trait]
impl Publisher for FakePublisher {
    async fn publish(&self, tenant: TenantId, publication: &Publication) -> Result<String, PublishError> {
        self.sent.lock().unwrap().push((tenant, publication.clone()));
        match *self.answer.lock().unwrap() {
            Some(error) => Err(error),
            None => Ok("projects/test/messages/0:1".into()),
        }
    }
}

impl NumberGuide for FakePlan {
    fn describe(&self, number: &PhoneNumber, country: &Country) -> Option<NumberFacts> {
        let parsed = self.parse(number.as_given(), country)?;
        Some(NumberFacts {
            e164: format!("+{}", parsed.e164_digits),
            kind: "MOBILE".into(),
            possible: parsed.possible,
            premium: parsed.premium,
            ..NumberFacts::default()
        })
    }
}
