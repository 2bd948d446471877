//! Whichever node of a cluster a tenant belongs to, everything of it works, at the first try.

use std::collections::BTreeSet;

use ges_domain::ports::AcceptedTimes as _;
use ges_redis::RedisAcceptedTimes;

use crate::world::{Servers, TENANTS, Uses, WINDOWS, entered, sales, tenant};

/// Integrations 10: keys are `ges:{<ccid>}:…`, so that a tenant is at one node.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_tenant_is_served_by_its_node() {
    let servers = Servers::start(false);
    let owners: BTreeSet<u16> = (0..TENANTS).map(|number| servers.owner(tenant(number))).collect();
    assert_eq!(owners.len(), 3, "the tenants are spread over all nodes");
    let nodes = servers.cluster.ports();
    for node in &nodes {
        servers.cluster.ask(*node, "CONFIG RESETSTAT").unwrap();
    }
    let entry = entered(nodes[1]);
    let uses = Uses::of(&entry).await;
    for number in 0..TENANTS {
        let tenant = tenant(number);
        uses.area_works(tenant).await.unwrap_or_else(|error| panic!("{tenant}: {error:?}"));
        assert!(uses.news_work(tenant).await, "news of {tenant}");
        assert!(uses.counters_work(tenant).await, "counters of {tenant}");
    }
    // A pod that accepted none of them.
    let other = RedisAcceptedTimes::start(&entry, "store").unwrap();
    assert!(other.probe().await);
    for number in 0..TENANTS {
        let sales = sales(tenant(number));
        other.was_full(&sales, &WINDOWS);
        other.settled().await;
        let learned = other.since(&sales, &WINDOWS);
        assert_eq!(learned, uses.times.since(&sales, &WINDOWS), "{}", sales.tenant);
        assert!(learned[0].is_some());
    }
    for node in nodes {
        let refused = servers.cluster.ask(node, "INFO errorstats").unwrap();
        assert!(!refused.contains("MOVED"), "a call went to another node first: {refused}");
    }
}
