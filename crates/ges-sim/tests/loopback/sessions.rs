//! Sessions as GES sees them: binding first, reporting, ending; and the stream as its consumer has to treat it.

use std::time::{Duration, SystemTime};

use crate::world::{World, entry, swift};
use ges_sim::floor::Crew;
use serde_json::{Value, json};

fn millis() -> u128 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()
}

#[tokio::test]
async fn a_session_binds_first_and_reports_every_step() {
    let world = World::start(swift()).await;
    world.submit("1-0", "a", 1, json!({}));
    world.ended("a").await;
    assert_eq!(world.ges.story("a"), ["QUEUED", "ROUTING", "PROCESSING", "COMPLETED"]);
    assert_eq!(world.ges.last("a", "_callback_reason").as_deref(), Some("AGENT_CONNECTED"));
    assert_eq!(world.ges.last("a", "_dial_attempts").as_deref(), Some("1"));
    let told = world.ges.told.lock().unwrap().clone();
    let bind = &told[0];
    assert_eq!(bind.headers["contactcenterid"], "c0ffee00-0000-4000-8000-000000000100");
    assert_eq!(bind.headers["x-correlation-id"], "11111111-1111-4111-8111-111111111111");
    let sid = &bind.keys["_ors_session_id"];
    assert!(sid.len() == 32 && sid.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()), "{sid}");
    assert_eq!(bind.keys["_ors_url"], format!("http://{}", world.sim.addresses().ors));
    assert!(told.iter().all(|told| told.headers["x-ors-session-id"] == sid.as_str()));
    assert_eq!(world.source.acknowledged(), ["1-0"]);
    world.sim.stop().await;
}

