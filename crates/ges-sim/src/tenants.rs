//! The tenants the environment service knows: the default seed, or what a test put in its place.

use serde::{Deserialize, Serialize};

/// A contact centre.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeededTenant {
    /// Contact-centre id, a UUID.
    pub id: String,
    /// Configuration Server name of the tenant, which the router wants.
    pub name: String,
    /// Its domain.
    pub domain: String,
    /// Its API keys.
    #[serde(default)]
    pub api_keys: Vec<String>,
    /// Its settings by name, `cors-origins` for one.
    #[serde(default)]
    pub settings: Vec<TenantSetting>,
}

/// A setting of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantSetting {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Where it applies.
    #[serde(default = "root")]
    pub location: String,
    /// Whether it is shared, as text.
    #[serde(default = "yes")]
    pub shared: String,
}

fn root() -> String {
    "/".into()
}

fn yes() -> String {
    "true".into()
}

/// Who may sign in at the services: an OAuth client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeededClient {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

/// A user who may sign in by password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeededUser {
    /// The name, with or without domain.
    pub name: String,
    /// The password.
    pub password: String,
}

/// What the environment and authentication services know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seed {
    /// Tenants.
    pub tenants: Vec<SeededTenant>,
    /// Clients.
    pub clients: Vec<SeededClient>,
    /// Users.
    #[serde(default)]
    pub users: Vec<SeededUser>,
}

impl Seed {
    /// Id of the default tenant.
    pub const TENANT: &'static str = "c0ffee00-0000-4000-8000-000000000100";
    /// API key of the default tenant.
    pub const API_KEY: &'static str = "00000000-0000-4000-8000-00000000a001";
    /// Configuration Server name of the default tenant.
    pub const TENANT_NAME: &'static str = "Environment";
    /// Id of the default client.
    pub const CLIENT_ID: &'static str = "ges_client";
    /// Secret of the default client.
    pub const CLIENT_SECRET: &'static str = "secret";
}

impl Default for Seed {
    /// The seed of integrations 0.5.
    fn default() -> Self {
        let tenant = SeededTenant {
            id: Self::TENANT.into(),
            name: Self::TENANT_NAME.into(),
            domain: "t100".into(),
            api_keys: vec![Self::API_KEY.into()],
            settings: Vec::new(),
        };
        let client = SeededClient { id: Self::CLIENT_ID.into(), secret: Self::CLIENT_SECRET.into() };
        let user = |name: &str| SeededUser { name: name.into(), password: name.into() };
        Self {
            tenants: vec![tenant],
            clients: vec![client],
            users: ["admin", "super", "monitor", "dev"].map(user).into(),
        }
    }
}
