//! Who may use the internal listener besides asking from inside the network (integrations 2.1, `internal_auth.mode`).
//!
//! Only digests of what is expected are kept, and they are compared in constant time. Health, metrics and the pages never need
//! it; a request of the public API that brings an API key has identified itself already.

use std::sync::{Arc, PoisonError, RwLock};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::engagement;

/// What internal callers have to show. Clones share it, and change together.
#[derive(Clone, Default)]
pub struct Gate(Arc<RwLock<Option<Lock>>>);

#[derive(Clone)]
struct Lock {
    header: HeaderName,
    /// SHA-256 of every value that opens it.
    keys: Vec<[u8; 32]>,
    /// Whether the scheme in front of the value may be written in any letter case.
    scheme: Option<&'static str>,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.lock().is_some() { "Gate(closed)" } else { "Gate(open)" })
    }
}

fn digest(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

impl Gate {
    /// Everybody in the network may.
    pub fn open() -> Self {
        Self::default()
    }

    fn locked(lock: Lock) -> Self {
        Self(Arc::new(RwLock::new(Some(lock))))
    }

    fn lock(&self) -> Option<Lock> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on callers have to show what they would have to show `other`; whoever knows only what was expected before is
    /// refused (integrations 10.1).
    pub fn change(&self, other: &Self) {
        let lock = other.lock();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = lock;
    }

    /// Whoever knows this user name and password (RFC 7617).
    pub fn basic(user: &str, password: &str) -> Self {
        let value = STANDARD.encode(format!("{user}:{password}"));
        Self::locked(Lock {
            header: header::AUTHORIZATION,
            keys: vec![digest(value.as_bytes())],
            scheme: Some("Basic"),
        })
    }

    /// Whoever knows this token (RFC 6750).
    pub fn bearer(token: &str) -> Self {
        Self::locked(Lock {
            header: header::AUTHORIZATION,
            keys: vec![digest(token.as_bytes())],
            scheme: Some("Bearer"),
        })
    }

    /// Whoever the proxy in front has verified and names in `header` by one of these subjects. The proxy has to remove the header
    /// from what callers send. None when `header` is no name of a header.
    pub fn subjects<'a>(header: &str, subjects: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let header = HeaderName::try_from(header).ok()?;
        let keys = subjects.into_iter().map(|subject| digest(subject.trim().as_bytes())).collect();
        Some(Self::locked(Lock { header, keys, scheme: None }))
    }

    /// Whether this request passes.
    pub(crate) fn admits<B>(&self, request: &Request<B>) -> bool {
        let Some(lock) = self.lock() else { return true };
        !guarded(request.uri().path(), request.headers()) || lock.opens(request.headers())
    }

    /// Whether callers show it something in this header, which then means nothing else.
    pub(crate) fn reads(&self, header: &HeaderName) -> bool {
        self.lock().is_some_and(|lock| lock.header == *header)
    }

    /// What a refused caller is asked for.
    pub(crate) fn challenge(&self) -> Option<HeaderValue> {
        let scheme = self.lock()?.scheme?;
        HeaderValue::from_str(&format!("{scheme} realm=\"ges\"")).ok()
    }
}

impl Lock {
    fn opens(&self, headers: &HeaderMap) -> bool {
        let mut given = headers.get_all(&self.header).iter();
        let (Some(value), None) = (given.next(), given.next()) else { return false };
        let value = value.as_bytes().trim_ascii();
        let value = match self.scheme {
            None => value,
            Some(scheme) => match value.split_at_checked(scheme.len()) {
                Some((named, rest)) if named.eq_ignore_ascii_case(scheme.as_bytes()) && rest.starts_with(b" ") => {
                    rest.trim_ascii()
                }
                _ => return false,
            },
        };
        let given = digest(value);
        // Every key is compared, so that the time does not tell which one it was.
        let found = self.keys.iter().fold(Choice::from(0), |found, key| found | key[..].ct_eq(&given[..]));
        bool::from(found)
    }
}

/// Whether a path belongs to the internal interface.
fn guarded(path: &str, headers: &HeaderMap) -> bool {
    if path.starts_with("/genesy") {
        return true;
    }
    if path.starts_with(engagement::BASE) {
        return !headers.contains_key("x-api-key");
    }
    path.starts_with("/ges/v1/") && !path.starts_with("/ges/v1/health") && !path.starts_with("/ges/v1/ui/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(path: &str, headers: &[(&str, &str)]) -> Request<()> {
        let request = headers.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap()
    }

    const PATH: &str = "/genesys/1/service/callback";

    #[test]
    fn an_open_gate_lets_everybody_pass() {
        assert!(Gate::open().admits(&asks(PATH, &[])));
        assert_eq!(Gate::open().challenge(), None);
    }

    /// Integrations 10.1.
    #[test]
    fn a_changed_secret_counts_at_once_for_every_copy() {
        let (gate, new) = (Gate::bearer("old"), ("authorization", "Bearer new"));
        let copy = gate.clone();
        assert!(!copy.admits(&asks(PATH, &[new])));
        gate.change(&Gate::bearer("new"));
        assert!(copy.admits(&asks(PATH, &[new])));
        assert!(!copy.admits(&asks(PATH, &[("authorization", "Bearer old")])));
    }

    #[test]
    fn each_scheme_takes_its_own_credentials_and_nothing_else() {
        // "ors:sesame" in Base64.
        let basic = ("authorization", "basic b3JzOnNlc2FtZQ==");
        let bearer = ("authorization", "Bearer sesame");
        let subject = ("x-subject", "CN=ors,O=Example");
        let gates = [
            (Gate::basic("ors", "sesame"), basic),
            (Gate::bearer("sesame"), bearer),
            (Gate::subjects("X-Subject", ["CN=a", "CN=ors,O=Example"]).unwrap(), subject),
        ];
        for (nth, (gate, _)) in gates.iter().enumerate() {
            for (other, (_, credentials)) in gates.iter().enumerate() {
                assert_eq!(gate.admits(&asks(PATH, &[*credentials])), nth == other, "{nth} {other}");
            }
            assert!(!gate.admits(&asks(PATH, &[])));
        }
        let twice = [bearer, ("authorization", "Bearer other")];
        assert!(!Gate::bearer("sesame").admits(&asks(PATH, &twice)), "two answers are none");
        assert!(!Gate::bearer("sesame").admits(&asks(PATH, &[("authorization", "Bearer sesam")])));
        assert!(!Gate::bearer("sesame").admits(&asks(PATH, &[("authorization", "Bearersesame")])));
        assert_eq!(Gate::subjects("no header", []).map(|_| ()), None);
        assert_eq!(Gate::basic("a", "b").challenge().unwrap(), "Basic realm=\"ges\"");
    }

    #[test]
    fn health_metrics_and_identified_callers_never_need_it() {
        let gate = Gate::bearer("sesame");
        for path in ["/ges/v1/health", "/ges/v1/health/ready", "/metrics", "/openapi", "/ges/", "/ges/v1/ui/login"] {
            assert!(gate.admits(&asks(path, &[])), "{path}");
        }
        assert!(gate.admits(&asks("/engagement/v3/callbacks/create", &[("x-api-key", "k")])), "keys are looked at");
        for path in ["/engagement/v3/callbacks/create", "/ges/v1/credentials/push", "/genesys/1/storage/5", "/genesy"] {
            assert!(!gate.admits(&asks(path, &[("ccid", "x")])), "{path}");
        }
    }

    #[test]
    fn a_gate_shows_nothing_of_its_keys() {
        assert_eq!(format!("{:?}", Gate::bearer("sesame")), "Gate(closed)", "I11");
    }
}
