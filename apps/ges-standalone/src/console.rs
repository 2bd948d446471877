//! The console of the standalone edition: people sign in at the simulated GWS.

use std::sync::Arc;

use anyhow::Result;
use ges_config::{Gws, Settings};
use ges_domain::access::Assignment;
use ges_gws::Configuration;
use ges_process::{Outbound, SecureChance};
use ges_rest::{BreakGlass, Console, Guesses};
use ges_sqlite::SqliteStore;
use ges_vault::Keys;
use secrecy::ExposeSecret as _;

/// Sessions end with the process: it seals them with a key of its own.
pub(crate) fn console(
    outbound: &Outbound,
    settings: &Settings,
    gws: &Gws,
    directory: Option<Arc<Configuration>>,
    store: &SqliteStore,
) -> Result<Arc<Console>> {
    let sign_in = outbound.sign_in(gws)?;
    let break_glass = settings
        .ui
        .break_glass
        .as_ref()
        .map(|own| BreakGlass { username: own.username.clone(), password: own.password.expose_secret().to_owned() });
    Ok(Arc::new(Console {
        identities: sign_in.map(|sign_in| sign_in as _),
        directory: directory.map(|directory| directory as _),
        sessions: Arc::new(store.clone()),
        sealing: Arc::new(Keys::fleeting()),
        clock: store.clock(),
        chance: Arc::new(SecureChance),
        assignment: Assignment {
            devops: settings.rbac.devops_access_groups.clone(),
            open_by_default: settings.rbac.open_by_default,
        },
        public_base: settings.server.public_url.as_ref().map(|url| url.origin().ascii_serialization()),
        break_glass,
        guesses: Guesses::default(),
    }))
}
