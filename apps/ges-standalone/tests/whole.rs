//! The program as a person meets it: start, book, watch, stop, start again, pull the plug.

#![expect(clippy::unwrap_used, reason = "a broken expectation is a failed test")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use ges_harness::{Program, Signal, workspace_binary};
use serde_json::{Value, json};

const KEY: &str = "00000000-0000-4000-8000-00000000a001";

struct Standalone {
    program: Program,
    /// What earlier runs wrote into the same log.
    before: usize,
}

impl Standalone {
    fn launch(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        let mut environment = vec![
            ("GES_DATA_DIR".to_owned(), folder.join("data").display().to_string()),
            ("GES_SERVER__EXTERNAL_PORT".to_owned(), "0".to_owned()),
            ("GES_SERVER__INTERNAL_PORT".to_owned(), "0".to_owned()),
        ];
        for (key, value) in settings {
            environment.retain(|(name, _)| name != key);
            environment.push(((*key).to_owned(), (*value).to_owned()));
        }
        let before = std::fs::read_to_string(folder.join("standalone.log")).unwrap_or_default().len();
        let binary = workspace_binary("ges-standalone").unwrap();
        let program = Program::start("standalone", &binary, arguments, &environment, folder).unwrap();
        Self { program, before }
    }

    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut started = Self::launch(folder, arguments, &[]);
        started.sees("Ctrl-C stops");
        let internal = started.port("internal API");
        started.program.wait_for_http(internal, "/ges/v1/health/ready", Duration::from_secs(20)).unwrap();
        started
    }

    fn output(&self) -> String {
        self.program.output()[self.before..].to_owned()
    }

    /// Waits until the output of this run has the text.
    fn sees(&mut self, text: &str) {
        let begun = Instant::now();
        while !self.output().contains(text) {
            assert!(self.program.runs(), "it ended:\n{}", self.output());
            assert!(begun.elapsed() < Duration::from_secs(60), "never printed {text:?}:\n{}", self.output());
            // A real process has no virtual time to wait in.
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    fn port(&self, what: &str) -> u16 {
        let output = self.output();
        let line = output.lines().find(|line| line.trim_start().starts_with(what)).unwrap();
        let port = line.split("127.0.0.1:").nth(1).unwrap();
        port.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
    }

    fn post(&self, operation: &str, body: &Value) -> (u16, Value) {
        self.ask("POST", &format!("callbacks/{operation}"), &body.to_string())
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        self.call(self.port("public API"), method, &format!("/engagement/v3/{path}"), body)
    }

    /// A call of the internal API.
    fn inside(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.call(self.port("internal API"), method, &format!("/genesys/1/service/{path}"), &body.to_string())
    }

    /// A call of the simulator's control plane.
    fn simulator(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) =
            self.call(self.port("contact centre"), method, &format!("/_sim/{path}"), &body.to_string());
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    fn call(&self, port: u16, method: &str, path: &str, body: &str) -> (u16, Value) {
        let (status, body) = self.text(port, method, path, body);
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    fn text(&self, port: u16, method: &str, path: &str, body: &str) -> (u16, String) {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nx-api-key: {KEY}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split_whitespace().nth(1).unwrap().parse().unwrap();
        (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    /// The value of an alert counter.
    fn counter(&self, name: &str) -> f64 {
        let (_, page) = self.text(self.port("internal API"), "GET", "/metrics", "");
        let line = page.lines().find(|line| line.starts_with(&format!("{name}{{"))).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    fn book(&self, number: &str) -> String {
        let (status, answer) = self.post("create", &json!({ "serviceName": "CB_Sales", "phoneNumber": number }));
        assert_eq!(status, 200, "{answer}");
        answer["data"]["id"].as_str().unwrap().to_owned()
    }

    fn callback(&self, id: &str) -> Value {
        let (status, answer) = self.post("retrieve", &json!({ "id": id }));
        assert_eq!(status, 200, "{answer}");
        answer["data"].clone()
    }

    /// Waits until the callback is final and names its reason.
    fn reason(&self, id: &str) -> String {
        let begun = Instant::now();
        loop {
            let callback = self.callback(id);
            if callback["callbackState"] == "COMPLETED" {
                return callback["callbackReason"].as_str().unwrap().to_owned();
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{callback}\n{}", self.output());
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    fn interrupt(mut self) {
        self.program.signal(Signal::Interrupt).unwrap();
        let status = self.program.wait(Duration::from_secs(8)).unwrap();
        assert_eq!(status.code(), Some(0), "{}", self.output());
    }
}

#[test]
fn a_callback_is_booked_handled_shown_and_still_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Standalone::start(folder.path(), &["--speed", "20"]);
    let id = first.book("+15105550100");
    assert_eq!(first.reason(&id), "AGENT_CONNECTED");
    first.sees(&format!("{id} CB_Sales PROCESSING → COMPLETED  AGENT_CONNECTED"));
    let story = first.output();
    let mut at = 0;
    for step in ["booked → QUEUED", "QUEUED → ROUTING", "ROUTING → PROCESSING", "PROCESSING → COMPLETED"] {
        let step = format!("{id} CB_Sales {step}");
        at += story[at..].find(&step).unwrap_or_else(|| panic!("{step} in:\n{story}"));
    }
    assert!(!story[story.find("Ctrl-C").unwrap()..].contains("5105550100"), "I11: no number in what is printed");
    first.interrupt();

    let second = Standalone::start(folder.path(), &["--quiet"]);
    assert_eq!(second.callback(&id)["callbackReason"], "AGENT_CONNECTED", "yesterday's booking");
    let later = second.book("+15105550101");
    std::thread::park_timeout(Duration::from_millis(500));
    assert!(!second.output().contains(&later), "quiet");
    second.interrupt();
}

#[test]
fn what_a_killed_process_left_open_comes_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Standalone::start(folder.path(), &["--agents", "1"]);
    let talking = first.book("+15105550102");
    first.sees(&format!("{talking} CB_Sales ROUTING → PROCESSING"));
    let waiting = first.book("+15105550103");
    first.sees(&format!("{waiting} CB_Sales QUEUED  a session has it"));
    first.program.kill().unwrap();

    let mut second = Standalone::start(folder.path(), &["--speed", "20"]);
    assert_eq!(second.callback(&waiting)["callbackState"], "QUEUED", "I1");
    assert_eq!(second.reason(&talking), "SESSION_LOST", "T17: somebody was dialed");
    assert_eq!(second.reason(&waiting), "AGENT_CONNECTED", "R-POL-3: nobody was dialed, so it is handed over again");
    second.sees(&format!("{waiting} CB_Sales QUEUED  its session is gone, it waits for another"));
    second.interrupt();
}

#[test]
fn the_printed_lines_work_as_printed() {
    let folder = tempfile::tempdir().unwrap();
    let started = Standalone::start(folder.path(), &["--agents", "0"]);
    let output = started.output();
    let lines: Vec<&str> = output.lines().filter(|line| line.contains("curl ")).collect();
    assert_eq!(lines.len(), 3, "{output}");
    let shell = Command::new("sh").arg("-c").arg(lines.join("\n")).output().unwrap();
    let printed = String::from_utf8(shell.stdout).unwrap();
    let answers: Vec<&str> = printed.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(answers.len(), 3, "{printed} {}", String::from_utf8_lossy(&shell.stderr));
    assert!(answers[0].len() == 36 && answers[0].matches('-').count() == 4, "an id: {}", answers[0]);
    let shown: Value = serde_json::from_str(answers[1]).unwrap();
    assert_eq!((&shown["data"]["id"], &shown["data"]["callbackState"]), (&json!(answers[0]), &json!("QUEUED")));
    let offered: Value = serde_json::from_str(answers[2]).unwrap();
    let slots = offered["data"]["slots"].as_array().unwrap();
    assert_eq!((offered["data"]["durationMin"].as_u64(), slots.len()), (Some(30), 5), "{offered}");
    started.interrupt();
}

/// Every operation of the public API, with what a new record holds.
#[test]
fn a_newcomer_can_ask_everything() {
    let folder = tempfile::tempdir().unwrap();
    let started = Standalone::start(folder.path(), &["--agents", "3"]);
    let id = started.book("+15105550199");
    let get = |path: &str| {
        let (status, answer) = started.ask("GET", path, "");
        assert_eq!(status, 200, "{path}: {answer}");
        answer["data"].clone()
    };
    let status = get("callbacks/queue-status/CB_Sales");
    assert!(status["ewt"].is_i64() && status["offerImmediateCallback"] == true, "{status}");
    let waits =
        get("estimated-wait-time?virtual-queues=CB_Sales%2CVQ_Support,Nowhere&mode=mode2&include-calls-on-hold=true");
    let codes: Vec<_> = waits.as_array().unwrap().iter().map(|wait| wait["resultCode"].as_i64().unwrap()).collect();
    assert_eq!(codes, [0, 0, -1], "{waits}");
    assert!(get("callbacks/open-for/CB_Support")["openFor"].is_u64());
    let wish = json!({ "groupName": "technical_help", "callbackServiceId": id }).to_string();
    let (code, answer) = started.ask("POST", "call-in/requests/create", &wish);
    let given = &answer["data"];
    assert!(code == 200 && given["accessCode"].as_u64().is_some_and(|code| code >= 100_000), "{answer}");
    assert_eq!(given["toPhoneNumber"], "+15105550190");
    let statistics = json!({ "data": { "statistics": [
        { "objectType": "Queue", "objectId": "CB_Sales", "name": "CurrNumberAgentsLoggedIn" } ] } });
    let path = "statistics/operations/get-statistic-ex";
    let (code, answer) = started.ask("POST", path, &statistics.to_string());
    assert_eq!((code, &answer["data"]["statistics"][0]["value"]), (200, &json!(3)), "{answer}");
    assert_eq!(started.ask("POST", path, "").1["data"], json!({ "statistics": [] }));
    let blocked = json!({ "serviceName": "CB_Support", "phoneNumber": "+18095550123" });
    assert_eq!(started.post("create", &blocked).1["status"]["code"], 5, "the number rule of the seed");
    assert_eq!(started.post("cancel", &json!({ "id": id })).0, 200);
    started.interrupt();
}

#[test]
fn a_push_is_told_and_a_dead_target_fails() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody answers, so the callbacks wait.
    let mut started = Standalone::start(folder.path(), &["--agents", "0"]);
    for (target, outcome) in [("ok-phone", "sent"), ("unreg-phone", "failed")] {
        let body = json!({ "serviceName": "CB_Sales", "phoneNumber": format!("1510555010{}", outcome.len()),
            "pushTargets": [{ "channel": "FCM", "target": target }] });
        let (status, answer) = started.post("create", &body);
        assert_eq!(status, 200, "{answer}");
        let id = answer["data"]["id"].as_str().unwrap();
        started.sees(&format!("{id} push CALLBACK_UPCOMING {outcome}"));
    }
    assert!(folder.path().join("data/credentials.key").exists());
    assert!(!started.output().contains("ok-phone"), "I11: no token in what is printed");
    started.interrupt();
}

#[test]
fn a_taken_port_or_folder_is_named_with_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let running = Standalone::start(folder.path(), &[]);
    let taken = running.port("public API").to_string();
    let elsewhere = tempfile::tempdir().unwrap();
    let mut second = Standalone::launch(elsewhere.path(), &[], &[("GES_SERVER__EXTERNAL_PORT", &taken)]);
    assert_eq!(second.program.wait(Duration::from_secs(10)).unwrap().code(), Some(1));
    assert!(second.output().contains("set GES_SERVER__EXTERNAL_PORT to another port"), "{}", second.output());

    let data = folder.path().join("data").display().to_string();
    let mut third = Standalone::launch(elsewhere.path(), &[], &[("GES_DATA_DIR", &data)]);
    assert_eq!(third.program.wait(Duration::from_secs(10)).unwrap().code(), Some(1));
    assert!(third.output().contains("choose another folder with GES_DATA_DIR"), "{}", third.output());
    running.interrupt();
}

/// What the simulator says of the session of a callback.
fn session_of(office: &Standalone, id: &str) -> Option<Value> {
    let sessions = office.simulator("GET", "ors/sessions", &Value::Null);
    let found = sessions.as_array().unwrap().iter().rev().find(|session| session["data"]["_service_id"] == id);
    found.filter(|session| session["data"]["_bound"] == true).cloned()
}

/// Books a callback whose session stands in the queue and answers a cancel like this.
fn bound(office: &Standalone, number: &str, on_cancel: &str) -> String {
    let queue = json!({ "startPosition": 5, "ewtPerPosition": 40, "advanceEveryMs": 0 });
    let script = json!({ "service": "CB_Sales", "steps": [
        { "afterMs": 600_000, "update": { "_callback_state": "ROUTING" } }
    ], "queue": queue, "onCancel": on_cancel });
    office.simulator("POST", "ors/scenario", &script);
    let id = office.book(number);
    let begun = Instant::now();
    while session_of(office, &id).is_none() {
        assert!(begun.elapsed() < Duration::from_secs(20), "never bound:\n{}", office.output());
        std::thread::park_timeout(Duration::from_millis(50));
    }
    id
}

/// Conformance check 5 and R-CAN-2: whatever the session does, the callback is final within twelve seconds.
#[test]
fn check_05_a_cancel_is_final_in_time_whatever_the_session_answers() {
    let folder = tempfile::tempdir().unwrap();
    let office = Standalone::start(folder.path(), &["--quiet"]);
    for (n, on_cancel) in ["complete", "ignore", "gone", "hang"].into_iter().enumerate() {
        let id = bound(&office, &format!("+1510555020{n}"), on_cancel);
        let begun = Instant::now();
        let (status, answer) = office.post("cancel", &json!({ "id": id }));
        assert_eq!(status, 200, "{on_cancel}: {answer}");
        assert_eq!(office.reason(&id), "CANCELLED", "{on_cancel}");
        assert!(begun.elapsed() < Duration::from_secs(12), "{on_cancel}: {:?}", begun.elapsed());
        let (status, _) = office.post("cancel", &json!({ "id": id }));
        assert_eq!(status, 400, "{on_cancel}: it was completed before");
    }
    // Nobody has it yet: it is over at once.
    office.simulator("POST", "ors/scenario", &json!({ "service": "CB_Sales", "name": "neverAck" }));
    let id = office.book("+15105550205");
    let begun = Instant::now();
    assert_eq!(office.post("cancel", &json!({ "id": id })).0, 200);
    let callback = office.callback(&id);
    assert_eq!((&callback["callbackState"], &callback["callbackReason"]), (&json!("COMPLETED"), &json!("CANCELLED")));
    assert!(begun.elapsed() < Duration::from_secs(12));
    office.interrupt();
}

/// Conformance checks 4 and 7: strangers are stopped, illegal moves are conflicts, trailing updates are not; R-POL-1, R-REC-7 and
/// integrations 2.11 over a session that runs.
#[test]
fn check_04_a_session_is_polled_asked_and_kept_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let office = Standalone::start(folder.path(), &["--quiet"]);
    let (id, other) = (bound(&office, "+15105550210", "complete"), bound(&office, "+15105550211", "complete"));
    let (status, place) = office.inside("POST", &format!("{id}/check-queue-position"), &json!({}));
    assert_eq!((status, &place["_position"]), (200, &json!("5")), "{place}");
    let (status, _) = office.inside("POST", &format!("{id}/no-such-request"), &json!({}));
    assert_eq!(status, 400, "the session's own answer");
    let begun = Instant::now();
    loop {
        let callback = office.callback(&id);
        if callback["positionInQueue"] == 5 && callback["estimatedWaitTime"] == 200 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(25), "never polled: {callback}");
        std::thread::park_timeout(Duration::from_millis(100));
    }
    let storage = format!("{id}/storage");
    let (status, fault) = office.inside("POST", &storage, &json!({ "_callback_state": "SCHEDULED" }));
    assert_eq!(status, 409, "{fault}");
    assert_eq!(office.callback(&id)["callbackState"], "QUEUED");
    let stranger = session_of(&office, &other).unwrap()["session"].as_str().unwrap().to_owned();
    let (status, _) =
        office.inside("POST", &storage, &json!({ "_ors_session_id": stranger, "_callback_state": "QUEUED" }));
    assert_eq!(status, 409);
    let sessions = office.simulator("GET", "ors/sessions", &Value::Null);
    let stopped = sessions.as_array().unwrap().iter().find(|session| session["session"] == stranger.as_str()).unwrap();
    assert_eq!(stopped["state"], "ended", "it was told to stop (integrations 1.2.5)");
    let (status, _) = office.post("cancel", &json!({ "id": id }));
    assert_eq!(status, 200);
    let (status, _) = office.inside("POST", &storage, &json!({ "_callback_state": "ROUTING", "note": "late" }));
    assert_eq!(status, 200, "a trailing update");
    assert_eq!(office.reason(&id), "CANCELLED");
    let (status, fault) = office.inside("POST", &format!("{id}/check-queue-position"), &json!({}));
    assert_eq!(status, 404, "{fault}");
    office.interrupt();
}

/// Conformance check 4, by the clock: the session of the first attempt takes its callback only when that of the second has it. It
/// hears 409, is made to stop, and the other one goes on (R-SUB-8).
#[test]
fn check_04_a_late_session_finds_its_callback_taken_and_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let office = Standalone::start(folder.path(), &["--quiet"]);
    let late = json!({ "service": "CB_Sales", "ackDelayMs": 75_000 });
    office.simulator("POST", "ors/scenario", &late);
    let id = office.book("+15105550212");
    let sessions = || {
        let sessions = office.simulator("GET", "ors/sessions", &Value::Null);
        let mut mine = sessions.as_array().unwrap().clone();
        mine.retain(|session| session["data"]["_service_id"] == id.as_str());
        mine.sort_by_key(|session| session["data"]["_attempt"].as_u64());
        mine
    };
    let until = |what: &str, holds: &dyn Fn(&[Value]) -> bool| {
        let begun = Instant::now();
        while !holds(&sessions()) {
            assert!(begun.elapsed() < Duration::from_secs(100), "{what}: {:?}", sessions());
            std::thread::park_timeout(Duration::from_millis(200));
        }
        sessions()
    };
    until("the first attempt", &|sessions| sessions.len() == 1);
    let waits =
        json!({ "service": "CB_Sales", "steps": [{ "afterMs": 600_000, "update": { "_callback_state": "ROUTING" } }] });
    office.simulator("POST", "ors/scenario", &waits);
    until("the second attempt has it", &|sessions| sessions.len() == 2 && sessions[1]["data"]["_bound"] == true);
    assert_eq!(sessions()[0]["state"], "running", "the first one has not spoken yet");
    let both = until("the first one is over", &|sessions| sessions[0]["state"] == "ended");
    assert_eq!((&both[0]["data"]["_bound"], &both[1]["state"]), (&json!(false), &json!("running")));
    let terminated = format!("/scxml/session/{}/terminate", both[0]["session"].as_str().unwrap());
    let begun = Instant::now();
    loop {
        let told = office.simulator("GET", "requests?target=ors", &Value::Null);
        if told.as_array().unwrap().iter().any(|request| request["path"] == terminated.as_str()) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "nobody told it to stop: {told}");
        std::thread::park_timeout(Duration::from_millis(100));
    }
    assert_eq!(office.callback(&id)["callbackState"], "QUEUED");
    office.interrupt();
}

