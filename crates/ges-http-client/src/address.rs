//! Addresses below a base, safe against what callers put into a path.

use url::Url;

/// `base` with path segments added, each percent-encoded, so that none can become two or reach the query.
///
/// A segment that is no [`is_segment`] is left out by the URL rules; ask first where a segment comes from outside.
pub fn below(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// Whether a text can stand as a path segment of its own; the empty text and dot segments cannot.
pub fn is_segment(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_segment_stays_one_segment() {
        let base = Url::parse("http://peer:80/sub/").unwrap();
        for (text, path) in [
            ("a/b?c#d", "/sub/a%2Fb%3Fc%23d"),
            ("%2e%2e", "/sub/%252e%252e"),
            ("Köln Süd", "/sub/K%C3%B6ln%20S%C3%BCd"),
            ("..\\..", "/sub/..%5C.."),
        ] {
            assert!(is_segment(text));
            let url = below(&base, &[text]);
            assert_eq!((url.path(), url.query()), (path, None));
            assert_eq!(Url::parse(url.as_str()).unwrap(), url, "reads back as the same address");
        }
        for text in ["", ".", ".."] {
            assert!(!is_segment(text));
        }
    }
}
