//! What can be set: one row per setting (integrations 10.2).

/// Which process reads the settings; each needs other ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The API pod: external and internal listener on PostgreSQL.
    Api,
    /// The worker pod: monitors on PostgreSQL and the orchestration stream.
    Worker,
    /// Everything in one process on SQLite; needs nothing.
    Standalone,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Api, Self::Worker, Self::Standalone];

    /// The name on pages and in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Worker => "worker",
            Self::Standalone => "standalone",
        }
    }
}

/// How the text of a setting is read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Any text.
    Text,
    /// Text that is never shown.
    Secret,
    /// A JSON object that is never shown.
    SecretJson,
    /// 0 to 65535; 0 lets the system choose.
    Port,
    /// A host name or an IP address, without a port.
    Host,
    /// An IP address.
    Address,
    /// A whole number, both ends included.
    Whole {
        /// Smallest value allowed.
        min: u64,
        /// Largest value allowed.
        max: u64,
    },
    /// A number of at least zero.
    Number,
    /// `true`, `false`, `1`, `0`, `yes`, `no`, in any case.
    Bool,
    /// `auto` or one of the words of [`Kind::Bool`].
    AutoBool,
    /// One of these words, in any case.
    OneOf(&'static [&'static str]),
    /// An `http` or `https` URL without user name and password.
    Url,
    /// URLs with commas between them.
    Urls,
    /// Texts with commas between them.
    List,
    /// Networks such as `10.0.0.0/8` with commas between them.
    Networks,
    /// An `http` or `https` URL that may carry credentials and is never shown.
    SecretUrl,
    /// Keys of 32 bytes in base64 with commas between them, never shown.
    Keys,
}

impl Kind {
    /// What an operator has to write, for error messages and the reference page.
    pub fn expected(self) -> String {
        match self {
            Self::Text => "text".into(),
            Self::Secret => "text, kept secret".into(),
            Self::SecretJson => "JSON object, kept secret".into(),
            Self::Port => "port 0 to 65535".into(),
            Self::Host => "host name or IP address".into(),
            Self::Address => "IP address".into(),
            Self::Whole { min, max } => format!("whole number {min} to {max}"),
            Self::Number => "number from 0".into(),
            Self::Bool => "true or false".into(),
            Self::AutoBool => "auto, true or false".into(),
            Self::OneOf(words) => format!("one of {}", words.join(", ")),
            Self::Url => "http or https URL without credentials".into(),
            Self::Urls => "comma list of http or https URLs without credentials".into(),
            Self::List => "comma list".into(),
            Self::Networks => "comma list of networks such as 10.0.0.0/8".into(),
            Self::SecretUrl => "http or https URL, kept secret".into(),
            Self::Keys => "comma list of keys of 32 bytes in base64, kept secret".into(),
        }
    }

    /// Whether the value must stay out of every output.
    pub const fn secret(self) -> bool {
        matches!(self, Self::Secret | Self::SecretJson | Self::SecretUrl | Self::Keys)
    }
}

/// One setting. Its canonical environment name is `GES_` and the key in capitals, `__` between levels.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// `section.field`; also the path in a configuration file.
    pub key: &'static str,
    /// Other accepted names; a canonical name wins over them.
    pub aliases: &'static [&'static str],
    /// How the text is read.
    pub kind: Kind,
    /// Unit of the value, empty for none.
    pub unit: &'static str,
    /// Used when no source names the setting.
    pub default: Option<&'static str>,
    /// Replaces `default` in the standalone edition.
    pub standalone: Option<&'static str>,
    /// Roles that do not start without a value.
    pub needed: &'static [Role],
    /// Version that introduced the setting.
    pub since: &'static str,
    /// What it does, in one or two sentences.
    pub doc: &'static str,
}

impl Setting {
    /// The canonical environment name, such as `GES_DB__HOST`.
    pub fn env_name(&self) -> String {
        format!("GES_{}", self.key.replace('.', "__").to_ascii_uppercase())
    }

    /// The built-in value for `role`.
    pub fn default_for(&self, role: Role) -> Option<&'static str> {
        match role {
            Role::Standalone => self.standalone.or(self.default),
            Role::Api | Role::Worker => self.default,
        }
    }
}

