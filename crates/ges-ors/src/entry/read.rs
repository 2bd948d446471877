//! From an entry back to an attempt, as a consumer needs it (integrations 1.2.7).

use std::collections::HashMap;

use ges_domain::{CallbackId, Instant, ServiceName, TenantId};

use super::{Payload, SCHEMA};

/// An entry that cannot be acted on: acknowledge it and log the reason, which holds nothing personal (I11).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadEntry {
    /// A newer form than we know.
    #[error("schema {0} is not known")]
    UnknownSchema(u64),
    /// A required field is not there.
    #[error("field {0} is missing")]
    Missing(&'static str),
    /// A field does not read back.
    #[error("field {0} is not readable")]
    Unreadable(&'static str),
}

/// An attempt as read from the stream.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamEntry {
    /// What happens; [`super::EVENT`] is the only one there is.
    pub event: String,
    /// The callback.
    pub service_id: CallbackId,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The tenant.
    pub tenant: TenantId,
    /// The service it was booked on.
    pub service: ServiceName,
    /// The application to run.
    pub application: String,
    /// Which build of it.
    pub application_stream: String,
    /// Base URL to call.
    pub ges_url: String,
    /// Preferred region.
    pub region: Option<String>,
    /// When it was written.
    pub submitted_at: Instant,
    /// From then on it must be discarded.
    pub expires_at: Instant,
    /// To be sent back in `X-Correlation-Id`.
    pub corr_id: String,
    /// Everything else.
    pub data: Payload,
}

impl StreamEntry {
    /// Reads the flat fields of an entry in any order; fields nobody knows are ignored.
    ///
    /// # Errors
    /// [`BadEntry`]: the first thing that is wrong, the schema first of all.
    pub fn parse<K, V>(fields: impl IntoIterator<Item = (K, V)>) -> Result<Self, BadEntry>
    where
        K: Into<String>,
        V: Into<String>,
    {
        let mut texts = Texts(fields.into_iter().map(|(key, value)| (key.into(), value.into())).collect());
        match texts.parsed("schema")? {
            SCHEMA => {}
            schema => return Err(BadEntry::UnknownSchema(schema)),
        }
        let attempt = texts.parsed("attempt")?;
        if attempt == 0 {
            return Err(BadEntry::Unreadable("attempt"));
        }
        let service = texts.text("serviceName")?;
        Ok(Self {
            event: texts.text("event")?,
            service_id: texts.parsed("serviceId")?,
            attempt,
            tenant: texts.parsed("ccid")?,
            service: ServiceName::new(&service).map_err(|_| BadEntry::Unreadable("serviceName"))?,
            application: texts.text("application")?,
            application_stream: texts.text("applicationStream")?,
            ges_url: texts.text("gesUrl")?,
            region: texts.0.remove("region"),
            submitted_at: texts.parsed("submittedAt")?,
            expires_at: texts.parsed("expiresAt")?,
            corr_id: texts.text("corrId")?,
            data: serde_json::from_str(&texts.text("data")?).map_err(|_| BadEntry::Unreadable("data"))?,
        })
    }

    /// What repeats of one attempt have in common: act on the first, acknowledge the others (I2).
    pub fn key(&self) -> (CallbackId, u32) {
        (self.service_id, self.attempt)
    }

    /// Whether it is too late to act on it.
    pub fn is_expired(&self, now: Instant) -> bool {
        now >= self.expires_at
    }
}

struct Texts(HashMap<String, String>);

impl Texts {
    fn text(&mut self, name: &'static str) -> Result<String, BadEntry> {
        self.0.remove(name).ok_or(BadEntry::Missing(name))
    }

    fn parsed<T: std::str::FromStr>(&mut self, name: &'static str) -> Result<T, BadEntry> {
        // The field's name says it all; parse errors of these types carry nothing more.
        self.text(name)?.parse().map_err(|_| BadEntry::Unreadable(name))
    }
}
