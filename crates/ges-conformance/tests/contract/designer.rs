//! Integrations 12, check 15: what Designer publishes is what the programs do, for bookings, calendars and patterns.

use ges_conformance::{OTHER_TENANT, Reply, Request, Server, TENANT};
use ges_harness::{Program, workspace_binary};
use serde_json::{Value, json};
use std::time::Duration;

use crate::world::{SERVICE, booking, scheduled, server};
use ges_conformance::{instant, tomorrow_at};

const TENANTS: &str = "/genesys/1/tenants";

fn call(server: &Server, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let request =
        headers.iter().fold(Request::new(method, target), |request, (name, value)| request.header(name, value));
    server.internal(&request.body(body)).unwrap()
}

fn publish(server: &Server, method: &str, body: &Value) -> Reply {
    let headers = [("ContactCenterId", TENANT), ("content-type", "application/json")];
    call(server, method, TENANTS, &headers, &body.to_string())
}

fn callback(more: &Value) -> Value {
    let mut row =
        json!({ "_service": "callback", "_type": "ors", "_application": "CallbackApp", "_route_point": "5001" });
    for (column, cell) in more.as_object().into_iter().flatten() {
        row[column] = cell.clone();
    }
    row
}

fn books(server: &Server, service: &str, number: u16) -> Reply {
    server.client().book_callback_external(booking(service, number)).unwrap()
}

#[test]
fn check_15_post_partial_post_and_delete() {
    let server = server();
    let office = json!({ "_service": "office-hours", "_timezone": "Etc/UTC", "_bh_regular1": "Mon-Sun 00:00-24:00" });
    let sections =
        json!({ "service.CB_A": callback(&json!({ "_business_hours_service": "BH" })), "service.BH": office });
    let put = publish(&server, "POST", &sections);
    assert_eq!((put.status, put.body.as_str()), (200, ""));
    assert_eq!(books(&server, "CB_A", 1).status, 200, "at once, on the pod that took it");
    let later = scheduled("CB_A", 2, &instant(tomorrow_at(15, 0)));
    let later = server.client().book_callback_external(later).unwrap().data()["id"].as_str().unwrap().to_owned();

    let bad = json!({ "service.CB_A": callback(&json!({ "_request_time_bucket": "7" })), "service.CB_B": callback(&json!({})),
        "service.CB_Bad": callback(&json!({ "_ttl": "soon" })) });
    assert_eq!(publish(&server, "POST", &bad).status, 200, "bad rows do not reject the post");
    assert_eq!((books(&server, "CB_A", 3).status, books(&server, "CB_B", 4).status), (200, 200), "R-CFG-1");
    assert_eq!(books(&server, "CB_Bad", 5).status, 400, "a new one with a bad row takes none");
    let read = publish(&server, "GET", &json!(null)).json();
    assert_eq!(read["service.BH"], office, "other sections are untouched");
    assert_eq!(read["service.CB_A"]["_request_time_bucket"], "7");

    let gone = publish(&server, "DELETE", &json!(["service.CB_A", "service.CB_Bad", "service.Nobody"]));
    assert_eq!((gone.status, gone.body.as_str()), (200, ""));
    assert_eq!(books(&server, "CB_A", 6).status, 400, "R-PUB-6: bookings stop at once");
    let found = server.internal(&Request::new("GET", &format!("/genesys/1/service/{later}/storage"))).unwrap();
    assert_eq!(found.status, 200, "records stay readable");
    let cancel = server.client().request("POST", "/callbacks/cancel").body(json!({ "id": later }).to_string());
    let cancelled = server.external(&cancel).unwrap();
    assert_eq!(cancelled.status, 200, "and cancellable: {}", cancelled.body);
    assert_eq!(books(&server, SERVICE, 7).status, 200, "what was provisioned stays");
}

