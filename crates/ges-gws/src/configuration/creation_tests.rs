//! Creating what exists already (integrations 4.4.4), at services that say so in ways of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ges_domain::ServiceName;
use ges_domain::ports::Proxies as _;
use ges_http_client::HttpClientFactory;
use serde_json::{Value, json};
use url::Url;
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::{Configuration, Naming};
use crate::{ClientToken, Credentials, Silent};

/// A service whose folder and proxy appear with the first attempt to create them, which it refuses like this.
async fn refusing(refusal: ResponseTemplate, they_appear: bool) -> (MockServer, Configuration) {
    let gws = MockServer::start().await;
    let granted = ResponseTemplate::new(200).set_body_json(json!({ "access_token": "t", "expires_in": 300 }));
    Mock::given(path("/auth/v3/oauth/token")).respond_with(granted).mount(&gws).await;
    let (folder, script) = (AtomicBool::new(false), AtomicBool::new(false));
    let answer = move |request: &Request| {
        let of_folders = request.url.path().ends_with("folders");
        let there = if of_folders { &folder } else { &script };
        if request.method.as_str() == "POST" {
            there.store(they_appear, Ordering::SeqCst);
            return refusal.clone();
        }
        let objects: Vec<Value> = match (there.load(Ordering::SeqCst), of_folders) {
            (true, true) => vec![json!({ "DBID": "215", "name": Naming::default().folder })],
            (true, false) => vec![json!({ "DBID": "3301", "name": "CB_Sales", "folderId": "215" })],
            (false, _) => Vec::new(),
        };
        ResponseTemplate::new(200).set_body_json(json!({ "data": { "objects": objects } }))
    };
    Mock::given(any()).respond_with(answer).mount(&gws).await;
    let (factory, base) = (HttpClientFactory::default(), Url::parse(&gws.uri()).unwrap());
    let credentials = Credentials { client_id: "c".into(), client_secret: "s".to_owned().into() };
    let tokens = Arc::new(ClientToken::new(&factory, &base, credentials, Arc::new(Silent)).unwrap());
    let configuration = Configuration::new(&factory, base, tokens, Naming::default(), Arc::new(Silent)).unwrap();
    (gws, configuration)
}

#[tokio::test]
async fn what_exists_is_created_however_its_creation_is_refused() {
    let code = json!({ "status": { "code": 9, "message": "object exists" } });
    for refusal in [
        ResponseTemplate::new(409),
        ResponseTemplate::new(400),
        ResponseTemplate::new(422),
        ResponseTemplate::new(200).set_body_json(code),
    ] {
        let service = ServiceName::new("CB_Sales").unwrap();
        let tenant = "c0ffee00-0000-4000-8000-000000000100".parse().unwrap();
        let (_gws, configuration) = refusing(refusal.clone(), true).await;
        configuration.create_proxy(tenant, &service).await.unwrap();
        let (_gws, configuration) = refusing(refusal, false).await;
        assert!(configuration.create_proxy(tenant, &service).await.is_err(), "a refusal of what is not there is one");
    }
}
