//! The typed settings and the relations between them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;
use uuid::Uuid;

use crate::catalogue::Role;
use crate::db::{Db, db};
use crate::discovery::Discovery;
use crate::gws::{Gws, Rbac, Ui, break_glass, gws, rbac};
use crate::layers::Layers;
use crate::ors_redis::{Given, OrsRedis, Secret, resolve};
use crate::problem::{ConfigError, Problem, Warning};
use crate::reader::{Reader, host_of, web_url};
use crate::sources::Sources;

/// Everything a process of one role was told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who asked.
    pub role: Role,
    /// The two listeners.
    pub server: Server,
    /// What callers of the internal API have to show.
    pub internal_auth: InternalAuth,
    /// Log output.
    pub log: Log,
    /// Preferred region; `None` for a deployment of one region.
    pub region_affinity: Option<String>,
    /// Folder of the standalone edition, absolute or relative to the process.
    pub data_dir: PathBuf,
    /// PostgreSQL; always there for the API and the worker.
    pub db: Option<Db>,
    /// GWS services; always there for the API.
    pub gws: Option<Gws>,
    /// The accelerating Redis; the service works without.
    pub redis: Option<Redis>,
    /// The orchestration Redis; always there for the worker.
    pub ors_redis: Option<OrsRedis>,
    /// Hand-over to the orchestration engine.
    pub ors: Ors,
    /// The way out of the cluster; `None` is a direct one.
    pub egress: Option<Egress>,
    /// Estimated waits.
    pub urs: Urs,
    /// Seals credentials of tenants; read by the vault.
    pub credentials_key: Option<SecretString>,
    /// Seals the tokens of console sessions; unset: sessions end with the process that began them.
    pub session_key: Option<SecretString>,
    /// Access to the console.
    pub rbac: Rbac,
    /// The console itself.
    pub ui: Ui,
    /// Push notifications.
    pub push: Push,
    /// CAPTCHA.
    pub captcha: Captcha,
    /// Thresholds exported beside the metrics.
    pub alerts: Alerts,
    /// Export process metrics under older names too.
    pub legacy_metric_aliases: bool,
    /// A missing tenant header on the internal listener means the only tenant.
    pub single_tenant: bool,
}

/// The two listeners and how others reach them.
#[derive(Debug, Clone)]
pub struct Server {
    /// Address both listeners bind.
    pub bind_address: IpAddr,
    /// 0 for a free port.
    pub internal_port: u16,
    /// 0 for a free port.
    pub external_port: u16,
    /// `None` when sessions reach this process at its own address.
    ges_url: Option<Url>,
    /// How browsers reach the console; `None`: as their own request names it.
    pub public_url: Option<Url>,
    /// Whether external requests that name a contact center in a header are refused instead of stripped of it.
    pub reject_tenant_headers: bool,
    /// Networks of the proxies in front of the external listener.
    pub trusted_proxies: Vec<IpNet>,
}

impl Server {
    /// The base URL handed to sessions, without a slash at the end; `internal_port` is the port that was bound.
    pub fn ges_url(&self, internal_port: u16) -> Url {
        let own = || {
            let host = if self.bind_address.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { self.bind_address };
            let address = std::net::SocketAddr::new(host, internal_port);
            Url::parse(&format!("http://{address}/genesys")).expect("invariant: an address and a port make a URL")
        };
        self.ges_url.clone().unwrap_or_else(own)
    }
}

/// What callers of the internal API have to show.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub enum InternalAuth {
    /// Nothing: the network is trusted.
    None,
    /// User name and password.
    Basic { user: String, password: SecretString },
    /// A token.
    Bearer { token: SecretString },
    /// A subject that the proxy in front has verified.
    MtlsHeader { header: String, subjects: Vec<String> },
}

/// Log output.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    /// Least serious level written.
    pub level: Level,
    /// Longest message in bytes.
    pub max_len: usize,
}

/// How serious a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the levels")]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    /// Lower-case name, as log filters read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// The accelerating Redis.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Redis {
    pub host: String,
    pub port: u16,
    pub secure: bool,
    pub cluster: bool,
    pub password: Option<SecretString>,
}