#[test]
fn check_15_refusals_and_refresh() {
    let server = server();
    let json_type = ("content-type", "application/json");
    let nobody = call(&server, "GET", TENANTS, &[], "");
    assert_eq!(
        (nobody.status, nobody.body.as_str()),
        (403, r#"{"exception":"java.rmi.AccessException","message":"Requires permission"}"#)
    );
    assert_eq!(call(&server, "POST", TENANTS, &[("ccid", TENANT), ("content-type", "text/xml")], "<a/>").status, 415);
    let stranger = "c0ffee00-0000-4000-8000-00000000dead";
    let unknown = call(&server, "POST", TENANTS, &[("ccid", stranger), json_type], "{}");
    assert!(
        unknown.status == 400 && unknown.json()["message"].as_str().unwrap().contains(stranger),
        "{}",
        unknown.body
    );
    for (ccid, status) in [(Some(TENANT), 202), (Some(stranger), 404), (None, 400)] {
        let headers: Vec<_> = ccid.map(|ccid| ("contactCenterId", ccid)).into_iter().collect();
        let refreshed = call(&server, "POST", "/genesys/1/tenants/refresh", &headers, "");
        assert_eq!(refreshed.status, status, "{ccid:?}");
        assert!(status == 400 || refreshed.body.is_empty(), "{}", refreshed.body);
    }
    let info = call(&server, "GET", "/genesys/1/tenants/info", &[("contactCenterId", TENANT)], "").json();
    assert!(info[TENANT]["CFGOrchestrationServer"]["primary"]["ORS"].is_string(), "{info}");
    assert!(info[TENANT]["CFGRouterServer"]["backup"]["URS"].is_string(), "{info}");
    assert_eq!(call(&server, "GET", "/genesys/1/tenants/info", &[("contactCenterId", stranger)], "").status, 404);
    for target in [TENANTS, "/genesys/1/patterns", &format!("/ges/v1/designer/{TENANT}/status")] {
        assert_eq!(
            server.external(&Request::new("GET", target)).unwrap().status,
            404,
            "{target} is not on the internet"
        );
    }
}

/// The simulated Designer, real expressions, the calendar, and the native table with its status.
#[test]
fn check_15_the_simulated_designer_publishes_in_both_forms() {
    let server = server();
    let binary = workspace_binary("ges-sim").unwrap();
    let ges = format!("http://127.0.0.1:{}", server.internal);
    let file = server.folder().join("publish.json");
    let designer = |action: &[&str], more: &[&str]| {
        let arguments: Vec<_> = [&["designer"], action, &["--ges", &ges, "--ccid", TENANT], more].concat();
        let mut program = Program::start("designer", &binary, &arguments, &[], server.folder()).unwrap();
        let status = program.wait(Duration::from_secs(30)).unwrap();
        assert!(status.success(), "{arguments:?}: {}", program.tail());
        program.output()
    };
    let path = file.display().to_string();
    let sections = json!({
        "patterns": { "email": "[^@ ]+@[^@ ]+", "emergency": "911|112", "look": "(?=9)911" },
        "service.BH": { "_service": "office-hours", "_timezone": "Europe/Paris", "_bh_regular1": "Mon-Fri 08:00-18:00",
            "_holiday1": "2026-11-25" } });
    std::fs::write(&file, sections.to_string()).unwrap();
    assert!(designer(&["publish"], &["--file", &path]).contains("200"));
    let told = designer(&["call"], &["patterns", "hello", "a@b.c", "911", "9112"]);
    assert!(told.contains(r#"{"param2":"email","param3":"emergency"}"#), "{told}");

    let row = |name: &str| json!({ "serviceName": name, "callbackApplication": "CallbackApp", "routingPoint": "5001" });
    let table = |version: &str, rows: &[Value]| json!({ "version": version, "rows": rows });
    std::fs::write(&file, table("v1", &[row("CB_Old")]).to_string()).unwrap();
    assert!(designer(&["publish"], &["--file", &path, "--native"]).contains(r#""added":["CB_Old"]"#));
    std::fs::write(&file, table("v2", &[row("CB_New")]).to_string()).unwrap();
    let second = designer(&["publish"], &["--file", &path, "--native"]);
    assert!(second.contains(r#""added":["CB_New"]"#) && second.contains(r#""removed":["CB_Old"]"#), "{second}");
    assert_eq!((books(&server, "CB_New", 1).status, books(&server, "CB_Old", 2).status), (200, 400));

    let status = server.internal(&Request::new("GET", &format!("/ges/v1/designer/{TENANT}/status"))).unwrap().data();
    assert_eq!((status["revision"].as_u64(), status["publishId"].as_str()), (Some(3), Some("v2")));
    assert_eq!(status["problems"][0]["column"], "look", "look-around is refused when it is saved");
    let other =
        server.internal(&Request::new("GET", &format!("/ges/v1/designer/{OTHER_TENANT}/status"))).unwrap().data();
    assert_eq!(other["revision"], 0, "I9");
    let range = "start=2026-11-23T00:00:00.000Z&end=2026-11-24T00:00:00.000Z";
    let calendar = call(&server, "GET", &format!("/genesys/1/service/BH?{range}"), &[("ContactCenterId", TENANT)], "");
    assert_eq!(
        calendar.json(),
        json!({ "error": null, "timezone": "Europe/Paris",
            "periods": [{ "start": "2026-11-23T07:00:00.000Z", "end": "2026-11-23T17:00:00.000Z" }] })
    );
}
