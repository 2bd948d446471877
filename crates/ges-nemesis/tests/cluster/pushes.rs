//! Pushes while workers are killed: every phone shows every message once, and nothing is forgotten (R-PSH-4, P-14, P-19).

use std::collections::BTreeMap;
use std::time::{Duration, Instant as Monotonic};

use ges_domain::Instant;
use ges_harness::Simulator;
use ges_nemesis::{Deployment, DeploymentPlan};
use serde_json::json;
use tokio::task::block_in_place;

use crate::world::{number, service, services};

/// Messages under way at once in one worker.
const AT_ONCE: u64 = 16;
/// Threshold of CALLBACK_UPCOMING in a service that names none.
const THRESHOLD: Duration = Duration::from_secs(300);
/// From the kill of a worker to the last repeat: its shards are taken over, an attempt's hold runs out, and it may have died
/// again with the next one.
const SETTLED_WITHIN: Duration = Duration::from_secs(90);

fn store_now(deployment: &Deployment) -> Instant {
    let millis = deployment.sql("select (extract(epoch from clock_timestamp()) * 1000)::bigint").unwrap();
    Instant::from_millis(millis.trim().parse().unwrap())
}

/// Books for a target, for `desired` or as soon as possible.
async fn book(deployment: &Deployment, n: usize, target: &str, desired: Option<Instant>) {
    let mut body = json!({
        "serviceName": service(n), "phoneNumber": number(n), "pushTargets": [{ "channel": "FCM", "target": target }],
    });
    if let Some(desired) = desired {
        body["desiredTime"] = desired.to_string().into();
        body["alwaysCheckCapacity"] = true.into();
    }
    let answer = deployment.caller.post(n, "create", &body).await.expect("the pod answers");
    assert_eq!(answer.status, 200, "{:?}", answer.body);
}

async fn shown(deployment: &Deployment) -> usize {
    deployment.control.push_ledger().await.unwrap().len()
}

/// Waits until so many phones show something.
async fn until_shown(deployment: &Deployment, count: usize) {
    let begun = Monotonic::now();
    while shown(deployment).await < count {
        assert!(begun.elapsed() < SETTLED_WITHIN, "{} of {count} are shown", shown(deployment).await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn until_nothing_is_under_way(deployment: &Deployment) {
    let begun = Monotonic::now();
    loop {
        let open = deployment.sql("select count(*) from notices where due_at is not null").unwrap();
        let unclaimed = deployment.sql("select count(*) from callbacks where unclaimed").unwrap();
        if (open.trim(), unclaimed.trim()) == ("0", "0") {
            return;
        }
        assert!(begun.elapsed() < SETTLED_WITHIN, "{} pushes are open, {} unclaimed", open.trim(), unclaimed.trim());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// `count` callbacks cross the threshold in one instant; after each quarter of the messages a worker is killed and started
/// again, the two in turn, `kills` times. A tenth of the targets is dead.
async fn crossing_while_workers_are_killed(count: usize, kills: u64) {
    let mut deployment = Deployment::start(&DeploymentPlan {
        simulator: Simulator::Peers,
        ..DeploymentPlan::new(services()).with_pods(1, 2)
    })
    .await
    .unwrap();
    deployment.provision_push().await.unwrap();
    let slow = json!({ "target": "fcm", "path": "/v1/*", "kind": "delay", "delayMs": 60 });
    deployment.control.order_fault(&slow).await.unwrap();
    let lead = Duration::from_secs(5 + u64::try_from(count).unwrap() / 40);
    let crossing = store_now(&deployment) + lead;
    let targets: Vec<String> =
        (0..count).map(|n| if n % 10 == 9 { format!("unreg-{n}") } else { format!("ok-{n}") }).collect();
    for (n, target) in targets.iter().enumerate() {
        book(&deployment, n, target, Some(crossing + THRESHOLD)).await;
    }
    assert!(store_now(&deployment) < crossing, "all are booked before the threshold is crossed");
    assert_eq!(shown(&deployment).await, 0, "nothing is pushed before");
    let alive = count - count / 10;
    for kill in 0..kills {
        let so_far = usize::try_from(kill + 1).unwrap() * alive / (usize::try_from(kills).unwrap() + 2);
        until_shown(&deployment, so_far).await;
        let name = format!("worker-{}", kill % 2);
        deployment.cluster.kill(&name).unwrap();
        block_in_place(|| deployment.cluster.restart(&name)).unwrap();
    }
    until_shown(&deployment, alive).await;
    until_nothing_is_under_way(&deployment).await;

    let mut phones: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for pushed in deployment.control.push_ledger().await.unwrap() {
        assert_eq!(pushed.event, "CALLBACK_UPCOMING");
        phones.entry(pushed.target).or_default().push(pushed.sends);
    }
    assert_eq!(phones.len(), alive, "every target that lives, and no other");
    assert!(phones.values().all(|messages| messages.len() == 1), "R-PSH-4: a phone shows one message");
    let repeats: u64 = phones.values().flatten().map(|sends| sends - 1).sum();
    assert!(repeats <= kills * AT_ONCE, "only what was under way at a kill is sent again: {repeats}");
    let ended =
        deployment.sql("select count(*) filter (where succeeded), count(*) filter (where not succeeded) from notices");
    let ended = ended.unwrap();
    assert_eq!(ended.trim(), format!("{alive}|{}", count / 10), "each push has one outcome");
    println!("{count} pushes, {kills} kills: {repeats} sent again under the same tag");

    // Killed workers took their counts with them; with nobody killed every outcome is counted.
    let count_of = async |result: &str| {
        deployment.workers_count("ges_push_notifications_sent", &format!("result=\"{result}\"")).await.unwrap()
    };
    let before = (count_of("success").await, count_of("failure").await);
    for n in 0..12 {
        book(&deployment, n, &format!("{}-again-{n}", if n < 5 { "unreg" } else { "ok" }), None).await;
    }
    until_shown(&deployment, alive + 7).await;
    until_nothing_is_under_way(&deployment).await;
    let after = (count_of("success").await, count_of("failure").await);
    assert_eq!((after.0 - before.0, after.1 - before.1), (7.0, 5.0), "R-PSH-6");
}

/// `GES_PUSHES=1000` runs the long form (docs/proof.md).
#[expect(clippy::disallowed_methods, reason = "how long a test runs is no setting of the service")]
fn wanted() -> usize {
    std::env::var("GES_PUSHES").ok().and_then(|count| count.parse().ok()).unwrap_or(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn check_16_every_phone_shows_its_message_once_though_workers_are_killed() {
    let count = wanted();
    crossing_while_workers_are_killed(count, if count > 500 { 4 } else { 2 }).await;
}
