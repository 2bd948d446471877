//! What the internal API needs of a deployment: who may call it, and where general storage is kept.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use ges_config::InternalAuth;
use ges_domain::ports::{Areas, Clock, Publisher};
use ges_push::Push;
use ges_redis::{RedisAreas, Server};
use ges_rest::Gate;
use secrecy::ExposeSecret as _;

use crate::areas::LocalAreas;

/// The gate that the settings describe.
///
/// # Errors
/// The configured header is no name of a header.
pub fn gate(auth: &InternalAuth) -> Result<Gate> {
    Ok(match auth {
        InternalAuth::None => Gate::open(),
        InternalAuth::Basic { user, password } => Gate::basic(user, password.expose_secret()),
        InternalAuth::Bearer { token } => Gate::bearer(token.expose_secret()),
        InternalAuth::MtlsHeader { header, subjects } => {
            let gate = Gate::subjects(header, subjects.iter().map(String::as_str));
            gate.with_context(|| format!("GES_INTERNAL_AUTH__HEADER: {header:?} is no name of a header"))?
        }
    })
}

/// Whoever brings pushes to phones, for messages of a caller's own making.
pub fn publisher(push: Arc<Push>) -> Arc<dyn Publisher> {
    push
}

/// General storage: in Redis where there is one, else in this process.
///
/// # Errors
/// The settings of Redis can never work.
pub fn areas(redis: Option<&Server>, clock: Arc<dyn Clock>) -> Result<Arc<dyn Areas>> {
    Ok(match redis {
        Some(redis) => Arc::new(RedisAreas::start(redis)?),
        None => Arc::new(LocalAreas::new(clock)),
    })
}
