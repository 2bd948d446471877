//! What becomes of the service when something it depends on is gone, row by row of integrations 8.5: each is stopped as a
//! process or cut off, looked at from outside, started again, and everything that was accepted comes to its end.

use std::time::{Duration, Instant};

use ges_harness::{Cluster, Programs, Redis, http_status, run_folder};
use ges_nemesis::{Deployment, DeploymentPlan};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::world::{SOON, all_end, burst, deployment, history, services, violations};

/// Two looks of at most 20 s each, and 3 s for the second to fail (test H1).
const NOTICED: Duration = Duration::from_secs(45);

/// What a pod answers on its internal listener.
pub(crate) struct Page {
    pub(crate) status: u16,
    retry_after: Option<String>,
    pub(crate) text: String,
}

impl Page {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

pub(crate) async fn ask(deployment: &Deployment, node: &str, method: Method, path: &str, body: Option<&Value>) -> Page {
    let port = deployment.cluster.node(node).unwrap().internal_port();
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(15)).build().unwrap();
    let mut request = client.request(method, format!("http://127.0.0.1:{port}{path}"));
    request = request.header("ContactCenterId", Cluster::TENANT);
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let answer = request.send().await.unwrap_or_else(|error| panic!("{node} {path}: {error}"));
    let header = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    Page { status: answer.status().as_u16(), retry_after: header, text: answer.text().await.unwrap() }
}

pub(crate) async fn get(deployment: &Deployment, node: &str, path: &str) -> Page {
    ask(deployment, node, Method::GET, path, None).await
}

