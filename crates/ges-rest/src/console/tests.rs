//! Check 14 of the integrations reference: states are good once, idle sessions end, tokens are renewed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Method, Request};
use ges_domain::TenantId;
use ges_domain::access::{Assignment, Claims, Permission, ProxyAccess};
use ges_domain::ports::{
    Account, Directory, DirectoryError, Identities, IdentityError, Person, Sealing, UserToken, UserTokens,
};
use ges_testkit::CountingChance;
use ges_testkit::builders::{service, tenant};
use serde_json::{Value, json};

use super::{BreakGlass, Console, ConsoleError};
use crate::testing::{Reply, World, send};

/// An authentication service whose tokens are good for ten minutes.
#[derive(Default)]
struct Auth {
    issued: AtomicU64,
    /// Access tokens that are good, with their users.
    good: Mutex<BTreeMap<String, String>>,
    down: Mutex<bool>,
    refusing: Mutex<bool>,
    asked: Mutex<Vec<String>>,
}

impl Auth {
    fn issue(&self, user: &str) -> UserTokens {
        let number = self.issued.fetch_add(1, Ordering::SeqCst);
        let access = format!("access-{number}");
        self.good.lock().unwrap().insert(access.clone(), user.into());
        UserTokens {
            access: UserToken::new(access),
            refresh: Some(UserToken::new(format!("refresh-{user}"))),
            lasts: Duration::from_secs(600),
        }
    }

    fn ask(&self, what: &str) -> Result<(), IdentityError> {
        self.asked.lock().unwrap().push(what.into());
        if *self.down.lock().unwrap() { Err(IdentityError("down".into())) } else { Ok(()) }
    }

    fn asked(&self, what: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| asked.as_str() == what).count()
    }
}

#[async_trait]
impl Identities for Auth {
    fn sign_in_address(&self, redirect: &str, state: &str) -> String {
        format!("https://login.example.com/authorize?redirect_uri={redirect}&state={state}")
    }

    fn sign_out_address(&self, redirect: &str) -> String {
        format!("https://login.example.com/sign-out?redirect_uri={redirect}")
    }

    async fn redeem(&self, code: &str, redirect: &str) -> Result<Option<UserTokens>, IdentityError> {
        self.ask("redeem")?;
        assert!(redirect.ends_with("/ges/ui/login.html"));
        Ok(code.strip_prefix("code-").map(|user| self.issue(user)))
    }

    async fn renew(&self, refresh: &UserToken) -> Result<Option<UserTokens>, IdentityError> {
        self.ask("renew")?;
        let user = refresh.expose().strip_prefix("refresh-").filter(|_| !*self.refusing.lock().unwrap());
        Ok(user.map(|user| self.issue(user)))
    }

    async fn whose(&self, access: &UserToken) -> Result<Option<Arc<Person>>, IdentityError> {
        self.ask("whose")?;
        let user = self.good.lock().unwrap().get(access.expose()).cloned();
        Ok(user.map(|login| Arc::new(Person { tenant: tenant(), name: format!("<{login}>"), login })))
    }

    async fn sign_out(&self, access: &UserToken) -> Result<(), IdentityError> {
        self.ask("sign-out")?;
        self.good.lock().unwrap().remove(access.expose());
        Ok(())
    }
}

/// A configuration in which everybody is in the group of the same name.
#[derive(Default)]
struct People(Mutex<bool>);

#[async_trait]
impl Directory for People {
    async fn account(&self, _: TenantId, login: &str) -> Result<Option<Arc<Account>>, DirectoryError> {
        if *self.0.lock().unwrap() {
            return Err(DirectoryError("down".into()));
        }
        let claims = Claims { groups: vec![login.into()], ..Claims::default() };
        Ok((login != "Nobody").then(|| Arc::new(Account { key: 7, claims })))
    }

    async fn proxy_access(&self, _: TenantId, key: u64) -> Result<Arc<ProxyAccess>, DirectoryError> {
        assert_eq!(key, 7);
        let both = [service("VQ1"), service("VQ2")].into();
        Ok(Arc::new(ProxyAccess { with_proxy: both, readable: [service("VQ2")].into(), folder: false }))
    }
}

