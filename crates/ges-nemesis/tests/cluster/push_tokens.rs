//! Every kind of phone that the simulated provider knows (integrations 6.7), from a booking over the public API to what the provider was
//! asked: what each error leads to (6.5, R-PSH-5), once for each callback, counted once. Through FCM and through Nexus.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ges_domain::callback::State;
use ges_harness::Simulator;
use ges_nemesis::{Deployment, DeploymentPlan, Limited, gather};
use reqwest::Client;
use serde_json::{Value, json};

use crate::degraded::metric;
use crate::world::{deployment, history, number, service, services};

/// Two rests of 5 s and 30 s, three messages of 5 s, and a busy machine.
const ALL_ENDED: Duration = Duration::from_secs(90);
/// The messages of four services, one after the other, each left after 5 s.
const ALL_CLAIMED: Duration = Duration::from_secs(30);

/// What becomes of a message.
struct Kind {
    /// What its token begins with.
    prefix: &'static str,
    /// How often the provider is asked.
    asked: usize,
    succeeds: bool,
    /// Whether the record still names the target afterwards.
    stays: bool,
}

const fn kind(prefix: &'static str, asked: usize, succeeds: bool, stays: bool) -> Kind {
    Kind { prefix, asked, succeeds, stays }
}

/// 6.5 for FCM.
const FCM: [Kind; 7] = [
    kind("ok", 1, true, true),
    kind("unreg", 1, false, false),
    kind("quota", 3, true, true),
    kind("unavail", 3, true, true),
    kind("mismatch", 1, false, false),
    kind("bad", 1, false, false),
    kind("slow", 3, false, true),
];
/// 6.6: Nexus says of a target only that it is unknown; what else it refuses is given up and says nothing about the target.
const NEXUS: [Kind; 7] = [
    kind("ok", 1, true, true),
    kind("unreg", 1, false, false),
    kind("quota", 3, true, true),
    kind("unavail", 3, true, true),
    kind("mismatch", 1, false, true),
    kind("bad", 1, false, true),
    kind("slow", 3, false, true),
];
/// An answer that never came, three times, and one of 503, twice.
const NOT_REACHED: f64 = 5.0;

fn token(kind: &Kind) -> String {
    format!("{}-phone", kind.prefix)
}

/// What the simulated peer was asked to send, by target.
async fn asked(deployment: &Deployment, peer: &str) -> BTreeMap<String, Vec<Value>> {
    let port = deployment.cluster.node("ges-sim").unwrap().internal_port();
    let url = format!("http://127.0.0.1:{port}/_sim/requests?target={peer}");
    let all: Vec<Value> =
        Client::builder().no_proxy().build().unwrap().get(url).send().await.unwrap().json().await.unwrap();
    let mut by_target: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for request in all {
        let Ok(body) = serde_json::from_str::<Value>(request["body"].as_str().unwrap_or_default()) else { continue };
        let target = body["message"]["token"].as_str().or_else(|| body["target"].as_str());
        if let Some(target) = target.map(str::to_owned) {
            by_target.entry(target).or_default().push(body);
        }
    }
    by_target
}