const PODS: &[Role] = &[Role::Api, Role::Worker];
const API: &[Role] = &[Role::Api];
const NOBODY: &[Role] = &[];

const fn row(key: &'static str, kind: Kind, default: Option<&'static str>, doc: &'static str) -> Setting {
    Setting { key, aliases: &[], kind, unit: "", default, standalone: None, needed: NOBODY, since: "0.1", doc }
}

impl Setting {
    const fn alias(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    const fn needed(mut self, roles: &'static [Role]) -> Self {
        self.needed = roles;
        self
    }

    const fn standalone(mut self, default: &'static str) -> Self {
        self.standalone = Some(default);
        self
    }
}

/// Addresses that are not reachable from the internet: private, link-local, shared and loopback networks.
const PRIVATE_NETWORKS: &str =
    "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,169.254.0.0/16,127.0.0.0/8,fc00::/7,fe80::/10,::1/128";

/// Log levels an operator may name; `FATAL` behaves as `ERROR`.
const LEVELS: &[&str] = &["trace", "debug", "info", "warn", "error", "fatal"];

/// Every setting there is, grouped by section.
pub const CATALOGUE: &[Setting] = &[
    row("config_file", Kind::Text, None, "Configuration file, `.yaml`, `.yml` or `.toml`. Read from the environment only."),
    row("config_folders", Kind::List, None,
        "Folders of secret files: each regular file is a setting, its name the key, its content the value. \
         A folder with `?` after its name may be missing.")
        .alias(&["CONFIG_FOLDERS"]),
    row("data_dir", Kind::Text, Some("./ges-data"), "Folder of the standalone edition's record and keys."),
    row("region_affinity", Kind::Text, None, "Name of this deployment's region, preferred when nodes are chosen. Unset: one region.")
        .alias(&["REGION_AFFINITY"]),
    row("server.bind_address", Kind::Address, Some("0.0.0.0"), "Address both listeners bind.").standalone("127.0.0.1"),
    row("server.internal_port", Kind::Port, Some("3050"), "Port of the internal listener.").alias(&["INTERNAL_PORT"]),
    row("server.external_port", Kind::Port, Some("3005"), "Port of the external listener.").alias(&["EXTERNAL_PORT"]),
    row("server.internal_url", Kind::Text, Some("ges.ges"),
        "How the orchestration engine reaches this deployment: a host, `host:port` or URL. The standalone edition \
         uses its own address unless a source sets this.")
        .alias(&["INTERNAL_URL"]),
    row("server.ges_url", Kind::Text, None,
        "Base URL handed to sessions. Unset: `http://{internal_url}/genesys`. A bare host gets scheme and path.")
        .alias(&["GES_URL"]),
    row("server.tenant_headers", Kind::OneOf(&["strip", "reject"]), Some("strip"),
        "What becomes of `ccid` and `ContactCenterID` on the external listener: dropped, or the request is refused with 403. \
         They never identify a contact center there."),
    row("internal_auth.mode", Kind::OneOf(&["none", "basic", "bearer", "mtls-header"]), Some("none"),
        "What callers of the internal API have to show; health and metrics never need it. `none` trusts the network. `mtls-header` \
         trusts a proxy in front that verifies client certificates and names their subject in a header."),
    row("internal_auth.user", Kind::Text, None, "User name, for `basic`."),
    row("internal_auth.password", Kind::Secret, None, "Password, for `basic`."),
    row("internal_auth.token", Kind::Secret, None, "Token, for `bearer`."),
    row("internal_auth.header", Kind::Text, Some("x-ssl-client-s-dn"),
        "Header with the verified subject, for `mtls-header`. The proxy has to remove it from what callers send."),
    row("internal_auth.subjects", Kind::Text, None, "Subjects that may call, for `mtls-header`, with `|` between them."),
    row("server.trusted_proxies", Kind::Networks, Some(PRIVATE_NETWORKS),
        "Networks of the proxies in front of the external listener. Only what these say in `X-Forwarded-For` is believed about \
         the visitor's address, which reCAPTCHA is told."),
    row("extend_env", Kind::Bool, Some("false"), "Accepted for older charts, without effect.").alias(&["EXTEND_ENV"]),
    row("azure_deployment", Kind::Bool, Some("false"), "Accepted for older charts, without effect.").alias(&["AZURE_DEPLOYMENT"]),
    row("egress.proxy", Kind::SecretUrl, None,
        "HTTP proxy for calls that leave the cluster: push notifications and reCAPTCHA. Peers on loopback addresses are called directly.")
        .alias(&["HTTPS_PROXY"]),
    row("egress.no_proxy", Kind::Text, None, "Hosts, domains and networks reached without `egress.proxy`, with commas between them.")
        .alias(&["NO_PROXY"]),
    row("log.level", Kind::OneOf(LEVELS), Some("info"), "Least serious level that is written. `fatal` behaves as `error`.")
        .standalone("warn")
        .alias(&["LOG_LEVEL"]),
    row("log.max_len", Kind::Whole { min: 256, max: 1_048_576 }, Some("2048"), "Longer messages are cut.")
        .unit("bytes").alias(&["LOG_MAX_LEN"]),
    row("redis.host", Kind::Host, None, "Host of the accelerating Redis, which spares the database counting when a rate limit is reached. Unset or gone: \
         the database counts alone, with the same outcome.")
        .alias(&["REDIS_HOST"]),
    row("redis.port", Kind::Port, Some("6379"), "Port of the accelerating Redis.").alias(&["REDIS_PORT"]),
    row("redis.secure", Kind::Bool, Some("false"), "TLS to the accelerating Redis.").alias(&["REDIS_SECURE"]),
    row("redis.cluster_mode", Kind::Bool, Some("false"), "Speak the cluster protocol to the accelerating Redis.")
        .alias(&["REDIS_CLUSTER_MODE"]),
    row("redis.password", Kind::Secret, None, "Password of the accelerating Redis.").alias(&["REDIS_CACHEKEY"]),
    row("db.host", Kind::Host, None, "PostgreSQL host.").alias(&["DB_HOST"]).needed(PODS),
    row("db.port", Kind::Port, Some("5432"), "PostgreSQL port.").alias(&["DB_PORT"]),
    row("db.name", Kind::Text, None, "PostgreSQL database; its user owns it, migrations run at start.")
        .alias(&["DB_NAME"]).needed(PODS),
    row("db.user", Kind::Text, None, "PostgreSQL user.").alias(&["DB_USER"]).needed(PODS),
    row("db.password", Kind::Secret, None, "PostgreSQL password.").alias(&["DB_PASSWORD"]).needed(PODS),
    row("db.secure", Kind::Bool, Some("false"), "Insist on TLS to PostgreSQL; `false` uses it when offered.")
        .alias(&["DB_SECURE"]),
    row("db.ca_file", Kind::Text, None,
        "PEM file of the authority that signed PostgreSQL's certificate. With it TLS is insisted on and the server's name is verified."),
    row("db.pool_size", Kind::Whole { min: 2, max: 500 }, Some("10"),
        "Most PostgreSQL connections of one pod. The sum over all pods must stay below the server's limit.")
        .unit("connections"),
    row("gws.auth_url", Kind::Url, None, "GWS Authentication service.").alias(&["GWS_AUTH"]).needed(API),
    row("gws.env_url", Kind::Url, None, "GWS Environment service.").alias(&["GWS_ENV"]).needed(API),
    row("gws.conf_url", Kind::Url, None, "GWS Configuration service: rights at the console and VQ proxies. Used for statistics when `gws.stats_url` is unset.").alias(&["GWS_CONF"]),
    row("gws.stats_url", Kind::Url, None, "GWS Statistics service. Unset: that of `gws.conf_url`; without both, statistics are not passed on.")
        .alias(&["GWS_STATS"]),
    row("gws.public_auth_url", Kind::Url, None, "GWS Authentication service as browsers reach it, for signing in at the console. Unset: nobody can.")
        .alias(&["GWS_PUBLIC_AUTH"]),
    row("gws.client_id", Kind::Text, None, "Client id at GWS Authentication.")
        .alias(&["AUTHENTICATION_CLIENT_ID"]).needed(API),
    row("gws.client_secret", Kind::Secret, None, "Client secret at GWS Authentication.")
        .alias(&["AUTHENTICATION_CLIENT_SECRET", "AUTHENTICATION_CLIENT_PASSWORD"]).needed(API),
    row("gws.secret_encoding", Kind::OneOf(&["auto", "plain", "aes-128-ecb"]), Some("auto"),
        "How the client secret is written. `auto`: encrypted if it decrypts with `gws.decrypt_password`, else in clear. \
         `aes-128-ecb`: the process does not start when it does not decrypt."),
    row("gws.decrypt_password", Kind::Secret, None,
        "Password of a client secret that is encrypted with aes-128-ecb. Deprecated: mount the secret in clear.")
        .alias(&["DECRYPT_PASSWORD"]),
    row("devops_access_groups", Kind::List,
        Some("Platform Read Only,Platform Provisioning,Platform Internal Administrator"),
        "Access groups, or roles, whose members are DevOps at the console.")
        .alias(&["DEVOPS_ACCESS_GROUPS"]),
    row("rbac.vq_proxy_folder", Kind::Text, Some("Callback Virtual Queues"),
        "Configuration folder of the script objects by which access to single services is granted."),
    row("rbac.vq_proxy_script_type", Kind::Text, Some("CFGInteractionQueue"), "Type of these script objects."),
    row("rbac.companies", Kind::List, None,
        "Words that may stand before `Administrators`, `Supervisors` and `Managers` in names of access groups. Unset: any."),
    row("rbac.open_by_default", Kind::Bool, Some("false"),
        "Give users without any callback role every permission at the console."),
    row("ui.devops_username", Kind::Text, None,
        "Name of the emergency sign-in at the console, which works without GWS. Off unless name and password are set.")
        .alias(&["DEVOPS_USERNAME"]),
    row("ui.devops_password", Kind::Secret, None, "Password of the emergency sign-in.").alias(&["DEVOPS_PASSWORD"]),
    row("security.session_key", Kind::Keys, None,
        "Seals the tokens of console sessions: 32 bytes in base64, the same on every pod. Several with commas between them: the \
         first seals, all open. Unset: nobody can sign in at the console of a pod.")
        .alias(&["SESSION_KEY"]),
    row("server.public_url", Kind::Url, None,
        "How browsers reach the console, without a path. Unset: as their request names it."),
    row("vmcs.redis_host", Kind::Host, None,
        "Host of the orchestration Redis. The worker needs it here, in `vmcs.ors_redis_location` or in the secret.")
        .alias(&["VMCS_REDIS_HOST"]),
    row("vmcs.redis_port", Kind::Port, None, "Port of the orchestration Redis. Unset: that of `vmcs.ors_redis_location`, else 6379.")
        .alias(&["VMCS_REDIS_PORT"]),
    row("vmcs.redis_cluster_mode", Kind::Bool, Some("false"), "Speak the cluster protocol to the orchestration Redis.")
        .alias(&["VMCS_REDIS_CLUSTER_MODE"]),
    row("vmcs.redis_secure", Kind::AutoBool, Some("auto"),
        "TLS to the orchestration Redis. `auto`: on ports 6380 and 10000. `secure` or `tls` in the secret wins."),
    row("vmcs.redis_stream_name", Kind::Text, Some("NewCallbackStream"), "Stream that starts sessions.")
        .alias(&["REDIS_STREAM_NAME"]),
    row("vmcs.ors_redis_location", Kind::Text, None, "`host:port` of the orchestration Redis, used when `vmcs.redis_host` is unset.")
        .alias(&["ORS_REDIS_LOCATION"]),
    row("vmcs.ors_redis_secret", Kind::SecretJson, None,
        "Secret of the orchestration Redis: `password`, `username`, `host`, `port`, `servername`, `rejectUnauthorized`, \
         `secure` or `tls`, all optional. What it names overrides the other `vmcs` settings.")
        .alias(&["voice_redis_ors_stream"]),
    row("vmcs.ors_url", Kind::Url, Some("http://voice-ors.voice.svc.cluster.local:9098"), "Base URL of the orchestration REST interface."),
    row("ors.events.cancel", Kind::Text, Some("callback.cancel"), "Name of the event that tells a session that its callback is cancelled."),
    row("ors.events.reschedule", Kind::Text, Some("callback.reschedule"), "Name of the event that tells a session that its callback has a new time."),
    row("ors.events.pause", Kind::Text, Some("callback.pause"), "Name of the event that tells a session that its service is paused."),
    row("ors.events.resume", Kind::Text, Some("callback.resume"), "Name of the event that tells a session that its service goes on."),
    row("ors.events.userdata", Kind::Text, Some("callback.userdata"), "Name of the event that tells a session that user data changed."),
    row("ors.events.priority", Kind::Text, Some("callback.priority"), "Name of the event that tells a session that the priority changed. Not sent today: the priority of a callback changes only before a session has it."),
    row("ors.events.callin", Kind::Text, Some("callback.callin"), "Name of the event that tells a session that the consumer has called in."),
    row("ors.start_mode", Kind::OneOf(&["stream", "rest"]), Some("stream"),
        "How sessions are started: by an entry on the stream, or in a laboratory without a stream by a call of the REST interface."),
    row("ors.allowed_hosts", Kind::List, Some("*.svc.cluster.local,*.consul,private"),
        "Hosts a session may name as its own node, `*` for any run of letters; `private` stands for private addresses on port 9098. \
         The host of `vmcs.ors_url` is always allowed."),
    row("ors.stream_fields", Kind::Text, None,
        "Other names for the fields of a stream entry, as a JSON object of text such as `{\"serviceId\":\"callbackId\"}`."),
    row("ors.submit_ack_timeout", Kind::Whole { min: 60, max: 60 }, Some("60"),
        "How long a session may take to take its callback before the next attempt. Fixed: attempts follow after 60 and 120 seconds, and \
         the callback ends 60 seconds after the third.")
        .unit("seconds"),
    row("ors.max_attempts", Kind::Whole { min: 3, max: 3 }, Some("3"), "Attempts to start a session. Fixed.").unit("attempts"),
    row("urs.urls", Kind::Urls, None, "Routers asked for estimated waits, primary first, for every tenant."),
    row("urs.request_form", Kind::OneOf(&["path", "query"]), Some("path"), "Where the queue stands in a request: in the path, or in the query as older tools have it."),
    row("urs.cache_ttl", Kind::Whole { min: 1, max: 60 }, Some("10"), "How long an estimated wait is fresh.").unit("seconds"),
    row("discovery.kind", Kind::OneOf(&["auto", "static", "dns", "consul"]), Some("auto"),
        "How routers are found: named by `urs.urls` or `discovery.nodes`, by the name service, or by Consul. `auto`: named if they are, \
         else by the name service. The standalone edition uses the ones it simulates."),
    row("discovery.urs_template", Kind::Text, Some("http://tenant-{ccid}.voice.svc.cluster.local:5580"),
        "Address of a tenant's routers for `dns`, `{ccid}` standing for the tenant; every address the name resolves to is one router."),
    row("discovery.consul_url", Kind::Url, None, "Consul's HTTP interface."),
    row("discovery.consul_token", Kind::Secret, None, "Token for Consul."),
    row("discovery.consul_urs_name", Kind::Text, Some("tenant-{ccid}-urs"), "Name of a tenant's routers in Consul, `{ccid}` standing for the tenant."),
    row("discovery.consul_ors_name", Kind::Text, Some("voice-ors"), "Name of the orchestration nodes in Consul."),
    row("discovery.regions", Kind::List, None, "Datacenters to look in. Unset: all that Consul knows."),
    row("discovery.nodes", Kind::Text, None,
        "Nodes by region as JSON: `[{\"region\":\"dc1\",\"urs\":[\"http://urs1:5580\"]}]`, `{ccid}` standing for the tenant. Region Affinity \
         rules and `region_affinity` decide the order. Replaces `urs.urls`. `ors` names the region's orchestration node."),
    row("urs.aqt", Kind::OneOf(&["urs2", "stat", "urs"]), Some("urs2"),
        "Method by which routers estimate the waits that decisions are made with: `urs` is mode1, `urs2` mode2, `stat` mode3. A service \
         whose row names an EWT Mode has that one, and whoever asks for waits names one in the question."),
    row("urs.tenant", Kind::Text, None,
        "Tenant name in router requests about every contact center that `urs.tenants` does not name. Unset: the tenant that the \
         Environment service names for the contact center, `Environment` where it names none."),
    row("urs.tenants", Kind::Text, None,
        "Tenant names in router requests about single contact centers, as a JSON object such as \
         `{\"c0ffee00-0000-4000-8000-000000000100\":\"Acme\"}`."),
    row("security.credentials_key", Kind::Keys, None,
        "Seals the credentials of tenants: 32 bytes in base64. Several with commas between them: the first seals, all open. \
         Unset: no credential can be stored; the standalone edition keeps a key of its own in `data_dir`.")
        .alias(&["CREDENTIALS_KEY"]),
    row("push.provider", Kind::OneOf(&["fcm", "nexus"]), Some("fcm"), "Who brings push notifications to phones."),
    row("push.fcm_url", Kind::Url, Some("https://fcm.googleapis.com"), "Firebase Cloud Messaging."),
    row("push.token_uri", Kind::Url, None, "Where access tokens are fetched, instead of where a service account says."),
    row("nexus.url", Kind::Url, None, "Base URL of Nexus, for `push.provider` `nexus`."),
    row("nexus.api_key", Kind::Secret, None, "Our key at Nexus."),
    row("captcha.base_url", Kind::Url, Some("https://www.google.com"),
        "reCAPTCHA v2 and v3; `https://www.recaptcha.net` where google.com is not reachable."),
    row("captcha.enterprise_url", Kind::Url, Some("https://recaptchaenterprise.googleapis.com"), "reCAPTCHA Enterprise."),
    row("captcha.on_provider_error", Kind::OneOf(&["deny", "allow"]), Some("deny"),
        "What happens to a booking whose CAPTCHA nobody can verify: refused, or booked and marked."),
    row("tenancy.single", Kind::Bool, Some("true"), "With exactly one tenant, internal requests without tenant header mean it."),
    row("alerts.http_400_tolerance", Kind::Number, Some("1.5"), "Threshold gauge of the alert on answers 400.").unit("answers"),
    row("alerts.http_401_tolerance", Kind::Number, Some("1.5"), "Threshold gauge of the alert on answers 401.").unit("answers"),
    row("alerts.http_404_tolerance", Kind::Number, Some("1.5"), "Threshold gauge of the alert on answers 404.").unit("answers"),
    row("alerts.http_500_tolerance", Kind::Number, Some("1.5"), "Threshold gauge of the alert on answers 500.").unit("answers"),
    row("alerts.rbac_create_vq_proxy_error_tolerance", Kind::Number, Some("999"), "Threshold gauge of the alert on VQ proxy objects.")
        .unit("errors"),
    row("alerts.invalid_content_length_tolerance", Kind::Number, Some("0"), "Threshold gauge of the alert on oversized bodies.")
        .unit("requests"),
    row("metrics.legacy_aliases", Kind::Bool, Some("true"), "Also export process metrics under the names older dashboards ask for."),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::names::fold;

    #[test]
    fn no_name_means_two_settings() {
        let mut seen = BTreeSet::new();
        for setting in CATALOGUE {
            for name in setting.aliases.iter().map(|alias| (*alias).to_owned()).chain([setting.env_name()]) {
                assert!(seen.insert(fold(&name)), "{name} twice");
            }
        }
    }

    /// R-THR-15.
    #[test]
    fn no_setting_switches_a_limit_off() {
        for setting in CATALOGUE {
            for word in ["throttle", "bypass", "disable", "skip", "test", "limit"] {
                assert!(!setting.key.contains(word), "{}", setting.key);
            }
        }
    }

    #[test]
    fn canonical_names_follow_the_key() {
        let names: Vec<_> = CATALOGUE.iter().map(Setting::env_name).collect();
        for name in ["GES_SERVER__INTERNAL_PORT", "GES_REGION_AFFINITY", "GES_CONFIG_FOLDERS", "GES_DATA_DIR"] {
            assert!(names.contains(&name.to_owned()), "{name}");
        }
    }

    #[test]
    fn what_a_role_needs_has_no_default() {
        for setting in CATALOGUE {
            assert!(setting.needed.is_empty() || setting.default.is_none(), "{}", setting.key);
        }
    }
}
