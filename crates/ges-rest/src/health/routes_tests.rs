use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::Method;
use ges_domain::region::Region;
use ges_telemetry::Dependency;
use ges_testkit::builders::tenant;
use serde_json::json;

use super::super::{Component, NodeState, Overall, Probe, ProbeFault, Prober, State};
use crate::testing::{Reply, World, bare, send};

impl World {
    async fn health(&self, path: &str) -> Reply {
        send(self.worker(), bare(Method::GET, &format!("/ges/v1/health{path}"))).await
    }

    fn prober(&self, probes: Vec<Probe>) -> Prober {
        Prober { observed: self.observed.clone(), clock: self.clock.clone(), probes }
    }
}

/// A probe of a component that fails as long as the switch is on.
fn probe(component: Component, down: &Arc<AtomicBool>) -> Probe {
    let down = Arc::clone(down);
    Probe::new(component, move || {
        let down = down.load(Ordering::SeqCst);
        async move { if down { Err(ProbeFault("connection refused".into())) } else { Ok(()) } }
    })
}

#[tokio::test]
async fn readiness_names_what_is_missing_and_goes_when_draining() {
    let world = World::new().await;
    let health = &world.observed.health;
    let reply = world.health("/ready").await;
    assert_eq!(
        (reply.status, reply.sealed().as_str()),
        (
            503,
            r#"{"status":{"code":1,"message":"Not ready","corrId":"CORR"},"data":{"state":"NOT_READY","reasons":["configuration","migrations","postgres"]}}"#
        )
    );
    health.configured();
    health.migrated();
    world.prober(vec![probe(Component::of(Dependency::Postgres, true), &Arc::default())]).round().await;
    let reply = world.health("/ready").await;
    assert_eq!(
        (reply.status, reply.sealed().as_str()),
        (200, r#"{"status":{"code":0,"message":"Successful","corrId":"CORR"},"data":{"state":"READY"}}"#)
    );
    health.drain();
    assert_eq!(world.health("/ready").await.json()["data"]["reasons"], json!(["draining"]));
    assert_eq!(world.health("/live").await.status, 200, "a process that drains lives");
}

#[tokio::test]
async fn two_failures_are_down_and_one_success_is_up() {
    let world = World::new().await;
    let down = Arc::new(AtomicBool::new(false));
    let prober = world.prober(vec![probe(Component::of(Dependency::Postgres, true), &down)]);
    let gauge = "POSTGRES_STATUS{host=\"pod-1\",version=\"1.0.0\"} ";
    let up = "ges_dependency_up{dependency=\"postgres\"} ";
    for (fails, state, overall) in [
        (false, State::Up, Overall::Up),
        (true, State::Up, Overall::Up),
        (true, State::Down, Overall::Down),
        (true, State::Down, Overall::Down),
        (false, State::Up, Overall::Up),
    ] {
        down.store(fails, Ordering::SeqCst);
        prober.round().await;
        assert_eq!(world.observed.health.state_of("postgres"), Some(state));
        assert_eq!(world.observed.health.overall(), overall);
        let flag = f64::from(u8::from(state == State::Down));
        assert_eq!((world.metric(gauge), world.metric(up)), (Some(flag), Some(1.0 - flag)), "rule H");
        assert_eq!(world.health("").await.status, if overall == Overall::Down { 503 } else { 200 });
    }
    let reply = world.health("").await;
    assert_eq!(
        reply.sealed(),
        r#"{"status":{"code":0,"message":"Successful","corrId":"CORR"},"data":{"overall":"UP","version":"1.0.0"}}"#
    );
}

/// Integrations 8.2, 3.5: which router of which contact center it is that does not answer.
#[tokio::test]
async fn the_detail_document_tells_the_nodes_of_a_component_as_they_are_now() {
    let world = World::new().await;
    world.prober(vec![probe(Component::of(Dependency::OrsRedis, false), &Arc::default())]).round().await;
    let down = Arc::new(AtomicBool::new(false));
    let seen = down.clone();
    world.observed.health.show_nodes("orsRedis", move || {
        let state = if seen.load(Ordering::SeqCst) { State::Down } else { State::Up };
        let region = Region::new("dc1").unwrap();
        vec![NodeState { ccid: tenant(), url: "http://urs-0:5580".into(), region, role: "primary", state }]
    });
    for (is_down, state) in [(false, "UP"), (true, "DOWN")] {
        down.store(is_down, Ordering::SeqCst);
        let components = world.health("/detail").await.json()["data"]["components"].clone();
        let shown = json!([{ "ccid": tenant().to_string(), "url": "http://urs-0:5580", "region": "dc1", "role": "primary",
            "state": state }]);
        for component in components.as_array().unwrap() {
            let nodes = component.get("nodes");
            assert_eq!(nodes, (component["name"] == "orsRedis").then_some(&shown), "{component}");
        }
    }
}

#[tokio::test]
async fn check_18_the_detail_document_tells_everything_without_addresses() {
    let world = World::new().await;
    let down = Arc::new(AtomicBool::new(true));
    let probes = vec![
        probe(Component::of(Dependency::Postgres, true), &Arc::default()),
        probe(Component::of(Dependency::OrsRedis, false), &down),
    ];
    let prober = world.prober(probes);
    prober.round().await;
    prober.round().await;
    let reply = world.health("/detail").await;
    let mut data = reply.json()["data"].clone();
    for component in data["components"].as_array_mut().unwrap() {
        component.as_object_mut().unwrap().remove("latencyMs");
    }
    data.as_object_mut().unwrap().remove("uptimeSeconds");
    assert_eq!(reply.status, 200);
    assert_eq!(
        data,
        json!({
            "overall": "DEGRADED", "version": "1.0.0", "host": "pod-1", "role": "api", "region": "dc1",
            "checkedAt": "2026-01-05T12:00:00.000Z", "checkIntervalSeconds": [15, 20],
            "components": [
                {"name": "postgres", "critical": true, "state": "UP", "metric": "POSTGRES_STATUS", "value": 0,
                    "consecutiveFailures": 0, "since": "2026-01-05T12:00:00.000Z"},
                {"name": "orsRedis", "critical": false, "state": "DOWN", "metric": "ORS_REDIS_STATUS", "value": 1,
                    "consecutiveFailures": 2, "since": "2026-01-05T12:00:00.000Z", "error": "connection refused",
                    "effect": "new callbacks wait in the record"},
                {"name": "push", "critical": false, "state": "UNKNOWN", "metric": null},
            ]
        })
    );
}

#[tokio::test]
async fn a_panicking_probe_is_a_failing_one() {
    let world = World::new().await;
    let broken = Probe::new(Component::of(Dependency::OrsRedis, false), || async { panic!("a bug in a probe") });
    ges_telemetry::count_panics(world.observed.metrics.clone());
    let prober = world.prober(vec![broken]);
    prober.round().await;
    prober.round().await;
    assert_eq!(world.observed.health.overall(), Overall::Degraded);
    assert_eq!(world.metric("UNCAUGHT_EXCEPTION{host=\"pod-1\",version=\"1.0.0\"} "), Some(2.0));
}

#[tokio::test]
async fn real_calls_tell_about_what_nobody_probes() {
    let world = World::new().await;
    let now = ges_domain::ports::Clock::now(&*world.clock);
    world.observed.health.told("push", Err("timeout"), now);
    assert_eq!(world.observed.health.state_of("push"), Some(State::Down));
    assert_eq!(world.observed.health.overall(), Overall::Up, "what is not probed does not degrade the whole");
    world.observed.health.told("push", Ok(()), now);
    assert_eq!(world.observed.health.state_of("push"), Some(State::Up));
}

#[tokio::test]
async fn the_prober_looks_at_once_and_stops_when_told() {
    let world = World::new().await;
    let looked = Arc::new(tokio::sync::Notify::new());
    let told = Arc::clone(&looked);
    let first = Probe::new(Component::of(Dependency::Postgres, true), move || {
        told.notify_one();
        async { Ok(()) }
    });
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn(world.prober(vec![first]).run(stop.clone()));
    looked.notified().await;
    stop.cancel();
    running.await.unwrap();
}
