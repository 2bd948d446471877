//! Check 23: nothing that is secret shows, wherever a person or a machine looks at the pods. Every secret there is has a value of
//! its own and is used, by calls that succeed and by calls that fail: logs at TRACE, metrics, health documents, answers of both
//! listeners and `check-config` are searched for all of them (I11).

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ges_conformance::canary::{self, found_in};
use ges_conformance::{OTHER_TENANT, Plan, Reply, Request, Server, Service, TENANT, instant};
use ges_harness::{Programs, Redis, run_folder};
use serde_json::{Value, json};

use crate::ear::Ear;
use crate::world::{SERVICE, start};

const PROXY_USER: &str = "proxy-user";
const EMERGENCY_USER: &str = "break-glass";

/// A Redis with a password, and a user of its own for the stream.
struct Guarded {
    redis: Redis,
    _folder: tempfile::TempDir,
}

impl Guarded {
    fn start() -> Self {
        let folder = run_folder().unwrap();
        let redis = Redis::start(&Programs::from_environment().unwrap().redis, folder.path()).unwrap();
        let guarded = Self { redis, _folder: folder };
        guarded.tell(&[
            &format!("ACL SETUSER {} on >{} ~* &* +@all", canary::STREAM_USER, canary::STREAM_PASSWORD),
            &format!("CONFIG SET requirepass {}", canary::REDIS_PASSWORD),
        ]);
        guarded
    }

    fn tell(&self, commands: &[&str]) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.redis.port())).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        for command in commands {
            stream.write_all(format!("{command}\r\n").as_bytes()).unwrap();
            let mut answer = [0; 512];
            let read = stream.read(&mut answer).unwrap();
            assert!(
                answer.starts_with(b"+") || answer.starts_with(b":"),
                "{}",
                String::from_utf8_lossy(&answer[..read])
            );
        }
    }

    /// Nobody is let in any more, and who was inside is put out.
    fn changes_its_locks(&self) {
        self.tell(&[
            &format!("AUTH {}", canary::REDIS_PASSWORD),
            &format!("ACL SETUSER {} resetpass >another", canary::STREAM_USER),
            "CONFIG SET requirepass another",
            "CLIENT KILL TYPE normal",
        ]);
    }
}

/// Every secret a pod can be given. `provider`: who brings pushes.
fn plan(provider: &str, redis: u16, ear: u16) -> Plan {
    let ear_url = format!("http://127.0.0.1:{ear}");
    let stream = json!({ "username": canary::STREAM_USER, "password": canary::STREAM_PASSWORD }).to_string();
    let mut environment = vec![
        ("GES_REDIS__HOST", "127.0.0.1".to_owned()),
        ("GES_REDIS__PORT", redis.to_string()),
        ("GES_REDIS__PASSWORD", canary::REDIS_PASSWORD.into()),
        ("GES_VMCS__REDIS_PORT", redis.to_string()),
        ("GES_VMCS__ORS_REDIS_SECRET", stream),
        ("GES_GWS__DECRYPT_PASSWORD", canary::DECRYPT_PASSWORD.into()),
        ("GES_SECURITY__CREDENTIALS_KEY", canary::CREDENTIALS_KEY.into()),
        ("GES_SECURITY__SESSION_KEY", canary::SESSION_KEY.into()),
        ("GES_INTERNAL_AUTH__MODE", "bearer".into()),
        ("GES_INTERNAL_AUTH__TOKEN", canary::INTERNAL_TOKEN.into()),
        ("GES_INTERNAL_AUTH__USER", "insider".into()),
        ("GES_INTERNAL_AUTH__PASSWORD", canary::INTERNAL_PASSWORD.into()),
        ("GES_EGRESS__PROXY", format!("http://{PROXY_USER}:{}@127.0.0.1:{ear}", canary::PROXY_PASSWORD)),
        ("GES_CAPTCHA__ENTERPRISE_URL", "https://assessments.example.invalid".into()),
        ("GES_UI__DEVOPS_USERNAME", EMERGENCY_USER.into()),
        ("GES_UI__DEVOPS_PASSWORD", canary::EMERGENCY_PASSWORD.into()),
        ("GES_PUSH__PROVIDER", provider.into()),
        ("GES_NEXUS__API_KEY", canary::NEXUS_KEY.into()),
        ("GES_DISCOVERY__CONSUL_TOKEN", canary::CONSUL_TOKEN.into()),
    ];
    if provider == "nexus" {
        environment.extend([
            ("GES_DISCOVERY__KIND", "consul".to_owned()),
            ("GES_DISCOVERY__CONSUL_URL", ear_url),
            ("GES_URS__URLS", String::new()),
        ]);
    }
    let captcha = |name: &str, key: &str| Service::new(name).with("captchaRequired", true).with("captchaSiteKey", key);
    let services = [Service::new(SERVICE), captcha("VQ_Score", "site-v3"), captcha("VQ_Weighed", "site-enterprise")];
    let environment = environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Plan { worker: true, environment, ..Plan::of(services) }
}

