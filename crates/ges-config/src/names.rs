//! How names compare (integrations 10.1): case is ignored and `-` equals `_`.

use std::collections::BTreeMap;

use crate::catalogue::{CATALOGUE, Setting};

/// The form under which names are equal.
pub(crate) fn fold(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}

/// Every accepted name, folded.
pub(crate) struct Names(BTreeMap<String, (&'static Setting, bool)>);

impl Names {
    pub(crate) fn new() -> Self {
        let mut names = BTreeMap::new();
        for setting in CATALOGUE {
            names.insert(fold(&setting.env_name()), (setting, true));
            for alias in setting.aliases {
                names.insert(fold(alias), (setting, false));
            }
        }
        Self(names)
    }

    /// The setting of that name, and whether the name is its canonical one.
    pub(crate) fn find(&self, name: &str) -> Option<(&'static Setting, bool)> {
        self.0.get(&fold(name)).copied()
    }

    /// The known name that differs in the fewest letters.
    pub(crate) fn nearest(&self, name: &str) -> String {
        let wanted = fold(name);
        let best = self.0.iter().min_by_key(|(known, _)| distance(&wanted, known));
        best.map(
            |(known, (setting, canonical))| {
                if *canonical { setting.env_name() } else { known.to_ascii_uppercase() }
            },
        )
        .unwrap_or_default()
    }
}

/// Levenshtein distance in bytes; names are ASCII in practice.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_dashes_do_not_tell_names_apart() {
        let names = Names::new();
        for spelling in ["REDIS-CACHEKEY", "REDIS_CACHEKEY", "redis_cachekey", "ges_redis__password"] {
            assert_eq!(names.find(spelling).map(|(setting, _)| setting.key), Some("redis.password"), "{spelling}");
        }
    }

    #[test]
    fn the_nearest_name_is_the_one_with_fewest_changes() {
        let names = Names::new();
        assert_eq!(names.nearest("GES_DB__PASWORD"), "GES_DB__PASSWORD");
        assert_eq!(names.nearest("GES_DB_HOST"), "GES_DB__HOST");
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
