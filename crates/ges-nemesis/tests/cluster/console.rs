//! The console through its own routes when GWS Configuration, GWS Authentication or GES's own Redis is gone: the rows of integrations
//! 8.5 that people see. One process plays all of GWS, so a single service of it goes away behind a relay that refuses; the whole of it
//! goes with its process. How long rights and tokens serve is proven with a clock that a test moves (`ges-gws/tests/simulated.rs`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use ges_harness::{Cluster, GwsPorts, Programs, Redis, free_port, run_folder};
use ges_nemesis::{Cut, Deployment, DeploymentPlan, History, Relay, Weather};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::browser::{Browser, NOT_NOW, SignedIn};
use crate::degraded::{is_alive, is_ready, metric, until};
use crate::world::{SOON, all_end, burst, deployment, history, services, violations};

const SESSION_KEY: &str = "bmVtZXNpcy1zZXNzaW9uLWtleS1udW1iZXItb25lLSE=";
const OTHER_SESSION_KEY: &str = "bmVtZXNpcy1zZXNzaW9uLWtleS1udW1iZXItdHdvLSE=";
/// A breaker rests a minute at most, and a look or a minute's reading follows.
const SETTLED: Duration = Duration::from_secs(100);
/// How long whose a token is stays known (8.5), and what asking in vain takes.
const A_TOKEN_IS_KNOWN: std::ops::RangeInclusive<f64> = 58.0..=75.0;

/// A deployment with a console, GWS Authentication and Configuration each behind a relay.
struct House {
    deployment: Deployment,
    authentication: Relay,
    configuration: Relay,
    gws: GwsPorts,
}

impl House {
    async fn with(further: Vec<(String, String)>) -> Self {
        let gws = GwsPorts { authentication: free_port().unwrap(), configuration: free_port().unwrap() };
        let (authentication, configuration) =
            (Relay::start(&[gws.authentication]).unwrap(), Relay::start(&[gws.configuration]).unwrap());
        let at = |relay: &Relay| format!("http://127.0.0.1:{}", relay.port());
        let settings = [
            ("GES_GWS__AUTH_URL", at(&authentication)),
            ("GES_GWS__CONF_URL", at(&configuration)),
            ("GES_GWS__PUBLIC_AUTH_URL", at(&authentication)),
            ("GES_SECURITY__SESSION_KEY", SESSION_KEY.into()),
        ];
        let settings = settings.into_iter().map(|(name, value)| (name.to_owned(), value));
        let plan = DeploymentPlan {
            configuration: true,
            gws: Some(gws),
            environment: settings.chain(further).collect(),
            ..DeploymentPlan::new(services())
        };
        Self { deployment: deployment(&plan).await, authentication, configuration, gws }
    }

    fn browser(&self) -> Browser {
        Browser::at(&self.deployment, "api-0")
    }

    /// Names of the proxies, asked for without the relay.
    async fn proxies(&self) -> Vec<String> {
        let http = Client::builder().no_proxy().build().unwrap();
        let token = http.post(format!("http://127.0.0.1:{}/auth/v3/oauth/token", self.gws.authentication));
        let token = token.basic_auth("ges_client", Some("secret")).form(&[("grant_type", "client_credentials")]);
        let token: Value = token.send().await.unwrap().json().await.unwrap();
        let url = format!("http://127.0.0.1:{}/configuration/v3/objects/scripts?limit=1000", self.gws.configuration);
        let list = http.get(url).bearer_auth(token["access_token"].as_str().unwrap());
        let list: Value = list.header("ContactCenterId", Cluster::TENANT).send().await.unwrap().json().await.unwrap();
        let name = |object: &Value| object["name"].as_str().unwrap().to_owned();
        let mut names: Vec<_> = list["data"]["objects"].as_array().unwrap().iter().map(name).collect();
        names.sort();
        names
    }

    /// As Designer does it, on the internal listener.
    async fn designer(&self, method: Method, body: &Value) {
        let port = self.deployment.cluster.node("api-0").unwrap().internal_port();
        let http = Client::builder().no_proxy().build().unwrap();
        let request = http.request(method, format!("http://127.0.0.1:{port}/genesys/1/tenants"));
        let request = request.header("ContactCenterId", Cluster::TENANT).header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }
}

/// Nobody gets through, whether connected or not.
fn goes_away(relay: &Relay) {
    relay.set(Weather::Refusing);
    relay.cut(Cut::Reset);
}

/// Asks until it is so.
async fn eventually(what: &str, limit: Duration, mut is_so: impl AsyncFnMut() -> bool) -> f64 {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < limit, "not after {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let took = begun.elapsed().as_secs_f64();
    println!("{what}: after {took:.1} s");
    took
}