/// Answers, and which of them may say something personal because they tell a caller what it told itself.
#[derive(Default)]
struct Said {
    open: Vec<Reply>,
    closed: Vec<Reply>,
}

struct Scene {
    server: Server,
    said: Said,
    /// How often there was traffic: a token that was seen is not asked about again.
    rounds: u32,
}

impl Scene {
    /// On the internal listener, as a sibling.
    fn inside(&mut self, method: &str, path: &str, body: &Value) -> Reply {
        let request = Request::new(method, path).header("content-type", "application/json");
        let request = request.header("authorization", &format!("Bearer {}", canary::INTERNAL_TOKEN));
        let request = request.header("ContactCenterId", TENANT).body(body.to_string());
        let reply = self.server.internal(&request).unwrap();
        self.keep(reply)
    }

    fn create(&mut self, body: &Value) -> Reply {
        let request = self.server.client().request("POST", "/callbacks/create").body(body.to_string());
        let reply = self.server.external(&request).unwrap();
        self.keep(reply)
    }

    /// Successes may repeat what the caller said; refusals may not.
    fn keep(&mut self, reply: Reply) -> Reply {
        let heap = if reply.status < 300 { &mut self.said.open } else { &mut self.said.closed };
        heap.push(reply.clone());
        reply
    }

    /// Keys, passwords and keys of contact centers, good and bad ones.
    fn credentials(&mut self) {
        let account = self.server.outside(&Request::new("GET", "/_sim/fcm/service-account")).unwrap().json();
        let base = "/ges/v1/credentials";
        assert_eq!(self.inside("PUT", &format!("{base}/push/fcm"), &account).status, 200);
        let score = json!({ "kind": "recaptcha_v3", "secretKey": canary::CAPTCHA_SECRET });
        assert_eq!(self.inside("PUT", &format!("{base}/captcha/site-v3"), &score).status, 200);
        let weighed =
            json!({ "kind": "recaptcha_enterprise", "projectId": "project", "apiKey": canary::CAPTCHA_SECRET });
        assert_eq!(self.inside("PUT", &format!("{base}/captcha/site-enterprise"), &weighed).status, 200);
        let suite = json!({ "clientId": "suite", "clientSecret": canary::STATISTICS_SECRET, "userName": "somebody",
            "password": canary::STATISTICS_SECRET, "apiKey": canary::STATISTICS_SECRET });
        assert_eq!(self.inside("PUT", &format!("{base}/statistics/suite"), &suite).status, 200);
        for (path, broken) in [
            ("push/fcm", json!({ "private_key": canary::PUSH_SECRET, "type": canary::PUSH_SECRET })),
            ("push/fcm", json!(canary::PUSH_SECRET)),
            ("captcha/site-v3", json!({ "kind": "recaptcha_v3", "secretKey": [canary::CAPTCHA_SECRET] })),
            ("statistics/suite", json!({ "clientSecret": { canary::STATISTICS_SECRET: 1 } })),
        ] {
            assert_eq!(self.inside("PUT", &format!("{base}/{path}"), &broken).status, 400, "{path}");
        }
        assert_eq!(self.inside("GET", &format!("{base}/captcha"), &Value::Null).status, 200);
        // Who says the wrong word, or none, repeats nothing of it either.
        for wrong in [canary::INTERNAL_PASSWORD, canary::API_KEY] {
            let request =
                Request::new("GET", "/genesys/1/service/x").header("authorization", &format!("Bearer {wrong}"));
            let reply = self.server.internal(&request).unwrap();
            assert_eq!(reply.status, 401, "{}", reply.body);
            self.keep(reply);
        }
    }

