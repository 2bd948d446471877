//! Finding callbacks by their properties (integrations 2.3).

use std::sync::Arc;

use crate::callback::{Callback, Reason, Scalar, State};
use crate::phone::{Country, NumberingPlan, PhoneKey, PhoneNumber, key_of};
use crate::ports::{Among, Catalogue, Clock, Look, Lookup, MOST_FOUND, Record};
use crate::{CallbackId, Instant, Refusal, ServiceName, SessionId, TenantId};

/// Most records that are looked at for what no index knows.
const MOST_LOOKED_AT: usize = 10_000;

/// One property asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Property {
    /// This id; none when the text is no id of ours, which nothing has.
    Id(Option<CallbackId>),
    /// This number, however it is written.
    Number(PhoneNumber),
    /// One of these states.
    States(Vec<State>),
    /// This reason; none when the text is no reason, which nothing has.
    Reason(Option<Reason>),
    /// This session.
    Session(SessionId),
    /// This text under a key of the user data.
    UserData(String, String),
}

/// A question.
#[derive(Debug, Clone, PartialEq)]
pub struct Sought {
    /// Of this service; none means of every service of the tenant.
    pub service: Option<ServiceName>,
    /// What to look for, at least one.
    pub properties: Vec<Property>,
    /// Whether one of them is enough.
    pub any: bool,
}

/// Finds callbacks.
pub struct FindCallbacks {
    /// Looks.
    pub lookup: Arc<dyn Lookup>,
    /// Single records.
    pub record: Arc<dyn Record>,
    /// What is provisioned.
    pub catalogue: Arc<dyn Catalogue>,
    /// What numbers mean.
    pub plan: Arc<dyn NumberingPlan>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
}

impl FindCallbacks {
    /// At most [`MOST_FOUND`] callbacks, newest first; of more, those desired last. What no index knows is looked for among the
    /// 10,000 desired last.
    ///
    /// # Errors
    /// `UnknownService`, `StoreUnavailable`.
    pub async fn run(&self, tenant: TenantId, wanted: &Sought) -> Result<Vec<Callback>, Refusal> {
        let now = self.clock.now();
        let country = match &wanted.service {
            None => Country::US,
            Some(name) => {
                let service = self.catalogue.service(tenant, name).await?;
                service.ok_or_else(|| Refusal::UnknownService(name.to_string()))?.screening().default_country
            }
        };
        let asked: Vec<Asked<'_>> =
            wanted.properties.iter().map(|one| Asked::new(one, &*self.plan, &country)).collect();
        let places = Place::of(&asked, wanted.any);
        let mut found: Vec<Callback> = Vec::new();
        for place in &places {
            for callback in self.visit(tenant, wanted, &asked, place, now).await? {
                if !found.iter().any(|known| known.id == callback.id) {
                    found.push(callback);
                }
            }
        }
        found.sort_by_key(|callback| std::cmp::Reverse((callback.created_at, callback.id)));
        found.truncate(MOST_FOUND as usize);
        Ok(found)
    }

    /// What fits at one place.
    async fn visit(
        &self,
        tenant: TenantId,
        wanted: &Sought,
        asked: &[Asked<'_>],
        place: &Place,
        now: Instant,
    ) -> Result<Vec<Callback>, Refusal> {
        let fits = |callback: &Callback| {
            wanted.service.as_ref().is_none_or(|service| callback.service == *service)
                && if wanted.any {
                    asked.iter().any(|one| one.fits(callback))
                } else {
                    asked.iter().all(|one| one.fits(callback))
                }
        };
        let look = match place {
            Place::Nowhere => return Ok(Vec::new()),
            Place::Record(id) => {
                return Ok(self.record.find(tenant, *id, now).await?.filter(fits).into_iter().collect());
            }
            Place::Look(look) => Look { service: wanted.service.clone(), ..look.clone() },
        };
        let (mut next, mut looked_at, mut found) = (Some(look), 0, Vec::new());
        while let Some(look) = next.filter(|_| looked_at < MOST_LOOKED_AT && found.len() < MOST_FOUND as usize) {
            let page = self.lookup.look(tenant, &look, now).await?;
            looked_at += page.len();
            next = look.next(&page);
            found.extend(page.into_iter().filter(fits));
        }
        Ok(found)
    }
}

/// A property with the keys its number may have.
struct Asked<'a> {
    property: &'a Property,
    keys: Vec<PhoneKey>,
}

impl<'a> Asked<'a> {
    fn new(property: &'a Property, plan: &dyn NumberingPlan, country: &Country) -> Self {
        let mut keys = Vec::new();
        if let Property::Number(number) = property {
            keys.push(key_of(plan, number, country));
            // A key that was made under another default country is at least the digits, when they are written in full.
            let digits = PhoneKey::new(None, number);
            if !keys.contains(&digits) {
                keys.push(digits);
            }
        }
        Self { property, keys }
    }

    fn fits(&self, callback: &Callback) -> bool {
        match self.property {
            Property::Id(id) => *id == Some(callback.id),
            Property::Number(_) => self.keys.contains(&callback.phone_key),
            Property::States(states) => states.contains(&callback.state),
            Property::Reason(reason) => reason.is_some() && *reason == callback.reason,
            Property::Session(session) => callback.session.as_ref().is_some_and(|bound| bound.id == *session),
            Property::UserData(key, text) => callback.particulars.user_data.iter().any(|(known, value)| {
                known == key
                    && match value {
                        Scalar::Text(value) | Scalar::Number(value) => value == text,
                        Scalar::Bool(truth) => truth.to_string() == *text,
                    }
            }),
        }
    }
}

/// Where records that fit can be.
enum Place {
    Nowhere,
    Record(CallbackId),
    Look(Look),
}

impl Place {
    /// When all properties have to hold, the narrowest place of one of them; when one is enough, a place for each.
    fn of(asked: &[Asked<'_>], any: bool) -> Vec<Self> {
        if any {
            return asked.iter().map(|one| Self::narrowest(std::slice::from_ref(one))).collect();
        }
        vec![Self::narrowest(asked)]
    }

    fn narrowest(asked: &[Asked<'_>]) -> Self {
        let mut look = Look::through(None);
        for one in asked {
            match one.property {
                Property::Id(Some(id)) => return Self::Record(*id),
                Property::Id(None) | Property::Reason(None) => return Self::Nowhere,
                Property::Session(session) => look.among = Among::Session(session.clone()),
                Property::Number(_) if look.among == Among::All => look.among = Among::Numbers(one.keys.clone()),
                Property::States(states) => match look.states.is_empty() {
                    true => look.states.clone_from(states),
                    false => look.states.retain(|state| states.contains(state)),
                },
                Property::Reason(Some(reason)) => look.reasons = vec![reason.clone()],
                Property::Number(_) | Property::UserData(..) => {}
            }
        }
        // Two states at once leave none; an empty list would ask for any.
        let contradiction =
            look.states.is_empty() && asked.iter().any(|one| matches!(one.property, Property::States(_)));
        if contradiction { Self::Nowhere } else { Self::Look(look) }
    }
}