/// Hand-over to the orchestration engine.
#[derive(Debug, Clone)]
pub struct Ors {
    /// Stream that starts sessions.
    pub stream_name: String,
    /// Other names for fields of its entries, by the usual ones.
    pub stream_fields: BTreeMap<String, String>,
    /// Sessions are started by the REST interface instead, without a stream.
    pub by_rest: bool,
    /// Base URL of the REST interface.
    pub url: Url,
    /// Hosts that a session may name as its own node.
    pub allowed_hosts: Vec<String>,
    /// Names of the events sessions listen for.
    pub events: OrsEvents,
}

/// Names of the events sessions listen for (integrations 1.4).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the name of the event of that name")]
pub struct OrsEvents {
    pub cancel: String,
    pub reschedule: String,
    pub pause: String,
    pub resume: String,
    pub user_data: String,
    pub priority: String,
    pub called_in: String,
}

/// The way out of the cluster.
#[derive(Clone)]
pub struct Egress {
    /// The HTTP proxy; may carry credentials.
    pub proxy: SecretString,
    /// Hosts reached without it.
    pub no_proxy: String,
}

impl std::fmt::Debug for Egress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Egress").field("no_proxy", &self.no_proxy).finish_non_exhaustive()
    }
}

/// Estimated waits.
#[derive(Debug, Clone)]
pub struct Urs {
    /// How routers are found.
    pub discovery: Discovery,
    /// Estimation method of services that name no mode: `urs2`, `stat` or `urs`.
    pub aqt: String,
    /// Tenant name in requests about every contact center, `tenants` aside; none when the Environment service is to be asked.
    pub tenant: Option<String>,
    /// Tenant names in requests about single contact centers.
    pub tenants: BTreeMap<Uuid, String>,
    /// The queue stands in the query instead of the path.
    pub ask_by_query: bool,
    /// How long an estimate is fresh: 1 to 60 s.
    pub fresh_for: Duration,
}

/// Push notifications (integrations 6).
#[derive(Debug, Clone)]
pub struct Push {
    /// Nexus instead of FCM.
    pub nexus: Option<Nexus>,
    /// Firebase Cloud Messaging.
    pub fcm_url: Url,
    /// Where tokens are fetched instead of where a service account says.
    pub token_uri: Option<Url>,
}

/// Nexus, when it sends push notifications.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Nexus {
    pub url: Url,
    pub api_key: SecretString,
}

/// CAPTCHA (integrations 7).
#[derive(Debug, Clone)]
pub struct Captcha {
    /// reCAPTCHA v2 and v3.
    pub base_url: Url,
    /// reCAPTCHA Enterprise.
    pub enterprise_url: Url,
    /// Whether a visitor whom nobody can judge may book.
    pub let_in_unverified: bool,
}

/// Thresholds that alert rules compare with (integrations 9.2, group tolerances).
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the names are the gauges")]
pub struct Alerts {
    pub http_400: f64,
    pub http_401: f64,
    pub http_404: f64,
    pub http_500: f64,
    pub rbac_create_vq_proxy_error: f64,
    pub invalid_content_length: f64,
}

/// Settings with what an operator should hear about them.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Log each at WARN.
    pub warnings: Vec<Warning>,
    /// `KEY = value  (origin)` for every setting, secrets as `***`: the output of `check-config`.
    pub report: Vec<String>,
    /// What the secret files say, without saying it: changes when one of them does.
    pub secret_files: u64,
    /// Where all this was read, to read it again.
    pub sources: Sources,
}

