//! Which addresses a session may name (integrations 1.3): a guard against being sent elsewhere.

use std::net::IpAddr;

use url::{Host, Url};

/// Hosts that may be called besides the configured one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHosts {
    globs: Vec<String>,
    private_nodes: bool,
}

/// Port at which a private address is taken for a node of orchestration.
const NODE_PORT: u16 = 9098;

impl Default for AllowedHosts {
    /// `*.svc.cluster.local`, `*.consul`, and private addresses on port 9098.
    fn default() -> Self {
        Self::new(["*.svc.cluster.local", "*.consul", "private"])
    }
}

impl AllowedHosts {
    /// Host names with `*` for any run of characters; the word `private` stands for private addresses on port 9098.
    pub fn new<T: AsRef<str>>(patterns: impl IntoIterator<Item = T>) -> Self {
        let (words, globs): (Vec<_>, Vec<_>) = patterns
            .into_iter()
            .map(|pattern| pattern.as_ref().trim().to_ascii_lowercase())
            .filter(|pattern| !pattern.is_empty())
            .partition(|pattern| pattern == "private");
        Self { globs, private_nodes: !words.is_empty() }
    }

    /// Whether `url` may be called when `own` is the configured address.
    pub fn permits(&self, url: &Url, own: &Url) -> bool {
        if !is_plain_http(url) {
            return false;
        }
        let host = url.host_str().unwrap_or_default();
        own.host_str() == Some(host) || self.globs.iter().any(|glob| fits(glob, host)) || self.is_private_node(url)
    }

    fn is_private_node(&self, url: &Url) -> bool {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => address.to_canonical(),
            _ => return false,
        };
        let private = match address {
            IpAddr::V4(address) => address.is_private(),
            IpAddr::V6(address) => address.is_unique_local(),
        };
        self.private_nodes && private && url.port_or_known_default() == Some(NODE_PORT)
    }
}

/// Scheme http or https, a host, and nobody's name or password in it.
pub(super) fn is_plain_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.host().is_some()
        && url.username().is_empty()
        && url.password().is_none()
}

/// Whether `text` has the form of `glob`: `*` stands for any run of characters, also none.
fn fits(glob: &str, text: &str) -> bool {
    let Some((head, rest)) = glob.split_once('*') else { return glob == text };
    let Some(text) = text.strip_prefix(head) else { return false };
    (0..=text.len()).any(|at| text.is_char_boundary(at) && fits(rest, &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_can_only_name_nodes_of_orchestration() {
        let own = Url::parse("http://voice-ors.voice.svc.cluster.local:9098").unwrap();
        let permitted = |text: &str| AllowedHosts::default().permits(&Url::parse(text).unwrap(), &own);
        for good in [
            "http://voice-ors-0.voice-ors.voice.svc.cluster.local:9098",
            "https://ors.service.dc1.consul",
            "http://voice-ors.voice.svc.cluster.local:8080",
            "http://10.1.2.3:9098",
            "http://192.168.0.9:9098/base",
            "http://[fd00::1]:9098",
        ] {
            assert!(permitted(good), "{good}");
        }
        for bad in [
            "http://10.1.2.3:80",
            "http://8.8.8.8:9098",
            "http://127.0.0.1:9098",
            "http://169.254.169.254:9098",
            "http://[::1]:9098",
            "http://example.com:9098",
            "http://svc.cluster.local.example.com",
            "ftp://x.svc.cluster.local",
            "file:///etc/passwd",
            "http://user:pw@x.svc.cluster.local",
        ] {
            assert!(!permitted(bad), "{bad}");
        }
        let only_own = AllowedHosts::new([""; 0]);
        assert!(only_own.permits(&own, &own));
        assert!(!only_own.permits(&Url::parse("http://10.1.2.3:9098").unwrap(), &own));
    }

    #[test]
    fn stars_stand_for_any_run() {
        assert!(fits("a*c", "abbc") && fits("a*c", "ac") && fits("*", "") && fits("*b*", "abc"));
        assert!(!fits("a*c", "ab") && !fits("a", "ab") && !fits("*b", "abc"));
    }
}