    /// Signs in by the emergency door, wrongly and rightly; answers what the browser would keep.
    fn sign_in(&mut self) -> Vec<String> {
        let enter = |server: &Server, password: &str| {
            let body = json!({ "username": EMERGENCY_USER, "password": password }).to_string();
            let request =
                Request::new("POST", "/ges/v1/ui/session/emergency").header("content-type", "application/json");
            server.external(&request.body(body)).unwrap()
        };
        let wrong = enter(&self.server, canary::DATABASE_PASSWORD);
        assert_eq!(wrong.status, 401, "{}", wrong.body);
        self.keep(wrong);
        let right = enter(&self.server, canary::EMERGENCY_PASSWORD);
        assert_eq!(right.status, 200, "{}", right.body);
        let cookie = right.header("set-cookie").and_then(|cookie| cookie.split(';').next()).unwrap().to_owned();
        let word = cookie.split_once('=').unwrap().1.to_owned();
        let csrf = right.data()["csrfToken"].as_str().map(ToOwned::to_owned);
        let who = self.server.external(&Request::new("GET", "/ges/v1/ui/session").header("cookie", &cookie)).unwrap();
        assert_eq!(who.status, 200, "{}", who.body);
        let leave = Request::new("DELETE", "/ges/v1/ui/session").header("cookie", &cookie);
        let refused = self.server.external(&leave.header("x-csrf-token", canary::USER_DATA)).unwrap();
        self.keep(refused);
        [Some(word), csrf].into_iter().flatten().filter(|word| word.len() > 8).collect()
    }

    /// Bookings and questions with something personal in every field.
    fn traffic(&mut self) {
        self.rounds += 1;
        let rounds = self.rounds;
        let soon = instant(jiff::Timestamp::now() + jiff::SignedDuration::from_secs(200));
        let full = |service: &str, number: u16| {
            json!({ "serviceName": service, "phoneNumber": canary::phone(number), "captchaToken": format!("{}-{rounds}-{number}", canary::CAPTCHA_TOKEN),
                "userData": { canary::USER_DATA_KEY: canary::USER_DATA },
                "pushTargets": [{ "channel": "FCM", "target": canary::PUSH_TARGET }] })
        };
        let booked = self.create(&full(SERVICE, 21));
        assert_eq!(booked.status, 200, "{}", booked.body);
        let id = booked.data()["id"].as_str().unwrap().to_owned();
        let mut later = full(SERVICE, 22);
        (later["desiredTime"], later["alwaysCheckCapacity"]) = (soon.into(), true.into());
        self.create(&later);
        for (service, number) in [("VQ_Score", 23), ("VQ_Weighed", 24)] {
            let reply = self.create(&full(service, number));
            assert_eq!((reply.status, reply.code()), (500, Some(51)), "nobody verifies: {}", reply.body);
        }
        let pushed = json!({ "channel": "FCM", "target": canary::PUSH_TARGET, "event": { "notification": { "title": canary::USER_DATA } } });
        self.inside("POST", "/ges/v1/notification/publish", &pushed);
        self.inside(
            "POST",
            "/ges/v1/notification/publish",
            &json!({ "channel": canary::PUSH_TARGET, "target": [canary::PUSH_TARGET] }),
        );
        let storage = format!("/genesys/1/service/{id}/storage");
        self.inside(
            "POST",
            &storage,
            &json!({ canary::USER_DATA_KEY: canary::USER_DATA, "_callback_state": "NO_SUCH" }),
        );
        self.inside("POST", &storage, &json!({ "note": canary::USER_DATA }));
        self.inside("POST", "/genesys/1/storage/60", &json!({ "note": canary::USER_DATA }));
        self.inside(
            "POST",
            "/genesys/1/service/callback/VQ_Support",
            &json!({ "_customer_number": canary::phone(25), "_desired_time": canary::USER_DATA }),
        );
        self.inside(
            "GET",
            &format!("/genesys/1/service/callback/VQ_Support?_customer_number={}", canary::phone(21)),
            &Value::Null,
        );
        let statistics = json!({ "data": { "statistics": [{ "objectType": "Queue", "objectId": "q", "name": "n" }] } });
        let ask = self
            .server
            .client()
            .request("POST", "/statistics/operations/get-statistic-ex")
            .body(statistics.to_string());
        let told = self.server.external(&ask).unwrap();
        self.keep(told);
        let queries = [canary::phone(21), id];
        for id in queries {
            let reply = self.server.client().query_callback_by_id(&id).unwrap();
            self.keep(reply);
        }
        let unknown = self.server.external(
            &Request::new("GET", "/engagement/v3/callbacks/open-for/x")
                .header("x-api-key", &format!("{}-unseen", canary::API_KEY)),
        );
        self.keep(unknown.unwrap());
        let stranger = self.server.client().request("GET", "/callbacks/open-for/x").header("ccid", OTHER_TENANT);
        let reply = self.server.external(&stranger).unwrap();
        self.keep(reply);
    }

