//! Designer at a running pod: who publishes with a GWS token alone, and where routers are that Consul finds (integrations 5.2, 1.6).

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use ges_harness::{Cluster, GwsPorts, free_port};
use ges_nemesis::{Deployment, DeploymentPlan};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::world::{deployment, services};

/// A Consul of two datacenters with a router and an orchestration node in each. Ends with the process of the test.
fn consul() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
            let read = stream.read(&mut request).unwrap_or(0);
            let line = String::from_utf8_lossy(&request[..read]).lines().next().unwrap_or_default().to_owned();
            let host = if line.contains("dc=dc1") { "10.1.0" } else { "10.2.0" };
            let node = |last: u8, port: u16| json!([{ "Node": { "Address": "" }, "Service": { "Address": format!("{host}.{last}"), "Port": port } }]);
            let answer = if line.contains("/v1/catalog/datacenters") {
                json!(["dc1", "dc2"])
            } else if line.contains(&format!("/v1/health/service/tenant-{}-urs", Cluster::TENANT)) {
                node(5, 5580)
            } else if line.contains("/v1/health/service/voice-ors") {
                node(9, 9098)
            } else {
                json!([])
            };
            let body = answer.to_string();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length:";
            let _ = stream.write_all(format!("{head} {}\r\n\r\n{body}", body.len()).as_bytes());
        }
    });
    port
}

async fn ask(
    deployment: &Deployment,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> (u16, Value) {
    let port = deployment.cluster.node("api-0").unwrap().internal_port();
    let request =
        Client::builder().no_proxy().build().unwrap().request(method, format!("http://127.0.0.1:{port}{path}"));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let answer = request.header("content-type", "application/json").body(body.to_string()).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn designer_publishes_with_a_gws_token_and_is_told_the_routers_that_consul_finds() {
    let gws = GwsPorts { authentication: free_port().unwrap(), configuration: free_port().unwrap() };
    let settings = [
        ("GES_DISCOVERY__KIND", "consul".to_owned()),
        ("GES_DISCOVERY__CONSUL_URL", format!("http://127.0.0.1:{}", consul())),
        ("GES_REGION_AFFINITY", "dc2".into()),
    ];
    let environment = settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let plan = DeploymentPlan { gws: Some(gws), environment, ..DeploymentPlan::new(services()) };
    let deployment = deployment(&plan).await;

    // No address for browsers and no console here: whose a token is can be asked all the same.
    let token = Client::builder().no_proxy().build().unwrap();
    let token = token.post(format!("http://127.0.0.1:{}/auth/v3/oauth/token", gws.authentication));
    let form = [
        ("grant_type", "password"),
        ("username", "dev"),
        ("password", "dev"),
        ("client_id", "ges_client"),
        ("scope", "*"),
    ];
    let token: Value =
        token.basic_auth("ges_client", Some("secret")).form(&form).send().await.unwrap().json().await.unwrap();
    let token = format!("Bearer {}", token["access_token"].as_str().unwrap());
    let sections = json!({ "service.CB_Token": { "_service": "callback", "_application": "CallbackApp", "_route_point": "5001" } });
    let tenants = "/genesys/1/tenants";
    let shown = [("authorization", token.as_str())];
    assert_eq!(ask(&deployment, Method::POST, tenants, &shown, &sections).await.0, 200);
    let named = [("ContactCenterId", Cluster::TENANT)];
    assert_eq!(ask(&deployment, Method::GET, tenants, &named, &json!(null)).await, (200, sections.clone()));
    assert_eq!(ask(&deployment, Method::GET, tenants, &shown, &json!(null)).await, (200, sections));
    for headers in [&[][..], &[("authorization", "Bearer made-up")][..]] {
        let refused = json!({ "exception": "java.rmi.AccessException", "message": "Requires permission" });
        assert_eq!(ask(&deployment, Method::POST, tenants, headers, &json!({})).await, (403, refused));
    }
    let log = deployment.cluster.log("api-0").unwrap();
    assert!(!log.contains(token.trim_start_matches("Bearer ")), "I11");

    let info = json!({ Cluster::TENANT: {
        "CFGOrchestrationServer": { "primary": { "ORS": "http://10.2.0.9:9098" }, "backup": { "ORS": "http://10.1.0.9:9098" } },
        "CFGRouterServer": { "primary": { "URS": "http://10.2.0.5:5580" }, "backup": { "URS": "http://10.1.0.5:5580" } },
    } });
    for headers in [&named[..], &[][..]] {
        let told = ask(&deployment, Method::GET, "/genesys/1/tenants/info", headers, &json!(null)).await;
        assert_eq!(told, (200, info.clone()), "the own region first");
    }
}
