//! A real cluster of three nodes with a password: tenants live on different nodes, a batch of news goes to all of them.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where clippy.toml allows it")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ges_domain::TenantId;
use ges_domain::ports::{AcceptedTimes, ServiceRef};
use ges_domain::throttle::Window;
use ges_harness::{Programs, free_port};
use ges_redis::{RedisAcceptedTimes, Server};
use ges_testkit::builders::{START, immediate, service};

struct Node {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ports of clusters lie low: that of the bus is ten thousand higher.
fn node(program: &Path) -> Node {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port().unwrap();
    let at = folder.path().display().to_string();
    let child = Command::new(program)
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", &at])
        .args(["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"])
        .args(["--requirepass", "sesame", "--masterauth", "sesame"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    Node { child, port, folder }
}

fn redis_cli(port: u16, arguments: &[&str]) -> String {
    let port = port.to_string();
    let mut cli = Command::new("redis-cli");
    let said = cli.args(["-a", "sesame", "--no-auth-warning", "-p", &port]).args(arguments).output().unwrap();
    String::from_utf8_lossy(&said.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counters_of_many_tenants_are_kept_on_the_nodes_of_a_cluster() {
    let programs = Programs::from_environment().unwrap();
    let nodes = [(); 3].map(|()| node(&programs.redis));
    assert!(nodes.iter().all(|node| node.folder.path().exists()));
    for node in &nodes {
        while !redis_cli(node.port, &["ping"]).contains("PONG") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let addresses: Vec<_> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
    let mut create = vec!["--cluster", "create"];
    create.extend(addresses.iter().map(String::as_str));
    create.push("--cluster-yes");
    let created = redis_cli(nodes[0].port, &create);
    assert!(created.contains("All 16384 slots covered"), "{created}");

    let server = Server {
        cluster: true,
        password: Some("sesame".to_owned().into()),
        ..Server::plain("127.0.0.1", nodes[1].port)
    };
    let times = RedisAcceptedTimes::start(&server, "cluster").unwrap();
    let mut patience = 0;
    while !times.probe().await {
        patience += 1;
        assert!(patience < 500, "the cluster does not answer");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let windows = [
        Window { limit: 2, length: Duration::from_secs(300) },
        Window { limit: 9, length: Duration::from_secs(3_600) },
    ];
    let tenants: Vec<_> = (0..40_u128).map(|n| TenantId(uuid_of(n))).collect();
    for second in 0..3 {
        for tenant in &tenants {
            let booking = immediate(START + Duration::from_secs(second)).tenant(*tenant).build();
            times.accepted(&booking.entry().0, &windows);
        }
    }
    times.settled().await;
    for tenant in tenants {
        let sales = ServiceRef { tenant, name: service("CB_Sales") };
        assert_eq!(times.since(&sales, &windows), [Some(START + Duration::from_secs(1)), None], "{tenant}");
    }
    let keys: Vec<usize> = nodes.iter().map(|node| redis_cli(node.port, &["dbsize"]).trim().parse().unwrap()).collect();
    assert_eq!(keys.iter().sum::<usize>(), 40, "one key a service: {keys:?}");
    assert!(keys.iter().all(|keys| *keys > 0), "spread over the nodes: {keys:?}");
    times.close().await;
}

fn uuid_of(n: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(0xc0ff_ee00_0000_4000_8000_0000_0000_0000 + n * 0x9e37_79b9)
}
