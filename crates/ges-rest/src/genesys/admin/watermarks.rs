//! `GET /genesys/1/admin/callback/watermarks` (integrations 2.8, R-QS-5).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;

use super::super::answers::json;
use super::super::fault::GmsFault;
use super::super::place::Tenant;
use crate::listener::Site;
use crate::query::values;

/// Most names of one call.
const MOST_NAMES: usize = 1_000;

#[derive(Debug, Serialize)]
struct WatermarksBody {
    services: BTreeMap<String, u32>,
    total: u64,
}

pub(in super::super) async fn watermarks(
    State(site): State<Arc<Site>>,
    Tenant(tenant): Tenant,
    uri: Uri,
) -> Result<Response, GmsFault> {
    let mut names = values(uri.query(), "service_name")?;
    names.retain(|name| !name.is_empty());
    if names.len() > MOST_NAMES {
        return Err(GmsFault::option(format!("service_name must be given at most {MOST_NAMES} times")));
    }
    let counted = site.api().inside.watermarks.run(tenant).await?;
    let mut services: BTreeMap<String, u32> =
        counted.iter().map(|(name, active)| (name.to_string(), *active)).collect();
    if !names.is_empty() {
        services = names.into_iter().map(|name| (name.clone(), services.get(&name).copied().unwrap_or(0))).collect();
    }
    let total = services.values().map(|active| u64::from(*active)).sum();
    Ok(json(&WatermarksBody { services, total }))
}
