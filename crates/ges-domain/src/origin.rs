//! Web origins and the lists that admit them (API reference 2.6). Pure text rules: no request, no registry.

/// An origin as browsers name it: scheme, host and port (RFC 6454).
///
/// Invariant: lower case, and a port that the scheme implies is written out, so that equal origins are equal values.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: Box<str>,
    host: Box<str>,
    port: Option<u16>,
}

impl Origin {
    /// Reads `scheme://host[:port]`. `None` for anything else: `null`, a path, credentials, no host.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (scheme, rest) = (scheme.to_ascii_lowercase(), rest.to_ascii_lowercase());
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        if !scheme.starts_with(|first: char| first.is_ascii_alphabetic()) || !scheme.bytes().all(letters) {
            return None;
        }
        // The colons of an IPv6 address stand inside brackets.
        let after_address = rest.rfind(']').map_or(0, |end| end + 1);
        let (host, port) = match rest[after_address..].find(':') {
            Some(at) => (&rest[..after_address + at], Some(rest[after_address + at + 1..].parse().ok()?)),
            None => (rest.as_str(), None),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._*".contains(&byte) || !byte.is_ascii();
        let address = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
        let fits = match address {
            Some(inner) => inner.bytes().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(&byte)),
            None => host.bytes().all(plain),
        };
        if host.is_empty() || !fits {
            return None;
        }
        let implied = match scheme.as_str() {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        };
        Some(Self { host: host.into(), port: port.or(implied), scheme: scheme.into() })
    }
}

/// The origins whose pages may read answers meant for one contact center.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OriginList(Vec<Origin>);

impl OriginList {
    /// Reads the setting `cors-origins`: origins separated by commas or spaces, a closing slash tolerated. What is no origin
    /// admits nobody. Answers how many such entries there were, too.
    pub fn read(text: &str) -> (Self, usize) {
        let entries = text.split(|letter: char| letter == ',' || letter.is_whitespace());
        let entries = entries.filter(|entry| !entry.is_empty());
        let read: Vec<_> = entries.map(|entry| Origin::parse(entry.strip_suffix('/').unwrap_or(entry))).collect();
        let flawed = read.iter().filter(|entry| entry.is_none()).count();
        (Self(read.into_iter().flatten().collect()), flawed)
    }

    /// Adds the entries of another list.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether an entry has exactly this scheme, host and port, or begins with `*.` and this host is one or more labels before
    /// the rest of it. A `*` anywhere else stands for itself, so it admits nobody.
    pub fn admits(&self, origin: &Origin) -> bool {
        if origin.host.contains('*') {
            return false;
        }
        self.0.iter().any(|entry| {
            let host = match entry.host.strip_prefix("*.") {
                Some(parent) => {
                    let labels = origin.host.strip_suffix(parent).and_then(|labels| labels.strip_suffix('.'));
                    !parent.is_empty() && labels.is_some_and(|labels| !labels.is_empty())
                }
                None => entry.host == origin.host,
            };
            host && entry.scheme == origin.scheme && entry.port == origin.port
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(list: &str, origin: &str) -> bool {
        Origin::parse(origin).is_some_and(|origin| OriginList::read(list).0.admits(&origin))
    }

    #[test]
    fn scheme_host_and_port_are_compared_exactly() {
        let list = "https://www.example.com, http://localhost:8080/,HTTPS://Shop.example.com:8443 https://[::1]";
        for origin in [
            "https://www.example.com",
            "https://www.example.com:443",
            "HTTPS://WWW.EXAMPLE.COM",
            "http://localhost:8080",
            "https://shop.example.com:8443",
            "https://[::1]:443",
        ] {
            assert!(admits(list, origin), "{origin}");
        }
        for origin in [
            "http://www.example.com",
            "https://www.example.com:8443",
            "https://example.com",
            "https://www.example.com.evil.net",
            "https://evil.net/https://www.example.com",
            "http://localhost",
            "https://shop.example.com",
            "https://[::2]",
            "null",
            "",
        ] {
            assert!(!admits(list, origin), "{origin}");
        }
    }

    #[test]
    fn a_star_stands_for_labels_in_front_and_nowhere_else() {
        let list = "https://*.example.com,https://www.*.net,https://*,*";
        assert!(admits(list, "https://www.example.com"));
        assert!(admits(list, "https://a.b.example.com"));
        for origin in [
            "https://example.com",
            "https://.example.com",
            "https://evilexample.com",
            "http://www.example.com",
            "https://www.example.com:444",
            "https://www.evil.net",
            "https://*.example.com",
            "https://evil.com",
        ] {
            assert!(!admits(list, origin), "{origin}");
        }
    }

    #[test]
    fn what_is_no_origin_is_counted() {
        let (list, flawed) = OriginList::read("example.com, https://, https://a b://, https://x/path,https://u@x, ,");
        assert!(list.admits(&Origin::parse("https://a").unwrap()));
        assert_eq!(flawed, 5, "{list:?}");
        assert_eq!(OriginList::read(""), (OriginList::default(), 0));
    }
}
