//! The alert rules against their own tests, by Prometheus' tool.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

const FOLDER: &str = "deploy/prometheus";
const RULES: &str = "ges-alerts.yaml";
/// Noisy, and loaded by choice alone (integrations 9.3).
const TENANT_RULES: &str = "ges-alerts-tenants.yaml";
const TESTS: &str = "ges-alerts.test.yaml";

/// Checks the rules and evaluates them on the samples of their tests.
///
/// # Errors
/// A rule does not read, or an alert fires or stays silent where it should not.
pub(crate) fn test(root: &Path, promtool: &Path) -> Result<()> {
    for arguments in [["check", "rules", RULES], ["check", "rules", TENANT_RULES], ["test", "rules", TESTS]] {
        let output = Command::new(promtool).args(arguments).current_dir(root.join(FOLDER)).output()?;
        if !output.status.success() {
            let said = [output.stdout, output.stderr].concat();
            bail!("promtool {} {}\n{}", arguments[0], arguments[2], String::from_utf8_lossy(&said));
        }
    }
    eprintln!("xtask: every alert fires and stays silent as its tests say");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ges_telemetry::CATALOGUE;

    use super::*;

    fn read(file: &str) -> String {
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(FOLDER).join(file)).unwrap()
    }

    fn after<'a>(text: &'a str, mark: &str) -> Vec<&'a str> {
        text.lines().filter_map(|line| line.trim_start().strip_prefix(mark)).map(str::trim).collect()
    }

    #[test]
    fn check_20_every_alert_has_samples_that_fire_it_and_samples_that_do_not() {
        let (rules, by_choice, tests) = (read(RULES), read(TENANT_RULES), read(TESTS));
        let tested: BTreeSet<_> = after(&tests, "- name:").into_iter().collect();
        let alerts = [after(&rules, "- alert:"), after(&by_choice, "- alert:")].concat();
        assert_eq!(alerts.len(), 36);
        for alert in alerts {
            for kind in ["fires", "stays silent"] {
                assert!(tested.contains(format!("{alert} {kind}").as_str()), "{alert} {kind}");
            }
        }
    }

    /// Integrations 9.3: what is noisy is off until somebody wants it.
    #[test]
    fn check_20_alerts_about_single_tenants_are_not_loaded_with_the_others() {
        let about_tenants =
            |file| after(&read(file), "- alert:").iter().filter(|name| name.ends_with("_TENANT")).count();
        assert_eq!((about_tenants(RULES), about_tenants(TENANT_RULES)), (0, 4));
        assert_eq!(after(&read(TENANT_RULES), "- alert:").len(), 4);
    }

    /// A rule about a metric that nobody exports never fires.
    #[test]
    fn check_20_every_metric_of_a_rule_is_exported() {
        let exported = |word: &str| {
            let base = ["_sum", "_count", "_bucket"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
            CATALOGUE.iter().any(|row| row.name == word || row.name == base)
        };
        // Of the scrape itself and of the cluster's own exporter.
        let elsewhere = |word: &str| word == "up" || word.starts_with("kube_pod_container_status_");
        for expression in after(&[read(RULES), read(TENANT_RULES)].concat(), "expr:") {
            let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            let metrics: Vec<_> = words
                .filter(|word| {
                    let upper = word.len() > 3 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
                    upper || word.starts_with("ges_") || word.ends_with("_tolerance")
                })
                .collect();
            assert!(!metrics.is_empty() || expression.contains("up{") || expression.contains("kube_"), "{expression}");
            for metric in metrics {
                assert!(exported(metric) || elsewhere(metric), "{metric} in {expression}");
            }
        }
    }
}
