//! What a new record begins with.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use ges_domain::ports::{CallIns, Catalogue, CredentialDesk, CredentialKind};
use ges_domain::use_cases::{Provision, Provisioning};
use ges_phone::Plan;
use ges_sim::Seed;

/// A service that is always open, one with office hours and a number rule, and a call-in group.
const SEED: &str = include_str!("../seed.json");

/// Provisions the demonstration services unless one of them is there already. Returns whether it did.
///
/// # Errors
/// The record store failed.
pub(crate) async fn plant<S: Catalogue + CallIns + 'static>(store: &Arc<S>) -> Result<bool> {
    let seed: Provisioning = serde_json::from_str(SEED).context("invariant: the seed is a provisioning document")?;
    for row in &seed.services {
        if store.service(seed.tenant, &row.service_name).await?.is_some() {
            return Ok(false);
        }
    }
    let outcome =
        Provision { catalogue: store.clone(), call_ins: store.clone(), plan: Arc::new(Plan) }.run(&seed).await?;
    let good = outcome.rejected.is_empty() && outcome.rejected_rules.is_empty();
    ensure!(good, "invariant: every row of the seed is good");
    Ok(true)
}

/// Lets the demonstration's tenant push through the simulated FCM, verify with the simulated reCAPTCHA and read the
/// simulated statistics.
///
/// # Errors
/// The record store failed.
pub(crate) async fn provision_credentials(desk: &dyn CredentialDesk, service_account: &str) -> Result<()> {
    let seed: Provisioning = serde_json::from_str(SEED).context("invariant: the seed is a provisioning document")?;
    let captcha = r#"{"kind":"recaptcha_v3","secretKey":"good-secret","action":"callback"}"#;
    let client = serde_json::json!({ "clientId": Seed::CLIENT_ID, "clientSecret": Seed::CLIENT_SECRET }).to_string();
    for (kind, name, document) in [
        (CredentialKind::Push, "fcm", service_account),
        (CredentialKind::Captcha, "simulated", captcha),
        (CredentialKind::Statistics, "simulated", &client),
    ] {
        // Somebody's own one stays, except that the simulator's address is another one with every start.
        let known = desk.names(seed.tenant, kind).await?;
        if known.is_empty() {
            desk.put(seed.tenant, kind, name, document).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ges_domain::ServiceName;
    use ges_sqlite::SqliteStore;

    use super::*;

    #[tokio::test]
    async fn a_new_record_is_seeded_and_an_old_one_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("ges.sqlite"), Duration::from_secs(4)).await.unwrap();
        let shared = Arc::new(store.clone());
        assert!(plant(&shared).await.unwrap());
        let tenant = ges_sim::Seed::TENANT.parse().unwrap();
        assert_eq!(store.groups(tenant).await.unwrap().len(), 1);
        store.remove_service(tenant, &ServiceName::new("CB_Support").unwrap()).await.unwrap();
        assert!(!plant(&shared).await.unwrap(), "CB_Sales is there");
        store.close().await;
    }
}