/// Click-To-Call-In from end to end (chapter 15): a published service whose customers call themselves, a request with a number
/// and a code, the call that is matched once, and the session that hears of it (R-CTI-11 to R-CTI-14).
#[test]
fn a_customer_who_calls_in_is_known_and_the_session_hears_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let office = Standalone::start(folder.path(), &["--quiet", "--speed", "5"]);
    let rows = json!({ "version": "1", "rows": [{ "serviceName": "CB_CallMe", "callbackApplication": "CallbackApp",
        "routingPoint": "5003", "callDirection": "USERORIGINATED" }] });
    let table = "/ges/v1/designer/c0ffee00-0000-4000-8000-000000000100/tables/callback-settings";
    let (status, answer) = office.call(office.port("internal API"), "PUT", table, &rows.to_string());
    assert_eq!((status, &answer["data"]["added"]), (200, &json!(["CB_CallMe"])), "{answer}");
    let booking = json!({ "serviceName": "CB_CallMe", "phoneNumber": "+15105550230",
        "pushTargets": [{ "channel": "FCM", "target": "phone-230" }] });
    let (status, answer) = office.post("create", &booking);
    assert_eq!(status, 200, "{answer}");
    let id = answer["data"]["id"].as_str().unwrap().to_owned();
    let begun = Instant::now();
    while session_of(&office, &id).is_none() {
        assert!(begun.elapsed() < Duration::from_secs(20), "never bound:\n{}", office.output());
        std::thread::park_timeout(Duration::from_millis(50));
    }

    let wish = json!({ "groupName": "technical_help", "fromPhoneNumber": "+15105550230", "callbackServiceId": id,
        "userData": { "page": "pricing" } });
    let (status, answer) = office.ask("POST", "call-in/requests/create", &wish.to_string());
    assert_eq!(status, 200, "{answer}");
    let request = &answer["data"];
    let (number, code) = (request["toPhoneNumber"].clone(), request["accessCode"].clone());
    // An agent is reserved for them, and nobody's phone rings.
    let begun = Instant::now();
    while office.callback(&id)["callbackState"] != "ROUTING" {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", office.callback(&id));
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let arrives = |code: &Value| {
        let call = json!({ "_access_number": number, "_access_code": code, "_phone_number": "15105550230",
            "_return_user_data": "true" });
        office.inside("POST", "match-interaction", &call)
    };
    assert_eq!(arrives(&json!("000000")).0, 404, "R-CTI-12: a wrong code");
    let (status, matched) = arrives(&code);
    assert_eq!(status, 200, "{matched}");
    assert_eq!((&matched["_id"], &matched["_callback_service_id"]), (&request["id"], &json!(id)));
    assert_eq!(matched["_user_data"], json!({ "page": "pricing" }));
    assert_eq!(arrives(&code).0, 404, "R-CTI-13: a second call finds nothing");
    // The switch has its answer before the session has heard.
    assert_eq!(office.reason(&id), "AGENT_CONNECTED", "R-CTI-14");
    let told = office.simulator("GET", "requests?target=ors", &Value::Null);
    let path = |request: &Value| request["path"].as_str().unwrap_or_default().to_owned();
    let events: Vec<_> = told.as_array().unwrap().iter().map(path).filter(|path| path.contains("/event/")).collect();
    assert!(events.iter().any(|path| path.ends_with("/event/callback.callin")), "R-CTI-14: {events:?}");
    let session = session_of(&office, &id).unwrap();
    assert_eq!((&session["data"]["_call_in_id"], &session["data"]["_dialed_at"]), (&request["id"], &json!([])));
    office.interrupt();
}

