//! Check 21 for what is shown to the pods and for what they show to others: two running pods take new values from their secret
//! folder within a minute, refuse and forget the old ones, and are not started again (integrations 10.1).

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use ges_conformance::{Plan, Request, Server, Service, TENANT, canary, instant};
use serde_json::{Value, json};

use crate::ear::Ear;
use crate::world::{SERVICE, start};

const EMERGENCY_USER: &str = "break-glass";
const PROXY_USER: &str = "proxy-user";
/// A service whose visitors are judged by somebody whom only the proxy reaches.
const JUDGED: &str = "VQ_Judged";
/// Between two looks at the files, with a margin.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(80);
/// Between two looks at Consul, with a margin.
const LOOKED_WITHIN: Duration = Duration::from_secs(45);

/// One value for each secret. They are canaries: none may be logged.
#[derive(Clone, Copy)]
struct Values {
    internal: &'static str,
    emergency: &'static str,
    consul: &'static str,
    nexus: &'static str,
    proxy: &'static str,
}

const OLD: Values = Values {
    internal: canary::INTERNAL_TOKEN,
    emergency: canary::EMERGENCY_PASSWORD,
    consul: canary::CONSUL_TOKEN,
    nexus: canary::NEXUS_KEY,
    proxy: canary::PROXY_PASSWORD,
};
const NEW: Values = Values {
    internal: "canary-internal-token-51e8-new",
    emergency: "canary-emergency-password-c3d9-new",
    consul: "canary-consul-token-7ade-new",
    nexus: "canary-nexus-key-d2c7-new",
    proxy: "canary-proxy-password-2e45-new",
};

impl Values {
    fn write(self, folder: &Path, proxy: u16) {
        for (name, text) in [
            ("GES_INTERNAL_AUTH__TOKEN", self.internal.to_owned()),
            ("DEVOPS-PASSWORD", self.emergency.to_owned()),
            ("GES_DISCOVERY__CONSUL_TOKEN", self.consul.to_owned()),
            ("GES_NEXUS__API_KEY", format!("{}\n", self.nexus)),
            ("GES_EGRESS__PROXY", format!("http://{PROXY_USER}:{}@127.0.0.1:{proxy}", self.proxy)),
        ] {
            // As a mounted secret changes: the file is another one at once.
            let fresh = folder.join(format!(".{name}"));
            fs::write(&fresh, text).unwrap();
            fs::rename(fresh, folder.join(name)).unwrap();
        }
    }
}

struct Scene {
    server: Server,
    number: u16,
}

impl Scene {
    /// Whether the internal API lets in who shows this.
    fn lets_in(&self, token: &str) -> bool {
        let request = Request::new("GET", "/genesys/1/service/callback/nobody").header("ContactCenterId", TENANT);
        let reply = self.server.internal(&request.header("authorization", &format!("Bearer {token}"))).unwrap();
        reply.status != 401
    }

    fn signs_in(&self, password: &str) -> bool {
        let body = json!({ "username": EMERGENCY_USER, "password": password }).to_string();
        let request = Request::new("POST", "/ges/v1/ui/session/emergency").header("content-type", "application/json");
        match self.server.external(&request.body(body)).unwrap().status {
            200 => true,
            401 => false,
            other => panic!("{other}"),
        }
    }

    /// Books for a time so near that the worker pushes at once.
    fn book_with_a_push(&mut self, target: &str) {
        self.number += 1;
        let soon = instant(jiff::Timestamp::now() + jiff::SignedDuration::from_secs(200));
        let body = json!({ "serviceName": SERVICE, "phoneNumber": canary::phone(self.number), "desiredTime": soon,
            "alwaysCheckCapacity": true, "pushTargets": [{ "channel": "FCM", "target": target }] });
        let create = self.server.client().request("POST", "/callbacks/create").body(body.to_string());
        let reply = self.server.external(&create).unwrap();
        assert_eq!(reply.status, 200, "{}", reply.body);
    }

    /// Has the API pod push to this target.
    fn push(&self, token: &str, target: &str) {
        let body = json!({ "channel": "FCM", "target": target, "event": { "notification": { "title": "t" } } });
        let request = Request::new("POST", "/ges/v1/notification/publish").header("content-type", "application/json");
        let request = request.header("authorization", &format!("Bearer {token}")).header("ContactCenterId", TENANT);
        self.server.internal(&request.body(body.to_string())).unwrap();
    }

    /// The key that Nexus was shown last with a message to this target.
    fn key_shown_for(&self, target: &str) -> Option<String> {
        let asked = self.server.outside(&Request::new("GET", "/_sim/requests?target=nexus")).unwrap().json();
        let to = |request: &&Value| request["body"].as_str().is_some_and(|body| body.contains(target));
        let last = asked.as_array().unwrap().iter().rfind(to)?;
        last["headers"]["x-api-key"].as_str().map(ToOwned::to_owned)
    }