/// Seals so that a test can see that nothing lies open, and about what.
struct Turned;

impl Sealing for Turned {
    fn seal(&self, about: &str, text: &str) -> Option<Vec<u8>> {
        Some(format!("{about}|{text}").bytes().map(|byte| byte ^ 0xff).collect())
    }

    fn open(&self, about: &str, sealed: &[u8]) -> Option<String> {
        let text = String::from_utf8(sealed.iter().map(|byte| byte ^ 0xff).collect()).ok()?;
        text.strip_prefix(&format!("{about}|")).map(str::to_owned)
    }
}

struct Scene {
    world: World,
    auth: Arc<Auth>,
    people: Arc<People>,
    console: Arc<Console>,
}

impl Scene {
    async fn new() -> Self {
        Self::with(Some("https://ges.example.com")).await
    }

    async fn with(public_base: Option<&str>) -> Self {
        let mut world = World::new().await;
        let (auth, people) = (Arc::<Auth>::default(), Arc::<People>::default());
        let console = Arc::new(Console {
            identities: Some(auth.clone()),
            directory: Some(people.clone()),
            sessions: Arc::new(world.store.clone()),
            sealing: Arc::new(Turned),
            clock: world.clock.clone(),
            chance: Arc::new(CountingChance::from(1)),
            assignment: Assignment::default(),
            public_base: public_base.map(str::to_owned),
            break_glass: Some(BreakGlass { username: "ops".into(), password: "long and own".into() }).into(),
            guesses: super::Guesses::default(),
        });
        world.install_console(console.clone());
        Self { world, auth, people, console }
    }

    async fn call(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut request = Request::builder().method(method).uri(path).header("host", "ges.local:3005");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(self.world.external(), request.body(Body::from(body.to_owned())).unwrap()).await
    }

    async fn get(&self, path: &str, cookie: &str) -> Reply {
        self.call(Method::GET, path, &[("cookie", cookie)], "").await
    }

    /// The state with which a browser was sent away, and its cookie.
    async fn leave(&self) -> (String, String) {
        let reply = self.get("/ges/", "").await;
        assert_eq!(reply.status, 302, "{}", reply.body);
        let place = reply.header("location").unwrap();
        let state = place.rsplit_once("state=").unwrap().1.to_owned();
        (state, cookie_of(&reply))
    }

    async fn come_back(&self, code: &str, state: &str, cookie: &str) -> Reply {
        let body = json!({ "code": code, "state": state }).to_string();
        let headers = [("cookie", cookie), ("content-type", "application/json")];
        self.call(Method::POST, "/ges/v1/ui/session", &headers, &body).await
    }

    /// The session cookie of a user, and the word against forgery.
    async fn signed_in(&self, group: &str) -> (String, String) {
        let (state, cookie) = self.leave().await;
        let reply = self.come_back(&format!("code-{group}"), &state, &cookie).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        (cookie_of(&reply), reply.json()["data"]["csrf"].as_str().unwrap().to_owned())
    }

    async fn who(&self, cookie: &str) -> Reply {
        self.get("/ges/v1/ui/session", cookie).await
    }

    fn wait(&self, minutes: u64) {
        self.world.clock.advance(Duration::from_secs(minutes * 60));
    }
}

