//! The document fuzzed: schemathesis makes requests from it, good and bad ones, and holds every answer to it.
//!
//! What it must not find: a 5xx, a status, header or body the document does not describe, a method or a key that is not checked.
//! What it is not asked: whether odd requests are refused and ordinary ones accepted, because this API reads leniently and
//! knows facts (which services exist, what is full) that no schema can say.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use crate::{DOCUMENT, Plan, Request, Server, Service, canary, instant};

/// Checks that do not fit a lenient API.
const NOT_ASKED: &str = "positive_data_acceptance,negative_data_rejection";
/// Names the generated requests choose from, so that many get past the first step.
const SERVICES: [&str; 3] = ["VQ_Support", "my svc/x", "VQ_Full"];
const GROUP: &str = "technical_help";

/// What to run.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// The program `schemathesis`.
    pub program: PathBuf,
    /// Generated requests for each operation, about.
    pub examples: u32,
    /// The same seed makes the same requests.
    pub seed: u64,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Requests that were made and judged.
    pub cases: u64,
    /// Whether all were answered as described.
    pub clean: bool,
    /// Answers with a 5xx status, as the pod itself counted them.
    pub server_errors: u64,
    /// Requests the pod counted.
    pub requests: u64,
    /// What the program said.
    pub report: String,
}

/// The pod that [`run`] is pointed at.
pub fn plan() -> Plan {
    let group = json!({ "name": GROUP, "numbers": ["+19059680004", "+19059680005"], "accessCode": true });
    let services =
        SERVICES.map(|name| Service::new(name).with("maxPerSlot", if name == "VQ_Full" { 1 } else { 10_000 }));
    Plan { call_in_groups: vec![group], ..Plan::of(services) }
}

/// Fuzzes every operation on the external listener.
///
/// # Errors
/// The program cannot be run, or its summary is not understood.
pub fn run(campaign: &Campaign, server: &mut Server) -> Result<Outcome> {
    let folder = server.folder().to_owned();
    let file = folder.join("engagement.json");
    std::fs::write(&file, document().to_string())?;
    let (examples, seed) = (campaign.examples.to_string(), campaign.seed.to_string());
    let output = Command::new(&campaign.program)
        .current_dir(&folder)
        .arg("run")
        .arg(&file)
        .args(["--url", &format!("http://127.0.0.1:{}", server.external)])
        .args(["--header", &format!("x-api-key: {}", canary::API_KEY)])
        .args(["--max-examples", &examples, "--seed", &seed])
        .args(["--phases", "examples,coverage,fuzzing,stateful", "--checks", "all", "--exclude-checks", NOT_ASKED])
        .args(["--generation-database", "none", "--warnings", "off", "--no-color"])
        .output()
        .with_context(|| format!("cannot run {}", campaign.program.display()))?;
    let report = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let cases = generated(&report).with_context(|| format!("no summary of test cases:\n{report}"))?;
    ensure!(server.all_run(), "a program ended:\n{report}");
    let page = server.internal(&Request::new("GET", "/metrics"))?.body;
    let server_errors = counted(&page, "ges_http_failed_requests_total", "httpCode=\"5");
    let requests = counted(&page, "ges_http_requests_total", "");
    Ok(Outcome { cases, clean: output.status.success(), server_errors, requests, report })
}

/// The 613 of `613 generated, 613 passed`.
fn generated(report: &str) -> Option<u64> {
    let line = report.lines().rev().find(|line| line.contains(" generated"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// How often the public API was asked and answered so: the sum of a metric's samples whose labels have this part. Probes while the
/// pod starts do not count.
fn counted(page: &str, name: &str, label: &str) -> u64 {
    let public = |line: &&str| line.starts_with(name) && line.contains("path=\"/engagement/") && line.contains(label);
    let samples = page.lines().filter(public);
    samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).map(whole).sum()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counters are whole and not negative")]
fn whole(count: f64) -> u64 {
    count as u64
}

/// The committed document with names and times that mean something to the pod, so that requests get deep. Anything else stays
/// possible: the names stand beside what is allowed.
fn document() -> Value {
    let mut document = DOCUMENT.clone();
    let times: Vec<_> = (1..14_i64).map(|days| instant(Timestamp::now() + (days * 25).hours())).collect();
    let numbers = format!("^{}[0-9]{{4}}$", canary::PHONES);
    for (place, known) in [
        ("/components/schemas/CreateCallback/properties/serviceName", json!({ "enum": SERVICES })),
        ("/components/schemas/CreateCallback/properties/phoneNumber", json!({ "type": "string", "pattern": numbers })),
        ("/components/schemas/CreateCallback/properties/desiredTime", json!({ "enum": times })),
        ("/components/schemas/CreateCallIn/properties/groupName", json!({ "enum": [GROUP] })),
    ] {
        if let Some(schema) = document.pointer_mut(place) {
            *schema = json!({ "anyOf": [known, schema] });
        }
    }
    for methods in document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut()) {
        for operation in methods.as_object_mut().into_iter().flat_map(|methods| methods.values_mut()) {
            for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
                let values = match parameter["name"].as_str() {
                    Some("service-name" | "queue-name") => json!(SERVICES),
                    Some("timezone") => json!(["UTC", "America/New_York", "Asia/Kathmandu"]),
                    _ => continue,
                };
                parameter["schema"] = json!({ "anyOf": [{ "enum": values }, parameter["schema"]] });
            }
        }
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_and_the_counters_are_read() {
        assert_eq!(generated("Test cases:\n  613 generated, 613 passed\n\nSeed: 1"), Some(613));
        assert_eq!(generated("Test cases:\n  1024 generated, 5 found 5 unique failures"), Some(1024));
        assert_eq!(generated("no such thing"), None);
        let page = [
            "# HELP a path=\"/engagement/",
            "a{httpCode=\"500\",path=\"/engagement/x\"} 2",
            "a{httpCode=\"400\",path=\"/engagement/x\"} 3",
            "a{httpCode=\"503\",path=\"/engagement/y\"} 1",
            "a{httpCode=\"503\",path=\"Private API Endpoint\"} 1",
            "b{path=\"/engagement/x\"} 9",
        ]
        .join("\n");
        assert_eq!((counted(&page, "a", "httpCode=\"5"), counted(&page, "a", "")), (3, 6));
    }

    #[test]
    fn the_document_for_fuzzing_names_what_the_pod_knows() {
        let document = document();
        let name = &document["components"]["schemas"]["CreateCallback"]["properties"]["serviceName"]["anyOf"];
        assert_eq!((&name[0]["enum"], &name[1]["type"]), (&json!(SERVICES), &json!("string")));
        let path = &document["paths"]["/engagement/v3/callbacks/open-for/{service-name}"]["get"]["parameters"][0];
        assert_eq!(path["schema"]["anyOf"][0]["enum"], json!(SERVICES));
        assert_eq!(
            document["paths"]["/engagement/v3/callbacks/retrieve"]["post"].get("parameters"),
            None,
            "nothing is invented"
        );
    }
}