    /// Somebody has to be judged, so the proxy is asked for the way.
    fn ask_the_judge(&mut self) {
        self.number += 1;
        let token = format!("{}-{}", canary::CAPTCHA_TOKEN, self.number);
        let body = json!({ "serviceName": JUDGED, "phoneNumber": canary::phone(self.number), "captchaToken": token });
        let create = self.server.client().request("POST", "/callbacks/create").body(body.to_string());
        assert_eq!(self.server.external(&create).unwrap().status, 500, "nobody judges");
    }
}

fn until(what: &str, within: Duration, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < within, "not after {within:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(500));
    }
}

#[test]
fn check_21_a_running_pod_takes_and_shows_new_secrets_and_no_old_ones() {
    let folder = tempfile::tempdir().unwrap();
    let (proxy, consul) = (Ear::start(), Ear::start());
    OLD.write(folder.path(), proxy.port);
    let environment = [
        ("GES_CONFIG_FOLDERS", folder.path().display().to_string()),
        ("GES_INTERNAL_AUTH__MODE", "bearer".into()),
        ("GES_UI__DEVOPS_USERNAME", EMERGENCY_USER.into()),
        ("GES_SECURITY__CREDENTIALS_KEY", canary::CREDENTIALS_KEY.into()),
        ("GES_SECURITY__SESSION_KEY", canary::SESSION_KEY.into()),
        ("GES_PUSH__PROVIDER", "nexus".into()),
        ("GES_DISCOVERY__KIND", "consul".into()),
        ("GES_DISCOVERY__CONSUL_URL", format!("http://127.0.0.1:{}", consul.port)),
        ("GES_DISCOVERY__REGIONS", "dc1".into()),
        ("GES_URS__URLS", String::new()),
        ("GES_CAPTCHA__ENTERPRISE_URL", "https://assessments.example.invalid".into()),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value)).into();
    let judged = Service::new(JUDGED).with("captchaRequired", true).with("captchaSiteKey", "site");
    let server = start(&Plan { worker: true, environment, ..Plan::of([Service::new(SERVICE), judged]) });
    server.tell("nexus", &json!({ "apiKey": OLD.nexus })).unwrap();
    let judge = json!({ "kind": "recaptcha_enterprise", "projectId": "p", "apiKey": canary::CAPTCHA_SECRET });
    let keep = Request::new("PUT", "/ges/v1/credentials/captcha/site").header("content-type", "application/json");
    let keep = keep.header("authorization", &format!("Bearer {}", OLD.internal)).header("ContactCenterId", TENANT);
    assert_eq!(server.internal(&keep.body(judge.to_string())).unwrap().status, 200);
    let mut scene = Scene { server, number: 100 };

    assert!(scene.lets_in(OLD.internal) && !scene.lets_in(NEW.internal));
    assert!(scene.signs_in(OLD.emergency) && !scene.signs_in(NEW.emergency));
    scene.push(OLD.internal, "ok-of-api-before");
    scene.book_with_a_push("ok-of-worker-before");
    for target in ["ok-of-api-before", "ok-of-worker-before"] {
        until(target, LOOKED_WITHIN, || scene.key_shown_for(target).as_deref() == Some(OLD.nexus));
    }
    scene.ask_the_judge();
    assert!(proxy.was_told_basic(PROXY_USER, OLD.proxy) && !proxy.was_told_basic(PROXY_USER, NEW.proxy));
    until("Consul is shown the old token", LOOKED_WITHIN, || consul.heard(OLD.consul));

    NEW.write(folder.path(), proxy.port);
    scene.server.tell("nexus", &json!({ "apiKey": NEW.nexus })).unwrap();
    until("the internal API takes the new token", FOLLOWED_WITHIN, || scene.lets_in(NEW.internal));
    assert!(!scene.lets_in(OLD.internal), "who knows the old one is refused");
    assert!(scene.signs_in(NEW.emergency) && !scene.signs_in(OLD.emergency));
    scene.push(NEW.internal, "ok-of-api-after");
    assert_eq!(scene.key_shown_for("ok-of-api-after").as_deref(), Some(NEW.nexus));
    let mut rounds = 0;
    until("the worker shows the new key", FOLLOWED_WITHIN, || {
        rounds += 1;
        let target = format!("ok-of-worker-after-{rounds}");
        scene.book_with_a_push(&target);
        let begun = Instant::now();
        while scene.key_shown_for(&target).is_none() && begun.elapsed() < Duration::from_secs(5) {
            std::thread::park_timeout(Duration::from_millis(100));
        }
        scene.key_shown_for(&target).as_deref() == Some(NEW.nexus)
    });
    // Both pods have read the files by now.
    proxy.forget();
    consul.forget();
    scene.ask_the_judge();
    assert!(proxy.was_told_basic(PROXY_USER, NEW.proxy) && !proxy.was_told_basic(PROXY_USER, OLD.proxy));
    until("Consul is shown the new token", LOOKED_WITHIN, || consul.heard(NEW.consul));
    let lines = consul.lines("x-consul-token");
    assert!(lines.iter().all(|line| line.ends_with(NEW.consul)), "{}", lines.len());
    assert!(scene.server.all_run(), "nobody was started again");
}
