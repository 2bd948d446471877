//! The console of the standalone edition: people sign in at the simulated GWS.

use std::sync::{Arc, RwLock};

use ges_config::Settings;
use ges_domain::access::Assignment;
use ges_gws::{Configuration, SignIn};
use ges_process::SecureChance;
use ges_rest::{BreakGlass, Console, Guesses};
use ges_sqlite::SqliteStore;
use ges_vault::Keys;
use secrecy::ExposeSecret as _;

/// Sessions end with the process: it seals them with a key of its own.
pub(crate) fn console(
    settings: &Settings,
    sign_in: Arc<SignIn>,
    directory: Option<Arc<Configuration>>,
    store: &SqliteStore,
) -> Arc<Console> {
    Arc::new(Console {
        identities: Some(sign_in),
        directory: directory.map(|directory| directory as _),
        sessions: Arc::new(store.clone()),
        sealing: Arc::new(Keys::fleeting()),
        clock: store.clock(),
        chance: Arc::new(SecureChance),
        assignment: Assignment {
            devops: settings.rbac.devops_access_groups.clone(),
            companies: settings.rbac.companies.clone(),
            open_by_default: settings.rbac.open_by_default,
        },
        public_base: settings.server.public_url.as_ref().map(|url| url.origin().ascii_serialization()),
        break_glass: RwLock::new(break_glass(settings)),
        guesses: Guesses::default(),
    })
}

/// The emergency sign-in of these settings.
pub(crate) fn break_glass(settings: &Settings) -> Option<BreakGlass> {
    let own = settings.ui.break_glass.as_ref()?;
    Some(BreakGlass { username: own.username.clone(), password: own.password.expose_secret().to_owned() })
}
