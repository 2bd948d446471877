//! The other peers and the control plane, over real loopback connections.

use std::time::{Duration, Instant};

use crate::world::{World, settings, swift};
use ges_sim::floor::Crew;
use ges_sim::{Ports, Seed, Sim};
use serde_json::{Value, json};

async fn token(world: &World, secret: &str) -> reqwest::Response {
    let url = format!("http://{}/auth/v3/oauth/token", world.sim.addresses().auth);
    let form = [("grant_type", "client_credentials"), ("scope", "*")];
    world.http.post(url).basic_auth(Seed::CLIENT_ID, Some(secret)).form(&form).send().await.unwrap()
}

async fn environment(world: &World, path: &str, token: &str) -> reqwest::Response {
    let url = format!("http://{}/environment/v3/{path}", world.sim.addresses().environment);
    world.http.get(url).bearer_auth(token).send().await.unwrap()
}

#[tokio::test]
async fn a_key_resolves_to_its_tenant_with_a_token_of_ours_only() {
    let world = World::start(swift()).await;
    assert_eq!(token(&world, "wrong").await.status(), 401);
    let answer: Value = token(&world, Seed::CLIENT_SECRET).await.json().await.unwrap();
    assert_eq!(answer["token_type"], "bearer");
    let token = answer["access_token"].as_str().unwrap();
    let path = format!("contact-centers/api-key/{}", Seed::API_KEY);
    assert_eq!(environment(&world, &path, "forged").await.status(), 401);
    let tenant: Value = environment(&world, &path, token).await.json().await.unwrap();
    assert_eq!((&tenant["status"]["code"], &tenant["data"]["id"]), (&json!(0), &json!(Seed::TENANT)));
    assert_eq!(environment(&world, "contact-centers/api-key/unknown", token).await.status(), 404);
    let list: Value = environment(&world, "contact-centers", token).await.json().await.unwrap();
    assert_eq!(list["data"]["contactCenters"][0]["domains"], json!(["t100"]));
    let settings: Value =
        environment(&world, &format!("contact-centers/{}/settings", Seed::TENANT), token).await.json().await.unwrap();
    assert_eq!(settings["data"]["settings"], json!([]));
    let environments: Value = environment(&world, "environments", token).await.json().await.unwrap();
    assert_eq!(environments["data"]["environments"][0]["tenant"], "Environment");
}

async fn urs(world: &World, backup: bool, path: &str) -> (u16, Value) {
    let addresses = world.sim.addresses();
    let address = if backup { addresses.urs_backup } else { addresses.urs_primary };
    let answer = world.http.get(format!("http://{address}/urs/call/max/{path}")).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
}

#[tokio::test]
async fn the_router_answers_from_the_floor_or_from_the_seed() {
    let world = World::start(Crew { agents: 1, handling_ms: 240_000, ..swift() }).await;
    let (status, idle) = urs(&world, false, "lvq/CB_Sales?tenant=Environment&aqt=urs2").await;
    assert_eq!((status, &idle["ewt"], &idle["pos"], &idle["agents"]), (200, &json!("0"), &json!("1"), &json!("1")));
    for id in ["a", "b", "c"] {
        world.submit(id, id, 1, json!({}));
    }
    world.until("all bound", |world| world.source.acknowledged().len() == 3).await;
    world.until("one talks", |world| ["a", "b", "c"].iter().any(|id| world.ges.story(id).len() == 3)).await;
    let (_, busy) = urs(&world, false, "lvq?name=VQ_Sales&tenant=Environment&aqt=urs2").await;
    assert_eq!((&busy["ewt"], &busy["pos"]), (&json!("480"), &json!("3")), "two wait for one agent at 240 s");
    let (_, unknown) = urs(&world, false, "lvq/Nowhere?tenant=Environment").await;
    assert_eq!(unknown, json!({ "ewt": "10000", "pos": "1", "wpos": "1" }));
    assert_eq!(urs(&world, false, "lvq/CB_Sales?tenant=Nobody").await.0, 404);
    assert_eq!(urs(&world, true, "lvq/CB_Sales").await, (503, json!({ "error": "backup" })));

    let state = json!({ "tenants": { "Environment": { "CB_Sales": { "ewt": 127.5, "pos": 4, "agents": 6 },
        "VQ_Sales": { "arrivalPerMin": 6, "agents": 0, "ahtSec": 180 } } },
        "role": { "5580": "backup", "5581": "primary" } });
    let put = world.http.put(world.control("state/urs")).json(&state).send().await.unwrap();
    assert_eq!(put.status(), 200);
    assert_eq!(urs(&world, false, "lvq/CB_Sales").await.0, 503, "the roles are switched");
    let (_, seeded) = urs(&world, true, "lvq/CB_Sales?tenant=Environment").await;
    assert_eq!(seeded, json!({ "ewt": "127.5", "pos": "4", "wpos": "4", "agents": "6" }));
    let (_, nobody) = urs(&world, true, "lvq/VQ_Sales?tenant=Environment").await;
    assert_eq!((&nobody["ewt"], &nobody["agents"]), (&json!("10000"), &json!("0")));
    world.order("reset", json!({})).await;
    assert_eq!(urs(&world, false, "lvq/CB_Sales").await.0, 200, "the default seed is back");
}