async fn every_phone(peer: &str, kinds: &[Kind], environment: Vec<(String, String)>) {
    let plan = DeploymentPlan { simulator: Simulator::Peers, environment, ..DeploymentPlan::new(services()) };
    let deployment = deployment(&plan).await;
    deployment.provision_push().await.unwrap();
    let mut ids = BTreeMap::new();
    for (n, kind) in kinds.iter().enumerate() {
        let target = json!([{ "channel": "FCM", "target": token(kind) }]);
        let body = json!({ "serviceName": service(n), "phoneNumber": number(n), "pushTargets": target });
        let booked = deployment.caller.post(0, "create", &body).await.unwrap();
        assert_eq!(booked.status, 200, "{}", booked.body);
        ids.insert(kind.prefix, booked.id().unwrap());
    }
    let begun = Instant::now();
    loop {
        let open = deployment.sql("select count(*) filter (where due_at is not null), count(*) from notices").unwrap();
        if open.trim() == format!("0|{}", kinds.len()) {
            break;
        }
        assert!(begun.elapsed() < ALL_ENDED, "{}", open.trim());
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    println!("{peer}: all have ended after {:.1} s", begun.elapsed().as_secs_f64());

    let seen = asked(&deployment, peer).await;
    let shown = deployment.control.push_ledger().await.unwrap();
    let evidence = gather(&deployment, &history(), &[] as &[Limited<'_>], false).await.unwrap();
    for kind in kinds {
        let (target, id) = (token(kind), ids[kind.prefix]);
        let requests = &seen[&target];
        assert_eq!(requests.len(), kind.asked, "{target}");
        for request in requests {
            let message = &request["message"];
            assert_eq!(message["data"]["event"], "CALLBACK_UPCOMING", "{target}");
            assert_eq!(message["data"]["callbackId"], id.to_string(), "{target}");
            let tags: Vec<_> = requests.iter().map(|one| &one["message"]["android"]["notification"]["tag"]).collect();
            assert!(tags.iter().all(|tag| tag.is_string() && *tag == tags[0]), "{target}: repeats replace each other");
            assert!(request.to_string().len() <= 4_096 + 512, "{target}");
        }
        let on_phone = shown.iter().filter(|one| one.target == target).count();
        assert_eq!(on_phone, usize::from(kind.succeeds), "{target}: R-PSH-4");
        let row = deployment
            .sql(&format!("select attempts, succeeded from notices where callback = '{id}' and target = '{target}'"))
            .unwrap();
        assert_eq!(row.trim(), format!("{}|{}", kind.asked, if kind.succeeds { "t" } else { "f" }), "{target}");
        let record = &evidence.stories.iter().find(|story| story.record.id == id).unwrap().record;
        assert_eq!(record.particulars.push_targets.len(), usize::from(kind.stays), "{target}");
        assert_ne!(record.state, State::Completed, "{target}: R-PSH-5, a push never ends a callback");
    }
    let count = async |result: &str| {
        deployment.workers_count("ges_push_notifications_sent", &format!("result=\"{result}\"")).await.unwrap()
    };
    let succeeded = kinds.iter().filter(|kind| kind.succeeds).count();
    let counted = (count("success").await, count("failure").await);
    #[expect(clippy::cast_precision_loss, reason = "seven phones")]
    let expected = (succeeded as f64, (kinds.len() - succeeded) as f64);
    assert_eq!(counted, expected, "R-PSH-6: one outcome for each");
    assert_eq!(metric(&deployment, "worker-0", "NEXUS_ACCESS_FAILURE").await, Some(NOT_REACHED), "6.6");
    let log = deployment.cluster.log("worker-0").unwrap();
    assert!(kinds.iter().all(|kind| !log.contains(&token(kind))), "I11: no registration token");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_16_every_token_prefix_leads_to_its_action_through_fcm() {
    every_phone("fcm", &FCM, Vec::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_16_every_token_prefix_leads_to_its_action_through_nexus() {
    let settings = [("GES_PUSH__PROVIDER", "nexus"), ("GES_NEXUS__API_KEY", "nexus-key")];
    let environment = settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    every_phone("nexus", &NEXUS, environment).await;
}

/// Row FCM of integrations 8.5 (6.5): while the provider is silent bookings go on, the counter of its alert moves, and what was not
/// shown is shown once when it is back.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_provider_bookings_go_on_and_their_pushes_wait() {
    let plan = DeploymentPlan { simulator: Simulator::Peers, ..DeploymentPlan::new(services()) };
    let deployment = deployment(&plan).await;
    deployment.provision_push().await.unwrap();
    let book = async |n: usize| {
        let target = json!([{ "channel": "FCM", "target": format!("ok-phone-{n}") }]);
        let body = json!({ "serviceName": service(n), "phoneNumber": number(n), "pushTargets": target });
        let booked = deployment.caller.post(0, "create", &body).await.unwrap();
        assert_eq!(booked.status, 200, "{}", booked.body);
    };
    let shown = async |phones: usize| {
        let begun = Instant::now();
        loop {
            let ledger = deployment.control.push_ledger().await.unwrap();
            if ledger.len() >= phones {
                // What it had taken in and not answered is sent again, and takes the place of the first (R-PSH-4).
                assert_eq!(ledger.len(), phones, "once each");
                return;
            }
            assert!(begun.elapsed() < ALL_ENDED, "{} of {phones} are shown", ledger.len());
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    };
    // The key and the token are known before everything outside stands still.
    book(0).await;
    shown(1).await;
    assert_eq!(metric(&deployment, "worker-0", "NEXUS_ACCESS_FAILURE").await, Some(0.0));
    deployment.cluster.freeze("ges-sim").unwrap();
    for n in 1..5 {
        book(n).await;
    }
    let begun = Instant::now();
    while metric(&deployment, "worker-0", "NEXUS_ACCESS_FAILURE").await < Some(1.0) {
        assert!(begun.elapsed() < ALL_ENDED, "nobody counted the silence");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    // Who is busy with the silence claims the other services' pushes after it; none of the four is given up for 50 s.
    let begun = Instant::now();
    loop {
        let waiting = deployment.sql("select count(*) from notices where due_at is not null").unwrap();
        if waiting.trim() == "4" {
            break;
        }
        assert!(begun.elapsed() < ALL_CLAIMED, "{} wait in the record", waiting.trim());
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    deployment.cluster.thaw("ges-sim").unwrap();
    shown(5).await;
}
