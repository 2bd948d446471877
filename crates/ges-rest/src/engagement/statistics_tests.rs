use axum::body::Body;
use axum::http::Request;
use ges_domain::statistics::StatisticsError;
use ges_testkit::builders;
use serde_json::json;

use crate::testing::{KEY, Reply, World, bare, send};

const PATH: &str = "/engagement/v3/statistics/operations/get-statistic-ex";
const BODY: &str = r#"{"data":{"statistics":[{"name":"CurrentAgentState","objectId":"jsmith","objectType":"Agent"}]}}"#;
const DATA: &str = r#"{"statistics":[{"name":"TimeInCurrentState","objectId":"jsmith","objectType":"Agent","timestamp":1767625200000,"value":35,"extra":[1.50]}]}"#;

impl World {
    async fn ask(&self, body: &str, cache_control: &[&str]) -> Reply {
        let mut request = Request::post(PATH).header("x-api-key", KEY).header("content-type", "application/json");
        for value in cache_control {
            request = request.header("cache-control", *value);
        }
        send(self.external(), request.body(Body::from(body.to_owned())).unwrap()).await
    }
}

#[tokio::test]
async fn the_documented_example_is_answered_with_everything_upstream_said() {
    let world = World::new().await;
    world.statistics.answer(Ok(DATA));
    let reply = world.ask(BODY, &["max-age=15"]).await;
    let expected = format!(r#"{{"status":{{"code":0,"message":"Successful","corrId":"CORR"}},"data":{DATA}}}"#);
    assert_eq!((reply.status, reply.sealed()), (200, expected));
    assert_eq!(world.statistics.asked(), [(builders::tenant(), BODY.to_owned(), 15)]);
}

#[tokio::test]
async fn the_empty_body_of_the_official_clients_is_an_empty_list_and_asks_nobody() {
    let world = World::new().await;
    for body in ["", " \r\n"] {
        let reply = world.ask(body, &[]).await;
        assert_eq!((reply.status, &reply.json()["data"]), (200, &json!({ "statistics": [] })));
    }
    assert_eq!(world.statistics.asked(), []);
}

#[tokio::test]
async fn ages_are_read_from_cache_control() {
    let world = World::new().await;
    for (header, seconds) in [
        (&[][..], 15),
        (&["max-age=60"], 60),
        (&["no-cache, Max-Age = 60"], 60),
        (&["no-store", "max-age=\"60\""], 60),
        (&["max-age=1"], 15),
        (&["max-age=301"], 300),
        (&["max-age=99999999999999999999999"], 300),
        (&["max-age=-5"], 15),
        (&["max-age=soon"], 15),
        (&["max-age="], 15),
        (&["max-age"], 15),
        (&["s-maxage=60"], 15),
        (&["no-cache"], 15),
    ] {
        assert_eq!(world.ask(BODY, header).await.status, 200, "{header:?}");
        assert_eq!(world.statistics.asked().last().unwrap().2, seconds, "R-STA-2 {header:?}");
    }
}

#[tokio::test]
async fn spellings_of_one_request_are_one_question() {
    let world = World::new().await;
    for body in [r#"{"b":1,"a":[ "\u0078" ]}"#, r#"{ "a" : ["x"], "b" : 1 }"#] {
        world.ask(body, &[]).await;
    }
    let asked: Vec<_> = world.statistics.asked().into_iter().map(|(_, canonical, _)| canonical).collect();
    assert_eq!(asked, [r#"{"a":["x"],"b":1}"#; 2]);
}

#[tokio::test]
async fn every_way_to_fail_has_its_code() {
    let world = World::new().await;
    for (failure, status, code, message) in [
        (StatisticsError::NoCredentials, 401, 11, "No statistics credentials are registered for this contact center"),
        (
            StatisticsError::CredentialsRefused,
            401,
            11,
            "The statistics credentials of this contact center are not accepted",
        ),
        (StatisticsError::RequestRefused(Some("objectId is unknown".into())), 500, 51, "objectId is unknown"),
        (
            StatisticsError::RequestRefused(None),
            500,
            51,
            "A service this one depends on is not available at the moment",
        ),
        (
            StatisticsError::Unavailable("refused".into()),
            500,
            51,
            "A service this one depends on is not available at the moment",
        ),
    ] {
        world.statistics.answer(Err(failure));
        assert_eq!(world.ask(BODY, &[]).await.refused(status, code), message);
    }
}

#[tokio::test]
async fn what_is_no_object_is_refused_before_anybody_is_asked() {
    let world = World::new().await;
    for body in ["[]", "5", "null", "\"x\"", "{", "{\"a\":1}x"] {
        world.ask(body, &[]).await.refused(400, 1);
    }
    let text = Request::post(PATH).header("x-api-key", KEY).header("content-type", "text/plain").body(Body::from("{}"));
    send(world.external(), text.unwrap()).await.refused(415, 24);
    let nobody = Request::post(PATH).body(Body::empty()).unwrap();
    send(world.external(), nobody).await.refused(401, 10);
    let get = bare(axum::http::Method::GET, PATH);
    let reply = send(world.external(), get).await;
    reply.refused(405, 22);
    assert_eq!(reply.header("allow"), Some("POST"));
    assert_eq!(world.statistics.asked(), []);
}
