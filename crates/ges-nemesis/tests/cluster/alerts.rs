//! The shipped alert rules against what pods really show (test H2): every metric and label of a rule stands on a live page, the pages read
//! as Prometheus reads them, and the values of live pages before, during and after an outage make the rules fire and fall silent.
//! Prometheus' own tool judges; `cargo xtask test` installs it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ges_harness::{Programs, Redis, run_folder};
use ges_nemesis::{Deployment, DeploymentPlan};
use tokio::task::block_in_place;

use crate::degraded::{get, until};
use crate::world::{burst, deployment, history, services};

const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/prometheus/ges-alerts.yaml");
/// Loaded by choice alone.
const TENANT_RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/prometheus/ges-alerts-tenants.yaml");
const METRICS_PAGE: &str = include_str!("../../../../docs/metrics.md");
/// Set by `cargo xtask test` when the tool is there.
const PROMTOOL: &str = "GES_TEST_PROMTOOL";
const PODS: [&str; 2] = ["api-0", "worker-0"];

/// The tool, as `cargo xtask test` found it, else on the path.
fn promtool() -> Option<PathBuf> {
    let variable = |wanted: &str| std::env::vars_os().find(|(name, _)| name == wanted).map(|(_, value)| value);
    let on_path = || {
        let folders = variable("PATH")?;
        std::env::split_paths(&folders).map(|folder| folder.join("promtool")).find(|file| file.is_file())
    };
    let found = variable(PROMTOOL).map(PathBuf::from).or_else(on_path);
    if found.is_none() {
        eprintln!(
            "NOT CHECKED BY PROMETHEUS' OWN TOOL: no promtool. Run `cargo xtask test`, which installs it, or install the package \
             prometheus (`apt-get install --no-install-recommends prometheus`)"
        );
    }
    found
}

/// A rule, as far as it matters here.
struct Rule {
    alert: String,
    expression: String,
    labels: BTreeMap<String, String>,
    summary: String,
}

/// Reads the rules: the files are written by hand in one form.
fn rules() -> Vec<Rule> {
    let text = [RULES, TENANT_RULES].map(|file| std::fs::read_to_string(file).unwrap()).concat();
    let bare = |text: &str| {
        let text = text.trim();
        let quoted = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
        quoted.map_or_else(|| text.to_owned(), |text| text.replace("''", "'"))
    };
    let mut rules: Vec<Rule> = Vec::new();
    for line in text.lines() {
        let Some((key, value)) = line.trim_start().trim_start_matches("- ").split_once(':') else { continue };
        if key == "alert" {
            let (alert, labels) = (bare(value), BTreeMap::new());
            rules.push(Rule { alert, expression: String::new(), labels, summary: String::new() });
        }
        let Some(rule) = rules.last_mut() else { continue };
        match key {
            "expr" => rule.expression = bare(value),
            "summary" => rule.summary = bare(value),
            "service" | "severity" | "action" => drop(rule.labels.insert(key.to_owned(), bare(value))),
            _ => {}
        }
    }
    rules
}

/// What an expression asks of a metric: labels it has to carry, with their value where one is named.
#[derive(Debug, Default)]
struct Asked {
    /// By name.
    metrics: BTreeMap<String, BTreeMap<String, String>>,
    /// Labels by which results are put together.
    grouped: BTreeSet<String>,
}

const WORDS: [&str; 10] = ["by", "on", "or", "and", "sum", "avg", "count", "without", "ignoring", "unless"];
/// Put there by the scrape, not by the pod.
const OF_THE_SCRAPE: &str = "pod";
/// Metrics of the scrape itself and of the cluster's own exporter.
const ELSEWHERE: [&str; 3] = ["up", "kube_pod_container_status_ready", "kube_pod_container_status_restarts_total"];

