//! Turns winning texts into typed values and notes what does not read.

use std::net::{IpAddr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

use crate::catalogue::{CATALOGUE, Kind, Role, Setting};
use crate::layers::{DEFAULT, Layers};
use crate::problem::{Problem, Warning};

/// Length of a key that seals.
const KEY_BYTES: usize = 32;

const PODS: &[Role] = &[Role::Api, Role::Worker];
const API: &[Role] = &[Role::Api];

/// What a pod starts without, and what is missing then.
const WANTED: [(&str, &[Role], &str); 5] = [
    (
        "redis.host",
        PODS,
        "the database counts alone, and every pod has a general storage and news of sessions of its own",
    ),
    ("gws.conf_url", PODS, "nobody has rights at the console, and no VQ proxies are kept"),
    ("gws.public_auth_url", API, "nobody can sign in at the console through GWS"),
    (
        "security.credentials_key",
        PODS,
        "no credential can be stored, so nothing is pushed, no CAPTCHA is verified and no statistics are passed on",
    ),
    ("security.session_key", API, "nobody can sign in at the console"),
];

/// Typed access to the layers. A value that does not read is noted as a problem and answered with `None` or zero:
/// with a problem noted, nothing is built in the end.
pub(crate) struct Reader {
    layers: Layers,
    role: Role,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Warning>,
}

impl Reader {
    pub(crate) fn new(role: Role, mut layers: Layers) -> Self {
        let (problems, warnings) = (std::mem::take(&mut layers.problems), std::mem::take(&mut layers.warnings));
        Self { layers, role, problems, warnings }
    }

    /// Whether the value is a built-in one, or absent.
    pub(crate) fn is_default(&self, key: &str) -> bool {
        self.layers.find(key).is_none_or(|(_, origin)| origin == DEFAULT)
    }

    pub(crate) fn origin(&self, key: &str) -> String {
        self.layers.find(key).map_or_else(String::new, |(_, origin)| origin)
    }

    pub(crate) fn text(&mut self, key: &'static str) -> Option<String> {
        self.parse(key, |text| Some(text.to_owned()))
    }

    pub(crate) fn text_or_empty(&mut self, key: &'static str) -> String {
        self.text(key).unwrap_or_default()
    }

    pub(crate) fn secret(&mut self, key: &'static str) -> Option<SecretString> {
        self.text(key).map(SecretString::from)
    }

    /// A secret that stands in a header: visible ASCII, without the space around it, which no header keeps (RFC 9110, 5.5).
    pub(crate) fn header_secret(&mut self, key: &'static str) -> Option<SecretString> {
        let text = self.text(key)?;
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.bad(key, "visible ASCII, kept secret");
            return None;
        }
        Some(SecretString::from(text.to_owned()))
    }

    pub(crate) fn port(&mut self, key: &'static str) -> Option<u16> {
        self.parse(key, |text| text.trim().parse().ok())
    }

    pub(crate) fn port_or_zero(&mut self, key: &'static str) -> u16 {
        self.port(key).unwrap_or_default()
    }

    pub(crate) fn address(&mut self, key: &'static str) -> Option<IpAddr> {
        self.parse(key, |text| text.trim().parse().ok())
    }

    pub(crate) fn whole(&mut self, key: &'static str) -> u64 {
        let Kind::Whole { min, max } = setting(key).kind else { return 0 };
        let value = self.parse(key, |text| text.trim().parse().ok().filter(|value| (min..=max).contains(value)));
        value.unwrap_or_default()
    }

    pub(crate) fn number(&mut self, key: &'static str) -> f64 {
        let value =
            self.parse(key, |text| text.trim().parse().ok().filter(|value: &f64| value.is_finite() && *value >= 0.0));
        value.unwrap_or_default()
    }

    pub(crate) fn flag(&mut self, key: &'static str) -> bool {
        self.parse(key, truth).unwrap_or_default()
    }

    /// `None` inside for `auto`.
    pub(crate) fn auto_flag(&mut self, key: &'static str) -> Option<bool> {
        let auto = |text: &str| text.trim().eq_ignore_ascii_case("auto");
        self.parse(key, |text| if auto(text) { Some(None) } else { truth(text).map(Some) }).flatten()
    }

    /// The word in lower case.
    pub(crate) fn word(&mut self, key: &'static str) -> String {
        let Kind::OneOf(words) = setting(key).kind else { return String::new() };
        let word = self.parse(key, |text| {
            let text = text.trim().to_ascii_lowercase();
            words.contains(&text.as_str()).then_some(text)
        });
        word.unwrap_or_default()
    }

    pub(crate) fn url(&mut self, key: &'static str) -> Option<Url> {
        self.parse(key, web_url)
    }

    /// A URL, or a host with or without a port, which means plain HTTP (integrations 4.1).
    pub(crate) fn service_url(&mut self, key: &'static str) -> Option<Url> {
        self.parse(key, |text| match text.trim() {
            text if text.contains("://") => web_url(text),
            host => web_url(&format!("http://{host}")),
        })
    }

    pub(crate) fn urls(&mut self, key: &'static str) -> Vec<Url> {
        let urls = self
            .parse(key, |text| text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(web_url).collect());
        urls.unwrap_or_default()
    }

    /// The texts between commas, trimmed, without empty ones.
    pub(crate) fn list(&mut self, key: &'static str) -> Vec<String> {
        let parts =
            |text: &str| text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(Into::into).collect();
        self.text(key).as_deref().map(parts).unwrap_or_default()
    }

    pub(crate) fn networks(&mut self, key: &'static str) -> Vec<IpNet> {
        let networks = self.parse(key, |text| {
            text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| part.parse().ok()).collect()
        });
        networks.unwrap_or_default()
    }

    /// A URL that may carry credentials.
    pub(crate) fn secret_url(&mut self, key: &'static str) -> Option<SecretString> {
        self.parse(key, |text| {
            let url = Url::parse(text.trim()).ok()?;
            (matches!(url.scheme(), "http" | "https") && url.has_host()).then(|| SecretString::from(String::from(url)))
        })
    }

    /// A host, as [`host_of`] reads it.
    pub(crate) fn host(&mut self, key: &'static str) -> Option<String> {
        self.parse(key, host_of)
    }

    /// The name of a region: 1 to 64 characters (R-RA-1).
    pub(crate) fn region(&mut self, key: &'static str) -> Option<String> {
        let name = self.text(key)?;
        if !is_region(&name) {
            self.bad(key, "name of a region, 1 to 64 characters");
            return None;
        }
        Some(name)
    }

    /// The name of a header (RFC 9110, token); empty for what is none.
    pub(crate) fn header(&mut self, key: &'static str) -> String {
        let name = self.text_or_empty(key);
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            self.bad(key, "name of a header");
            return String::new();
        }
        name
    }

    /// Keys of 32 bytes as their readers want them, which come to read them when a problem could no longer be told with the others.
    pub(crate) fn keys(&mut self, key: &'static str) -> Option<SecretString> {
        let is_key = |text: &str| STANDARD.decode(text.trim()).is_ok_and(|bytes| bytes.len() == KEY_BYTES);
        self.parse(key, |text| text.split(',').all(is_key).then(|| SecretString::from(text.to_owned())))
    }

    pub(crate) fn secret_files(&self) -> u64 {
        self.layers.secret_files
    }

    pub(crate) fn bad(&mut self, key: &'static str, expected: &str) {
        let (name, origin) = (setting(key).env_name(), self.origin(key));
        self.problems.push(Problem::BadValue { name, origin, expected: expected.into() });
    }

    /// Notes every needed setting without a value, in one problem.
    pub(crate) fn need(&mut self, mut more: Vec<String>) {
        let role = self.role;
        let missing = CATALOGUE.iter().filter(|setting| setting.needed.contains(&role));
        let missing = missing.filter(|setting| self.layers.find(setting.key).is_none());
        let mut names: Vec<_> = missing.map(Setting::env_name).collect();
        names.append(&mut more);
        if !names.is_empty() {
            self.problems.push(Problem::Missing { names });
        }
    }

    /// Whether this role does not start without the setting, so that its absence is told anyway.
    pub(crate) fn is_needed(&self, key: &str) -> bool {
        setting(key).needed.contains(&self.role)
    }

    /// Whether the text of one of these settings did not read, so that what it lacks elsewhere is no second problem.
    pub(crate) fn is_bad(&self, keys: &[&str]) -> bool {
        let named = |own: &str| keys.iter().any(|key| setting(key).env_name() == own);
        self.problems.iter().any(|problem| matches!(problem, Problem::BadValue { name, .. } if named(name)))
    }

    /// Warns of what a deployment usually has and this one lacks (integrations 10.2, "required").
    pub(crate) fn want(&mut self) {
        let role = self.role;
        let absent = WANTED.iter().filter(|(key, roles, _)| roles.contains(&role) && self.layers.find(key).is_none());
        let absent = absent.map(|(key, _, effect)| Warning::Absent { name: setting(key).env_name(), effect });
        self.warnings.extend(absent.collect::<Vec<_>>());
    }

    /// One line per setting: canonical name, value, origin; secrets as `***`. What does not read may hold a secret in the wrong
    /// place, so it is not shown either.
    pub(crate) fn report(&self) -> Vec<String> {
        let line = |setting: &Setting| match self.layers.find(setting.key) {
            Some((_, origin)) if self.is_bad(&[setting.key]) => {
                format!("{} = (does not read)  ({origin})", setting.env_name())
            }
            Some((_, origin)) if setting.kind.secret() => format!("{} = ***  ({origin})", setting.env_name()),
            Some((text, origin)) => format!("{} = {text}  ({origin})", setting.env_name()),
            None => format!("{} =  (not set)", setting.env_name()),
        };
        CATALOGUE.iter().map(line).collect()
    }

    fn parse<T>(&mut self, key: &'static str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let (text, _) = self.layers.find(key)?;
        let value = read(&text);
        if value.is_none() {
            self.bad(key, &setting(key).kind.expected());
        }
        value
    }
}

fn setting(key: &str) -> &'static Setting {
    CATALOGUE
        .iter()
        .find(|setting| setting.key == key)
        .expect("invariant: the loader asks for settings of the catalogue")
}

/// Reads the words operators use for yes and no.
pub(crate) fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

/// A host: a name, or an address, of version 6 with or without brackets; those are taken off. `None` for everything else, a port behind
/// it or a path of a socket above all: what a client of a server makes of such a text may be another host.
pub(crate) fn host_of(text: &str) -> Option<String> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if bare.parse::<Ipv6Addr>().is_ok() {
        return Some(bare.to_owned());
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    ((1..=253).contains(&text.len()) && text.bytes().all(fits)).then(|| text.to_owned())
}

/// Whether this can be the name of a region.
pub(crate) fn is_region(name: &str) -> bool {
    let name = name.trim();
    (1..=64).contains(&name.chars().count()) && !name.contains('\0')
}

/// A web URL with a host. Credentials in it are refused, because URLs get logged.
pub(crate) fn web_url(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim()).ok()?;
    let web = matches!(url.scheme(), "http" | "https") && url.has_host();
    (web && url.username().is_empty() && url.password().is_none()).then_some(url)
}
