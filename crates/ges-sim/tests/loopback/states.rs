//! What a test may put in place at every peer, and that a reset takes it back; the seed and the ports of a fresh simulator.

use std::time::Duration;

use ges_sim::floor::Crew;
use ges_sim::{Ports, Seed, SimSettings};
use serde_json::{Value, json};

use crate::world::{World, swift};

async fn put(world: &World, target: &str, state: &Value) -> u16 {
    world.http.put(world.control(&format!("state/{target}"))).json(state).send().await.unwrap().status().as_u16()
}

async fn event(world: &World, sid: &str, name: &str, body: &Value) -> u16 {
    let url = world.ors(&format!("scxml/session/{sid}/event/{name}"));
    world.http.post(url).json(body).send().await.unwrap().status().as_u16()
}

#[test]
fn seed_and_ports_are_the_documented_ones() {
    let SimSettings { ports, tenants, floor, .. } = SimSettings::default();
    let documented = Ports {
        ors: 9098,
        urs_primary: 5580,
        urs_backup: 5581,
        auth: 8095,
        environment: 8091,
        configuration: 8092,
        statistics: 8094,
        fcm: 9101,
        recaptcha: 9102,
        nexus: 9103,
        control: 9900,
    };
    assert_eq!(ports, documented);
    let tenant = &tenants.tenants[0];
    assert_eq!(
        (tenant.id.as_str(), tenant.name.as_str(), tenant.domain.as_str()),
        (Seed::TENANT, "Environment", "t100")
    );
    assert_eq!(tenant.api_keys, ["00000000-0000-4000-8000-00000000a001"]);
    for name in ["admin", "super", "monitor", "dev"] {
        assert!(tenants.users.iter().any(|user| user.name == name && user.password == name), "{name}");
    }
    assert!(tenants.clients.iter().any(|client| client.id == "ges_client" && client.secret == "secret"));
    assert_eq!(tenants.virtual_queues, ["VQ_Sales", "VQ_Support"]);
    let served: Vec<_> = floor.groups.iter().flat_map(|group| group.queues.iter().map(String::as_str)).collect();
    assert_eq!(served, ["CB_Sales", "VQ_Sales", "CB_Support", "VQ_Support"]);
}