/// Takes an expression apart: names that are no functions and no words of the language, with their selectors.
fn asked(expression: &str) -> Asked {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut asked = Asked::default();
    let mut rest = expression;
    while let Some(start) = rest.find(|c: char| is_name(c) || c == '[') {
        rest = &rest[start..];
        if let Some(range) = rest.strip_prefix('[') {
            rest = range.split_once(']').unwrap().1;
            continue;
        }
        let end = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        rest = after;
        if ["by", "on"].contains(&name) {
            let (list, after) = rest.trim_start().strip_prefix('(').unwrap().split_once(')').unwrap();
            asked.grouped.extend(list.split(',').map(|label| label.trim().to_owned()));
            rest = after;
        }
        let is_number = name.starts_with(|c: char| c.is_ascii_digit());
        if is_number || WORDS.contains(&name) || rest.starts_with('(') {
            continue;
        }
        let labels = asked.metrics.entry(name.to_owned()).or_default();
        if let Some(selector) = rest.strip_prefix('{') {
            let (selector, after) = selector.split_once('}').unwrap();
            for matcher in selector.split(',') {
                let (label, value) = matcher.split_once('=').unwrap();
                labels.insert(label.trim().to_owned(), value.trim_start_matches('~').trim_matches('"').to_owned());
            }
            rest = after;
        }
    }
    asked
}

/// A line of a page.
#[derive(Debug, Clone)]
struct Sample {
    name: String,
    /// As it stands there, braces included.
    selector: String,
    value: f64,
}

impl Sample {
    /// The value of a label.
    fn label(&self, label: &str) -> Option<&str> {
        let begin = format!("{label}=\"");
        let at = self.selector.match_indices(&begin).find(|(at, _)| self.selector[..*at].ends_with(['{', ',']))?.0;
        self.selector[at + begin.len()..].split('"').next()
    }
}

fn samples(page: &str) -> Vec<Sample> {
    let read = |line: &str| {
        let (series, value) = line.rsplit_once(' ')?;
        let (name, selector) = series.split_at(series.find('{').unwrap_or(series.len()));
        Some(Sample { name: name.to_owned(), selector: selector.to_owned(), value: value.parse().ok()? })
    };
    page.lines().filter(|line| !line.starts_with('#')).filter_map(read).collect()
}

async fn page(deployment: &Deployment, pod: &str) -> String {
    let page = get(deployment, pod, "/metrics").await;
    assert_eq!(page.status, 200);
    page.text
}

/// The lints of the tool that the prescribed names do not follow; anything else it says is a fault.
const PRESCRIBED: [&str; 3] = [
    "counter metrics should have \"_total\" suffix",
    "non-histogram and non-summary metrics should not have \"_count\" suffix",
    "label names should be written in 'snake_case' not 'camelCase'",
];

fn reads_as_prometheus_reads(promtool: &Path, pod: &str, page: &str) {
    let mut tool = Command::new(promtool);
    let tool = tool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tool = tool.spawn().unwrap();
    tool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = tool.wait_with_output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    // 3: it reads, and names are not as one would choose them today.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{pod}: {said}");
    let faults: Vec<_> =
        said.lines().filter(|line| !PRESCRIBED.iter().any(|lint| line.ends_with(lint)) && !line.is_empty()).collect();
    assert!(faults.is_empty(), "{pod}: {faults:#?}");
}

async fn with_redis_of_its_own(redis: &Redis) -> Deployment {
    let own = vec![("GES_REDIS__PORT".to_owned(), redis.port().to_string())];
    let plan =
        DeploymentPlan { configuration: true, routers: true, environment: own, ..DeploymentPlan::new(services()) };
    deployment(&plan).await
}

/// Whether the page of metrics says of a metric that it may be absent.
fn may_be_absent(name: &str) -> bool {
    METRICS_PAGE.lines().any(|line| line.starts_with(&format!("| `{name}`")) && line.to_lowercase().contains("absent"))
}