impl Settings {
    /// Reads all sources for a process of `role`.
    ///
    /// # Errors
    /// [`ConfigError`] with every problem found, not only the first.
    pub fn load(role: Role, sources: &Sources) -> Result<Loaded, ConfigError> {
        let mut reader = Reader::new(role, Layers::collect(role, sources));
        let ors_redis = ors_redis(&mut reader);
        let ors = ors(&mut reader);
        let lacking =
            (role == Role::Worker && ors_redis.is_none() && !ors.by_rest).then(|| "GES_VMCS__REDIS_HOST".to_owned());
        reader.need(lacking.into_iter().collect());
        reader.want();
        let settings = Self {
            role,
            server: server(role, &mut reader),
            internal_auth: internal_auth(&mut reader),
            log: log(&mut reader),
            region_affinity: reader.region("region_affinity"),
            data_dir: sources.working_folder.join(reader.text_or_empty("data_dir")),
            db: db(&mut reader, sources),
            gws: gws(&mut reader),
            redis: redis(&mut reader),
            ors_redis,
            ors,
            urs: urs(&mut reader),
            egress: egress(&mut reader),
            credentials_key: reader.keys("security.credentials_key"),
            session_key: reader.keys("security.session_key"),
            rbac: rbac(&mut reader),
            ui: Ui { break_glass: break_glass(&mut reader) },
            push: push(&mut reader),
            captcha: Captcha {
                base_url: reader.url("captcha.base_url").unwrap_or_else(placeholder),
                enterprise_url: reader.url("captcha.enterprise_url").unwrap_or_else(placeholder),
                let_in_unverified: reader.word("captcha.on_provider_error") == "allow",
            },
            alerts: Alerts {
                http_400: reader.number("alerts.http_400_tolerance"),
                http_401: reader.number("alerts.http_401_tolerance"),
                http_404: reader.number("alerts.http_404_tolerance"),
                http_500: reader.number("alerts.http_500_tolerance"),
                rbac_create_vq_proxy_error: reader.number("alerts.rbac_create_vq_proxy_error_tolerance"),
                invalid_content_length: reader.number("alerts.invalid_content_length_tolerance"),
            },
            legacy_metric_aliases: reader.flag("metrics.legacy_aliases"),
            single_tenant: reader.flag("tenancy.single"),
        };
        if reader.problems.is_empty() {
            let (report, secret_files) = (reader.report(), reader.secret_files());
            Ok(Loaded { settings, report, secret_files, warnings: reader.warnings, sources: sources.clone() })
        } else {
            Err(ConfigError { report: reader.report(), warnings: reader.warnings, problems: reader.problems })
        }
    }
}

fn server(role: Role, reader: &mut Reader) -> Server {
    let (internal_port, external_port) =
        (reader.port_or_zero("server.internal_port"), reader.port_or_zero("server.external_port"));
    if internal_port == external_port && internal_port != 0 && role != Role::Worker {
        reader.problems.push(Problem::Relation {
            first: "GES_SERVER__INTERNAL_PORT",
            second: "GES_SERVER__EXTERNAL_PORT",
            rule: "two listeners cannot share one port",
        });
    }
    let own_address =
        role == Role::Standalone && reader.is_default("server.internal_url") && reader.is_default("server.ges_url");
    let ges_url = if own_address { None } else { ges_url(reader) };
    let reject_tenant_headers = reader.word("server.tenant_headers") == "reject";
    Server {
        bind_address: reader.address("server.bind_address").unwrap_or(Ipv4Addr::LOCALHOST.into()),
        internal_port,
        external_port,
        ges_url,
        public_url: reader.url("server.public_url"),
        reject_tenant_headers,
        trusted_proxies: reader.networks("server.trusted_proxies"),
    }
}

/// A host alone gets the scheme `http` and the path `/genesys`.
fn ges_url(reader: &mut Reader) -> Option<Url> {
    let key = if reader.is_default("server.ges_url") { "server.internal_url" } else { "server.ges_url" };
    let text = reader.text(key)?;
    let text = text.trim();
    let absolute = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let Some(mut url) = web_url(&absolute) else {
        reader.bad(key, "host, host:port, or http or https URL without credentials");
        return None;
    };
    let path = match url.path().trim_end_matches('/') {
        "" => "/genesys".to_owned(),
        path => path.to_owned(),
    };
    url.set_path(&path);
    Some(url)
}