/// Conformance check 3, by the clock: sessions that never take their callback are started after 0, 60 and 180 seconds, and after
/// 240 it is given up (R-SUB-8, M14c).
#[test]
fn check_03_unanswered_attempts_end_in_submit_failed() {
    let folder = tempfile::tempdir().unwrap();
    let office = Standalone::start(folder.path(), &["--quiet"]);
    office.simulator("POST", "ors/scenario", &json!({ "service": "CB_Sales", "name": "neverAck" }));
    assert_eq!(office.counter("CB_SUBMIT_FAILED").to_string(), "0");
    let begun = Instant::now();
    let id = office.book("+15105550230");
    let ended = loop {
        let callback = office.callback(&id);
        if callback["callbackState"] == "COMPLETED" {
            break callback;
        }
        assert!(begun.elapsed() < Duration::from_secs(270), "{callback}");
        std::thread::park_timeout(Duration::from_secs(1));
    };
    assert_eq!(ended["callbackReason"], "SUBMIT_FAILED", "{ended}");
    assert!(begun.elapsed() > Duration::from_secs(235), "the third one had its minute: {:?}", begun.elapsed());
    let sessions = office.simulator("GET", "ors/sessions", &Value::Null);
    let mine = sessions.as_array().unwrap().iter().filter(|session| session["data"]["_service_id"] == id.as_str());
    let attempts: Vec<_> = mine.map(|session| session["data"]["_attempt"].as_u64().unwrap()).collect();
    assert_eq!(attempts, [1, 2, 3], "one entry each");
    assert_eq!(office.counter("CB_SUBMIT_FAILED").to_string(), "1");
    office.interrupt();
}
