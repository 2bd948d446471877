//! People, rights and proxies against the simulated GWS, over loopback, with memories under a clock that the test moves.

#![expect(clippy::unwrap_used, reason = "a broken expectation is a failed test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ges_domain::access::{Assignment, Role};
use ges_domain::ports::{Directory, Identities, Proxies, UserToken};
use ges_domain::{ServiceName, TenantId};
use ges_gws::{ClientToken, Configuration, Credentials, GwsObserver, Naming, SignIn};
use ges_http_client::HttpClientFactory;
use ges_sim::{Ports, Seed, SeededUser, Sim, SimSettings};
use serde_json::{Value, json};
use url::Url;

const REDIRECT: &str = "https://ges.example.com/ges/ui/login.html";

#[derive(Default)]
struct Counts(AtomicU64);

impl GwsObserver for Counts {
    fn wrong_credentials(&self) {}
    fn server_error(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct Scene {
    sim: Sim,
    http: reqwest::Client,
    seconds: Arc<AtomicU64>,
    errors: Arc<Counts>,
    sign_in: SignIn,
    configuration: Configuration,
}

fn tenant() -> TenantId {
    Seed::TENANT.parse().unwrap()
}

fn service(name: &str) -> ServiceName {
    ServiceName::new(name).unwrap()
}

impl Scene {
    async fn with(seed: Seed) -> Self {
        let settings = SimSettings { ports: Ports::FREE, tenants: seed, ..SimSettings::default() };
        let sim = Sim::start(settings, None).await.unwrap();
        let (seconds, errors) = (Arc::new(AtomicU64::new(0)), Arc::<Counts>::default());
        let clock = Arc::clone(&seconds);
        let factory = HttpClientFactory::default()
            .clock(Arc::new(move || Duration::from_secs(clock.load(Ordering::SeqCst))))
            .jitter(Arc::new(|| 0.0));
        let url = |address: std::net::SocketAddr| Url::parse(&format!("http://{address}")).unwrap();
        let (auth, conf) = (url(sim.addresses().auth), url(sim.addresses().configuration));
        let credentials =
            Credentials { client_id: Seed::CLIENT_ID.into(), client_secret: Seed::CLIENT_SECRET.to_owned().into() };
        let tokens = Arc::new(ClientToken::new(&factory, &auth, credentials.clone(), errors.clone()).unwrap());
        let public = Url::parse("https://login.example.com").unwrap();
        Self {
            sign_in: SignIn::new(&factory, auth, public, credentials, errors.clone()).unwrap(),
            configuration: Configuration::new(&factory, conf, tokens, Naming::default(), errors.clone()).unwrap(),
            http: reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap(),
            sim,
            seconds,
            errors,
        }
    }

    async fn new() -> Self {
        Self::with(Seed::default()).await
    }

    fn wait(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    async fn order(&self, path: &str, body: Value) {
        let url = format!("http://{}/_sim/{path}", self.sim.addresses().control);
        assert!(self.http.post(url).json(&body).send().await.unwrap().status().is_success());
    }

    async fn break_down(&self, target: &str) {
        self.order("faults", json!({ "target": target, "kind": "status", "status": 503 })).await;
    }

    /// How often a peer was asked for a path that contains this.
    async fn asked(&self, target: &str, part: &str) -> usize {
        let url = format!("http://{}/_sim/requests?target={target}", self.sim.addresses().control);
        let all: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        all.as_array().unwrap().iter().filter(|one| one["path"].as_str().unwrap().contains(part)).count()
    }

    /// The code a browser brings back after this user has signed in.
    async fn code(&self, user: &str) -> String {
        let url = self.sign_in.sign_in_address(REDIRECT, "state 1");
        let own = url.replace("https://login.example.com", &format!("http://{}", self.sim.addresses().auth));
        let answer = self.http.get(format!("{own}&sim_user={user}")).send().await.unwrap();
        assert_eq!(answer.status(), 302, "{own}");
        let back = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        let query: std::collections::HashMap<_, _> = back.query_pairs().into_owned().collect();
        assert_eq!(query["state"], "state 1");
        query["code"].clone()
    }

    async fn token(&self, user: &str) -> UserToken {
        let code = self.code(user).await;
        self.sign_in.redeem(&code, REDIRECT).await.unwrap().unwrap().access
    }

    async fn roles(&self, user: &str) -> Vec<&'static str> {
        let account = self.configuration.account(tenant(), user).await.unwrap().unwrap();
        Assignment::default().roles(&account.claims).iter().map(Role::as_str).collect()
    }
}

#[tokio::test]
async fn a_user_signs_in_renews_and_leaves() {
    let scene = Scene::new().await;
    let code = scene.code("super").await;
    let tokens = scene.sign_in.redeem(&code, REDIRECT).await.unwrap().unwrap();
    assert_eq!(scene.sign_in.redeem(&code, REDIRECT).await.unwrap(), None, "a code is good once");
    assert_eq!(tokens.lasts, Duration::from_secs(43_199));
    let person = scene.sign_in.whose(&tokens.access).await.unwrap().unwrap();
    assert_eq!((person.login.as_str(), person.name.as_str(), person.tenant), ("super", "super@t100", tenant()));
    let refresh = tokens.refresh.unwrap();
    let renewed = scene.sign_in.renew(&refresh).await.unwrap().unwrap();
    assert_ne!(renewed.access, tokens.access);
    assert_eq!(scene.sign_in.renew(&refresh).await.unwrap(), None, "a spent refresh token is no error");
    scene.sign_in.sign_out(&renewed.access).await.unwrap();
    assert_eq!(scene.sign_in.whose(&renewed.access).await.unwrap(), None);
    scene.sign_in.sign_out(&renewed.access).await.unwrap();
    assert_eq!(scene.sign_in.whose(&UserToken::new("forged")).await.unwrap(), None);
    assert!(!format!("{renewed:?}").contains(renewed.access.expose()), "I11");
    let out = scene.sign_in.sign_out_address("https://ges.example.com/ges/");
    assert_eq!(out, "https://login.example.com/auth/v3/sign-out?redirect_uri=https%3A%2F%2Fges.example.com%2Fges%2F");
}

#[tokio::test]
async fn user_information_is_read_in_its_openid_form_where_there_is_no_other() {
    let scene = Scene::with(Seed { openid_only: true, ..Seed::default() }).await;
    let token = scene.token("dev").await;
    assert_eq!(scene.sign_in.whose(&token).await.unwrap().unwrap().login, "dev");
}

#[tokio::test]
async fn whose_a_token_is_stays_known_for_a_minute() {
    let scene = Scene::new().await;
    let token = scene.token("monitor").await;
    assert!(scene.sign_in.whose(&token).await.unwrap().is_some());
    scene.break_down("auth").await;
    scene.wait(59);
    assert!(scene.sign_in.whose(&token).await.unwrap().is_some(), "integrations 8.5");
    assert_eq!(scene.asked("auth", "userinfo").await, 1);
    scene.wait(2);
    assert!(scene.sign_in.whose(&token).await.is_err(), "then nobody knows");
    assert!(scene.sign_in.renew(&token).await.is_err(), "an outage is no verdict");
    assert!(scene.errors.0.load(Ordering::SeqCst) > 0);
}

#[tokio::test]
async fn roles_follow_from_groups_role_objects_and_the_legacy_section() {
    let mut seed = Seed::default();
    seed.users.push(SeededUser {
        name: "both".into(),
        access_groups: vec!["Environment Managers".into()],
        roles: vec!["Callback Developer".into()],
        ..SeededUser::default()
    });
    seed.users.push(SeededUser {
        name: "old".into(),
        access_groups: vec!["Environment Administrators".into()],
        legacy_role: Some("Monitor".into()),
        ..SeededUser::default()
    });
    let scene = Scene::with(seed).await;
    for (user, roles) in [
        ("admin", vec!["Administrator"]),
        ("super", vec!["Supervisor"]),
        ("monitor", vec!["Monitor"]),
        ("dev", vec!["Developer"]),
        ("devops", vec!["DevOps"]),
        ("agent", vec![]),
        ("both", vec!["Monitor", "Developer"]),
        ("old", vec!["Monitor"]),
    ] {
        assert_eq!(scene.roles(user).await, roles, "R-RB-1 to R-RB-4: {user}");
    }
    assert_eq!(scene.configuration.account(tenant(), "nobody").await.unwrap(), None);
}

#[tokio::test]
async fn rights_are_five_minutes_old_fifteen_in_an_outage_and_then_none() {
    let scene = Scene::new().await;
    assert_eq!(scene.roles("super").await, ["Supervisor"]);
    let asked = scene.asked("conf", "persons").await;
    scene.wait(299);
    scene.roles("super").await;
    assert_eq!(scene.asked("conf", "persons").await, asked, "R-RB-6");
    scene.break_down("conf").await;
    scene.wait(300);
    assert_eq!(scene.roles("super").await, ["Supervisor"], "stale while it is down");
    scene.wait(302);
    assert!(scene.configuration.account(tenant(), "super").await.is_err(), "integrations 4.4.3: fail closed");
    assert!(scene.configuration.account(tenant(), "unseen").await.is_err());
}

#[tokio::test]
async fn proxies_are_created_listed_and_deleted_and_twice_does_no_harm() {
    let scene = Scene::new().await;
    let conf = &scene.configuration;
    assert!(conf.proxies(tenant()).await.unwrap().is_empty(), "there is no folder yet");
    for name in ["CB_Sales", "Süd / Verkauf ☎", "CB_Sales"] {
        conf.create_proxy(tenant(), &service(name)).await.unwrap();
    }
    let proxies = conf.proxies(tenant()).await.unwrap();
    let names: Vec<_> = proxies.iter().map(|proxy| (proxy.name.as_str(), proxy.ours)).collect();
    assert_eq!(names, [("CB_Sales", true), ("Süd / Verkauf ☎", true)]);
    let foreign = ges_domain::ports::Proxy { ours: false, ..proxies[1].clone() };
    conf.delete_proxy(tenant(), &foreign).await.unwrap();
    assert_eq!(conf.proxies(tenant()).await.unwrap().len(), 2, "R-LOB-5: what is not ours stays");
    conf.delete_proxy(tenant(), &proxies[0]).await.unwrap();
    conf.delete_proxy(tenant(), &proxies[0]).await.unwrap();
    assert_eq!(conf.proxies(tenant()).await.unwrap().len(), 1);
    scene.break_down("conf").await;
    assert!(conf.create_proxy(tenant(), &service("CB_Other")).await.is_err());
    assert!(conf.proxies(tenant()).await.is_err(), "an outage is no empty list");
}

#[tokio::test]
async fn a_user_reads_the_proxies_that_were_granted() {
    let mut seed = Seed::default();
    seed.users[1].reads = Some(vec!["CB_Sales".into()]);
    let scene = Scene::with(seed).await;
    let access = async |user: &str| {
        let account = scene.configuration.account(tenant(), user).await.unwrap().unwrap();
        scene.configuration.proxy_access(tenant(), account.key).await.unwrap()
    };
    assert!(access("monitor").await.with_proxy.is_empty(), "no folder, no proxies");
    for name in ["CB_Sales", "CB_Support"] {
        scene.configuration.create_proxy(tenant(), &service(name)).await.unwrap();
    }
    let own = access("super").await;
    assert_eq!(own.with_proxy, [service("CB_Sales"), service("CB_Support")].into());
    assert_eq!((&own.readable, own.folder), (&[service("CB_Sales")].into(), false), "R-LOB-2");
    let all = access("admin").await;
    assert_eq!((all.readable.len(), all.folder), (2, true));
}

#[tokio::test]
async fn long_lists_are_read_to_their_end() {
    let scene = Scene::new().await;
    for number in 0..205 {
        scene.configuration.create_proxy(tenant(), &service(&format!("CB_{number}"))).await.unwrap();
    }
    assert_eq!(scene.configuration.proxies(tenant()).await.unwrap().len(), 205);
    let account = scene.configuration.account(tenant(), "admin").await.unwrap().unwrap();
    let access = scene.configuration.proxy_access(tenant(), account.key).await.unwrap();
    assert_eq!(access.readable.len(), 205);
}
