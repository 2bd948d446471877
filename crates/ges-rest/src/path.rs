//! Names in paths (engagement-api 2.5): routes match the raw path, the segment is decoded afterwards.

use percent_encoding::percent_decode_str;

/// The segment at `index` (0 is the first after the leading slash) as text; `None` when it is missing, when a percent
/// sign is not followed by two hexadecimal digits, or when the bytes are not UTF-8. A `+` stays a `+`.
pub(crate) fn segment(raw_path: &str, index: usize) -> Option<String> {
    let raw = raw_path.strip_prefix('/')?.split('/').nth(index)?;
    let mut after_percent = raw.split('%').skip(1);
    let hex = |text: &str| {
        let mut digits = text.bytes();
        let mut one = || digits.next().is_some_and(|byte| byte.is_ascii_hexdigit());
        one() && one()
    };
    if !after_percent.all(hex) {
        return None;
    }
    percent_decode_str(raw).decode_utf8().ok().map(Into::into)
}

/// Whether the path has a segment at `index`, readable or not: what is named unreadably is not what is not named.
pub(crate) fn is_named(raw_path: &str, index: usize) -> bool {
    raw_path.strip_prefix('/').is_some_and(|path| path.split('/').nth(index).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_decoded_after_matching() {
        for (path, index, text) in [
            ("/a/my%20svc%2Fx", 1, Some("my svc/x")),
            ("/a/b+c", 1, Some("b+c")),
            ("/a/%C3%BC", 1, Some("ü")),
            ("/a/", 1, Some("")),
            ("/a", 1, None),
            ("/a/%zz", 1, None),
            ("/a/50%", 1, None),
            ("/a/%4", 1, None),
            ("/a/%%41", 1, None),
            ("/a/%ff", 1, None),
        ] {
            assert_eq!(segment(path, index).as_deref(), text, "{path}");
        }
        for (path, index, named) in [("/a/%zz", 1, true), ("/a/", 1, true), ("/a", 1, false), ("a", 0, false)] {
            assert_eq!(is_named(path, index), named, "{path}");
        }
    }
}
