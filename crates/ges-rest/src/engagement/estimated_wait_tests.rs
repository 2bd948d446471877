use axum::body::Body;
use axum::http::Request;
use ges_domain::wait::{Estimate, EwtMode};
use ges_testkit::builders;

use crate::testing::{KEY, Reply, World, send};

impl World {
    async fn waits(&self, query: &str) -> Reply {
        let request = Request::get(format!("/engagement/v3/estimated-wait-time{query}")).header("x-api-key", KEY);
        let request = request.header("content-type", "application/json").body(Body::empty()).unwrap();
        send(self.external(), request).await
    }
}

#[tokio::test]
async fn the_documented_example_is_answered() {
    let world = World::new().await;
    for (queue, estimate) in
        [("VQ_Support", Estimate::Known(184)), ("VQ_Night", Estimate::NoAgents), ("VQ_Typo", Estimate::UnknownQueue)]
    {
        world.waits.set(builders::tenant(), queue, estimate);
    }
    let query = "?virtual-queues=VQ_Support%2CVQ_Night%2CVQ_Typo&mode=mode2&include-calls-on-hold=true";
    let reply = world.waits(query).await;
    assert_eq!(
        (reply.status, reply.sealed().as_str()),
        (
            200,
            concat!(
                r#"{"status":{"code":0,"message":"Successful","corrId":"CORR"},"data":["#,
                r#"{"virtualQueue":"VQ_Support","estimatedWaitTime":184,"message":"Successful","resultCode":0},"#,
                r#"{"virtualQueue":"VQ_Night","estimatedWaitTime":-1,"message":"No agents logged in","resultCode":-2},"#,
                r#"{"virtualQueue":"VQ_Typo","estimatedWaitTime":-1,"message":"Virtual queue not found","resultCode":-1}]}"#
            )
        )
    );
    assert_eq!(world.waits.last(), Some(("VQ_Typo".to_owned(), EwtMode::Mode2, true)));
}

#[tokio::test]
async fn lists_may_be_repeated_encoded_padded_and_hold_a_queue_twice() {
    let world = World::new().await;
    for (query, queues) in [
        ("?virtual-queues=a,b", vec!["a", "b"]),
        ("?virtual-queues=a%2cb%2C", vec!["a", "b"]),
        ("?virtual-queues=a&virtual-queues=b,c", vec!["a", "b", "c"]),
        ("?virtual-queues=+a+,%20b+c%20,,", vec!["a", "b c"]),
        ("?virtual-queues=a,a,b,a&_=1", vec!["a", "a", "b", "a"]),
        ("?virtual-queues=K%C3%B6ln%2FS%C3%BCd%2BNord", vec!["Köln/Süd+Nord"]),
    ] {
        let reply = world.waits(query).await;
        let data = reply.json()["data"].clone();
        let named: Vec<_> =
            data.as_array().unwrap().iter().map(|entry| entry["virtualQueue"].as_str().unwrap()).collect();
        assert_eq!((reply.status, named), (200, queues), "{query}");
    }
    let before = world.waits.asked();
    world.waits("?virtual-queues=a,a,b,a").await;
    assert_eq!(world.waits.asked() - before, 2, "each queue is asked about once");
}

#[tokio::test]
async fn the_mode_is_mode2_unless_said_otherwise() {
    let world = World::new().await;
    for (query, mode) in [
        ("", EwtMode::Mode2),
        ("&mode=", EwtMode::Mode2),
        ("&mode=mode1", EwtMode::Mode1),
        ("&mode=mode3&include-calls-on-hold=FALSE", EwtMode::Mode3),
    ] {
        assert_eq!(world.waits(&format!("?virtual-queues=a{query}")).await.status, 200);
        assert_eq!(world.waits.last(), Some(("a".to_owned(), mode, false)), "{query}");
    }
}

#[tokio::test]
async fn one_queue_that_fails_does_not_spoil_the_others_and_all_together_do() {
    let world = World::new().await;
    world.waits.set(builders::tenant(), "good", Estimate::Known(5));
    world.waits.set_silent("bad");
    let data = world.waits("?virtual-queues=bad,good").await.json()["data"].clone();
    assert_eq!((&data[0]["estimatedWaitTime"], &data[0]["resultCode"]), (&(-1).into(), &(-1).into()), "R-EWT-5");
    assert_eq!((&data[0]["message"], &data[1]["estimatedWaitTime"]), (&"EWT source unavailable".into(), &5.into()));
    world.waits("?virtual-queues=bad").await.refused(500, 51);
    world.waits.set_down(true);
    world.waits("?virtual-queues=good,bad").await.refused(500, 51);
}

#[tokio::test]
async fn nonsense_is_refused_by_name() {
    let world = World::new().await;
    let hundred = vec!["q"; 100].join(",");
    assert_eq!(world.waits(&format!("?virtual-queues={hundred}")).await.status, 200);
    let too_many = format!("?virtual-queues={hundred},q");
    for (query, message) in [
        ("", "virtual-queues is required"),
        ("?virtual-queues=", "virtual-queues is required"),
        ("?virtual-queues=%2C+,", "virtual-queues is required"),
        ("?virtualQueues=a", "virtual-queues is required"),
        (&too_many, "virtual-queues must name at most 100 virtual queues"),
        ("?virtual-queues=%ff", "virtual-queues must be valid Unicode text"),
        ("?virtual-queues=a%00", "virtual-queues must not contain NUL characters"),
        ("?virtual-queues=a&mode=mode4", "mode must be mode1, mode2 or mode3"),
        ("?virtual-queues=a&mode=MODE1", "mode must be mode1, mode2 or mode3"),
        ("?virtual-queues=a&mode=mode1&mode=mode2", "mode is given more than once"),
        ("?virtual-queues=a&include-calls-on-hold=1", "include-calls-on-hold must be true or false"),
    ] {
        assert_eq!(world.waits(query).await.refused(400, 1), message, "{query}");
    }
}

#[tokio::test]
async fn tenants_ask_their_own_routers() {
    let world = World::new().await;
    world.waits.set(builders::other_tenant(), "VQ", Estimate::Known(99));
    let data = world.waits("?virtual-queues=VQ").await.json()["data"].clone();
    assert_eq!(data[0]["estimatedWaitTime"], -1, "I9");
}