#[tokio::test]
async fn ordered_faults_happen_and_end() {
    let world = World::start(swift()).await;
    let fault =
        json!({ "target": "urs", "path": "/urs/*", "kind": "status", "status": 503, "times": 1, "retryAfter": 7 });
    assert_eq!(world.order("faults", fault).await, json!({ "id": 1 }));
    let url = format!("http://{}/urs/call/max/lvq/CB_Sales", world.sim.addresses().urs_primary);
    let broken = world.http.get(&url).send().await.unwrap();
    assert_eq!((broken.status().as_u16(), broken.headers()["retry-after"].to_str().unwrap()), (503, "7"));
    assert_eq!(world.http.get(&url).send().await.unwrap().status(), 200, "once only");

    for kind in ["drop", "reset"] {
        world.order("faults", json!({ "target": "urs.primary", "kind": kind, "times": 1 })).await;
        // A connection of its own: a client silently repeats a request on a kept one.
        let fresh = reqwest::Client::builder().no_proxy().build().unwrap();
        let error = fresh.get(&url).send().await.expect_err(kind);
        assert!(!error.is_status() && !error.is_timeout(), "{kind}: {error:?}");
        assert_eq!(fresh.get(&url).send().await.unwrap().status(), 200, "after {kind}");
    }

    world.order("faults", json!({ "target": "urs.primary", "kind": "garbage", "times": 1 })).await;
    assert!(world.http.get(&url).send().await.unwrap().json::<Value>().await.is_err());

    let id =
        world.order("faults", json!({ "target": "urs.primary", "kind": "delay", "delayMs": 300 })).await["id"].clone();
    let started = Instant::now();
    assert_eq!(world.http.get(&url).send().await.unwrap().status(), 200);
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert_eq!(world.http.delete(world.control(&format!("faults/{id}"))).send().await.unwrap().status(), 200);
    assert_eq!(world.http.delete(world.control(&format!("faults/{id}"))).send().await.unwrap().status(), 404);
    let wrong = json!({ "target": "urs", "kind": "status", "status": 99 });
    let wrong = world.http.post(world.control("faults")).json(&wrong);
    assert_eq!(wrong.send().await.unwrap().status(), 400, "no status of an answer");
    for query in ["target=usr", "since=x", "targets=urs"] {
        let wrong = world.http.get(world.control(&format!("requests?{query}")));
        assert_eq!(wrong.send().await.unwrap().status(), 400, "not an empty list: {query}");
    }
    let wrong = world.http.post(world.control("faults")).json(&json!({ "target": "urs", "kind": "explode" }));
    assert_eq!(wrong.send().await.unwrap().status(), 400);
    let nobody = world.http.post(world.control("faults")).json(&json!({ "target": "usr", "kind": "drop" }));
    assert_eq!(nobody.send().await.unwrap().status(), 400, "no fault that never happens");
}

#[tokio::test]
async fn requests_are_recorded_by_target_and_number() {
    let world = World::start(swift()).await;
    token(&world, "secret").await;
    urs(&world, true, "lvq/CB_Sales?tenant=Environment").await;
    let all = world.ask("requests").await;
    assert_eq!(all.as_array().map(Vec::len), Some(2));
    assert_eq!((&all[0]["target"], &all[0]["body"]), (&json!("auth"), &json!("grant_type=client_credentials&scope=*")));
    assert_eq!(world.ask("requests?target=urs").await[0]["query"], "tenant=Environment");
    assert_eq!(world.ask("requests?since=2").await, json!([]));
    world.order("reset", json!({})).await;
    assert_eq!(world.ask("requests").await, json!([]));
    urs(&world, true, "lvq/CB_Sales").await;
    assert_eq!(world.ask("requests").await[0]["n"], 3, "numbers go on");
}