/// The pod is as it was, and bookings do not notice.
async fn everything_else_goes_on(deployment: &Deployment, history: &Arc<History>) {
    let before = history.acknowledged().len();
    burst(deployment, history, 6, 2).await;
    assert_eq!(history.acknowledged().len(), before + 6, "{}", history.summary());
    for node in ["api-0", "worker-0"] {
        assert!(is_ready(deployment, node).await && is_alive(deployment, node).await, "{node}");
    }
    all_end(deployment, history, SOON).await;
    assert_eq!(violations(deployment, history, true).await, []);
}

/// Row GWS conf: rights that are known serve, nobody new gets in, changes of proxies queue up and are made when it is back.
#[tokio::test(flavor = "multi_thread")]
async fn without_gws_configuration_rights_are_remembered_and_proxies_wait() {
    let house = House::with(Vec::new()).await;
    let (deployment, browser, history) = (&house.deployment, house.browser(), history());
    let supervisor = browser.signs_in("super").await;
    let before = browser.who(&supervisor).await;
    assert_eq!(before.json()["data"]["roles"], json!(["Supervisor"]), "{}", before.text);
    let all: Vec<_> = (0..8).map(|n| format!("CB_{n}")).collect();
    eventually("every service has a proxy", SETTLED, async || house.proxies().await == all).await;

    let on_the_way = browser.signs_in_at_gws("monitor").await.unwrap();
    goes_away(&house.configuration);
    let refused = browser.comes_back(&on_the_way).await;
    assert_eq!(refused.verdict(), NOT_NOW, "nobody knows what the monitor may do: {}", refused.text);
    let late = json!({ "service.CB_Late": { "_service": "callback", "_type": "ors", "_application": "CallbackApp",
        "_route_point": "5001" }, "service.CB_7": { "_service": "callback", "_application": "CallbackApp", "_route_point": "5001" } });
    house.designer(Method::POST, &late).await;
    house.designer(Method::DELETE, &json!(["service.CB_7"])).await;
    until(deployment, "api-0", "GWS_CONFIG_STATUS", 1.0).await;
    until(deployment, "worker-0", "GWS_CONFIG_STATUS", 1.0).await;
    eventually("a proxy was not written", SETTLED, async || {
        metric(deployment, "worker-0", "RBAC_CREATE_VQ_PROXY_ERROR").await.is_some_and(|count| count > 0.0)
    })
    .await;
    let during = browser.who(&supervisor).await;
    assert_eq!((during.status, during.json()["data"] == before.json()["data"]), (200, true), "{}", during.text);
    assert_eq!(browser.home(&supervisor).await.status, 200);
    everything_else_goes_on(deployment, &history).await;
    assert_eq!(house.proxies().await, all, "nothing was written or deleted meanwhile");

    house.configuration.set(Weather::Clear);
    let now: Vec<_> = (0..7).map(|n| format!("CB_{n}")).chain(["CB_Late".to_owned()]).collect();
    eventually("what queued up is written", SETTLED, async || house.proxies().await == now).await;
    eventually("both pods see it again", SETTLED, async || {
        let api = metric(deployment, "api-0", "GWS_CONFIG_STATUS").await;
        (api, metric(deployment, "worker-0", "GWS_CONFIG_STATUS").await) == (Some(0.0), Some(0.0))
    })
    .await;
    eventually("the monitor gets in", SETTLED, async || browser.tries_to_sign_in("monitor").await.is_ok()).await;
    assert_eq!(browser.who(&supervisor).await.status, 200);
}

/// Row GWS auth: nobody signs in, who is in goes on for a minute, then waits, and is still in afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn without_gws_authentication_sessions_last_a_minute_and_outlast_the_outage() {
    let house = House::with(Vec::new()).await;
    let (deployment, browser, history) = (&house.deployment, house.browser(), history());
    let on_the_way = browser.signs_in_at_gws("monitor").await.unwrap();
    let begun = Instant::now();
    let supervisor = browser.signs_in("super").await;
    goes_away(&house.authentication);
    let refused = browser.comes_back(&on_the_way).await;
    assert_eq!(refused.verdict(), NOT_NOW, "a code is worth nothing now: {}", refused.text);
    assert!(browser.signs_in_at_gws("monitor").await.is_none(), "and nobody gets a new one");
    assert_eq!(browser.who(&supervisor).await.status, 200, "whose the token is is known");
    everything_else_goes_on(deployment, &history).await;
    until(deployment, "api-0", "GWS_AUTH_STATUS", 1.0).await;

    let lasted = loop {
        let reply = browser.who(&supervisor).await;
        if reply.status != 200 {
            assert_eq!(reply.verdict(), NOT_NOW, "{}", reply.text);
            break begun.elapsed().as_secs_f64();
        }
        assert!(begun.elapsed() < SETTLED, "still let in");
        tokio::time::sleep(Duration::from_millis(250)).await;
    };
    println!("the session went on for {lasted:.1} s");
    assert!(A_TOKEN_IS_KNOWN.contains(&lasted), "{lasted}");
    assert_eq!(browser.home(&supervisor).await.status, 503, "a page that says so");
    everything_else_goes_on(deployment, &history).await;

    house.authentication.set(Weather::Clear);
    eventually("the same session goes on", SETTLED, async || browser.who(&supervisor).await.status == 200).await;
    assert_eq!(browser.who(&supervisor).await.json()["data"]["csrf"], supervisor.csrf.as_str());
    eventually("the monitor gets in", SETTLED, async || browser.tries_to_sign_in("monitor").await.is_ok()).await;
    until(deployment, "api-0", "GWS_AUTH_STATUS", 0.0).await;
}