#[tokio::test]
async fn unknown_targets_and_states_that_do_not_read_are_refused() {
    let world = World::start(swift()).await;
    assert_eq!(put(&world, "nobody", &json!({})).await, 404);
    for (target, wrong) in [
        ("ors", json!({ "default": "noSuchScenario" })),
        ("ors", json!({ "services": { "CB_Sales": { "steps": 7 } } })),
        ("ors", json!({ "scenarios": {} })),
        ("urs", json!({ "queues": {} })),
        ("stats", json!({ "value": 1 })),
        ("fcm", json!({ "tokens": { "a": "explodes" } })),
        ("nexus", json!({ "key": "k" })),
        ("recaptcha", json!({ "secrets": [] })),
        ("gws", json!({ "tenants": 1 })),
        ("floor", json!({ "groups": 1 })),
    ] {
        assert_eq!(put(&world, target, &wrong).await, 400, "{target} {wrong}");
    }
    let unknown = world.http.post(world.control("ors/scenario")).json(&json!({ "name": "noSuchScenario" }));
    assert_eq!(unknown.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_playbook_is_put_as_a_whole_and_a_reset_forgets_it() {
    let world = World::start(swift()).await;
    let playbook = json!({ "default": "neverAck", "services": { "CB_Sales": { "steps": [
        { "afterMs": 1, "update": { "_callback_state": "COMPLETED", "_callback_reason": "REDIAL_LIMIT_REACHED" } }
    ] } } });
    assert_eq!(put(&world, "ors", &playbook).await, 200);
    world.submit("1-0", "scripted", 1, json!({}));
    world.ended("scripted").await;
    assert_eq!(world.ges.last("scripted", "_callback_reason").as_deref(), Some("REDIAL_LIMIT_REACHED"));
    world.order("reset", json!({})).await;
    assert_eq!(world.ask("ors/sessions").await, json!([]), "sessions are forgotten too");
    world.submit("2-0", "floor", 1, json!({}));
    world.ended("floor").await;
    assert_eq!(world.ges.last("floor", "_callback_reason").as_deref(), Some("AGENT_CONNECTED"));
}

#[tokio::test]
async fn a_session_takes_another_priority_and_other_user_data() {
    let world = World::start(Crew { agents: 0, ..swift() }).await;
    world.submit("1-0", "a", 1, json!({ "_priority": 3, "_user_data": { "kept": "no" } }));
    world.until("bound", |world| world.source.acknowledged().len() == 1).await;
    let sid = world.session_of("a");
    let shown = world.ask("ors/sessions").await;
    assert_eq!((&shown[0]["data"]["_priority"], &shown[0]["userData"]), (&json!(3), &json!({ "kept": "no" })));
    assert_eq!(event(&world, &sid, "callback.priority", &json!({ "_priority": 70 })).await, 200);
    assert_eq!(event(&world, &sid, "callback.userdata", &json!({ "_user_data": { "a": 1 } })).await, 200);
    let shown = world.ask("ors/sessions").await;
    assert_eq!((&shown[0]["data"]["_priority"], &shown[0]["userData"]), (&json!(70), &json!({ "a": 1 })), "replaced");
    assert_eq!(event(&world, &sid, "callback.userdata", &json!({ "_user_data": 7 })).await, 400);
    let url = world.ors(&format!("scxml/session/{sid}/query"));
    let query = world.http.get(url).send().await.unwrap().text().await.unwrap();
    assert!(!query.contains("userData"), "GES is not told: {query}");
}

#[tokio::test]
async fn a_script_stands_still_while_its_callback_is_paused() {
    let world = World::start(swift()).await;
    let script = json!({ "service": "CB_Sales", "steps": [
        { "afterMs": 200, "update": { "_callback_state": "ROUTING" } },
        { "afterMs": 1, "update": { "_callback_state": "COMPLETED", "_callback_reason": "AGENT_CONNECTED" } },
    ] });
    world.order("ors/scenario", script).await;
    world.submit("1-0", "a", 1, json!({}));
    world.until("bound", |world| world.source.acknowledged().len() == 1).await;
    let sid = world.session_of("a");
    assert_eq!(event(&world, &sid, "callback.pause", &json!({})).await, 200);
    world.until("paused", |world| world.ges.story("a") == ["QUEUED", "PAUSED"]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.ges.story("a"), ["QUEUED", "PAUSED"], "its first step is overdue");
    assert_eq!(event(&world, &sid, "callback.resume", &json!({})).await, 200);
    world.ended("a").await;
    assert_eq!(world.ges.story("a"), ["QUEUED", "PAUSED", "QUEUED", "ROUTING", "COMPLETED"]);
}

#[tokio::test]
async fn phones_and_keys_of_push_providers_can_be_told() {
    let world = World::start(swift()).await;
    let url = format!("http://{}/nexus/v3/push/messages", world.sim.addresses().nexus);
    let send = async |key: &str, target: &str| {
        let body = json!({ "channel": "FCM", "target": target, "message": {} });
        let call = world.http.post(&url).header("x-api-key", key).header("contactcenterid", Seed::TENANT);
        call.json(&body).send().await.unwrap().status().as_u16()
    };
    assert_eq!((send("nexus-key", "plain").await, send("other-key", "plain").await), (200, 401));
    assert_eq!(send("nexus-key", "unreg-1").await, 404, "by its beginning");
    assert_eq!(put(&world, "nexus", &json!({ "apiKey": "other-key" })).await, 200);
    assert_eq!((send("nexus-key", "plain").await, send("other-key", "plain").await), (401, 200));
    let habits = json!({ "tokens": { "plain": "mismatch", "unreg-1": "ok", "busy": "quota" } });
    assert_eq!(put(&world, "fcm", &habits).await, 200);
    assert_eq!((send("other-key", "plain").await, send("other-key", "unreg-1").await), (403, 200));
    let busy = [send("other-key", "busy").await, send("other-key", "busy").await, send("other-key", "busy").await];
    assert_eq!(busy, [429, 429, 200]);
    world.order("reset", json!({})).await;
    assert_eq!((send("nexus-key", "plain").await, send("nexus-key", "unreg-1").await), (200, 404));
}

#[tokio::test]
async fn secret_host_and_tokens_of_recaptcha_can_be_told() {
    let world = World::start(swift()).await;
    let url = format!("http://{}/recaptcha/api/siteverify", world.sim.addresses().recaptcha);
    let verify = async |secret: &str, token: &str| -> Value {
        let form = [("secret", secret), ("response", token)];
        world.http.post(&url).form(&form).send().await.unwrap().json().await.unwrap()
    };
    assert_eq!(verify("good-secret", "pass").await["success"], true);
    assert_eq!(verify("good-secret", "of-my-own").await["error-codes"], json!(["invalid-input-response"]));
    let state = json!({ "secret": "mine", "hostname": "shop.example.net", "tokens": { "of-my-own": "score-0.3" } });
    assert_eq!(put(&world, "recaptcha", &state).await, 200);
    assert_eq!(verify("good-secret", "pass").await["error-codes"], json!(["invalid-input-secret"]));
    let told = verify("mine", "of-my-own").await;
    assert_eq!((&told["score"], &told["hostname"]), (&json!(0.3), &json!("shop.example.net")));
    world.order("reset", json!({})).await;
    assert_eq!(verify("good-secret", "pass").await["hostname"], "www.example.com");
}