/// A mode without its credentials would let nobody in, or everybody.
fn internal_auth(reader: &mut Reader) -> InternalAuth {
    let mode = reader.word("internal_auth.mode");
    let (user, password) = (reader.text("internal_auth.user"), reader.secret("internal_auth.password"));
    let token = reader.header_secret("internal_auth.token");
    let header = reader.header("internal_auth.header");
    let subjects = reader.text_or_empty("internal_auth.subjects");
    let subjects: Vec<String> =
        subjects.split('|').map(|subject| subject.trim().to_owned()).filter(|subject| !subject.is_empty()).collect();
    let lacking = match (mode.as_str(), user, password, token) {
        ("basic", Some(user), Some(password), _) if !user.contains(':') => {
            return InternalAuth::Basic { user, password };
        }
        ("basic", ..) => ("GES_INTERNAL_AUTH__USER", "`basic` needs a user without a colon, and a password"),
        ("bearer", _, _, Some(token)) => return InternalAuth::Bearer { token },
        ("bearer", ..) => ("GES_INTERNAL_AUTH__TOKEN", "`bearer` needs a token"),
        ("mtls-header", ..) if !subjects.is_empty() => return InternalAuth::MtlsHeader { header, subjects },
        ("mtls-header", ..) => ("GES_INTERNAL_AUTH__SUBJECTS", "`mtls-header` needs at least one subject"),
        _ => return InternalAuth::None,
    };
    let (second, rule) = lacking;
    reader.problems.push(Problem::Relation { first: "GES_INTERNAL_AUTH__MODE", second, rule });
    InternalAuth::None
}

fn log(reader: &mut Reader) -> Log {
    let level = match reader.word("log.level").as_str() {
        "trace" => Level::Trace,
        "debug" => Level::Debug,
        "warn" => Level::Warn,
        "error" | "fatal" => Level::Error,
        _ => Level::Info,
    };
    Log { level, max_len: usize::try_from(reader.whole("log.max_len")).unwrap_or(usize::MAX) }
}

fn urs(reader: &mut Reader) -> Urs {
    Urs {
        discovery: Discovery::read(reader),
        aqt: reader.word("urs.aqt"),
        tenant: reader.text("urs.tenant"),
        tenants: tenant_names(reader),
        ask_by_query: reader.word("urs.request_form") == "query",
        fresh_for: Duration::from_secs(reader.whole("urs.cache_ttl")),
    }
}

fn tenant_names(reader: &mut Reader) -> BTreeMap<Uuid, String> {
    let Some(text) = reader.text("urs.tenants") else { return BTreeMap::new() };
    let names = serde_json::from_str::<BTreeMap<Uuid, String>>(&text).ok();
    names.filter(|names| names.values().all(|name| !name.trim().is_empty())).unwrap_or_else(|| {
        reader.bad("urs.tenants", "JSON object of contact center ids with tenant names");
        BTreeMap::new()
    })
}

/// Fields of a stream entry under the names they have unless something else is said (integrations 1.2.2).
const STREAM_FIELDS: [&str; 14] = [
    "schema",
    "event",
    "serviceId",
    "attempt",
    "ccid",
    "serviceName",
    "application",
    "applicationStream",
    "gesUrl",
    "region",
    "submittedAt",
    "expiresAt",
    "corrId",
    "data",
];

/// Another name for a field that is none would change nothing, and two fields of one name would hide one of them.
fn stream_fields(reader: &mut Reader) -> BTreeMap<String, String> {
    let key = "ors.stream_fields";
    let Some(text) = reader.text(key) else { return BTreeMap::new() };
    let Ok(names) = serde_json::from_str::<BTreeMap<String, String>>(&text) else {
        reader.bad(key, "JSON object of text");
        return BTreeMap::new();
    };
    let written: BTreeSet<&str> =
        STREAM_FIELDS.into_iter().map(|usual| names.get(usual).map_or(usual, String::as_str)).collect();
    let known = names.keys().all(|usual| STREAM_FIELDS.contains(&usual.as_str()));
    if !known || written.len() < STREAM_FIELDS.len() || written.contains("") {
        reader.bad(key, "JSON object that gives fields of an entry other names, each its own");
    }
    names
}

