use serde_json::json;

use crate::testing::{World, at};

/// R-AV-11.
#[tokio::test]
async fn the_documented_example_is_answered() {
    let world = World::new().await;
    for minute in 0..7 {
        world.booked_by(minute).await;
    }
    let reply = world
        .get("availability/VQ_Support?start=2026-01-05T15:00:00.000Z&numberOfDays=1&maxTimeSlots=2&timezone=America%2FNew_York&_=1767625200000")
        .await;
    assert_eq!(
        (reply.status, reply.sealed().as_str()),
        (
            200,
            concat!(
                r#"{"status":{"code":0,"message":"Successful","corrId":"CORR"},"data":{"durationMin":15,"timezone":"America/New_York","slots":["#,
                r#"{"utcTime":"2026-01-05T15:00:00.000Z","localTime":"2026-01-05T10:00:00.000-05:00","capacity":3,"total":10},"#,
                r#"{"utcTime":"2026-01-05T15:15:00.000Z","localTime":"2026-01-05T10:15:00.000-05:00","capacity":10,"total":10}]}}"#
            )
        )
    );
}

impl World {
    /// A booking of its own number at 15:00 and so many minutes.
    async fn booked_by(&self, minute: u32) {
        let body = json!({"serviceName": "VQ_Support", "phoneNumber": format!("1222333444{minute}"),
            "desiredTime": format!("2026-01-05T15:0{minute}:00Z")});
        assert_eq!(self.create(body).await.status, 200);
    }
}

#[tokio::test]
async fn without_an_end_the_slot_of_the_start_is_listed() {
    let world = World::new().await;
    world.clock.set(at("2026-01-05T12:07:00Z"));
    for query in ["", "?start=", "?startMS=1767614820000", "?end=2026-01-05T12:07:00Z", "?numberOfDays=0"] {
        let data = world.get(&format!("availability/VQ_Support{query}")).await.json()["data"].clone();
        assert_eq!(data["slots"].as_array().unwrap().len(), 1, "{query}");
        assert_eq!(data["slots"][0]["utcTime"], "2026-01-05T12:00:00.000Z", "the running slot has its true start");
        assert_eq!(data["slots"][0]["localTime"], "2026-01-05T12:00:00.000Z");
        assert_eq!(data["timezone"], "UTC");
    }
}

/// R-AV-2.
#[tokio::test]
async fn local_times_are_read_in_the_zone_and_lost_plus_signs_are_found() {
    let world = World::new().await;
    for query in [
        "start=2026-01-05T10:00:00.000&timezone=america/new_york",
        "start=2026-01-05T10:00&timezone=America%2FNew_York",
        "start=2026-01-05T15:00:00Z&timezone=America%2FNew_York",
        "start=2026-01-05T16:00:00+01:00&timezone=America%2FNew_York",
        "start=2026-01-05T16:00:00%2B01:00&timezone=America%2FNew_York",
        "startMS=1767625200000&timezone=America%2FNew_York",
    ] {
        let data = world.get(&format!("availability/VQ_Support?{query}")).await.json()["data"].clone();
        assert_eq!(data["slots"][0]["utcTime"], "2026-01-05T15:00:00.000Z", "{query}");
        assert_eq!(data["timezone"], "America/New_York", "{query}");
    }
}

#[tokio::test]
async fn full_slots_are_listed_on_request() {
    let world = World::new().await;
    world.provision("VQ_Support", |settings| settings.max_per_slot = 1).await;
    world.booked(Some("2026-01-05T15:00:00Z")).await;
    let query = "start=2026-01-05T15:00:00Z&end=2026-01-05T15:15:00Z";
    let free = world.get(&format!("availability/VQ_Support?{query}&reportBusy=False")).await.json()["data"].clone();
    assert_eq!(free["slots"].as_array().unwrap().len(), 1);
    let busy = world.get(&format!("availability/VQ_Support?{query}&reportBusy=TRUE")).await.json()["data"].clone();
    assert_eq!(busy["slots"][0]["capacity"], 0);
    assert_eq!(busy["slots"].as_array().unwrap().len(), 2);
}

/// R-AV-1.
#[tokio::test]
async fn contradictions_and_nonsense_are_refused_by_name() {
    let world = World::new().await;
    for (query, message) in [
        ("end=2026-01-06&numberOfDays=1", "Set only one of end, endMS, numberOfDays"),
        ("end=2026-01-06&endMS=1", "Set only one of end, endMS, numberOfDays"),
        ("start=2026-01-06&startMS=1", "Set only one of start, startMS"),
        ("start=2026-01-06&end=2026-01-05", "end lies before start"),
        ("start=tomorrow", "start is not a date-time"),
        ("startMS=1.5", "startMS must be a whole number"),
        ("endMS=99999999999999999999", "endMS must be a whole number"),
        ("numberOfDays=-1", "numberOfDays must be 0 to 4294967295"),
        ("maxTimeSlots=0", "maxTimeSlots must be 1 to 10000"),
        ("maxTimeSlots=10001", "maxTimeSlots must be 1 to 10000"),
        ("reportBusy=yes", "reportBusy must be true or false"),
        ("timezone=Mars%2FBase", "timezone is not the name of an IANA time zone"),
        ("start=2026-01-05&start=2026-01-05", "start is given more than once"),
        ("timezone=%ff", "timezone must be valid Unicode text"),
        ("timezone=UTC%00", "timezone must not contain NUL characters"),
    ] {
        let reply = world.get(&format!("availability/VQ_Support?{query}")).await;
        assert_eq!(reply.refused(400, 1), message, "{query}");
    }
}

#[tokio::test]
async fn extreme_periods_are_answered() {
    let world = World::new().await;
    for query in [
        "startMS=-9223372036854775808&endMS=9223372036854775807",
        "startMS=9223372036854775807",
        "numberOfDays=4294967295&maxTimeSlots=3",
        "start=0000-01-01&end=9999-12-31T23:59:59.999999999Z&timezone=Pacific/Apia",
    ] {
        let reply = world.get(&format!("availability/VQ_Support?{query}")).await;
        assert_eq!(reply.status, 200, "{query}: {}", reply.body);
        assert!(reply.json()["data"]["slots"].is_array());
    }
}

#[tokio::test]
async fn names_in_paths_are_decoded_after_matching() {
    let world = World::new().await;
    world.provision("my svc/x", |_| {}).await;
    assert_eq!(world.get("availability/my%20svc%2Fx").await.status, 200);
    assert_eq!(world.get("open-for/my%20svc%2Fx").await.status, 200);
    for (path, status, code) in [
        ("availability/my%2520svc%2Fx", 400, 2),
        ("availability/vq_support", 400, 2),
        ("availability/", 400, 1),
        ("open-for/", 400, 1),
        ("availability/%zz", 400, 1),
        ("availability/50%", 400, 1),
        ("availability/%ff", 400, 1),
        ("availability/%00", 400, 1),
        ("availability/%20", 400, 1),
        ("open-for/%ff", 400, 1),
        ("availability/VQ_Support/", 404, 21),
        ("availability", 404, 21),
    ] {
        world.get(path).await.refused(status, code);
    }
    let long = "x".repeat(256);
    world.get(&format!("availability/{long}")).await.refused(400, 1);
}
