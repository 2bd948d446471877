//! The credentials for statistics that the demonstration tenant has.

use async_trait::async_trait;
use ges_domain::TenantId;
use ges_gws::{Account, Accounts, AccountsError, Credentials};
use ges_sim::Seed;

/// The client that the simulated services know, for the one tenant they know.
pub(crate) struct OneAccount;

#[async_trait]
impl Accounts for OneAccount {
    async fn of(&self, tenant: TenantId) -> Result<Option<Account>, AccountsError> {
        let credentials =
            Credentials { client_id: Seed::CLIENT_ID.into(), client_secret: Seed::CLIENT_SECRET.to_owned().into() };
        let account = Account { credentials, user: None, api_key: None };
        Ok((tenant.to_string() == Seed::TENANT).then_some(account))
    }
}
