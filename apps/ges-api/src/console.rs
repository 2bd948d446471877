//! What the console of a pod is made of.

use std::sync::{Arc, RwLock};

use ges_config::Settings;
use ges_domain::access::Assignment;
use ges_gws::{Configuration, SignIn};
use ges_postgres::PgStore;
use ges_process::SecureChance;
use ges_rest::{BreakGlass, Console, Guesses};
use ges_vault::LiveKeys;
use secrecy::ExposeSecret as _;

/// None without a session key, which was told of when the settings were read: what one pod sealed another could not open.
pub(crate) fn console(
    settings: &Settings,
    keys: Option<Arc<LiveKeys>>,
    sign_in: Option<Arc<SignIn>>,
    directory: Option<Arc<Configuration>>,
    store: &PgStore,
) -> Option<Arc<Console>> {
    let keys = keys?;
    Some(Arc::new(Console {
        identities: sign_in.map(|sign_in| sign_in as _),
        directory: directory.map(|directory| directory as _),
        sessions: Arc::new(store.clone()),
        sealing: keys,
        clock: Arc::new(store.clock()),
        chance: Arc::new(SecureChance),
        assignment: Assignment {
            devops: settings.rbac.devops_access_groups.clone(),
            companies: settings.rbac.companies.clone(),
            open_by_default: settings.rbac.open_by_default,
        },
        public_base: settings.server.public_url.as_ref().map(|url| url.origin().ascii_serialization()),
        break_glass: RwLock::new(break_glass(settings)),
        guesses: Guesses::default(),
    }))
}

/// The emergency sign-in of these settings.
pub(crate) fn break_glass(settings: &Settings) -> Option<BreakGlass> {
    let own = settings.ui.break_glass.as_ref()?;
    Some(BreakGlass { username: own.username.clone(), password: own.password.expose_secret().to_owned() })
}