#[tokio::test(flavor = "multi_thread")]
async fn check_20_every_metric_and_label_of_a_rule_stands_on_a_live_page() {
    let folder = run_folder().unwrap();
    let redis = Redis::start(&Programs::from_environment().unwrap().redis, folder.path()).unwrap();
    let deployment = with_redis_of_its_own(&redis).await;
    // The lag of the scheduler is looked at once a second, and a request shows after it.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let mut live = Vec::new();
    for pod in PODS {
        page(&deployment, pod).await;
        let page = page(&deployment, pod).await;
        if let Some(promtool) = promtool() {
            reads_as_prometheus_reads(&promtool, pod, &page);
        }
        live.extend(samples(&page));
    }
    let (rules, mut seen) = (rules(), BTreeSet::new());
    assert_eq!(rules.len(), 36);
    for Rule { alert, expression, .. } in &rules {
        let Asked { metrics, grouped } = asked(expression);
        assert!(!metrics.is_empty(), "{alert}");
        for (name, labels) in metrics.iter().filter(|(name, _)| !ELSEWHERE.contains(&name.as_str())) {
            let series: Vec<_> = live.iter().filter(|sample| sample.name == *name).collect();
            if series.is_empty() && may_be_absent(name) {
                continue;
            }
            let fits = |sample: &&&Sample| labels.iter().all(|(label, value)| sample.label(label) == Some(value));
            assert!(series.iter().any(|sample| fits(&sample)), "{alert}: no pod shows {name} {labels:?}: {series:?}");
            // What the sum is taken of carries the label; thresholds, which are compared with it, do not.
            let compared = name.ends_with("_tolerance");
            for label in grouped.iter().filter(|label| label.as_str() != OF_THE_SCRAPE && !compared) {
                assert!(series.iter().all(|sample| sample.label(label).is_some()), "{alert}: {name} without {label}");
            }
            seen.insert(name.clone());
        }
    }
    assert!(seen.len() >= 30, "{seen:?}");
}

/// Live values of one metric at every pod, before, during and after an outage.
struct Watched {
    metric: &'static str,
    /// By pod and selector.
    values: BTreeMap<(&'static str, String), [f64; 3]>,
}

impl Watched {
    fn new(metric: &'static str) -> Self {
        Self { metric, values: BTreeMap::new() }
    }

    /// Keeps what the pages show now.
    async fn look(&mut self, deployment: &Deployment, phase: usize) {
        for pod in PODS {
            for sample in samples(&page(deployment, pod).await).into_iter().filter(|one| one.name == self.metric) {
                self.values.entry((pod, sample.selector)).or_insert([f64::NAN; 3])[phase] = sample.value;
            }
        }
    }

    /// The series as the tool takes them: ten minutes of each phase.
    fn series(&self) -> String {
        let mut text = String::new();
        for ((pod, selector), [before, during, after]) in &self.values {
            assert!([before, during, after].iter().all(|value| value.is_finite()), "{pod} {selector} comes and goes");
            let labels = selector.trim_matches(['{', '}']);
            text += &format!(
                "      - series: '{}{{{labels},pod=\"{pod}\"}}'\n        values: '{before}x9 {during}x9 {after}x9'\n",
                self.metric
            );
        }
        text
    }