    /// Everybody answers nonsense, then refuses.
    fn neighbours_break(&mut self, redis: &Guarded) {
        for (kind, status) in [("garbage", 200), ("status", 401), ("drop", 503)] {
            for target in ["auth", "env", "fcm", "nexus", "recaptcha", "stats", "urs", "ors"] {
                let fault = json!({ "target": target, "kind": kind, "status": status, "times": 3 });
                self.server.order_fault(&fault).unwrap();
            }
            self.traffic();
        }
        redis.changes_its_locks();
        self.traffic();
    }

    /// What the outside was shown: our tokens are in it, so that they can be searched for.
    fn tokens(&self) -> Vec<String> {
        let requests = self.server.outside(&Request::new("GET", "/_sim/requests")).unwrap().json();
        let of = |request: &Value| {
            let shown = request["headers"]["authorization"].as_str()?.split_once(' ')?.1.to_owned();
            Some(shown)
        };
        let tokens: std::collections::BTreeSet<_> = requests.as_array().unwrap().iter().filter_map(of).collect();
        tokens.into_iter().collect()
    }
}

/// Every setting that is documented as a secret.
fn secret_settings() -> Vec<&'static str> {
    let page = include_str!("../../../../docs/configuration.md");
    let rows = page.lines().filter(|line| line.starts_with("| `") && line.contains("kept secret"));
    let names: Vec<_> = rows.filter_map(|row| row.split('`').nth(1)).collect();
    assert!(names.len() >= 13, "{names:?}");
    names
}

/// Waits for something a pod does by itself.
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(40), "never: {what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

