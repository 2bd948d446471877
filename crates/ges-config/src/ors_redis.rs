//! Where the orchestration Redis is and how to sign in (integrations 1.2.1).

use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::problem::{Problem, Warning};
use crate::reader::{host_of, truth};

/// Ports on which `auto` means TLS: those of managed Redis services.
const TLS_PORTS: [u16; 2] = [6380, 10_000];
const DEFAULT_PORT: u16 = 6379;

/// The orchestration Redis, resolved from settings and secret.
#[derive(Debug, Clone)]
pub struct OrsRedis {
    /// Host to connect to.
    pub host: String,
    /// Port to connect to.
    pub port: u16,
    /// How to do TLS; `None` for plain text.
    pub tls: Option<Tls>,
    /// ACL user; `None` for the default user.
    pub username: Option<String>,
    /// `None` for no sign-in.
    pub password: Option<SecretString>,
    /// Speak the cluster protocol, starting from this one node.
    pub cluster: bool,
}

/// How to do TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// SNI and name to verify.
    pub servername: String,
    /// Check chain and name of the certificate.
    pub verify: bool,
}

/// What the settings outside the secret say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) location: Option<(String, u16)>,
    /// `None`: decide by port.
    pub(crate) secure: Option<bool>,
    pub(crate) cluster: bool,
}

/// The secret, every key optional.
#[derive(Debug, Default)]
pub(crate) struct Secret {
    password: Option<SecretString>,
    username: Option<String>,
    host: Option<String>,
    port: Option<u16>,
    servername: Option<String>,
    verify: Option<bool>,
    secure: Option<bool>,
    unknown: Vec<String>,
}

impl Secret {
    /// Reads the JSON object; scalars may be texts, numbers or booleans.
    ///
    /// # Errors
    /// [`Problem::BadSecret`] names the origin and the key, never the content.
    pub(crate) fn read(json: &str, origin: &str) -> Result<Self, Problem> {
        let bad = |what: String| Problem::BadSecret { origin: origin.into(), what };
        // The parser's message may quote the text, so it is dropped.
        let object: Map<String, Value> = serde_json::from_str(json).map_err(|_| bad("not a JSON object".into()))?;
        let mut secret = Self::default();
        let mut tls = None;
        for (key, value) in object {
            let wrong = |expected: &str| bad(format!("{key} must be {expected}"));
            let text = match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Bool(flag) => flag.to_string(),
                Value::Null => continue,
                Value::Array(_) | Value::Object(_) => return Err(wrong("a text, number or boolean")),
            };
            if text.is_empty() {
                continue;
            }
            let flag = || truth(&text).ok_or_else(|| wrong("true or false"));
            match key.as_str() {
                "password" => secret.password = Some(text.into()),
                "username" => secret.username = Some(text),
                "host" => secret.host = Some(host_of(&text).ok_or_else(|| wrong("a host name or IP address"))?),
                "servername" => secret.servername = Some(text),
                "port" => {
                    let port = text.trim().parse().ok().filter(|port| *port != 0);
                    secret.port = Some(port.ok_or_else(|| wrong("a port"))?);
                }
                "rejectUnauthorized" => secret.verify = Some(flag()?),
                "secure" => secret.secure = Some(flag()?),
                "tls" => tls = Some(flag()?),
                _ => secret.unknown.push(key),
            }
        }
        if secret.secure.is_some() && tls.is_some() && secret.secure != tls {
            return Err(bad("secure and tls differ".into()));
        }
        secret.secure = secret.secure.or(tls);
        Ok(secret)
    }
}

