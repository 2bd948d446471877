//! Signing in at the console of the whole program, with the simulated GWS behind it (check 14).

#![expect(clippy::unwrap_used, reason = "a broken expectation is a failed test")]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ges_harness::{Program, workspace_binary};
use serde_json::{Value, json};

struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// `name=value` of the first cookie.
    fn cookie(&self) -> &str {
        self.headers["set-cookie"].split(';').next().unwrap()
    }
}

fn ask(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split_whitespace().nth(1).unwrap().parse().unwrap();
    let mut headers = BTreeMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        headers.entry(name.to_lowercase()).or_insert_with(|| value.to_owned());
    }
    Answer { status, headers, body: body.to_owned() }
}

/// Port and path of an address on this machine.
fn parts(address: &str) -> (u16, &str) {
    let rest = address.strip_prefix("http://127.0.0.1:").unwrap();
    let (port, _) = rest.split_once('/').unwrap();
    (port.parse().unwrap(), &rest[port.len()..])
}

fn parameter<'a>(address: &'a str, name: &str) -> &'a str {
    let query = address.split_once('?').unwrap().1;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap()
}

fn port_of(program: &Program, what: &str) -> Option<u16> {
    let output = program.output();
    let line = output.lines().find(|line| line.trim_start().starts_with(what))?;
    line.split("127.0.0.1:").nth(1)?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[test]
fn a_supervisor_signs_in_acts_and_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let environment = vec![
        ("GES_DATA_DIR".to_owned(), folder.path().join("data").display().to_string()),
        ("GES_SERVER__EXTERNAL_PORT".to_owned(), "0".to_owned()),
        ("GES_SERVER__INTERNAL_PORT".to_owned(), "0".to_owned()),
    ];
    let binary = workspace_binary("ges-standalone").unwrap();
    let mut program = Program::start("standalone", &binary, &["--quiet"], &environment, folder.path()).unwrap();
    let begun = Instant::now();
    let port = loop {
        match port_of(&program, "public API") {
            Some(port) => break port,
            None => assert!(program.runs() && begun.elapsed() < Duration::from_secs(60), "{}", program.output()),
        }
        // A real process has no virtual time to wait in.
        std::thread::park_timeout(Duration::from_millis(20));
    };
    let internal = port_of(&program, "internal API").unwrap();
    program.wait_for_http(internal, "/ges/v1/health/ready", Duration::from_secs(20)).unwrap();

    // Away to the authentication service, and back with a code.
    let away = ask(port, "GET", "/ges/", &[], "");
    assert_eq!(away.status, 302, "{}", away.body);
    let (auth, path) = parts(&away.headers["location"]);
    let back = ask(auth, "GET", &format!("{path}&sim_user=super"), &[], "");
    assert_eq!(back.status, 302, "{}", back.body);
    let place = &back.headers["location"];
    assert!(place.contains("/ges/ui/login.html?"), "{place}");
    let body = json!({ "code": parameter(place, "code"), "state": parameter(place, "state") }).to_string();
    let headers = [("cookie", away.cookie()), ("content-type", "application/json")];
    let opened = ask(port, "POST", "/ges/v1/ui/session", &headers, &body);
    assert_eq!(opened.status, 200, "{}", opened.body);
    let data = &opened.json()["data"];
    assert_eq!((&data["name"], &data["roles"]), (&json!("super@t100"), &json!(["Supervisor"])));
    assert_eq!(ask(port, "POST", "/ges/v1/ui/session", &headers, &body).status, 400, "a state is good once");

    let session = opened.cookie();
    let home = ask(internal, "GET", "/ges/ui/", &[("cookie", session)], "");
    assert!(home.status == 200 && home.body.contains("super@t100"), "on either listener: {}", home.body);
    let csrf = data["csrf"].as_str().unwrap();
    let left = ask(port, "DELETE", "/ges/v1/ui/session", &[("cookie", session), ("x-ges-csrf", csrf)], "");
    assert!(left.json()["data"]["continueAt"].as_str().unwrap().contains("/auth/v3/sign-out?"), "{}", left.body);
    assert_eq!(ask(port, "GET", "/ges/v1/ui/session", &[("cookie", session)], "").status, 401);

    // Every service of the seed has got its proxy by now: the worker inside keeps them.
    let metrics = ask(internal, "GET", "/metrics", &[], "").body;
    let failed = metrics.lines().find(|line| line.starts_with("RBAC_CREATE_VQ_PROXY_ERROR{")).unwrap();
    assert!(failed.ends_with(" 0"), "{failed}");
}
