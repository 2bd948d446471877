//! A booking's way to its agent; places under a thousand hands; how soon a booking is on the stream.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use ges_domain::submission::{EARLY_DIAL, MIN_LEAD};
use ges_harness::Simulator;
use ges_nemesis::{Deployment, DeploymentPlan, ServiceRow, now};
use serde_json::json;

use crate::world::{SOON, all_end, deployment, entry_of, history, number, service, services, state};

/// Clocks of one machine, rounded to milliseconds.
const ROUNDING: Duration = Duration::from_millis(50);

async fn until_state(deployment: &Deployment, id: ges_domain::CallbackId, wanted: &str) -> serde_json::Value {
    let begun = Instant::now();
    loop {
        let answer = deployment.caller.retrieve(0, id).await.expect("the API answers");
        if state(&answer) == wanted {
            return answer.body;
        }
        assert!(begun.elapsed() < SOON, "{wanted} never came: {}", answer.body);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn floor(agents: u32) -> serde_json::Value {
    let crew = json!({ "agents": agents, "handlingMs": 600, "reserveMs": 300, "ringMs": 300, "answer": 1.0 });
    json!({ "elsewhere": crew, "groups": [{ "name": "all", "queues": ["CB_0", "CB_Near", "CB_Far"], "crew": crew }] })
}

/// `wanted`, or the beginning of the next quarter of an hour when the wait ends after the one that it lies in: such a time is not
/// booked (R-BK-3).
fn reachable(wanted: ges_domain::Instant, wait: Duration) -> ges_domain::Instant {
    const CELL_MS: i64 = 900_000;
    let end = (wanted.millis() / CELL_MS + 1) * CELL_MS;
    let a_moment = Duration::from_secs(5);
    if (now() + wait + a_moment).millis() >= end { ges_domain::Instant::from_millis(end) } else { wanted }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_reaches_its_agent() {
    let mut rows = services();
    rows.extend(["CB_Near", "CB_Far"].map(|name| ServiceRow::new(name, 100)));
    let plan = DeploymentPlan { routers: true, floor: Vec::new(), ..DeploymentPlan::new(rows) };
    let deployment = deployment(&plan).await;
    let history = history();
    // Callers of CB_Far wait five minutes, of the others not at all.
    let row = |ewt: u32| json!({ "ewt": ewt, "pos": 1, "agents": 1 });
    let waits = json!({ "tenants": { "Environment": { "CB_0": row(0), "CB_Near": row(0), "CB_Far": row(300) } } });
    deployment.control.put("urs", &waits).await.unwrap();
    deployment.control.put("floor", &floor(0)).await.unwrap();

    // Due five seconds from now, 120 s before its time.
    let near_at = now() + MIN_LEAD + Duration::from_secs(5);
    let near = deployment.caller.create(0, "CB_Near", &number(1), Some(near_at)).await.unwrap();
    let near = history.created(&"CB_Near".to_owned().try_into().unwrap(), Some(&near)).expect("the time is free");
    // Due at once because of the wait, but the consumer must not be called before 180 s before the agreed time.
    let far_at = reachable(now() + EARLY_DIAL + Duration::from_secs(4), Duration::from_secs(300));
    let far = deployment.caller.create(0, "CB_Far", &number(2), Some(far_at)).await.unwrap();
    let told = format!("{} {}", far.status, far.body);
    let far = history
        .created(&"CB_Far".to_owned().try_into().unwrap(), Some(&far))
        .unwrap_or_else(|| panic!("not booked: {told}"));

    // As soon as possible: it waits for an agent, then goes all the way.
    let asap = deployment.caller.create(0, "CB_0", &number(3), None).await.unwrap();
    let asap = history.created(&"CB_0".to_owned().try_into().unwrap(), Some(&asap)).expect("the service is free");
    entry_of(&deployment, asap, SOON).await;
    until_state(&deployment, asap, "QUEUED").await;
    until_state(&deployment, near, "SCHEDULED").await;
    let early = entry_of(&deployment, far, SOON).await;
    assert!(early.entry.at <= far_at - EARLY_DIAL, "the wait pulls the hand-over forward");
    deployment.control.put("floor", &floor(3)).await.unwrap();
    until_state(&deployment, asap, "ROUTING").await;
    until_state(&deployment, asap, "PROCESSING").await;
    let done = until_state(&deployment, asap, "COMPLETED").await;
    assert_eq!(done["data"]["callbackReason"], "AGENT_CONNECTED");

    let entry = entry_of(&deployment, near, SOON).await.entry;
    assert!(entry.at + ROUNDING >= near_at - MIN_LEAD, "written {} for {near_at}", entry.at);
    assert!(entry.at <= near_at - MIN_LEAD + Duration::from_secs(3), "written {} for {near_at}", entry.at);
    let held = far_at.since(now()).saturating_sub(EARLY_DIAL);
    all_end(&deployment, &history, held + SOON).await;
    assert_eq!(crate::world::violations(&deployment, &history, true).await, []);
    let sessions = deployment.control.sessions();
    let called = sessions.iter().find(|session| session.callback == far).and_then(|session| session.dialed_at.first());
    let called = *called.expect("the consumer of CB_Far was called");
    assert!(called >= far_at - EARLY_DIAL, "called {called} for {far_at}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_creates_for_ten_places() {
    let plan =
        DeploymentPlan { simulator: Simulator::Peers, ..DeploymentPlan::new(vec![ServiceRow::new("CB_Ten", 10)]) };
    let deployment = deployment(&plan.with_pods(2, 0)).await;
    let hours_ahead = now() + Duration::from_secs(6 * 3600);
    let places = std::sync::Arc::new(tokio::sync::Semaphore::new(200));
    let mut running = tokio::task::JoinSet::new();
    for n in 0..1_000 {
        let (caller, places) = (deployment.caller.clone(), places.clone());
        running.spawn(async move {
            let _place = places.acquire().await.unwrap();
            caller.create(n, "CB_Ten", &number(n), Some(hours_ahead)).await.expect("the API answers")
        });
    }
    let answers = running.join_all().await;
    let accepted: HashSet<_> = answers.iter().filter(|answer| answer.status == 200).filter_map(|a| a.id()).collect();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.verdict() == (429, 30)).collect();
    assert_eq!((accepted.len(), refused.len()), (10, 990), "ten places");
    assert!(
        refused.iter().all(|answer| answer.body["data"]["slots"].as_object().is_some_and(|slots| !slots.is_empty()))
    );
    // Whatever the last refusal proposed is really free, every place of it.
    let proposed = refused[refused.len() - 1].body["data"]["slots"].as_object().unwrap();
    for (start, places) in proposed {
        let places: usize = places.as_str().unwrap().parse().unwrap();
        assert!((1..=10).contains(&places), "{places} places at {start}");
        for n in 0..places {
            let answer = deployment.caller.create(n, "CB_Ten", &number(n), Some(start.parse().unwrap())).await.unwrap();
            assert_eq!(answer.verdict(), (200, 0), "place {n} of {places} at {start}: {}", answer.body);
        }
        let one_more = deployment.caller.create(0, "CB_Ten", &number(0), Some(start.parse().unwrap())).await.unwrap();
        assert_eq!(one_more.verdict(), (429, 30), "no more than {places} places at {start}");
    }
    assert_eq!(
        deployment.sql("select count(*) from callbacks where state <> 6").unwrap(),
        (10 + total(proposed)).to_string()
    );
}

fn total(proposed: &serde_json::Map<String, serde_json::Value>) -> usize {
    proposed.values().filter_map(|places| places.as_str()?.parse::<usize>().ok()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_for_now_is_on_the_stream_at_once() {
    let plan = DeploymentPlan { simulator: Simulator::Peers, ..DeploymentPlan::new(services()) };
    let deployment = deployment(&plan).await;
    // One after the other: how long one booking takes, not how fast a backlog drains.
    let mut told = Vec::new();
    for n in 0..1_000 {
        let answer = deployment.caller.create(0, &service(n), &number(n), None).await.expect("the API answers");
        told.push((answer.id().unwrap_or_else(|| panic!("{}", answer.body)), Instant::now()));
    }
    let begun = Instant::now();
    let seen = loop {
        let seen = crate::world::first_entries(&deployment);
        if told.iter().all(|(id, _)| seen.contains_key(id)) {
            break seen;
        }
        assert!(begun.elapsed() < SOON, "{} of {} are on the stream", seen.len(), told.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    // An entry may be there before its client has read the answer.
    let mut delays: Vec<_> = told.iter().map(|(id, at)| seen[id].seen.saturating_duration_since(*at)).collect();
    delays.sort_unstable();
    let (median, slowest) = (delays[delays.len() / 2], delays[delays.len() * 99 / 100]);
    println!("from the answer to the stream entry: p50 {median:?}, p99 {slowest:?}");
    assert!(slowest <= Duration::from_secs(1), "p99 {slowest:?}; the bench measures the real figure");
    assert_eq!(deployment.ledger.written().len(), told.len(), "each is written once");
}