fn nothing_shows(provider: &str) {
    let (ear, redis) = (Ear::start(), Guarded::start());
    let server = start(&plan(provider, redis.redis.port(), ear.port));
    for name in secret_settings() {
        let value = server.setting(name).unwrap_or_default();
        assert!(!found_in(value).is_empty(), "{name} has no canary");
    }
    let mut scene = Scene { server, said: Said::default(), rounds: 0 };
    scene.credentials();
    let mut words = scene.sign_in();
    scene.traffic();
    let proxied = || ear.heard("CONNECT assessments") && ear.was_told_basic(PROXY_USER, canary::PROXY_PASSWORD);
    until("the proxy was shown its password", proxied);
    if provider == "nexus" {
        until("Consul was asked with our token", || ear.heard(canary::CONSUL_TOKEN));
    }
    let asked = |target: &str, text: &str| {
        let request = Request::new("GET", &format!("/_sim/requests?target={target}"));
        scene.server.outside(&request).unwrap().body.contains(text)
    };
    match provider {
        "nexus" => until("Nexus was shown our key", || asked("nexus", canary::NEXUS_KEY)),
        _ => until("FCM was shown a target", || asked("fcm", canary::PUSH_TARGET)),
    }
    until("reCAPTCHA was shown the secret", || asked("recaptcha", canary::CAPTCHA_SECRET));
    until("authentication was shown the contact center's secret", || asked("auth", "grant_type"));
    words.extend(scene.tokens());
    scene.neighbours_break(&redis);
    words.extend(scene.tokens());
    assert!(words.len() >= 4, "a session, our client, a token of it: {}", words.len());

    let worker = scene.server.of_worker.unwrap();
    for port in [scene.server.internal, worker] {
        for path in ["/metrics", "/ges/v1/health", "/ges/v1/health/detail", "/ges/v1/health/ready", "/ges/v1/nothing"] {
            scene.said.closed.push(ges_conformance::send(port, &Request::new("GET", path)).unwrap());
        }
    }
    for Reply { headers, body, .. } in &scene.said.closed {
        assert_eq!(found_in(&format!("{headers:?} {body}")), [""; 0], "{body}");
    }
    for Reply { headers, body, .. } in &scene.said.open {
        let text = format!("{headers:?} {body}");
        let secrets: Vec<_> = canary::SECRETS.iter().filter(|secret| text.contains(**secret)).collect();
        assert!(secrets.is_empty(), "{secrets:?} in {body}");
    }
    for program in ["ges-api", "ges-worker"] {
        let told = scene.server.check_config(program, &[]).unwrap();
        for name in secret_settings() {
            assert!(told.contains(&format!("\n{name} = ***  (")), "{name}: {told}");
        }
        assert_eq!(found_in(&told), [""; 0], "{program}");
        // What does not read is not quoted either.
        let broken = [
            ("GES_VMCS__ORS_REDIS_SECRET", format!("{{\"password\":\"{}\",", canary::STREAM_PASSWORD)),
            ("GES_SECURITY__CREDENTIALS_KEY", canary::NEXUS_KEY.to_owned()),
            ("GES_SECURITY__SESSION_KEY", canary::NEXUS_KEY.to_owned()),
            ("GES_EGRESS__PROXY", format!("ftp://u:{}@x y", canary::PROXY_PASSWORD)),
            ("GES_GWS__SECRET_ENCODING", "aes-128-ecb".to_owned()),
            ("GES_DB__PORT", canary::DATABASE_PASSWORD.to_owned()),
            ("GES_INTERNAL_AUTH__TOKEN", String::new()),
            ("GES_DB__HOST", format!("u:{}@pg", canary::DATABASE_PASSWORD)),
            (
                "GES_DISCOVERY__NODES",
                format!(r#"[{{"region":"dc1","urs":["http://u:{}@urs"]}}]"#, canary::CONSUL_TOKEN),
            ),
        ];
        for (name, value) in broken {
            let told = scene.server.check_config(program, &[(name, &value)]).unwrap();
            assert_eq!(found_in(&told), [""; 0], "{program} {name}: {told}");
        }
    }
    let log = scene.server.log();
    assert!(log.contains("\"level\":\"DEBUG\""), "the log is really talkative");
    let shown: Vec<_> = words.iter().filter(|word| log.contains(word.as_str())).collect();
    assert!(shown.is_empty(), "tokens or words of sessions are in the log: {}", shown.len());
    scene.server.nothing_personal_was_logged().unwrap();
    assert!(scene.server.all_run(), "and nobody ended over it");
}

#[test]
fn check_23_no_secret_shows_with_pushes_through_fcm() {
    nothing_shows("fcm");
}

#[test]
fn check_23_no_secret_shows_with_pushes_through_nexus_and_nodes_of_consul() {
    nothing_shows("nexus");
}

/// Pods that start where nobody is what they take it for: their database refuses the password and repeats it, both Redis repeat
/// what they are told, everybody else speaks of something else.
#[test]
fn check_23_no_secret_shows_when_everybody_refuses_from_the_start() {
    let (postgres, redis, ear, guarded) =
        (Ear::refusing_postgres(), Ear::refusing_redis(), Ear::start(), Guarded::start());
    let server = start(&plan("nexus", guarded.redis.port(), ear.port));
    let elsewhere = format!("http://127.0.0.1:{}", ear.port);
    let settings = [
        ("GES_DB__PORT", postgres.port.to_string()),
        ("GES_REDIS__PORT", redis.port.to_string()),
        ("GES_VMCS__REDIS_PORT", redis.port.to_string()),
        ("GES_GWS__AUTH_URL", elsewhere.clone()),
        ("GES_GWS__ENV_URL", elsewhere.clone()),
        ("GES_GWS__CONF_URL", elsewhere.clone()),
        ("GES_VMCS__ORS_URL", elsewhere),
    ];
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let paths = ["/metrics", "/ges/v1/health", "/ges/v1/health/detail", "/ges/v1/health/ready", "/genesys/1/service/x"];
    for program in ["ges-api", "ges-worker"] {
        let everybody_was_told = || {
            postgres.heard(canary::DATABASE_PASSWORD)
                && redis.heard(canary::REDIS_PASSWORD)
                && redis.heard(canary::STREAM_PASSWORD)
                && ear.heard("client_credentials")
                && ear.heard(canary::CONSUL_TOKEN)
        };
        let told = server.another(program, &settings, &paths, everybody_was_told).unwrap();
        assert!(told.contains("\"level\":\"WARN\"") && told.contains("not there yet"), "it did fail: {told}");
        assert_eq!(found_in(&told), [""; 0], "{program}: {told}");
        for why in ["SQLSTATE 28P01", "\"it refuses a command\""] {
            assert!(told.contains(why), "the operator learns why: {told}");
        }
        [&postgres, &redis, &ear].into_iter().for_each(Ear::forget);
    }
}