#[tokio::test]
async fn an_attempt_that_was_written_twice_runs_once() {
    let world = World::start(swift()).await;
    world.submit("1-0", "a", 1, json!({}));
    world.submit("2-0", "a", 1, json!({}));
    world.ended("a").await;
    world.submit("3-0", "a", 1, json!({}));
    world.until("all three acknowledged", |world| world.source.acknowledged().len() == 3).await;
    assert_eq!(world.ges.story("a"), ["QUEUED", "ROUTING", "PROCESSING", "COMPLETED"], "I2");
    assert_eq!(world.ask("ors/sessions").await.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_session_whose_bind_is_refused_never_dials() {
    let world = World::start(swift()).await;
    for (id, status) in [("conflict", 409), ("unknown", 404)] {
        world.ges.answers.lock().unwrap().insert(id.into(), [status].into());
        world.submit(id, id, 1, json!({}));
    }
    world.submit("3-0", "other", 1, json!({}));
    world.ended("other").await;
    assert_eq!(world.ges.story("conflict"), ["QUEUED"], "the bind, and nothing after it");
    assert_eq!(world.ges.story("unknown"), ["QUEUED"]);
    world.until("acknowledged", |world| world.source.acknowledged().len() == 3).await;
    let sid = world.session_of("conflict");
    let gone = world.http.post(world.ors(&format!("scxml/session/{sid}/terminate"))).send().await.unwrap();
    assert_eq!(gone.status(), 404, "it exited");
}

#[tokio::test]
async fn a_bind_that_meets_a_broken_ges_is_repeated() {
    let world = World::start(swift()).await;
    world.ges.answers.lock().unwrap().insert("a".into(), [503, 500].into());
    world.submit("1-0", "a", 1, json!({}));
    world.ended("a").await;
    assert_eq!(world.ges.story("a"), ["QUEUED", "QUEUED", "QUEUED", "ROUTING", "PROCESSING", "COMPLETED"]);
}

#[tokio::test]
async fn expired_newer_and_broken_entries_are_done_with_at_once() {
    let world = World::start(swift()).await;
    world.source.write("1-0", entry(&world.ges_url, "late", 1, "2020-01-01T00:00:00.000Z", json!({})));
    let mut newer = entry(&world.ges_url, "newer", 1, "2100-01-01T00:00:00.000Z", json!({}));
    newer[0].1 = "2".into();
    world.source.write("2-0", newer);
    world.source.write("3-0", vec![("schema".into(), "1".into())]);
    world.until("acknowledged", |world| world.source.acknowledged().len() == 3).await;
    assert!(world.ges.told.lock().unwrap().is_empty(), "nothing was started");
}

#[tokio::test]
async fn nobody_is_dialed_before_the_earliest_dial_time() {
    let world = World::start(swift()).await;
    let earliest = millis() + 700;
    let text = rfc3339(earliest);
    world.submit("1-0", "floor", 1, json!({ "_earliest_dial_time": text }));
    world.order("ors/scenario", json!({ "service": "Scripted", "name": "happy" })).await;
    let mut scripted =
        entry(&world.ges_url, "script", 1, "2100-01-01T00:00:00.000Z", json!({ "_earliest_dial_time": text }));
    scripted[5].1 = "Scripted".into();
    world.source.write("2-0", scripted);
    world.until("both bound", |world| world.source.acknowledged().len() == 2).await;
    let sid = world.session_of("script");
    for _ in 0..4 {
        world.order(&format!("ors/sessions/{sid}/advance"), json!({})).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        let early = world.ges.told.lock().unwrap().iter().any(|told| {
            told.keys.contains_key("_dial_attempts") || told.keys.get("_callback_state").is_some_and(|s| s == "ROUTING")
        });
        assert!(!early || millis() >= earliest, "R-SUB-4, for the scripted one when advanced by hand too");
        if millis() >= earliest {
            break;
        }
    }
    world.until("dialed", |world| world.ges.last("floor", "_dial_attempts").is_some()).await;
    assert!(millis() >= earliest, "R-SUB-4");
}

fn rfc3339(ms: u128) -> String {
    let at = time::OffsetDateTime::from_unix_timestamp_nanos(i128::try_from(ms).unwrap() * 1_000_000).unwrap();
    at.format(&time::format_description::well_known::Rfc3339).unwrap()
}

#[tokio::test]
async fn nobody_home_is_dialed_again_and_given_up() {
    let world = World::start(Crew { answer: 0.0, ..swift() }).await;
    world.submit("1-0", "a", 1, json!({ "_max_dial_attempts": 2 }));
    world.ended("a").await;
    assert_eq!(world.ges.story("a"), ["QUEUED", "ROUTING", "QUEUED", "ROUTING", "COMPLETED"]);
    assert_eq!(world.ges.last("a", "_callback_reason").as_deref(), Some("REDIAL_LIMIT_REACHED"));
    assert_eq!(world.ges.last("a", "_dial_attempts").as_deref(), Some("2"));
}

async fn event(world: &World, sid: &str, name: &str, body: Value) -> u16 {
    let url = world.ors(&format!("scxml/session/{sid}/event/{name}"));
    world.http.post(url).json(&body).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_cancelled_session_ends_with_the_reason_and_is_gone() {
    let world = World::start(Crew { agents: 0, ..swift() }).await;
    world.submit("1-0", "a", 1, json!({}));
    world.until("bound", |world| world.source.acknowledged().len() == 1).await;
    let sid = world.session_of("a");
    assert_eq!(event(&world, &sid, "callback.cancel", json!({ "_reason": "CANCELLED_BY_ADMIN" })).await, 200);
    world.ended("a").await;
    assert_eq!(world.ges.last("a", "_callback_reason").as_deref(), Some("CANCELLED_BY_ADMIN"));
    let mut gone = 0;
    for _ in 0..100 {
        gone = event(&world, &sid, "callback.cancel", json!({})).await;
        if gone == 404 {
            break;
        }
    }
    assert_eq!(gone, 404);
}

#[tokio::test]
async fn a_cancel_during_the_conversation_is_refused() {
    let world = World::start(Crew { handling_ms: 600_000, ..swift() }).await;
    world.submit("1-0", "a", 1, json!({}));
    world.until("talking", |world| world.ges.story("a").last().is_some_and(|state| state == "PROCESSING")).await;
    let sid = world.session_of("a");
    assert_eq!(event(&world, &sid, "callback.cancel", json!({})).await, 409);
    world.order(&format!("ors/sessions/{sid}/complete"), json!({})).await;
    world.ended("a").await;
}

#[tokio::test]
async fn a_rescheduled_session_hands_its_callback_back_and_a_paused_one_says_so() {
    let world = World::start(Crew { agents: 0, ..swift() }).await;
    world.submit("1-0", "a", 1, json!({}));
    world.until("bound", |world| world.source.acknowledged().len() == 1).await;
    let sid = world.session_of("a");
    assert_eq!(event(&world, &sid, "callback.pause", json!({})).await, 200);
    world.until("paused", |world| world.ges.story("a") == ["QUEUED", "PAUSED"]).await;
    assert_eq!(event(&world, &sid, "callback.resume", json!({})).await, 200);
    world.until("resumed", |world| world.ges.story("a") == ["QUEUED", "PAUSED", "QUEUED"]).await;
    assert_eq!(event(&world, &sid, "callback.reschedule", json!({})).await, 200);
    world.until("handed back", |world| world.ges.last("a", "_session_reason").as_deref() == Some("RESCHEDULED")).await;
    assert_eq!(world.ges.last("a", "_session_state").as_deref(), Some("ENDED"));
}

#[tokio::test]
async fn diagnostics_tell_position_and_wait() {
    let world = World::start(Crew { agents: 1, handling_ms: 600_000, ..swift() }).await;
    for id in ["a", "b", "c"] {
        world.submit(id, id, 1, json!({}));
        world.until("bound", |world| world.source.acknowledged().contains(&id.to_owned())).await;
    }
    world.until("a talks", |world| world.ges.story("a").last().is_some_and(|state| state == "PROCESSING")).await;
    let sid = world.session_of("c");
    let url = world.ors(&format!("scxml/session/{sid}.node1/request/check-queue-position"));
    let answer: Value = world.http.post(url).json(&json!({})).send().await.unwrap().json().await.unwrap();
    assert_eq!((&answer["_position"], &answer["_total_waiting"]), (&json!("2"), &json!("2")));
    assert_eq!(answer["ewt"], json!("1200.0"), "second in line of one agent at 600 s");
    let url = world.ors(&format!("scxml/session/{sid}/query"));
    let query: Value = world.http.get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!((&query["state"], &query["data"]["_callback_state"]), (&json!("running"), &json!("QUEUED")));
    assert!(!query.to_string().contains("_customer_number"), "I11");
}

#[tokio::test]
async fn scenarios_replace_the_floor() {
    let world = World::start(swift()).await;
    world.order("ors/scenario", json!({ "service": "CB_Sales", "name": "busyRetry" })).await;
    world.submit("1-0", "busy", 1, json!({}));
    world.until("acknowledged", |world| world.source.acknowledged().len() == 1).await;
    let sid = world.session_of("busy");
    for _ in 0..200 {
        if world.ges.story("busy").last().is_some_and(|state| state == "COMPLETED") {
            break;
        }
        world.order(&format!("ors/sessions/{sid}/advance"), json!({})).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(world.ges.last("busy", "_callback_reason").as_deref(), Some("REDIAL_LIMIT_REACHED"));
    assert_eq!(world.ges.last("busy", "_dial_attempts").as_deref(), Some("3"));

    world.order("ors/scenario", json!({ "service": "CB_Sales", "name": "ackThenLost" })).await;
    world.submit("2-0", "lost", 1, json!({}));
    world.until("acknowledged", |world| world.source.acknowledged().len() == 2).await;
    let sid = world.session_of("lost");
    world.until("lost", |_| true).await;
    assert_eq!(event(&world, &sid, "callback.cancel", json!({})).await, 404);

    world.order("ors/scenario", json!({ "service": "CB_Sales", "name": "neverAck" })).await;
    world.submit("3-0", "mute", 1, json!({}));
    world.until("acknowledged", |world| world.source.acknowledged().len() == 3).await;
    assert!(world.ges.story("mute").is_empty());
    let mute = async || {
        let sessions = world.ask("ors/sessions").await;
        let mine = |session: &&Value| session["data"]["_service_id"] == "mute";
        sessions.as_array().unwrap().iter().find(mine).unwrap().clone()
    };
    let sid = mute().await["session"].as_str().unwrap().to_owned();
    for _ in 0..4 {
        world.order(&format!("ors/sessions/{sid}/advance"), json!({})).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(mute().await["data"]["_dialed_at"], json!([]), "integrations 1.2.7: nobody is called before the bind");

    let script = json!({ "service": "CB_Sales", "steps": [], "onCancel": "ignore" });
    world.order("ors/scenario", script).await;
    world.submit("4-0", "deaf", 1, json!({}));
    world.until("acknowledged", |world| world.source.acknowledged().len() == 4).await;
    let sid = world.session_of("deaf");
    assert_eq!(event(&world, &sid, "callback.cancel", json!({})).await, 200);
    assert_eq!(world.ges.story("deaf"), ["QUEUED"], "it answered and went on");

    world.order("ors/scenario", json!({ "service": "CB_Sales", "name": "floor" })).await;
    world.submit("5-0", "floor", 1, json!({}));
    world.ended("floor").await;
}

#[tokio::test]
async fn a_session_can_be_started_by_rest() {
    let world = World::start(swift()).await;
    let form = [
        ("src", "http://designer/app.scxml"),
        ("_service_id", "r1"),
        ("_service_name", "CB_Sales"),
        ("_ccid", "c0ffee00-0000-4000-8000-000000000100"),
        ("_ges_url", &world.ges_url),
    ];
    let answer = world.http.post(world.ors("scxml/session/start")).form(&form).send().await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    let sid = answer.json::<Value>().await.unwrap()["sessionId"].as_str().unwrap().to_owned();
    assert!(cookie.starts_with(&format!("ORSSESSIONID={sid}.node1")), "{cookie}");
    world.ended("r1").await;
    assert_eq!(world.session_of("r1"), sid);
}
