//! The order in which regions are tried (R-RA-3, R-RA-4).

use std::collections::BTreeMap;

use super::Region;

/// How a region is known to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// One of its nodes answered last time, or nobody has asked for a while.
    Usable,
    /// Every node of it failed a moment ago.
    Failed,
}

/// Each known region at most once: preferred ones in their order, the own one, the others by name. Failed ones are left out,
/// unless all have failed: then all are tried.
///
/// `preferred`: of the queue's rule, empty without one; regions nobody knows are passed over. `own`: the deployment's
/// (R-RA-1). Rules: R-RA-3, R-RA-4; EX-Q.
pub fn connection_order<'a>(
    preferred: &'a [Region],
    own: Option<&'a Region>,
    known: &'a BTreeMap<Region, Standing>,
) -> Vec<&'a Region> {
    let mut all: Vec<&Region> = Vec::with_capacity(known.len());
    for region in preferred.iter().chain(own).chain(known.keys()) {
        if known.contains_key(region) && !all.contains(&region) {
            all.push(region);
        }
    }
    let usable: Vec<_> = all.iter().filter(|region| known[**region] == Standing::Usable).copied().collect();
    if usable.is_empty() { all } else { usable }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Standing::{Failed, Usable};
    use super::*;

    fn region(name: &str) -> Region {
        Region::new(name).unwrap()
    }

    fn ordered(preferred: &[&str], known: &[(&str, Standing)]) -> Vec<String> {
        let preferred: Vec<_> = preferred.iter().map(|name| region(name)).collect();
        let known = known.iter().map(|(name, standing)| (region(name), *standing)).collect();
        let own = region("east");
        connection_order(&preferred, Some(&own), &known).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn ex_q_region_order() {
        let all = [("east", Usable), ("west", Usable), ("eu", Usable)];
        assert_eq!(ordered(&["west"], &all), ["west", "east", "eu"], "all good");
        let west_bad = [("east", Usable), ("west", Failed), ("eu", Usable)];
        assert_eq!(ordered(&["west"], &west_bad), ["east", "eu"], "west bad");
        let all_bad = [("east", Failed), ("west", Failed), ("eu", Failed)];
        assert_eq!(ordered(&["west"], &all_bad), ["west", "east", "eu"], "all bad: once each");
        assert_eq!(ordered(&[], &all), ["east", "eu", "west"], "no rule");
    }

    #[test]
    fn regions_nobody_knows_are_passed_over() {
        assert_eq!(ordered(&["mars", "eu"], &[("eu", Usable), ("west", Usable)]), ["eu", "west"], "R-RA-1, R-RA-3");
        assert_eq!(ordered(&["mars"], &[]), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn every_usable_region_is_tried_exactly_once(
            preferred in prop::collection::vec("[a-e]", 0..5),
            known in prop::collection::btree_map("[a-e]", any::<bool>(), 0..5),
        ) {
            let preferred: Vec<_> = preferred.iter().map(|name| region(name)).collect();
            let standing = |good: &bool| if *good { Usable } else { Failed };
            let known: BTreeMap<_, _> = known.iter().map(|(name, good)| (region(name), standing(good))).collect();
            let order = connection_order(&preferred, None, &known);
            let distinct: std::collections::BTreeSet<_> = order.iter().collect();
            prop_assert_eq!(distinct.len(), order.len());
            let usable = known.values().filter(|standing| **standing == Usable).count();
            prop_assert_eq!(order.len(), if usable == 0 { known.len() } else { usable });
        }
    }
}