    /// Alerts as the tool expects them: one for each pod whose series has this value while it is away.
    fn expected(&self, rule: &Rule, fires_at: impl Fn(&[f64; 3]) -> bool) -> (usize, String) {
        let (mut count, mut text) = (0, String::new());
        for ((pod, selector), _) in self.values.iter().filter(|(_, values)| fires_at(values)) {
            count += 1;
            let own = selector.trim_matches(['{', '}']).split(',').map(|pair| pair.replace('=', ": "));
            let ours = rule.labels.iter().map(|(label, value)| format!("{label}: '{value}'"));
            let labels: String =
                own.chain(ours).chain([format!("pod: {pod}")]).map(|line| format!("              {line}\n")).collect();
            let summary = rule.summary.replace('\'', "''");
            text += &format!(
                "          - exp_labels:\n{labels}            exp_annotations:\n              summary: '{summary}'\n"
            );
        }
        (count, text)
    }
}

/// Lets the tool evaluate a rule on live values: silent before, firing for so many pods at `minute`, silent after. Minutes count from the
/// first value; the outage lasts from 10 to 19.
fn judge(
    promtool: &Path,
    watched: &Watched,
    alert: &str,
    minute: usize,
    pods: usize,
    fires_at: impl Fn(&[f64; 3]) -> bool,
) {
    let rules = rules();
    let rule = rules.iter().find(|rule| rule.alert == alert).unwrap();
    let (count, firing) = watched.expected(rule, fires_at);
    assert_eq!(count, pods, "{alert}: {:?}", watched.values);
    let silent = |at: usize| format!("      - eval_time: {at}m\n        alertname: {alert}\n");
    let text = format!(
        "rule_files:\n  - {RULES}\nevaluation_interval: 1m\ntests:\n  - name: {alert}\n    interval: 1m\n    input_series:\n{}\
         \x20   alert_rule_test:\n{}{}        exp_alerts:\n{firing}{}",
        watched.series(),
        silent(9),
        silent(minute),
        silent(29),
    );
    let folder = run_folder().unwrap();
    let file = folder.path().join("live.yaml");
    std::fs::write(&file, &text).unwrap();
    let output = Command::new(promtool).args(["test", "rules"]).arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{alert}: {said}\n{text}");
    println!("{alert} fires for {pods} pods and falls silent");
}

/// GES's own Redis and the stream's together, then PostgreSQL.
#[tokio::test(flavor = "multi_thread")]
async fn check_20_live_values_of_an_outage_make_the_rules_fire_and_fall_silent() {
    let Some(promtool) = promtool() else { return };
    let programs = Programs::from_environment().unwrap();
    let folder = run_folder().unwrap();
    let mut redis = Redis::start(&programs.redis, folder.path()).unwrap();
    let mut deployment = with_redis_of_its_own(&redis).await;
    let (up, down) = (|values: &[f64; 3]| values[1] > 0.0, 1.0);

    let mut watched = ["REDIS_CONNECTION", "GES_HEALTH", "ORS_REDIS_STATUS", "CB_SUBMIT_FAILED"].map(Watched::new);
    let mut look = async |deployment: &Deployment, phase| {
        for one in &mut watched {
            one.look(deployment, phase).await;
        }
    };
    look(&deployment, 0).await;
    block_in_place(|| redis.kill());
    deployment.lose_redis().await.unwrap();
    burst(&deployment, &history(), 6, 2).await;
    for pod in PODS {
        until(&deployment, pod, "REDIS_CONNECTION", down).await;
        until(&deployment, pod, "ORS_REDIS_STATUS", down).await;
    }
    look(&deployment, 1).await;
    block_in_place(|| redis.start_again(&programs.redis, folder.path())).unwrap();
    deployment.return_redis().unwrap();
    for pod in PODS {
        until(&deployment, pod, "REDIS_CONNECTION", 0.0).await;
        until(&deployment, pod, "ORS_REDIS_STATUS", 0.0).await;
        until(&deployment, pod, "GES_HEALTH", 0.0).await;
    }
    look(&deployment, 2).await;
    let [own, health, stream, failed] = watched;
    judge(&promtool, &own, "GES_REDIS_DOWN", 10, 2, up);
    judge(&promtool, &health, "GES_HEALTH", 10, 2, up);
    judge(&promtool, &stream, "GES_ORS_REDIS_DOWN", 16, 2, up);
    judge(&promtool, &failed, "GES_CB_SUBMIT_FAILED", 10, 1, |values| values[1] > values[0]);

    let mut postgres = Watched::new("POSTGRES_STATUS");
    postgres.look(&deployment, 0).await;
    block_in_place(|| deployment.cluster.postgres().halt(true)).unwrap();
    for pod in PODS {
        until(&deployment, pod, "POSTGRES_STATUS", down).await;
    }
    postgres.look(&deployment, 1).await;
    block_in_place(|| deployment.cluster.postgres().start_again()).unwrap();
    for pod in PODS {
        until(&deployment, pod, "POSTGRES_STATUS", 0.0).await;
    }
    postgres.look(&deployment, 2).await;
    judge(&promtool, &postgres, "GES_POSTGRES_DOWN", 12, 2, up);
}
