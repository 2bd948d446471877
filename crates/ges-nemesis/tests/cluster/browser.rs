//! Somebody at the console, as a browser is: pages, cookies, and the way to GWS Authentication and back.

use ges_nemesis::Deployment;
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER, SET_COOKIE};
use reqwest::{Client, Method, Url};
use serde_json::{Value, json};

/// What a pod answers.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn header(&self, name: reqwest::header::HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// `name=value` of the first cookie that is set.
    fn cookie(&self) -> String {
        self.header(SET_COOKIE).split(';').next().unwrap_or_default().to_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// Status, code and the rest that is asked for.
    pub(crate) fn verdict(&self) -> (u16, i64, &str) {
        (self.status, self.json()["status"]["code"].as_i64().unwrap_or(-1), self.header(RETRY_AFTER))
    }
}

/// The console does not know at the moment, and says when to ask again.
pub(crate) const NOT_NOW: (u16, i64, &str) = (503, 51, "5");

/// Somebody who has signed in at GWS and is on the way back.
pub(crate) struct OnTheWay {
    cookie: String,
    code: String,
    state: String,
}

/// Somebody with a session.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

/// A browser at one API pod.
pub(crate) struct Browser {
    http: Client,
    pod: String,
}

impl Browser {
    pub(crate) fn at(deployment: &Deployment, node: &str) -> Self {
        let http = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let http = http.timeout(std::time::Duration::from_secs(15)).build().unwrap();
        let port = deployment.cluster.node(node).unwrap().external_port().unwrap();
        Self { http, pod: format!("http://127.0.0.1:{port}") }
    }

    async fn ask(&self, method: Method, url: &str, headers: &[(&str, &str)], body: String) -> reqwest::Result<Reply> {
        let request =
            headers.iter().fold(self.http.request(method, url), |request, (name, value)| request.header(*name, *value));
        let answer = request.body(body).send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Ok(Reply { status, headers, text: answer.text().await? })
    }

    pub(crate) async fn call(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let url = format!("{}{path}", self.pod);
        self.ask(method, &url, headers, body.to_owned()).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Where the console sends somebody without a session, and the cookie for the way back.
    pub(crate) async fn leaves(&self) -> (String, String) {
        let away = self.call(Method::GET, "/ges/", &[], "").await;
        assert_eq!(away.status, 302, "{}", away.text);
        (away.header(LOCATION).to_owned(), away.cookie())
    }

    /// Signs in at GWS. None: nobody is there.
    pub(crate) async fn signs_in_at_gws(&self, user: &str) -> Option<OnTheWay> {
        let (place, cookie) = self.leaves().await;
        let back = self.ask(Method::GET, &format!("{place}&sim_user={user}"), &[], String::new()).await.ok()?;
        assert_eq!(back.status, 302, "{}", back.text);
        let back = Url::parse(back.header(LOCATION)).unwrap();
        let named = |wanted: &str| back.query_pairs().find(|(name, _)| name == wanted).unwrap().1.into_owned();
        Some(OnTheWay { cookie, code: named("code"), state: named("state") })
    }

    pub(crate) async fn comes_back(&self, way: &OnTheWay) -> Reply {
        let headers = [("cookie", way.cookie.as_str()), ("content-type", "application/json")];
        let body = json!({ "code": way.code, "state": way.state }).to_string();
        self.call(Method::POST, "/ges/v1/ui/session", &headers, &body).await
    }

    /// Signs in; the refusal when that does not succeed.
    pub(crate) async fn tries_to_sign_in(&self, user: &str) -> Result<SignedIn, Reply> {
        let way = self.signs_in_at_gws(user).await.expect("GWS is there");
        let reply = self.comes_back(&way).await;
        if reply.status != 200 {
            return Err(reply);
        }
        let csrf = reply.json()["data"]["csrf"].as_str().unwrap().to_owned();
        Ok(SignedIn { cookie: reply.cookie(), csrf })
    }

    pub(crate) async fn signs_in(&self, user: &str) -> SignedIn {
        self.tries_to_sign_in(user).await.unwrap_or_else(|reply| panic!("{user}: {reply:?}"))
    }

    /// Asks who acts: every call of the console begins with that.
    pub(crate) async fn who(&self, session: &SignedIn) -> Reply {
        self.call(Method::GET, "/ges/v1/ui/session", &[("cookie", &session.cookie)], "").await
    }

    pub(crate) async fn home(&self, session: &SignedIn) -> Reply {
        self.call(Method::GET, "/ges/ui/", &[("cookie", &session.cookie)], "").await
    }

    pub(crate) async fn signs_out(&self, session: &SignedIn) -> Reply {
        let headers = [("cookie", session.cookie.as_str()), ("x-ges-csrf", session.csrf.as_str())];
        self.call(Method::DELETE, "/ges/v1/ui/session", &headers, "").await
    }
}
