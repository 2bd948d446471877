//! Rights of people at Configuration services that know our filters, ignore them, or name no members (integrations 4.4.1, 4.4.3).

use std::sync::Arc;

use ges_domain::TenantId;
use ges_domain::access::Claims;
use ges_domain::ports::Directory as _;
use ges_http_client::HttpClientFactory;
use serde_json::{Value, json};
use url::Url;
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::{Configuration, Naming};
use crate::{ClientToken, Credentials, Silent};

const ANNA: u64 = 1003;

/// How the peer goes about filters and members.
#[derive(Clone, Copy, PartialEq)]
enum Peer {
    /// Filters, and names members.
    Whole,
    /// Filters, and names no members.
    Terse,
    /// Answers everything there is, with members.
    Deaf,
    /// Answers everything there is and names no members.
    DeafAndTerse,
}

/// Anna is a supervisor; another is an administrator, by a group and by a role object. A disabled role of Anna's is left.
fn everything(kind: &str) -> Vec<Value> {
    let people = |keys: &[u64]| -> Vec<Value> {
        keys.iter().map(|key| json!({ "type": "CFGPerson", "DBID": key.to_string() })).collect()
    };
    match kind {
        "persons" => vec![
            json!({ "DBID": "1003", "userName": "anna", "state": "CFGEnabled" }),
            json!({ "DBID": "1004", "userName": "boss", "state": "CFGEnabled" }),
            json!({ "DBID": "1005", "userName": "gone", "state": "CFGDisabled" }),
        ],
        "access-groups" => vec![
            json!({ "DBID": "117", "name": "Acme Supervisors", "memberIDs": people(&[ANNA, 1005]) }),
            json!({ "CfgGroup": { "DBID": "118", "name": "Acme Administrators" }, "memberIDs": people(&[1004]) }),
            json!({ "DBID": "119", "name": "Acme Managers", "state": "CFGDisabled", "memberIDs": people(&[ANNA]) }),
        ],
        "roles" => vec![
            json!({ "DBID": "140", "name": "Callback Administrator", "members": people(&[1004]) }),
            json!({ "DBID": "141", "name": "Callback Developer", "state": "CFGEnabled",
                    "members": [{ "type": "CFGAccessGroup", "DBID": "117" }] }),
            json!({ "DBID": "142", "name": "Callback Monitor", "state": "CFGDisabled", "members": people(&[ANNA]) }),
        ],
        _ => Vec::new(),
    }
}

fn answer(peer: Peer, request: &Request) -> ResponseTemplate {
    let kind = request.url.path_segments().and_then(|mut path| path.next_back()).unwrap_or_default().to_owned();
    let wanted = request.url.query_pairs().find_map(|(name, value)| {
        let kind = match &*name {
            "person_dbid:int" => "CFGPerson",
            "access_group_dbid:int" => "CFGAccessGroup",
            _ => return None,
        };
        Some(json!({ "type": kind, "DBID": value }))
    });
    let mut all = everything(&kind);
    if matches!(peer, Peer::Whole | Peer::Terse)
        && let Some(wanted) = &wanted
    {
        let members = |object: &Value| [&object["memberIDs"], &object["members"]].map(|list| list.as_array().cloned());
        all.retain(|object| members(object).iter().flatten().any(|list| list.contains(wanted)));
    }
    if matches!(peer, Peer::Terse | Peer::DeafAndTerse) {
        for object in all.iter_mut().filter_map(Value::as_object_mut) {
            object.remove("memberIDs");
            object.remove("members");
        }
    }
    ResponseTemplate::new(200).set_body_json(json!({ "status": { "code": 0 }, "data": { "objects": all } }))
}

struct Scene {
    gws: MockServer,
    configuration: Configuration,
}

impl Scene {
    async fn with(peer: Peer) -> Self {
        let gws = MockServer::start().await;
        let token = json!({ "access_token": "t", "expires_in": 300 });
        let granted = ResponseTemplate::new(200).set_body_json(token);
        Mock::given(path("/auth/v3/oauth/token")).respond_with(granted).mount(&gws).await;
        Mock::given(any()).respond_with(move |request: &Request| answer(peer, request)).mount(&gws).await;
        let (factory, base) = (HttpClientFactory::default(), Url::parse(&gws.uri()).unwrap());
        let credentials = Credentials { client_id: "c".into(), client_secret: "s".to_owned().into() };
        let tokens = Arc::new(ClientToken::new(&factory, &base, credentials, Arc::new(Silent)).unwrap());
        let configuration = Configuration::new(&factory, base, tokens, Naming::default(), Arc::new(Silent)).unwrap();
        Self { gws, configuration }
    }

    async fn claims(&self, login: &str) -> Option<Claims> {
        let tenant: TenantId = "c0ffee00-0000-4000-8000-000000000100".parse().unwrap();
        let account = self.configuration.account(tenant, login).await.unwrap()?;
        Some(account.claims.clone())
    }
}

#[tokio::test]
async fn nobody_gets_the_rights_of_others_from_a_service_that_ignores_filters() {
    for (peer, groups, roles) in [
        (Peer::Whole, vec!["Acme Supervisors"], vec!["Callback Developer"]),
        (Peer::Terse, vec!["Acme Supervisors"], vec!["Callback Developer"]),
        (Peer::Deaf, vec!["Acme Supervisors"], vec!["Callback Developer"]),
        (Peer::DeafAndTerse, vec![], vec![]),
    ] {
        let scene = Scene::with(peer).await;
        let claims = scene.claims("anna").await.unwrap();
        assert_eq!(
            (claims.groups, claims.roles),
            (groups.into_iter().map(str::to_owned).collect(), roles.into_iter().map(str::to_owned).collect())
        );
        let asked = scene.gws.received_requests().await.unwrap();
        let checks = asked.iter().filter(|request| request.url.as_str().contains("2147483647")).count();
        assert_eq!(checks > 0, matches!(peer, Peer::Terse | Peer::DeafAndTerse), "asked only where nothing else tells");
    }
}

#[tokio::test]
async fn a_disabled_person_has_no_account() {
    let scene = Scene::with(Peer::Whole).await;
    assert_eq!(scene.claims("gone").await, None);
    assert_eq!(scene.claims("boss").await.unwrap().roles, ["Callback Administrator"]);
    assert_eq!(scene.claims("nobody").await, None);
}