/// Puts settings and secret together: the secret wins, then host and port, then the location; the server name is
/// the host of last resort. `None` when nothing names a host.
pub(crate) fn resolve(given: Given, secret: Secret, warnings: &mut Vec<Warning>) -> Option<OrsRedis> {
    warnings.extend(secret.unknown.into_iter().map(|key| Warning::UnknownSecretKey { key }));
    let differs = |(host, port): &(String, u16)| {
        given.host.as_ref().is_some_and(|given| given != host) || given.port.is_some_and(|given| given != *port)
    };
    if given.location.as_ref().is_some_and(differs) {
        warnings.push(Warning::LocationIgnored);
    }
    let (location_host, location_port) = match given.location {
        // Host and port of the location belong together: with another host its port means nothing.
        Some((host, port)) if given.host.as_ref().is_none_or(|given| *given == host) => (Some(host), Some(port)),
        _ => (None, None),
    };
    let host = secret.host.or(given.host).or(location_host).or_else(|| secret.servername.clone())?;
    let port = secret.port.or(given.port).or(location_port).unwrap_or(DEFAULT_PORT);
    let secure = secret.secure.or(given.secure).unwrap_or_else(|| TLS_PORTS.contains(&port));
    let tls = secure.then(|| Tls {
        servername: secret.servername.unwrap_or_else(|| host.clone()),
        verify: secret.verify.unwrap_or(true),
    });
    if tls.as_ref().is_some_and(|tls| !tls.verify) {
        warnings.push(Warning::UnverifiedTls);
    }
    Some(OrsRedis { host, port, tls, username: secret.username, password: secret.password, cluster: given.cluster })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn given(host: &str, port: Option<u16>) -> Given {
        Given { host: Some(host.to_owned()).filter(|host| !host.is_empty()), port, ..Given::default() }
    }

    fn resolved(given: Given, json: &str) -> (OrsRedis, Vec<Warning>) {
        let mut warnings = Vec::new();
        let redis = resolve(given, Secret::read(json, "test").unwrap(), &mut warnings).unwrap();
        (redis, warnings)
    }

    #[test]
    fn the_sample_secret_overrides_the_port_and_names_the_host_only_in_need() {
        let sample = r#"{"password":"s3cret","port":"6379","rejectUnauthorized":"true","servername":"redis.voice"}"#;
        let (redis, _) = resolved(given("config-host", Some(7000)), sample);
        assert_eq!((redis.host.as_str(), redis.port, redis.tls), ("config-host", 6379, None));
        assert_eq!(redis.password.unwrap().expose_secret(), "s3cret");
        let (redis, _) = resolved(given("", None), sample);
        assert_eq!((redis.host.as_str(), redis.port), ("redis.voice", 6379));
    }

    #[test]
    fn tls_follows_secret_then_setting_then_port() {
        let cases = [
            (6379, None, "{}", false),
            (6380, None, "{}", true),
            (10_000, None, "{}", true),
            (6379, Some(true), "{}", true),
            (6380, Some(false), "{}", false),
            (6380, Some(true), r#"{"secure":"false"}"#, false),
            (6379, Some(false), r#"{"tls":true}"#, true),
            (6379, None, r#"{"port":10000}"#, true),
        ];
        for (port, secure, json, tls) in cases {
            let (redis, _) = resolved(Given { secure, ..given("h", Some(port)) }, json);
            assert_eq!(redis.tls.is_some(), tls, "{port} {secure:?} {json}");
        }
    }

    #[test]
    fn unverified_tls_is_a_warning_and_plain_text_is_not() {
        let (redis, warnings) = resolved(given("h", Some(6380)), r#"{"rejectUnauthorized":false,"servername":"n"}"#);
        assert_eq!(redis.tls, Some(Tls { servername: "n".into(), verify: false }));
        assert_eq!(warnings, [Warning::UnverifiedTls]);
        let (_, warnings) = resolved(given("h", Some(6379)), r#"{"rejectUnauthorized":false}"#);
        assert_eq!(warnings, []);
    }

    #[test]
    fn the_location_serves_when_the_host_is_unset_and_is_overruled_otherwise() {
        let location = Some(("loc".to_owned(), 6380));
        let (redis, warnings) = resolved(Given { location: location.clone(), ..given("", None) }, "{}");
        assert_eq!((redis.host.as_str(), redis.port, redis.tls.is_some()), ("loc", 6380, true));
        assert_eq!(warnings, []);
        let (redis, warnings) = resolved(Given { location, ..given("h", None) }, "{}");
        assert_eq!((redis.host.as_str(), redis.port), ("h", 6379));
        assert_eq!(warnings, [Warning::LocationIgnored]);
    }

    #[test]
    fn a_bad_secret_is_named_and_never_quoted() {
        for json in [
            "hunter2",
            r#"["hunter2"]"#,
            r#"{"port":"hunter2"}"#,
            r#"{"tls":"hunter2"}"#,
            r#"{"host":{"a":"hunter2"}}"#,
            r#"{"tls":true,"secure":false,"password":"hunter2"}"#,
        ] {
            let text = Secret::read(json, "secret file /s/voice-redis-ors-stream").unwrap_err().to_string();
            assert!(text.contains("/s/voice-redis-ors-stream") && !text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn without_any_host_there_is_no_redis() {
        assert!(resolve(Given::default(), Secret::default(), &mut Vec::new()).is_none());
    }
}
