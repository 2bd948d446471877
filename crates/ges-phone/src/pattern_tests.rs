//! Pattern lists of a publish (integrations 2.13) with real expressions.

use std::collections::BTreeMap;

use ges_domain::publishing::unreadable_patterns;

use crate::Plan;

#[test]
fn a_pattern_has_to_read_by_itself_and_within_what_is_put_around_it() {
    for (pattern, reads) in [
        ("911|112", true),
        (r"[^@ ]+@[^@ ]+", true),
        ("", true),
        ("a)|(b", false),
        ("(a", false),
        ("(?x)911 # police", false),
        ("(?=1)", false),
        (r"(1)\1", false),
    ] {
        let list = BTreeMap::from([("one".to_owned(), pattern.to_owned())]);
        let broken = unreadable_patterns(&BTreeMap::from([("patterns".to_owned(), list)]), &Plan);
        assert_eq!(broken.is_empty(), reads, "{pattern}: {broken:?}");
    }
}
