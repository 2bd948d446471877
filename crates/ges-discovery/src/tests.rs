//! The three ways to find nodes, Consul on loopback.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ges_domain::TenantId;
use ges_domain::region::Region;
use ges_http_client::{BreakerState, Finished, HttpClientFactory, LiveSecret, Observer};
use serde_json::json;
use wiremock::matchers::{header, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::{Consul, Directory, Node, Peer};

const TENANT: &str = "c0ffee00-0000-4000-8000-000000000100";

fn routers() -> Peer {
    Peer::Routers(TENANT.parse::<TenantId>().unwrap())
}

fn region(name: &str) -> Region {
    Region::new(name).unwrap()
}

fn shown(nodes: &[Node]) -> Vec<String> {
    nodes.iter().map(|node| format!("{} {}", node.region, node.url)).collect()
}

#[test]
fn named_nodes_have_the_tenant_in_their_address() {
    let east = ["tenant-{ccid}.voice:5580".to_owned(), "https://backup".to_owned()];
    let named = [(region("east"), &east[..], Some("http://ors:9098")), (region("west"), &[][..], None)];
    let directory = Directory::named(named).unwrap();
    let first = format!("east http://tenant-{TENANT}.voice:5580/");
    assert_eq!(shown(&directory.nodes(routers())), [first.as_str(), "east https://backup/"]);
    assert_eq!(shown(&directory.nodes(Peer::Orchestration)), ["east http://ors:9098/"]);
    assert!(directory.regional() && !Directory::routers(&east).unwrap().regional());
    assert!(Arc::ptr_eq(&directory.nodes(routers()), &directory.nodes(routers())), "the same until something changes");
    for bad in ["", "ftp://x", "http://", "a b"] {
        assert!(Directory::routers(&["ok".into(), bad.into()]).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_name_stands_for_its_nodes_until_it_is_resolved() {
    let directory =
        Directory::dns("http://localhost:5580", "http://no-such-host.invalid:9098", Some(region("dc1"))).unwrap();
    assert_eq!(shown(&directory.nodes(routers())), ["dc1 http://localhost:5580/"]);
    assert_eq!(shown(&directory.nodes(Peer::Orchestration)), ["dc1 http://no-such-host.invalid:9098/"]);
    directory.look().await;
    let resolved = shown(&directory.nodes(routers()));
    assert!(resolved.contains(&"dc1 http://127.0.0.1:5580/".to_owned()), "{resolved:?}");
    assert!(!resolved.contains(&"dc1 http://localhost:5580/".to_owned()));
    let before = directory.nodes(routers());
    directory.look().await;
    assert!(Arc::ptr_eq(&before, &directory.nodes(routers())), "nothing new is nothing changed");
    assert_eq!(
        shown(&directory.nodes(Peer::Orchestration)),
        ["dc1 http://no-such-host.invalid:9098/"],
        "the last good list"
    );
}

async fn passing(consul: &MockServer, service: &str, datacenter: &str, nodes: serde_json::Value) {
    Mock::given(path(format!("/v1/health/service/{service}")))
        .and(query_param("dc", datacenter))
        .and(query_param("passing", "1"))
        .and(header("x-consul-token", "canary-token"))
        .respond_with(ResponseTemplate::new(200).set_body_json(nodes))
        .mount(consul)
        .await;
}

fn consul(server: &MockServer, regions: Vec<Region>) -> Directory {
    let token = Some(LiveSecret::new("canary-token".to_owned().into()));
    let consul = Consul::new(&HttpClientFactory::default(), server.uri().parse().unwrap(), token, regions).unwrap();
    Directory::consul(consul, "tenant-{ccid}-urs", "voice-ors")
}

#[tokio::test]
async fn consul_names_the_nodes_that_pass() {
    let server = MockServer::start().await;
    let datacenters = ResponseTemplate::new(200).set_body_json(json!(["dc1", "dc2"]));
    Mock::given(path("/v1/catalog/datacenters")).respond_with(datacenters).mount(&server).await;
    let service = format!("tenant-{TENANT}-urs");
    let own =
        json!([{ "Node": { "Address": "10.0.0.1" }, "Service": { "Address": "10.1.0.1", "Port": 5580, "Tags": [] } }]);
    passing(&server, &service, "dc1", own).await;
    let elsewhere = json!([{ "Node": { "Address": "fd00::7" }, "Service": { "Address": "", "Port": 5581 } }]);
    passing(&server, &service, "dc2", elsewhere).await;
    let directory = Arc::new(consul(&server, Vec::new()));
    assert!(directory.nodes(routers()).is_empty(), "nobody is known before Consul was asked");
    let keeping = tokio::spawn({
        let directory = Arc::clone(&directory);
        async move { directory.keep().await }
    });
    let found = tokio::time::timeout(Duration::from_secs(10), async {
        while directory.nodes(routers()).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        directory.nodes(routers())
    });
    assert_eq!(shown(&found.await.unwrap()), ["dc1 http://10.1.0.1:5580/", "dc2 http://[fd00::7]:5581/"]);
    keeping.abort();
}

#[tokio::test]
async fn who_has_time_is_told_of_a_newcomers_nodes_at_once() {
    let server = MockServer::start().await;
    let one = json!([{ "Node": { "Address": "10.0.0.1" }, "Service": { "Address": "", "Port": 5580 } }]);
    let directory = consul(&server, vec![region("dc1")]);
    assert!(directory.found(routers()).await.is_empty(), "nobody passes");
    passing(&server, &format!("tenant-{TENANT}-urs"), "dc1", one).await;
    let found = directory.found(routers()).await;
    assert_eq!(shown(&found), ["dc1 http://10.0.0.1:5580/"]);
    server.reset().await;
    assert!(Arc::ptr_eq(&directory.found(routers()).await, &found), "who is known is not looked up again");
}

#[tokio::test]
async fn the_last_good_list_is_kept() {
    let server = MockServer::start().await;
    let one = json!([{ "Node": { "Address": "10.0.0.1" }, "Service": { "Address": "", "Port": 9098 } }]);
    passing(&server, "voice-ors", "dc1", one).await;
    let directory = consul(&server, vec![region("dc1")]);
    directory.nodes(Peer::Orchestration);
    directory.look().await;
    let good = ["dc1 http://10.0.0.1:9098/"];
    assert_eq!(shown(&directory.nodes(Peer::Orchestration)), good);
    server.reset().await;
    directory.look().await;
    assert_eq!(shown(&directory.nodes(Peer::Orchestration)), good, "Consul has lost its memory");
    passing(&server, "voice-ors", "dc1", json!([])).await;
    directory.look().await;
    assert_eq!(shown(&directory.nodes(Peer::Orchestration)), good, "no node passes");
}

/// Names that did not resolve.
#[derive(Default)]
struct Unresolved(AtomicU64);

impl Observer for Unresolved {
    fn finished(&self, _: &Finished) {}
    fn breaker_changed(&self, _: &'static str, _: &str, _: BreakerState) {}
    fn dns_failed(&self, integration: &'static str) {
        assert_eq!(integration, "discovery");
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn names_that_do_not_resolve_are_counted_at_every_look() {
    let unresolved = Arc::<Unresolved>::default();
    let directory = Directory::dns("http://localhost:5580", "http://no-such-host.invalid:9098", None).unwrap();
    let directory = directory.observed_by(unresolved.clone());
    directory.nodes(routers());
    directory.look().await;
    assert_eq!(unresolved.0.load(Ordering::SeqCst), 0);
    directory.nodes(Peer::Orchestration);
    for looks in 1..=2 {
        directory.look().await;
        assert_eq!(unresolved.0.load(Ordering::SeqCst), looks);
    }
}

/// Integrations 10.1.
#[tokio::test]
async fn a_changed_token_is_shown_at_the_next_look() {
    let server = MockServer::start().await;
    let token = LiveSecret::new("canary-token".to_owned().into());
    let at = server.uri().parse().unwrap();
    let asked = Consul::new(&HttpClientFactory::default(), at, Some(token.clone()), vec![region("dc1")]).unwrap();
    let directory = Directory::consul(asked, "tenant-{ccid}-urs", "voice-ors");
    directory.nodes(Peer::Orchestration);
    directory.look().await;
    token.change("another-token".to_owned().into());
    directory.look().await;
    let requests = server.received_requests().await.unwrap();
    let shown: Vec<_> = requests.iter().map(|request| request.headers["x-consul-token"].to_str().unwrap()).collect();
    assert_eq!((shown.first(), shown.last()), (Some(&"canary-token"), Some(&"another-token")), "{shown:?}");
}

/// Integrations 1.6, R-RA-6.
#[tokio::test]
async fn a_datacenter_that_cannot_be_asked_keeps_its_nodes_and_holds_up_no_other() {
    let server = MockServer::start().await;
    let one = |address: &str| json!([{ "Node": { "Address": address }, "Service": { "Address": "", "Port": 9098 } }]);
    passing(&server, "voice-ors", "dc2", one("10.2.0.1")).await;
    let directory = consul(&server, vec![region("dc1"), region("dc2")]);
    directory.nodes(Peer::Orchestration);
    directory.look().await;
    let nodes = || shown(&directory.nodes(Peer::Orchestration));
    assert_eq!(nodes(), ["dc2 http://10.2.0.1:9098/"], "the first has never answered");
    server.reset().await;
    passing(&server, "voice-ors", "dc1", one("10.1.0.1")).await;
    directory.look().await;
    assert_eq!(nodes(), ["dc1 http://10.1.0.1:9098/", "dc2 http://10.2.0.1:9098/"], "now the second does not");
    server.reset().await;
    passing(&server, "voice-ors", "dc1", json!([])).await;
    passing(&server, "voice-ors", "dc2", one("10.2.0.2")).await;
    directory.look().await;
    assert_eq!(nodes(), ["dc2 http://10.2.0.2:9098/"], "one that answers is believed");
}
