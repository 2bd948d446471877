use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Method, Request};
use ges_domain::TenantId;
use ges_domain::hours::Hours;
use ges_domain::ports::{Catalogue, Identities, IdentityError, Person, UserToken, UserTokens};
use ges_testkit::builders::{self, tenant};
use serde_json::{Value, json};

use crate::endpoints::FoundNodes;
use crate::gate::Gate;
use crate::testing::{Reply, World, bare, send};

const TENANTS: &str = "/genesys/1/tenants";

async fn call(world: &World, method: Method, path: &str, ccid: Option<&str>, body: &str) -> Reply {
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    if let Some(ccid) = ccid {
        request = request.header("ContactCenterId", ccid);
    }
    send(world.internal(), request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn of_tenant(world: &World, method: Method, body: &Value) -> Reply {
    call(world, method, TENANTS, Some(&tenant().to_string()), &body.to_string()).await
}

/// Integrations 5.2, the example.
fn documented() -> Value {
    json!({
        "service.CB_Sales": { "_service": "callback", "_type": "ors", "_ttl": "86400", "_application": "CallbackApp",
            "_application_stream": "Development", "_route_point": "5001@SIP_Switch", "_prefix_dial_out": "+",
            "_calling_party_number": "18005550100", "_calling_party_display_name": "Acme",
            "_business_hours_service": "BH_Sales", "_urs_virtual_queue": "CB_Sales",
            "_immediate_enabled": "true", "_scheduled_enabled": "true", "_request_time_bucket": "15",
            "_max_request_by_time_bucket": "100", "_push_threshold_minutes": "5" },
        "service.BH_Sales": { "_service": "office-hours", "_type": "builtin", "_timezone": "Europe/Paris",
            "_bh_regular1": "Mon-Fri 08:00-20:00", "_holiday1": "2026-12-25" } })
}

/// Integrations 0.4, 1.3: what a request makes us ask of others carries the caller's id, else ours.
#[tokio::test]
async fn work_for_an_internal_request_has_the_id_of_its_caller() {
    let world = World::new().await;
    let mut echoed = Vec::new();
    for given in ["7c1f2b1e-0000-4000-8000-00000000000a", "15105550100", "<script>"] {
        let request = Request::post(TENANTS).header("content-type", "application/json");
        let request = request.header("contactcenterid", tenant().to_string()).header("x-correlation-id", given);
        let reply = send(world.internal(), request.body(documented().to_string().into()).unwrap()).await;
        assert_eq!((reply.status, reply.header("x-correlation-id")), (200, Some(given)), "{given}");
        echoed.push(given);
    }
    let seen = std::mem::take(&mut *world.told.1.lock().unwrap());
    assert_eq!(seen[0].as_deref(), Some(echoed[0]));
    for ours in &seen[1..] {
        let ours = ours.as_deref().unwrap();
        assert!(uuid::Uuid::parse_str(ours).is_ok(), "I11, no number to call and no markup goes on: {ours}");
    }
    let reply = of_tenant(&world, Method::POST, &documented()).await;
    assert_eq!(world.told.1.lock().unwrap()[0].as_deref(), reply.header("x-correlation-id"), "ours is told back");
}

#[tokio::test]
async fn sections_are_put_given_back_and_removed() {
    let world = World::new().await;
    let put = of_tenant(&world, Method::POST, &documented()).await;
    assert_eq!((put.status, put.body.as_str()), (200, ""));
    let read = of_tenant(&world, Method::GET, &json!(null)).await;
    assert_eq!((read.status, read.json()), (200, documented()));
    let service = async || world.store.service(tenant(), &builders::service("CB_Sales")).await.unwrap().unwrap();
    assert!(matches!(&service().await.hours, Hours::Kept(office) if office.zone().name() == "Europe/Paris"));

    let part = json!({ "service.CB_Two": { "_service": "callback", "_application": "A", "_route_point": 5002,
        "_ttl": null, "_scheduled_enabled": false } });
    assert_eq!(of_tenant(&world, Method::POST, &part).await.status, 200, "a part");
    let read = of_tenant(&world, Method::GET, &json!(null)).await.json();
    assert_eq!(read["service.CB_Sales"], documented()["service.CB_Sales"], "other sections are untouched");
    assert_eq!(
        read["service.CB_Two"],
        json!({ "_service": "callback", "_application": "A", "_route_point": "5002", "_scheduled_enabled": "false" })
    );
    let gone = of_tenant(&world, Method::DELETE, &json!(["service.CB_Sales", "service.Nobody"])).await;
    assert_eq!((gone.status, gone.body.as_str()), (200, ""), "unknown names are ignored");
    assert!(service().await.removed);
    let read = of_tenant(&world, Method::GET, &json!(null)).await.json();
    assert_eq!(read.as_object().unwrap().keys().collect::<Vec<_>>(), ["service.BH_Sales", "service.CB_Two"]);
}

/// R-CFG-1: Designer hears 200; the row and its problem are kept.
#[tokio::test]
async fn a_bad_row_does_not_reject_the_post() {
    let world = World::new().await;
    let mut sections = documented();
    sections["service.CB_Sales"]["_request_time_bucket"] = json!("7");
    assert_eq!(of_tenant(&world, Method::POST, &sections).await.status, 200);
    assert_eq!(world.store.service(tenant(), &builders::service("CB_Sales")).await.unwrap(), None, "takes no bookings");
    assert!(world.store.hours(tenant(), "BH_Sales").await.unwrap().is_some(), "the others apply");
    let read = of_tenant(&world, Method::GET, &json!(null)).await.json();
    assert_eq!(read, sections, "what was sent is given back");
}

#[tokio::test]
async fn who_names_nobody_or_a_stranger_is_refused() {
    let world = World::new().await;
    for method in [Method::GET, Method::POST, Method::DELETE] {
        let nobody = call(&world, method.clone(), TENANTS, None, "{}").await;
        assert_eq!(nobody.status, 403);
        assert_eq!(nobody.body, r#"{"exception":"java.rmi.AccessException","message":"Requires permission"}"#);
        for stranger in ["c0ffee00-0000-4000-8000-00000000dead", "nobody"] {
            let reply = call(&world, method.clone(), TENANTS, Some(stranger), "{}").await;
            assert_eq!(reply.status, 400);
            let fault = reply.json();
            assert!(fault["message"].as_str().unwrap().contains(stranger), "{fault}");
            assert!(fault["exception"].as_str().unwrap().ends_with("CallbackExceptionNotFound"));
        }
    }
    assert_eq!(send(world.external(), bare(Method::GET, TENANTS)).await.status, 404);
}

#[tokio::test]
async fn bodies_that_are_no_sections_are_refused() {
    let world = World::new().await;
    let typed = Request::post(TENANTS).header("ContactCenterId", tenant().to_string());
    let typed = typed.header("content-type", "text/plain").body(Body::from("{}")).unwrap();
    let reply = send(world.internal(), typed).await;
    assert_eq!((reply.status, reply.json()["phrase"].as_str()), (415, Some("Unsupported Media Type")));
    let long = format!(r#"{{"{}":{{}}}}"#, "x".repeat(301));
    for body in ["", "[]", "{", r#"{"service.A":7}"#, r#"{"":{}}"#, r#"{"a\u0000":{}}"#, &long] {
        let reply = call(&world, Method::POST, TENANTS, Some(&tenant().to_string()), body).await;
        assert_eq!(reply.status, 400, "{body}: {}", reply.body);
    }
    for body in ["{}", "[7]", r#""service.A""#] {
        let reply = call(&world, Method::DELETE, TENANTS, Some(&tenant().to_string()), body).await;
        assert_eq!(reply.status, 400, "{body}");
    }
    world.store.fail_times(1);
    let down = of_tenant(&world, Method::POST, &documented()).await;
    assert_eq!((down.status, down.header("retry-after")), (503, Some("2")));
}

#[tokio::test]
async fn info_tells_where_sessions_and_routers_are() {
    let world = World::new().await;
    let ccid = tenant().to_string();
    let expected = json!({ ccid.clone(): {
        "CFGOrchestrationServer": { "primary": { "ORS": "http://ors:9098" } },
        "CFGRouterServer": { "primary": { "URS": format!("http://tenant-{ccid}:5580") }, "backup": { "URS": "http://urs-b" } },
    } });
    for named in [None, Some(ccid.as_str())] {
        let reply = call(&world, Method::GET, "/genesys/1/tenants/info", named, "").await;
        assert_eq!((reply.status, reply.json()), (200, expected.clone()));
    }
    let stranger = Some("c0ffee00-0000-4000-8000-00000000dead");
    let reply = call(&world, Method::GET, "/genesys/1/tenants/info", stranger, "").await;
    assert_eq!((reply.status, reply.body.as_str()), (404, ""));
}

#[tokio::test]
async fn refresh_looks_again_at_what_was_refused() {
    let world = World::new().await;
    let row = json!({ "service.CB_A": { "_service": "callback", "_application": "A", "_route_point": "1",
        "_business_hours_service": "Later" } });
    of_tenant(&world, Method::POST, &row).await;
    assert_eq!(world.store.service(tenant(), &builders::service("CB_A")).await.unwrap(), None);
    world.store.put_hours(tenant(), &builders::weekday_hours("Later", "09:00", "17:00")).await.unwrap();
    let refresh = async |ccid: Option<&str>| {
        let reply = call(&world, Method::POST, "/genesys/1/tenants/refresh", ccid, "").await;
        (reply.status, reply.body)
    };
    assert_eq!(refresh(Some(&tenant().to_string())).await, (202, String::new()));
    assert!(world.store.service(tenant(), &builders::service("CB_A")).await.unwrap().is_some(), "R-CFG-2");
    assert_eq!(refresh(None).await.0, 400);
    assert_eq!(refresh(Some("c0ffee00-0000-4000-8000-00000000dead")).await, (404, String::new()));
}

/// An authentication service that knows one token for each of three users, and remembers what it was asked.
#[derive(Default)]
struct Users {
    down: AtomicBool,
    asked: AtomicUsize,
}

#[async_trait]
impl Identities for Users {
    fn sign_in_address(&self, _: &str, _: &str) -> String {
        unreachable!("nobody signs in here")
    }

    fn sign_out_address(&self, _: &str) -> String {
        unreachable!("nobody signs in here")
    }

    async fn redeem(&self, _: &str, _: &str) -> Result<Option<UserTokens>, IdentityError> {
        unreachable!("nobody signs in here")
    }

    async fn renew(&self, _: &UserToken) -> Result<Option<UserTokens>, IdentityError> {
        unreachable!("nobody signs in here")
    }

    async fn whose(&self, access: &UserToken) -> Result<Option<Arc<Person>>, IdentityError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err(IdentityError("down".into()));
        }
        let tenant = match access.expose() {
            "designer-token" => tenant(),
            "token-of-another" => builders::other_tenant(),
            "token-of-a-stranger" => STRANGER.parse().unwrap(),
            _ => return Ok(None),
        };
        Ok(Some(Arc::new(Person { tenant, login: "designer".into(), name: "designer".into() })))
    }

    async fn sign_out(&self, _: &UserToken) -> Result<(), IdentityError> {
        unreachable!("nobody signs out here")
    }
}

const STRANGER: &str = "c0ffee00-0000-4000-8000-00000000dead";

async fn with(world: &World, method: Method, headers: &[(&str, &str)], body: &Value) -> Reply {
    let mut request = Request::builder().method(method).uri(TENANTS).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(world.internal(), request.body(Body::from(body.to_string())).unwrap()).await
}

/// Integrations 5.2: the contact center of the header, else that of the caller's GWS token.
#[tokio::test]
async fn a_gws_token_says_whose_sections_they_are_when_no_header_does() {
    let mut world = World::new().await;
    let users = Arc::<Users>::default();
    world.install_callers(users.clone());
    let designer = ("authorization", "Bearer designer-token");
    let put = with(&world, Method::POST, &[designer], &documented()).await;
    assert_eq!((put.status, put.body.as_str()), (200, ""), "published for the tenant of the token");
    assert_eq!(of_tenant(&world, Method::GET, &json!(null)).await.json(), documented());
    let read = with(&world, Method::GET, &[("authorization", "bearer  designer-token ")], &json!(null)).await;
    assert_eq!((read.status, read.json()), (200, documented()));
    let other = with(&world, Method::GET, &[("authorization", "Bearer token-of-another")], &json!(null)).await;
    assert_eq!((other.status, other.json()), (200, json!({})), "I9: each sees its own");
    let ccid = tenant().to_string();
    let both = [("ContactCenterId", ccid.as_str()), ("authorization", "Bearer token-of-another")];
    assert_eq!(with(&world, Method::GET, &both, &json!(null)).await.json(), documented(), "the header comes first");
    assert_eq!(with(&world, Method::DELETE, &[designer], &json!(["service.CB_Sales"])).await.status, 200);
    let left = of_tenant(&world, Method::GET, &json!(null)).await.json();
    assert_eq!(left.as_object().unwrap().keys().collect::<Vec<_>>(), ["service.BH_Sales"]);
}

#[tokio::test]
async fn a_token_that_is_nobodys_gives_no_permission_and_an_outage_is_no_verdict() {
    let mut world = World::new().await;
    let users = Arc::<Users>::default();
    world.install_callers(users.clone());
    for shown in ["Bearer made-up", "Bearer ", "Basic designer-token", "designer-token", "Bearer token-of-a-stranger"] {
        let reply = with(&world, Method::POST, &[("authorization", shown)], &documented()).await;
        assert_eq!(reply.status, 403, "{shown}");
        assert_eq!(reply.body, r#"{"exception":"java.rmi.AccessException","message":"Requires permission"}"#);
    }
    let twice = [("authorization", "Bearer designer-token"), ("authorization", "Bearer token-of-another")];
    assert_eq!(with(&world, Method::GET, &twice, &json!(null)).await.status, 403, "two answers are none");
    users.down.store(true, Ordering::SeqCst);
    let down = with(&world, Method::POST, &[("authorization", "Bearer designer-token")], &documented()).await;
    assert_eq!(down.status, 503, "{}", down.body);
    assert!(!down.body.contains("designer-token"), "I11");
    users.down.store(false, Ordering::SeqCst);
    assert_eq!(of_tenant(&world, Method::GET, &json!(null)).await.json(), json!({}), "nothing was published");
}

#[tokio::test]
async fn what_opens_the_gate_is_shown_to_nobody_else() {
    let mut world = World::behind(Gate::bearer("designer-token")).await;
    let users = Arc::<Users>::default();
    world.install_callers(users.clone());
    let reply = with(&world, Method::GET, &[("authorization", "Bearer designer-token")], &json!(null)).await;
    assert_eq!(
        (reply.status, users.asked.load(Ordering::SeqCst)),
        (403, 0),
        "the gate's token names no contact center"
    );
}

/// Finds nodes of these hosts.
struct Finder(Vec<&'static str>);

#[async_trait]
impl FoundNodes for Finder {
    async fn routers(&self, of: TenantId) -> Vec<String> {
        self.0.iter().map(|host| format!("http://{host}-{}:5580/", &of.to_string()[..4])).collect()
    }

    async fn orchestration(&self) -> Vec<String> {
        self.0.iter().map(|host| format!("http://ors-{host}:9098/")).collect()
    }
}

#[tokio::test]
async fn info_tells_the_nodes_that_are_found_before_those_that_are_named() {
    let (mut world, ccid) = (World::new().await, tenant().to_string());
    world.install_finder(Arc::new(Finder(vec!["a", "b", "c"])));
    let router = |host: &str| format!("http://{host}-{}:5580", &ccid[..4]);
    let reply = call(&world, Method::GET, "/genesys/1/tenants/info", Some(&ccid), "").await;
    let expected = json!({ ccid.clone(): {
        "CFGOrchestrationServer": { "primary": { "ORS": "http://ors-a:9098" }, "backup": { "ORS": "http://ors-b:9098" } },
        "CFGRouterServer": { "primary": { "URS": router("a") }, "backup": { "URS": router("b") } },
    } });
    assert_eq!((reply.status, reply.json()), (200, expected), "the first two");

    let mut world = World::new().await;
    world.install_finder(Arc::new(Finder(Vec::new())));
    let reply = call(&world, Method::GET, "/genesys/1/tenants/info", None, "").await.json();
    assert_eq!(reply[&ccid]["CFGOrchestrationServer"]["primary"]["ORS"], "http://ors:9098", "nothing is found yet");
}
