//! Running sessions with the names and limits of this deployment.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use ges_config::Ors;
use ges_discovery::Directory;
use ges_http_client::Policy;
use ges_ors::{AllowedHosts, EventNames, OrsSessions};

use crate::Outbound;
use crate::nodes::region;

impl Outbound {
    /// Running sessions, called where they said they are, else at a node that `directory` finds, of the own region (`affinity`)
    /// first, else at `url` (integrations 1.3, 1.6).
    ///
    /// # Errors
    /// No HTTP client can be made, or the address is none.
    pub fn sessions(
        &self,
        ors: &Ors,
        url: &str,
        directory: Option<Arc<Directory>>,
        affinity: Option<&str>,
    ) -> Result<OrsSessions> {
        let events = self.factory().client(Policy::ORS_EVENTS).context("no client for ORS")?;
        let queries = self.factory().client(Policy::ORS_QUERIES).context("no client for ORS")?;
        let told = ors.events.clone();
        let names = EventNames {
            cancel: told.cancel,
            reschedule: told.reschedule,
            pause: told.pause,
            resume: told.resume,
            user_data: told.user_data,
            priority: told.priority,
            called_in: told.called_in,
        };
        let sessions = OrsSessions::new(events, queries, url, AllowedHosts::new(&ors.allowed_hosts))?.with_names(names);
        Ok(match directory {
            Some(directory) => sessions.found_by(directory, affinity.map(region).transpose()?),
            None => sessions,
        })
    }
}