#[tokio::test]
async fn sessions_can_be_driven_by_hand() {
    let world = World::start(Crew { agents: 0, ..swift() }).await;
    for id in ["lost", "hung", "done"] {
        world.submit(id, id, 1, json!({}));
    }
    world.until("all bound", |world| world.source.acknowledged().len() == 3).await;
    assert_eq!(world.ask("ors/sessions").await.as_array().map(Vec::len), Some(3));
    let query = |id: &str| world.ors(&format!("scxml/session/{}/query", world.session_of(id)));
    for (id, action) in [("lost", "lose"), ("hung", "hang"), ("done", "complete")] {
        world.order(&format!("ors/sessions/{}/{action}", world.session_of(id)), json!({})).await;
    }
    assert_eq!(world.http.get(query("lost")).send().await.unwrap().status(), 404);
    let hung = world.http.get(query("hung")).timeout(Duration::from_millis(300)).send().await;
    assert!(hung.is_err_and(|error| error.is_timeout()));
    world.ended("done").await;
    let unknown = world.http.post(world.control("ors/sessions/NOBODY/lose")).send().await.unwrap();
    assert_eq!(unknown.status(), 404);
    world.sim.stop().await;
}

#[tokio::test]
async fn a_taken_port_is_named_and_stopping_frees_the_ports() {
    let first = Sim::start(settings(swift()), None).await.unwrap();
    let taken = Ports { ors: first.addresses().ors.port(), ..Ports::FREE };
    let mut again = settings(swift());
    again.ports = taken;
    let error = Sim::start(again.clone(), None).await.expect_err("the port is taken");
    assert_eq!(error.to_string(), format!("the orchestration server cannot listen on 127.0.0.1:{}", taken.ors));
    first.stop().await;
    Sim::start(again, None).await.expect("free again").stop().await;
}

#[tokio::test]
async fn statistics_come_from_a_test_the_floor_or_wander() {
    let world = World::start(swift()).await;
    let url = format!("http://{}/statistics/v3/operations/get-statistic-ex", world.sim.addresses().statistics);
    let ask = async |token: &str, body: Value| {
        let answer = world.http.post(&url).bearer_auth(token).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let statistics = |entries: Value| json!({ "data": { "statistics": entries } });
    let one = |name: &str| json!({ "objectType": "Queue", "objectId": "CB_Sales", "name": name });
    assert_eq!(ask("forged", statistics(json!([one("X")]))).await.0, 401);
    let answer: Value = token(&world, Seed::CLIENT_SECRET).await.json().await.unwrap();
    let token = answer["access_token"].as_str().unwrap();
    let (status, told) = ask(token, statistics(json!([one("CurrNumberAgentsLoggedIn"), one("Anything")]))).await;
    assert_eq!((status, &told["status"]["code"]), (200, &json!(0)));
    let told = &told["data"]["statistics"];
    assert_eq!(
        (&told[0]["value"], &told[0]["objectId"]),
        (&json!(swift().agents), &json!("CB_Sales")),
        "the floor knows"
    );
    assert!(told[1]["value"].is_u64() && told[1]["timestamp"].is_u64());
    let seeded = json!({ "values": { "Queue/CB_Sales/Anything": [1.5, "x"] } });
    assert_eq!(world.http.put(world.control("state/stats")).json(&seeded).send().await.unwrap().status(), 200);
    let (_, told) = ask(token, statistics(json!([one("Anything")]))).await;
    assert_eq!(told["data"]["statistics"][0]["value"], json!([1.5, "x"]));
    for wrong in
        [json!({}), statistics(json!([{ "name": "X" }])), statistics(json!([{ "objectId": "a", "objectType": "b" }]))]
    {
        let (status, told) = ask(token, wrong).await;
        assert!(status == 400 && told["status"]["message"].is_string(), "{told}");
    }
    world.order("reset", json!({})).await;
}

#[tokio::test]
async fn users_sign_in_by_password() {
    let world = World::start(swift()).await;
    let url = format!("http://{}/auth/v3/oauth/token", world.sim.addresses().auth);
    let sign_in = async |name: &str, password: &str| {
        let form =
            [("grant_type", "password"), ("username", name), ("password", password), ("client_id", Seed::CLIENT_ID)];
        let call = world.http.post(&url).basic_auth(Seed::CLIENT_ID, Some(Seed::CLIENT_SECRET)).form(&form);
        let answer = call.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    for name in ["dev", "t100\\dev"] {
        assert_eq!(sign_in(name, "dev").await.0, 200, "{name}");
    }
    assert_eq!(sign_in("dev", "wrong").await, (400, json!({ "error": "invalid_grant" })));
    assert_eq!(sign_in("nobody", "nobody").await.0, 400);
}