/// `name=value` of the first cookie that is set.
fn cookie_of(reply: &Reply) -> String {
    reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

fn told(reply: &Reply, status: u16, code: u64) -> String {
    let json: Value = reply.json();
    assert_eq!((reply.status, json["status"]["code"].as_u64()), (status, Some(code)), "{}", reply.body);
    json["status"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_browser_is_sent_away_and_comes_back_to_a_session() {
    let scene = Scene::new().await;
    let first = scene.get("/ges", "").await;
    assert_eq!((first.status, first.header("location")), (308, Some("/ges/")));
    let away = scene.get("/ges/", "").await;
    let set = away.header("set-cookie").unwrap();
    assert!(
        set.starts_with("GES_SIGN_IN=") && set.ends_with("; Path=/ges; HttpOnly; SameSite=Lax; Secure; Max-Age=600")
    );
    let (state, cookie) = scene.leave().await;
    assert_eq!(state.len(), 64);
    let page = scene.get("/ges/ui/login.html?code=x&state=y", "").await;
    assert!(page.status == 200 && !page.body.contains("<script>"), "no script in the page");
    assert!(page.header("content-security-policy").unwrap().contains("script-src 'self'"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(scene.get("/ges/ui/login.js", "").await.header("content-type"), Some("text/javascript; charset=utf-8"));

    let reply = scene.come_back("code-Acme Supervisors", &state, &cookie).await;
    let set = reply.header("set-cookie").unwrap();
    assert!(set.starts_with("GES_SESSION=") && set.ends_with("; Path=/ges; HttpOnly; SameSite=Lax; Secure"), "{set}");
    let body = &reply.json()["data"];
    assert_eq!((&body["login"], &body["roles"]), (&json!("Acme Supervisors"), &json!(["Supervisor"])));
    assert_eq!(body["contactCenterId"], tenant().to_string());
    let session = cookie_of(&reply);
    let who = scene.who(&session).await;
    assert_eq!(who.json()["data"], *body);
    assert_eq!(scene.get("/ges/", &session).await.header("location"), Some("/ges/ui/"));
    let home = scene.get("/ges/ui/", &session).await;
    assert!(home.body.contains("&lt;Acme Supervisors&gt;") && home.body.contains("callbacks.change"), "{}", home.body);
    for secret in ["access-", "refresh-"] {
        assert!(!home.body.contains(secret) && !who.body.contains(secret), "tokens stay here");
    }
    assert_eq!(scene.get("/ges/ui/", "").await.header("location"), Some("/ges/"));
}

#[tokio::test]
async fn check_14_a_state_is_good_once_for_ten_minutes_and_for_its_own_browser() {
    let scene = Scene::new().await;
    let (state, cookie) = scene.leave().await;
    let other = scene.leave().await;
    told(&scene.come_back("code-Managers", &state, &other.1).await, 400, 1);
    told(&scene.come_back("code-Managers", &state, "").await, 400, 1);
    assert_eq!(scene.auth.asked("redeem"), 0, "a code that came with a foreign state is not shown to anybody");
    assert_eq!(scene.come_back("code-Managers", &state, &cookie).await.status, 200);
    told(&scene.come_back("code-Managers", &state, &cookie).await, 400, 1);
    let (state, cookie) = scene.leave().await;
    scene.wait(10);
    told(&scene.come_back("code-Managers", &state, &cookie).await, 400, 1);
    let (state, cookie) = scene.leave().await;
    told(&scene.come_back("bad", &state, &cookie).await, 401, 10);
    let forged = "GES_SIGN_IN=0000";
    told(&scene.come_back("code-Managers", "0000", forged).await, 400, 1);
}

#[tokio::test]
async fn check_14_a_session_ends_after_twenty_idle_minutes_and_each_use_moves_the_end() {
    let scene = Scene::new().await;
    let (session, _) = scene.signed_in("Managers").await;
    for _ in 0..3 {
        scene.wait(19);
        assert_eq!(scene.who(&session).await.status, 200);
    }
    scene.wait(20);
    told(&scene.who(&session).await, 401, 10);
    told(&scene.who("GES_SESSION=forged").await, 401, 10);
    told(&scene.who("").await, 401, 10);
    assert_eq!(scene.console.purge().await.unwrap(), 1);
}

#[tokio::test]
async fn check_14_a_token_is_renewed_when_less_than_a_minute_is_left() {
    let scene = Scene::new().await;
    let (session, csrf) = scene.signed_in("Managers").await;
    scene.wait(9);
    assert_eq!(scene.who(&session).await.status, 200);
    assert_eq!(scene.auth.asked("renew"), 0, "a minute is left");
    scene.world.clock.advance(Duration::from_secs(1));
    let who = scene.who(&session).await;
    assert_eq!((who.status, scene.auth.asked("renew")), (200, 1));
    assert_eq!(who.json()["data"]["csrf"], csrf.as_str(), "the session stays the same");
    scene.who(&session).await;
    assert_eq!(scene.auth.asked("renew"), 1, "the new one is kept");
    // What cannot be renewed serves until it expires.
    *scene.auth.refusing.lock().unwrap() = true;
    scene.world.clock.advance(Duration::from_secs(590));
    assert_eq!(scene.who(&session).await.status, 200);
    scene.world.clock.advance(Duration::from_secs(10));
    told(&scene.who(&session).await, 401, 10);
}

#[tokio::test]
async fn an_outage_is_no_verdict_on_a_session() {
    let scene = Scene::new().await;
    let (session, _) = scene.signed_in("Managers").await;
    *scene.auth.down.lock().unwrap() = true;
    let down = scene.who(&session).await;
    told(&down, 503, 51);
    assert_eq!(down.header("retry-after"), Some("5"));
    *scene.auth.down.lock().unwrap() = false;
    *scene.people.0.lock().unwrap() = true;
    told(&scene.who(&session).await, 503, 51);
    assert_eq!(scene.get("/ges/ui/", &session).await.status, 503, "a page that says so");
    *scene.people.0.lock().unwrap() = false;
    scene.world.store.fail_times(1);
    told(&scene.who(&session).await, 503, 51);
    assert_eq!(scene.who(&session).await.status, 200);
}

#[tokio::test]
async fn a_token_that_was_taken_back_ends_the_session() {
    let scene = Scene::new().await;
    let (session, _) = scene.signed_in("Managers").await;
    scene.auth.good.lock().unwrap().clear();
    told(&scene.who(&session).await, 401, 10);
    assert_eq!(scene.get("/ges/", &session).await.status, 302, "to sign in again");
}

#[tokio::test]
async fn nobody_without_a_callback_role_gets_in() {
    let scene = Scene::new().await;
    for user in ["Agents", "Nobody"] {
        let (state, cookie) = scene.leave().await;
        let reply = scene.come_back(&format!("code-{user}"), &state, &cookie).await;
        assert_eq!(told(&reply, 403, 12), "You have no callback role", "R-RB-5");
        assert!(reply.header("set-cookie").is_none());
    }
}

#[tokio::test]
async fn signing_out_needs_the_sessions_own_word_and_ends_it_everywhere() {
    let scene = Scene::new().await;
    let (session, csrf) = scene.signed_in("Managers").await;
    let delete = async |word: &str| {
        let headers = [("cookie", session.as_str()), ("x-ges-csrf", word)];
        scene.call(Method::DELETE, "/ges/v1/ui/session", &headers, "").await
    };
    told(&delete("").await, 403, 12);
    told(&delete(&csrf.replace('0', "1")).await, 403, 12);
    let reply = delete(&csrf).await;
    assert_eq!(
        reply.json()["data"]["continueAt"],
        "https://login.example.com/sign-out?redirect_uri=https://ges.example.com/ges/"
    );
    assert!(reply.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(scene.auth.asked("sign-out"), 1);
    told(&scene.who(&session).await, 401, 10);
}

#[tokio::test(start_paused = true)]
async fn the_emergency_sign_in_is_devops_without_a_tenant() {
    let scene = Scene::new().await;
    let enter = async |username: &str, password: &str, media: &str| {
        let body = json!({ "username": username, "password": password }).to_string();
        scene.call(Method::POST, "/ges/v1/ui/session/emergency", &[("content-type", media)], &body).await
    };
    *scene.auth.down.lock().unwrap() = true;
    told(&enter("ops", "wrong", "application/json").await, 401, 10);
    told(&enter("ops", "long and own", "text/plain").await, 400, 1);
    let guess = scene.console.guesses.begin(None).unwrap();
    told(&enter("ops", "long and own", "application/json").await, 503, 51);
    drop(guess);
    let reply = enter("ops", "long and own", "application/json").await;
    assert_eq!(reply.json()["data"]["roles"], json!(["DevOps"]), "{}", reply.body);
    assert!(reply.json()["data"].get("contactCenterId").is_none());
    assert_eq!(scene.who(&cookie_of(&reply)).await.status, 200, "GWS is down");
    let another = BreakGlass { username: "ops".into(), password: "another".into() };
    scene.console.change_break_glass(Some(another));
    told(&enter("ops", "long and own", "application/json").await, 401, 10);
    assert_eq!(enter("ops", "another", "application/json").await.status, 200, "integrations 10.1");
    scene.console.change_break_glass(None);
    told(&enter("ops", "another", "application/json").await, 401, 10);
}

/// A stranger who guesses without end, from wherever the console is reached, does not keep the operator out.
#[tokio::test(start_paused = true)]
async fn a_guess_from_elsewhere_does_not_hold_up_the_emergency_sign_in() {
    let scene = Scene::new().await;
    let from = |address: &str, password: &str| {
        let body = json!({ "username": "ops", "password": password }).to_string();
        let request = Request::post("/ges/v1/ui/session/emergency").header("host", "ges.local:3005");
        let mut request = request.header("content-type", "application/json").body(Body::from(body)).unwrap();
        request.extensions_mut().insert(crate::visitor::Peer(address.parse().unwrap()));
        send(scene.world.external(), request)
    };
    let guessing = from("203.0.113.9", "wrong");
    let others = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        told(&from("203.0.113.9", "long and own").await, 503, 51);
        assert_eq!(from("192.0.2.1", "long and own").await.status, 200);
    };
    let (guessed, ()) = tokio::join!(guessing, others);
    told(&guessed, 401, 10);
}

/// Integrations 8.1: as on every other path.
#[tokio::test]
async fn a_body_over_the_limit_is_too_large_and_counted() {
    let scene = Scene::new().await;
    let body = " ".repeat(scene.world.limits.body_bytes + 1);
    let headers = [("content-type", "application/json")];
    let reply = scene.call(Method::POST, "/ges/v1/ui/session/emergency", &headers, &body).await;
    told(&reply, 413, crate::answer::CODE_TOO_LARGE.into());
    assert_eq!(scene.world.metric("INVALID_CONTENT_LENGTH{host=\"pod-1\",version=\"1.0.0\"} "), Some(1.0));
}

#[tokio::test]
async fn operators_may_and_see_what_they_were_granted() {
    let scene = Scene::new().await;
    let (session, _) = scene.signed_in("Supervisors").await;
    let word = super::session::Word(session.split_once('=').unwrap().1.to_owned());
    let operator = scene.console.resume(&word).await.unwrap();
    operator.may(Permission::ChangeCallbacks).unwrap();
    assert_eq!(operator.may(Permission::EditCapacityRules), Err(ConsoleError::Forbidden), "EX-R R2");
    let sight = scene.console.sight(&operator).await.unwrap();
    assert!(sight.sees(&service("VQ2")) && !sight.sees(&service("VQ1")), "R-LOB-2");
    assert!(!format!("{operator:?}").contains(&operator.csrf), "I11");
}

#[tokio::test]
async fn the_public_api_asks_for_no_proxies() {
    let scene = Scene::new().await;
    let (session, _) = scene.signed_in("Supervisors").await;
    let word = super::session::Word(session.split_once('=').unwrap().1.to_owned());
    let operator = scene.console.resume(&word).await.unwrap();
    assert!(!scene.console.sight(&operator).await.unwrap().sees(&service(crate::testing::SERVICE)));
    scene.world.booked(None).await;
    assert!(!scene.world.nothing_is_written(), "R-LOB-6: the key stands for the whole tenant");
}

#[tokio::test]
async fn without_a_configured_address_the_request_says_where_we_are() {
    let scene = Scene::with(None).await;
    let plain = scene.get("/ges/", "").await;
    assert!(plain.header("location").unwrap().contains("redirect_uri=http://ges.local:3005/ges/ui/login.html"));
    assert!(!plain.header("set-cookie").unwrap().contains("Secure"));
    let behind = scene.call(Method::GET, "/ges/", &[("x-forwarded-proto", "https")], "").await;
    assert!(behind.header("location").unwrap().contains("redirect_uri=https://ges.local:3005/"));
    assert!(behind.header("set-cookie").unwrap().contains("; Secure"));
}

#[tokio::test]
async fn without_a_console_the_pages_say_so() {
    let world = World::new().await;
    for (path, status) in [("/ges/", 503), ("/ges/v1/ui/session", 401)] {
        let request = Request::get(path).header("host", "a").body(Body::empty()).unwrap();
        assert_eq!(send(world.external(), request).await.status, status, "{path}");
    }
}
