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

const fn half_a_day() -> u64 {
    43_199
}

/// Who may sign in at the services: an OAuth client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeededClient {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// Where browsers may be sent back to; anywhere when none is named.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
}

/// A role object of the configuration and the access groups that have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeededRole {
    /// Its name.
    pub name: String,
    /// Names of access groups.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// A user who may sign in, and what the configuration says about the user.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SeededUser {
    /// The name, without domain.
    pub name: String,
    /// The password.
    pub password: String,
    /// Id of the user's contact centre; the first one when none is named.
    pub contact_center_id: Option<String>,
    /// Names of access groups the user is in.
    pub access_groups: Vec<String>,
    /// Names of role objects the user has directly.
    pub roles: Vec<String>,
    /// The option `roles` of section `ges` on the user's own object.
    pub legacy_role: Option<String>,
    /// Names of the scripts the user may read; all of them when none are named.
    pub reads: Option<Vec<String>>,
    /// Whether the user may read folders.
    pub reads_folders: bool,
}

/// Name and password of operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ops {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
}

impl Default for Ops {
    fn default() -> Self {
        Self { name: "ops".into(), password: "ops".into() }
    }
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
    /// Role objects.
    #[serde(default)]
    pub roles: Vec<SeededRole>,
    /// Virtual queues.
    #[serde(default)]
    pub virtual_queues: Vec<String>,
    /// Who may change clients.
    #[serde(default)]
    pub ops: Ops,
    /// How long tokens are good, in seconds.
    #[serde(default = "half_a_day")]
    pub token_seconds: u64,
    /// How long refresh tokens are good, in seconds.
    #[serde(default = "half_a_day")]
    pub refresh_seconds: u64,
    /// Whether user information is there in its OpenID form alone.
    #[serde(default)]
    pub openid_only: bool,
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

    /// What the configuration calls the user at this place of the list.
    pub(crate) fn key_of_user(at: usize) -> u64 {
        1_002 + at as u64
    }

    /// The contact centre of a user.
    pub(crate) fn tenant_of(&self, user: &SeededUser) -> Option<&SeededTenant> {
        match &user.contact_center_id {
            Some(id) => self.tenants.iter().find(|tenant| tenant.id == *id),
            None => self.tenants.first(),
        }
    }
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
        let client =
            SeededClient { id: Self::CLIENT_ID.into(), secret: Self::CLIENT_SECRET.into(), redirect_uris: Vec::new() };
        let user = |(name, group): (&str, &str)| SeededUser {
            name: name.into(),
            password: name.into(),
            access_groups: vec![group.into()],
            reads_folders: name == "admin",
            ..SeededUser::default()
        };
        let role = |(name, group): (&str, &str)| SeededRole { name: name.into(), groups: vec![group.into()] };
        Self {
            tenants: vec![tenant],
            clients: vec![client],
            users: [
                ("admin", "Environment Administrators"),
                ("super", "Environment Supervisors"),
                ("monitor", "Environment Managers"),
                ("dev", "Callback Developers"),
                ("devops", "Platform Provisioning"),
                ("agent", "Environment Agents"),
            ]
            .map(user)
            .into(),
            roles: [
                ("Callback Administrator", "Environment Administrators"),
                ("Callback Supervisor", "Environment Supervisors"),
                ("Callback Monitor", "Environment Managers"),
                ("Callback Developer", "Callback Developers"),
            ]
            .map(role)
            .into(),
            virtual_queues: vec!["VQ_Sales".into(), "VQ_Support".into()],
            ops: Ops::default(),
            token_seconds: half_a_day(),
            refresh_seconds: half_a_day(),
            openid_only: false,
        }
    }
}