fn ors(reader: &mut Reader) -> Ors {
    let stream_fields = stream_fields(reader);
    for fixed in ["ors.submit_ack_timeout", "ors.max_attempts"] {
        reader.whole(fixed);
    }
    Ors {
        stream_name: reader.text_or_empty("vmcs.redis_stream_name"),
        stream_fields,
        by_rest: reader.word("ors.start_mode") == "rest",
        url: reader.url("vmcs.ors_url").unwrap_or_else(placeholder),
        allowed_hosts: reader.list("ors.allowed_hosts"),
        events: OrsEvents {
            cancel: reader.text_or_empty("ors.events.cancel"),
            reschedule: reader.text_or_empty("ors.events.reschedule"),
            pause: reader.text_or_empty("ors.events.pause"),
            resume: reader.text_or_empty("ors.events.resume"),
            user_data: reader.text_or_empty("ors.events.userdata"),
            priority: reader.text_or_empty("ors.events.priority"),
            called_in: reader.text_or_empty("ors.events.callin"),
        },
    }
}

fn egress(reader: &mut Reader) -> Option<Egress> {
    let no_proxy = reader.text_or_empty("egress.no_proxy");
    Some(Egress { proxy: reader.secret_url("egress.proxy")?, no_proxy })
}

fn redis(reader: &mut Reader) -> Option<Redis> {
    let (port, password) = (reader.port_or_zero("redis.port"), reader.secret("redis.password"));
    let (secure, cluster) = (reader.flag("redis.secure"), reader.flag("redis.cluster_mode"));
    Some(Redis { host: reader.host("redis.host")?, port, secure, cluster, password })
}

fn push(reader: &mut Reader) -> Push {
    let (url, api_key) = (reader.url("nexus.url"), reader.header_secret("nexus.api_key"));
    let wanted = reader.word("push.provider") == "nexus";
    let nexus = url.zip(api_key).map(|(url, api_key)| Nexus { url, api_key });
    if wanted && nexus.is_none() && !reader.is_bad(&["nexus.url", "nexus.api_key"]) {
        reader.problems.push(Problem::Relation {
            first: "GES_PUSH__PROVIDER",
            second: "GES_NEXUS__URL",
            rule: "nexus needs GES_NEXUS__URL and GES_NEXUS__API_KEY",
        });
    }
    Push {
        nexus: nexus.filter(|_| wanted),
        fcm_url: reader.url("push.fcm_url").unwrap_or_else(placeholder),
        token_uri: reader.url("push.token_uri"),
    }
}

fn ors_redis(reader: &mut Reader) -> Option<OrsRedis> {
    let location = reader.text("vmcs.ors_redis_location").and_then(|text| {
        let location = text.trim().rsplit_once(':').and_then(|(host, port)| Some((host_of(host)?, port.parse().ok()?)));
        if location.is_none() {
            reader.bad("vmcs.ors_redis_location", "host:port");
        }
        location
    });
    let given = Given {
        host: reader.host("vmcs.redis_host"),
        port: reader.port("vmcs.redis_port"),
        location,
        secure: reader.auto_flag("vmcs.redis_secure"),
        cluster: reader.flag("vmcs.redis_cluster_mode"),
    };
    let secret = match reader.text("vmcs.ors_redis_secret") {
        None => Secret::default(),
        Some(json) => match Secret::read(&json, &reader.origin("vmcs.ors_redis_secret")) {
            Ok(secret) => secret,
            Err(problem) => {
                reader.problems.push(problem);
                // The host may have been in it: do not also report that as missing.
                return resolve(Given { host: Some(String::new()), ..given }, Secret::default(), &mut Vec::new());
            }
        },
    };
    resolve(given, secret, &mut reader.warnings)
}

/// Stands in for a URL that did not read; such settings are never handed out.
fn placeholder() -> Url {
    Url::parse("http://localhost").expect("invariant: a constant URL")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documented entry is kept equal to what is written by a test of the adapter that writes it.
    #[test]
    fn the_fields_that_can_be_renamed_are_those_of_the_documented_entry() {
        let entry = include_str!("../../../docs/integrate/orchestration-entry.json");
        let entry: BTreeMap<String, serde_json::Value> = serde_json::from_str(entry).unwrap();
        let written: BTreeSet<&str> = entry.keys().map(String::as_str).chain(["region"]).collect();
        assert_eq!(written, BTreeSet::from(STREAM_FIELDS));
    }
}