/// The whole of GWS as a process: sessions go on from memory; the tokens of a GWS that lost its memory end them, and people sign in anew.
#[tokio::test(flavor = "multi_thread")]
async fn when_gws_was_killed_people_go_on_or_sign_in_again() {
    let mut house = House::with(Vec::new()).await;
    let browser = house.browser();
    let supervisor = browser.signs_in("super").await;
    let on_the_way = browser.signs_in_at_gws("monitor").await.unwrap();
    house.deployment.cluster.kill("ges-sim").unwrap();
    assert_eq!(browser.who(&supervisor).await.status, 200);
    assert_eq!(browser.comes_back(&on_the_way).await.verdict(), NOT_NOW);
    block_in_place(|| house.deployment.cluster.restart("ges-sim")).unwrap();
    let signed_out = async || browser.who(&supervisor).await.verdict() == (401, 10, "");
    eventually("its token is nobody's any more", SETTLED, signed_out).await;
    assert_eq!(browser.home(&supervisor).await.status, 302, "to sign in again");
    eventually("people sign in again", SETTLED, async || browser.tries_to_sign_in("super").await.is_ok()).await;
}

/// Row GES Redis: sessions are kept in the database, so nobody notices.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_accelerating_redis_the_console_goes_on() {
    let folder = run_folder().unwrap();
    let programs = Programs::from_environment().unwrap();
    let mut redis = Redis::start(&programs.redis, folder.path()).unwrap();
    let house = House::with(vec![("GES_REDIS__PORT".to_owned(), redis.port().to_string())]).await;
    let (deployment, browser, history) = (&house.deployment, house.browser(), history());
    let supervisor = browser.signs_in("super").await;
    block_in_place(|| redis.kill());
    assert_eq!(browser.who(&supervisor).await.status, 200);
    let monitor = browser.signs_in("monitor").await;
    assert_eq!(browser.signs_out(&supervisor).await.status, 200);
    until(deployment, "api-0", "REDIS_CONNECTION", 1.0).await;
    assert_eq!(browser.who(&supervisor).await.status, 401, "who has left stays outside");
    assert_eq!(browser.who(&monitor).await.status, 200);
    everything_else_goes_on(deployment, &history).await;
    block_in_place(|| redis.start_again(&programs.redis, folder.path())).unwrap();
    until(deployment, "api-0", "REDIS_CONNECTION", 0.0).await;
    assert_eq!(browser.who(&monitor).await.status, 200);
}

/// A new session key in the secret folder, first beside the old one and then alone, while the pod runs.
#[tokio::test(flavor = "multi_thread")]
async fn check_21_a_changed_session_key_is_used_without_a_restart() {
    let folder = run_folder().unwrap();
    let secret = folder.path().join("SESSION-KEY");
    let put = |keys: &str| std::fs::write(&secret, keys).unwrap();
    put(SESSION_KEY);
    let house = House::with(vec![("GES_CONFIG_FOLDERS".to_owned(), folder.path().display().to_string())]).await;
    let (deployment, browser) = (&house.deployment, house.browser());
    let process = deployment.cluster.id("api-0").unwrap();
    let heard =
        |times: usize| deployment.cluster.log("api-0").unwrap().matches("secret files have changed").count() >= times;
    let old = browser.signs_in("super").await;

    put(&format!("{OTHER_SESSION_KEY},{SESSION_KEY}"));
    eventually("the pod has read both", SETTLED, async || heard(1)).await;
    let works = async |session: &SignedIn| browser.who(session).await.status == 200;
    assert!(works(&old).await, "the old key still opens");
    assert!(works(&browser.signs_in("monitor").await).await);

    put(OTHER_SESSION_KEY);
    eventually("the pod has read the new one", SETTLED, async || heard(2)).await;
    assert_eq!(browser.who(&old).await.verdict(), (401, 10, ""), "sealed with a key that was taken away");
    let new = browser.signs_in("super").await;
    assert!(works(&new).await);
    assert_eq!(deployment.cluster.id("api-0").unwrap(), process);
    let log = deployment.cluster.log("api-0").unwrap();
    assert!(!log.contains(SESSION_KEY) && !log.contains(OTHER_SESSION_KEY), "I11");
}