/// The value of the first series of a metric; labels may be given behind the name.
pub(crate) async fn metric(deployment: &Deployment, node: &str, name: &str) -> Option<f64> {
    let page = get(deployment, node, "/metrics").await;
    let line =
        page.text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// Waits until a metric has a value (rule H: 1 is DOWN).
pub(crate) async fn until(deployment: &Deployment, node: &str, name: &str, value: f64) {
    let begun = Instant::now();
    loop {
        let seen = metric(deployment, node, name).await;
        if seen == Some(value) {
            println!("{node}: {name} = {value} after {:.1} s", begun.elapsed().as_secs_f64());
            return;
        }
        assert!(begun.elapsed() < NOTICED, "{node}: {name} is {seen:?}, not {value}, after {NOTICED:?}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

pub(crate) async fn is_ready(deployment: &Deployment, node: &str) -> bool {
    get(deployment, node, Cluster::READY).await.status == 200
}

/// Liveness asks nobody (8.4).
pub(crate) async fn is_alive(deployment: &Deployment, node: &str) -> bool {
    get(deployment, node, "/ges/v1/health/live").await.status == 200
}

/// The state of a component in the detail document.
pub(crate) async fn component(deployment: &Deployment, node: &str, name: &str) -> (String, Value) {
    let detail = get(deployment, node, "/ges/v1/health/detail").await.json();
    let all = detail["data"]["components"].as_array().cloned().unwrap_or_default();
    let one = all.into_iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{node} has no {name}"));
    (detail["data"]["overall"].as_str().unwrap_or_default().to_owned(), one)
}

async fn with_key(deployment: &Deployment, key: &str) -> (u16, i64) {
    let port = deployment.cluster.node("api-0").unwrap().external_port().unwrap();
    let request = Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .post(format!("http://127.0.0.1:{port}/engagement/v3/callbacks/retrieve"));
    let body = json!({ "id": "00000000-0000-4000-8000-000000000000" });
    let request = request.header("x-api-key", key).header("content-type", "application/json").body(body.to_string());
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    (status, body["status"]["code"].as_i64().unwrap_or(-1))
}

/// Rows GWS auth, GWS env, URS, ORS REST together: the simulator is every one of them, and its process is killed.
#[tokio::test(flavor = "multi_thread")]
async fn check_18_without_any_neighbour_bookings_go_on() {
    let slow = ["--agents", "1", "--speed", "1"].map(str::to_owned).into();
    let plan = DeploymentPlan { floor: slow, routers: true, configuration: true, ..DeploymentPlan::new(services()) };
    let mut deployment = deployment(&plan).await;
    let history = history();
    burst(&deployment, &history, 10, 4).await;
    // A session has one of them when everybody goes.
    let held = held_by_a_session(&deployment).await;
    assert_eq!(with_key(&deployment, Cluster::API_KEY).await, (404, 20), "the key is known");
    deployment.cluster.kill("ges-sim").unwrap();

    let cancelled = deployment.caller.cancel(0, held.parse().unwrap()).await.unwrap();
    assert_eq!(cancelled.status, 200, "R-CAN-2: the wish counts, reached or not: {}", cancelled.body);
    for gauge in ["GWS_AUTH_STATUS", "GWS_ENV_STATUS", "GWS_CONFIG_STATUS", "ALL_URS_DOWN", "GES_HEALTH"] {
        until(&deployment, "api-0", gauge, 1.0).await;
    }
    until(&deployment, "worker-0", "ges_dependency_up{dependency=\"ors\"}", 0.0).await;
    for node in ["api-0", "worker-0"] {
        assert!(is_ready(&deployment, node).await && is_alive(&deployment, node).await, "{node}");
    }
    let (_, routers) = component(&deployment, "api-0", "urs").await;
    let nodes = routers["nodes"].as_array().unwrap();
    assert!(!nodes.is_empty() && nodes.iter().all(|node| node["ccid"] == Cluster::TENANT && node["state"] == "DOWN"));
    let (overall, environment) = component(&deployment, "api-0", "gwsEnv").await;
    assert_eq!((overall.as_str(), environment["state"].as_str()), ("DEGRADED", Some("DOWN")));
    assert!(environment["effect"].is_string() && environment["error"].is_string(), "{environment}");
    burst(&deployment, &history, 10, 4).await;
    assert_eq!(history.acknowledged().len(), 20, "{}", history.summary());
    let strange = "00000000-0000-4000-8000-00000000bad1";
    assert_eq!(with_key(&deployment, strange).await, (500, 51), "nobody can say whose key it is (check 13)");

    block_in_place(|| deployment.cluster.restart("ges-sim")).unwrap();
    for gauge in ["GWS_AUTH_STATUS", "GWS_ENV_STATUS", "GWS_CONFIG_STATUS", "ALL_URS_DOWN", "GES_HEALTH"] {
        until(&deployment, "api-0", gauge, 0.0).await;
    }
    until(&deployment, "worker-0", "ges_dependency_up{dependency=\"ors\"}", 1.0).await;
    assert_eq!(with_key(&deployment, strange).await, (401, 10));
    assert_eq!(component(&deployment, "api-0", "gwsEnv").await.0, "UP");
    let answer = deployment.caller.retrieve(0, held.parse().unwrap()).await.unwrap();
    assert_eq!(answer.body["data"]["callbackReason"], "CANCELLED", "{}", answer.body);
    assert_eq!(violations(&deployment, &history, false).await, []);
}

/// The id of a callback that a session has and nobody talks to yet.
async fn held_by_a_session(deployment: &Deployment) -> String {
    let begun = Instant::now();
    loop {
        let held = deployment
            .sql("select id from callbacks where session_id is not null and state in (2, 3) limit 1")
            .unwrap();
        if !held.trim().is_empty() {
            return held.trim().to_owned();
        }
        assert!(begun.elapsed() < SOON, "no session has a callback");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Row GES Redis: with a Redis of its own, apart from the stream's.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_accelerating_redis_everything_is_slower_and_nothing_is_refused() {
    let folder = run_folder().unwrap();
    let programs = Programs::from_environment().unwrap();
    let mut redis = Redis::start(&programs.redis, folder.path()).unwrap();
    let own = vec![("GES_REDIS__PORT".to_owned(), redis.port().to_string())];
    let plan = DeploymentPlan { environment: own, ..DeploymentPlan::new(services()) };
    let deployment = deployment(&plan).await;
    let history = history();
    burst(&deployment, &history, 20, 4).await;
    let kept = ask(&deployment, "api-0", Method::POST, "/genesys/1/storage/60", Some(&json!({ "a": "b" }))).await;
    assert_eq!(kept.status, 200, "{}", kept.text);

    block_in_place(|| redis.kill());
    until(&deployment, "api-0", "REDIS_CONNECTION", 1.0).await;
    until(&deployment, "api-0", "ges_dependency_up{dependency=\"redis\"}", 0.0).await;
    assert!(is_ready(&deployment, "api-0").await, "it is an accelerator");
    burst(&deployment, &history, 50, 8).await;
    assert_eq!(history.acknowledged().len(), 70, "{}", history.summary());
    let refused = ask(&deployment, "api-0", Method::POST, "/genesys/1/storage/60", Some(&json!({ "a": "b" }))).await;
    assert_eq!((refused.status, refused.retry_after.as_deref()), (503, Some("5")), "{}", refused.text);

    block_in_place(|| redis.start_again(&programs.redis, folder.path())).unwrap();
    until(&deployment, "api-0", "REDIS_CONNECTION", 0.0).await;
    let kept = ask(&deployment, "api-0", Method::POST, "/genesys/1/storage/60", Some(&json!({ "a": "b" }))).await;
    assert_eq!(kept.status, 200, "{}", kept.text);
    all_end(&deployment, &history, SOON).await;
    assert_eq!(violations(&deployment, &history, true).await, []);
}

/// Row ORS Redis, check 2: a booking made meanwhile is on the stream within 30 s of its return.
#[tokio::test(flavor = "multi_thread")]
async fn check_02_without_the_stream_bookings_wait_in_the_record() {
    let mut deployment = deployment(&DeploymentPlan::new(services())).await;
    let history = history();
    deployment.lose_redis().await.unwrap();
    until(&deployment, "worker-0", "ORS_REDIS_STATUS", 1.0).await;
    assert!(is_ready(&deployment, "worker-0").await && is_ready(&deployment, "api-0").await);
    burst(&deployment, &history, 20, 4).await;
    assert_eq!(history.acknowledged().len(), 20, "{}", history.summary());
    let (_, stream) = component(&deployment, "worker-0", "orsRedis").await;
    assert_eq!(stream["state"], "DOWN");
    assert!(deployment.ledger.written().is_empty());
    deployment.return_redis().unwrap();
    all_end(&deployment, &history, Duration::from_secs(30)).await;
    until(&deployment, "worker-0", "ORS_REDIS_STATUS", 0.0).await;
    assert_eq!(violations(&deployment, &history, true).await, []);
}

/// Row Postgres, check 6: never 200 without durability.
#[tokio::test(flavor = "multi_thread")]
async fn check_06_without_the_record_nothing_is_promised() {
    // Nobody works: what happens to the callback is what this test sends.
    let empty = ["--agents", "0"].map(str::to_owned).into();
    let plan = DeploymentPlan { floor: empty, ..DeploymentPlan::new(services()) };
    let deployment = deployment(&plan).await;
    let history = history();
    burst(&deployment, &history, 4, 2).await;
    let held = held_by_a_session(&deployment).await;
    let session = deployment.sql(&format!("select session_id from callbacks where id = '{held}'")).unwrap();
    block_in_place(|| deployment.cluster.postgres().halt(true)).unwrap();
    let storage = format!("/genesys/1/service/{held}/storage");
    let update = json!({ "_ors_session_id": session.trim(), "_callback_state": "ROUTING", "_dial_attempts": "1", "fromTheSession": "kept" });
    let refused = ask(&deployment, "api-0", Method::POST, &storage, Some(&update)).await;
    assert_eq!((refused.status, refused.retry_after.as_deref()), (503, Some("2")), "{}", refused.text);
    burst(&deployment, &history, 2, 2).await;
    assert_eq!(history.answers("create", (500, 51)), 2, "{}", history.summary());
    for (node, gauge) in [("api-0", "POSTGRES_STATUS"), ("worker-0", "POSTGRES_STATUS"), ("api-0", "GES_HEALTH")] {
        until(&deployment, node, gauge, 1.0).await;
    }
    for node in ["api-0", "worker-0"] {
        let ready = get(&deployment, node, Cluster::READY).await;
        assert_eq!(ready.status, 503, "{node}");
        assert_eq!(ready.json()["data"]["reasons"], json!(["postgres"]), "{}", ready.text);
        assert!(is_alive(&deployment, node).await, "{node}: liveness asks nobody");
        let short = get(&deployment, node, "/ges/v1/health").await;
        assert_eq!((short.status, short.json()["data"]["overall"].as_str()), (503, Some("DOWN")), "{}", short.text);
    }

    block_in_place(|| deployment.cluster.postgres().start_again()).unwrap();
    for node in ["api-0", "worker-0"] {
        until(&deployment, node, "POSTGRES_STATUS", 0.0).await;
        assert!(is_ready(&deployment, node).await, "{node}");
    }
    let taken = ask(&deployment, "api-0", Method::POST, &storage, Some(&update)).await;
    assert_eq!(taken.status, 200, "{}", taken.text);
    let kept = get(&deployment, "api-0", &format!("{storage}/fromTheSession")).await;
    assert_eq!((kept.status, kept.text.as_str()), (200, "kept"));
    let standing = format!(
        "select state, dial_attempts, (select count(*) from callback_events e where e.id = c.id) \
         from callbacks c where id = '{held}'"
    );
    let once = deployment.sql(&standing).unwrap();
    let again = ask(&deployment, "api-0", Method::POST, &storage, Some(&update)).await;
    assert_eq!(again.status, 200, "{}", again.text);
    assert_eq!(deployment.sql(&standing).unwrap(), once, "R-TR-3: it counts once");
    assert!(once.starts_with("3"), "ROUTING: {once}");
    assert_eq!(violations(&deployment, &history, false).await, []);
}

/// Row "whole cluster restart": every process at once, sessions among them; open records go on from what the database says.
#[tokio::test(flavor = "multi_thread")]
async fn after_everything_was_killed_everything_goes_on() {
    let mut deployment = deployment(&DeploymentPlan::new(services()).with_pods(2, 2)).await;
    let history = history();
    burst(&deployment, &history, 60, 16).await;
    let pods = ["api-0", "api-1", "worker-0", "worker-1"];
    pods.iter().for_each(|pod| deployment.cluster.kill(pod).unwrap());
    deployment.lose_redis().await.unwrap();
    block_in_place(|| deployment.cluster.postgres().halt(true)).unwrap();
    block_in_place(|| deployment.cluster.postgres().start_again()).unwrap();
    deployment.return_redis().unwrap();
    for pod in pods {
        block_in_place(|| deployment.cluster.restart(pod)).unwrap();
    }
    burst(&deployment, &history, 20, 8).await;
    // An entry that went with Redis is written again once its attempt is overdue (R-SUB-8).
    all_end(&deployment, &history, Duration::from_secs(100)).await;
    assert_eq!(violations(&deployment, &history, true).await, []);
}

/// What pods are told to reach here.
const FLAGS: [&str; 5] = ["REDIS_CONNECTION", "POSTGRES_STATUS", "ORS_REDIS_STATUS", "GWS_ENV_STATUS", "GES_HEALTH"];

/// Check 18, integrations 8.4 and 8.5: pods that start while nothing at all is there live, say so and say why they are not ready,
/// and serve once the rest has come.
#[tokio::test(flavor = "multi_thread")]
async fn check_18_pods_that_start_before_everything_else_live_and_serve_when_it_is_there() {
    let plan = DeploymentPlan { routers: true, configuration: true, ..DeploymentPlan::new(services()) };
    let mut deployment = deployment(&plan).await;
    let history = history();
    let pods = ["api-0", "worker-0"];
    pods.iter().for_each(|pod| deployment.cluster.kill(pod).unwrap());
    deployment.lose_redis().await.unwrap();
    deployment.cluster.kill("ges-sim").unwrap();
    block_in_place(|| deployment.cluster.postgres().halt(true)).unwrap();

    for pod in pods {
        deployment.cluster.launch(pod).unwrap();
        let (begun, port) = (Instant::now(), deployment.cluster.node(pod).unwrap().internal_port());
        while block_in_place(|| http_status(port, "/ges/v1/health/live")) != Some(200) {
            assert!(begun.elapsed() < SOON, "{pod} is not alive: {}", deployment.cluster.log(pod).unwrap());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let ready = get(&deployment, pod, Cluster::READY).await;
        let reasons = ready.json()["data"]["reasons"].clone();
        assert_eq!((ready.status, reasons), (503, json!(["migrations", "postgres"])), "{pod}: {}", ready.text);
    }
    for pod in pods {
        for gauge in FLAGS {
            until(&deployment, pod, gauge, 1.0).await;
        }
        assert!(is_alive(&deployment, pod).await, "{pod}");
        assert_eq!(get(&deployment, pod, "/ges/v1/health/detail").await.status, 503, "{pod}");
    }
    assert_eq!(with_key(&deployment, Cluster::API_KEY).await, (500, 51), "nothing is promised");
    let storage = ask(&deployment, "api-0", Method::POST, "/genesys/1/storage/60", Some(&json!({ "a": "b" }))).await;
    assert_eq!((storage.status, storage.retry_after.as_deref()), (503, Some("2")), "{}", storage.text);

    block_in_place(|| deployment.cluster.postgres().start_again()).unwrap();
    deployment.return_redis().unwrap();
    block_in_place(|| deployment.cluster.restart("ges-sim")).unwrap();
    for pod in pods {
        for gauge in FLAGS {
            until(&deployment, pod, gauge, 0.0).await;
        }
        assert!(is_ready(&deployment, pod).await, "{pod}");
        let (_, calls) = component(&deployment, pod, "gwsConfig").await;
        assert_eq!(calls["state"], "UP", "{pod} looks at everything it is told to reach");
    }
    burst(&deployment, &history, 20, 4).await;
    assert_eq!(history.acknowledged().len(), 20, "{}", history.summary());
    all_end(&deployment, &history, SOON).await;
    assert_eq!(violations(&deployment, &history, true).await, []);
}
