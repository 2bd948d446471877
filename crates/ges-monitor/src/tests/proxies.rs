//! R-LOB-1, R-LOB-4, R-LOB-5 under virtual time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::ports::{Catalogue as _, Proxies, Proxy, ProxyError, Shard, ShardLease, Shards, StoreError};
use ges_domain::{ServiceName, TenantId};
use ges_testkit::MemoryStore;
use ges_testkit::builders::{other_tenant, service, service_row, tenant};

use crate::proxies::{KeepProxies, ProxyBell, ProxyGauges, ProxyPorts};
use crate::rights::{HoldShards, Rights};
use crate::{Duty as _, MonitorSettings, Turn};

/// A configuration that may be down, or refuse single names.
#[derive(Default)]
struct Configuration {
    objects: Mutex<Vec<(TenantId, Proxy)>>,
    refused: Mutex<Vec<&'static str>>,
    down: Mutex<bool>,
    asked: AtomicU64,
    failures: AtomicU64,
}

impl Configuration {
    fn names(&self, of: TenantId) -> Vec<String> {
        let objects = self.objects.lock().unwrap();
        objects.iter().filter(|(tenant, _)| *tenant == of).map(|(_, proxy)| proxy.name.clone()).collect()
    }

    fn put(&self, tenant: TenantId, name: &str, ours: bool) {
        let mut objects = self.objects.lock().unwrap();
        let key = 3_301 + objects.len() as u64;
        objects.push((tenant, Proxy { key, name: name.into(), ours }));
    }

    fn check(&self, name: Option<&str>) -> Result<(), ProxyError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let refused = name.is_some_and(|name| self.refused.lock().unwrap().contains(&name));
        if *self.down.lock().unwrap() || refused { Err(ProxyError("down".into())) } else { Ok(()) }
    }
}

#[async_trait]
impl Proxies for Configuration {
    async fn proxies(&self, of: TenantId) -> Result<Vec<Proxy>, ProxyError> {
        self.check(None)?;
        let objects = self.objects.lock().unwrap();
        Ok(objects.iter().filter(|(tenant, _)| *tenant == of).map(|(_, proxy)| proxy.clone()).collect())
    }

    async fn create_proxy(&self, tenant: TenantId, service: &ServiceName) -> Result<(), ProxyError> {
        self.check(Some(service.as_str()))?;
        self.put(tenant, service.as_str(), true);
        Ok(())
    }

    async fn delete_proxy(&self, of: TenantId, proxy: &Proxy) -> Result<(), ProxyError> {
        self.check(Some(&proxy.name))?;
        assert!(proxy.ours, "R-LOB-5: a foreign object is never deleted");
        self.objects.lock().unwrap().retain(|(tenant, kept)| *tenant != of || kept.key != proxy.key);
        Ok(())
    }
}

impl ProxyGauges for Configuration {
    fn proxy_failed(&self) {
        self.failures.fetch_add(1, Ordering::SeqCst);
    }
}

/// Gives every shard, or none.
struct AllShards(Mutex<bool>);

#[async_trait]
impl Shards for AllShards {
    async fn hold(&self, _: &str) -> Result<Vec<ShardLease>, StoreError> {
        let lease = ShardLease { shard: Shard(0), epoch: 1 };
        Ok(if *self.0.lock().unwrap() { vec![lease] } else { Vec::new() })
    }

    async fn release(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }
}

struct World {
    store: MemoryStore,
    configuration: Arc<Configuration>,
    bell: ProxyBell,
    shards: Arc<AllShards>,
    heart: HoldShards,
    duty: KeepProxies,
}

impl World {
    async fn new() -> Self {
        let (store, configuration, bell) =
            (MemoryStore::default(), Arc::<Configuration>::default(), ProxyBell::default());
        let settings = Arc::new(MonitorSettings { lease: Duration::from_secs(86_400), ..MonitorSettings::of("a") });
        let (rights, shards) = (Arc::<Rights>::default(), Arc::new(AllShards(Mutex::new(true))));
        let ports = ProxyPorts {
            services: Arc::new(store.clone()),
            proxies: configuration.clone(),
            gauges: configuration.clone(),
            bell: bell.clone(),
        };
        let mut heart = HoldShards { shards: shards.clone(), rights: rights.clone(), settings: settings.clone() };
        heart.turn().await;
        Self { store, configuration, bell, shards, heart, duty: KeepProxies::new(ports, rights, settings) }
    }

    async fn publish(&self, name: &str) {
        self.store.put_service(tenant(), &service_row(name)).await.unwrap();
    }

    /// Works until there is nothing to do.
    async fn work(&mut self) {
        while self.duty.turn().await == Turn::Again {}
    }

    fn asked(&self) -> u64 {
        self.configuration.asked.load(Ordering::SeqCst)
    }

    fn failures(&self) -> u64 {
        self.configuration.failures.load(Ordering::SeqCst)
    }
}

async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn check_15_a_service_gets_a_proxy_and_loses_it() {
    let mut world = World::new().await;
    world.publish("CB_Sales").await;
    world.publish("CB_Support").await;
    world.store.put_service(other_tenant(), &service_row("CB_Other")).await.unwrap();
    world.work().await;
    assert_eq!(world.configuration.names(tenant()), ["CB_Sales", "CB_Support"], "R-LOB-1");
    assert_eq!(world.configuration.names(other_tenant()), ["CB_Other"], "I9");
    world.store.remove_service(tenant(), &service("CB_Sales")).await.unwrap();
    world.store.remove_service(other_tenant(), &service("CB_Other")).await.unwrap();
    world.work().await;
    assert_eq!(world.configuration.names(tenant()), ["CB_Support"], "the look finds it without a nudge");
    assert!(world.configuration.names(other_tenant()).is_empty(), "the last one of a tenant too");
    assert_eq!(world.failures(), 0);
}

#[tokio::test(start_paused = true)]
async fn foreign_objects_are_left_alone() {
    let mut world = World::new().await;
    world.configuration.put(tenant(), "CB_Sales", false);
    world.configuration.put(tenant(), "Somebody's", false);
    world.configuration.put(tenant(), "CB_Old", true);
    world.publish("CB_Sales").await;
    world.work().await;
    assert_eq!(world.configuration.names(tenant()), ["CB_Sales", "Somebody's"], "R-LOB-5");
}

#[tokio::test(start_paused = true)]
async fn check_15_a_failure_is_counted_and_tried_again_after_five_minutes() {
    let mut world = World::new().await;
    world.publish("CB_Sales").await;
    world.publish("CB_Bad").await;
    world.configuration.refused.lock().unwrap().push("CB_Bad");
    world.work().await;
    assert_eq!(world.configuration.names(tenant()), ["CB_Sales"], "R-LOB-4: the others are not disturbed");
    assert_eq!(world.failures(), 1);
    world.configuration.refused.lock().unwrap().clear();
    pass(200).await;
    world.work().await;
    assert_eq!(world.configuration.names(tenant()), ["CB_Sales"], "not before its time");
    pass(100).await;
    world.work().await;
    assert_eq!(world.configuration.names(tenant()), ["CB_Sales", "CB_Bad"]);

    *world.configuration.down.lock().unwrap() = true;
    world.bell.nudge(tenant());
    world.work().await;
    assert_eq!(world.failures(), 2, "a list that cannot be read is one failure");
    assert_eq!(world.configuration.names(tenant()).len(), 2, "and nothing is deleted over it");
}

/// Integrations 8.5, row GWS conf: changes queue up, and are made up for as soon as the configuration is back.
#[tokio::test(start_paused = true)]
async fn what_failed_is_tried_again_when_the_configuration_is_back() {
    let mut world = World::new().await;
    world.publish("CB_Sales").await;
    world.store.put_service(other_tenant(), &service_row("CB_Other")).await.unwrap();
    world.work().await;
    *world.configuration.down.lock().unwrap() = true;
    world.publish("CB_Support").await;
    world.store.remove_service(tenant(), &service("CB_Sales")).await.unwrap();
    world.work().await;
    assert_eq!((world.configuration.names(tenant()), world.failures()), (vec!["CB_Sales".to_owned()], 1));
    *world.configuration.down.lock().unwrap() = false;
    let asked = world.asked();
    world.bell.nudge_failed();
    tokio::time::timeout(Duration::from_secs(1), world.duty.woken()).await.expect("it shortens the rest");
    world.work().await;
    assert_eq!(world.configuration.names(tenant()), ["CB_Support"], "all that queued up");
    assert_eq!(world.asked() - asked, 3, "read, made, deleted: what did not fail is left in peace");
    world.bell.nudge_failed();
    world.work().await;
    assert_eq!(world.asked() - asked, 3, "nothing is left to try again");
}

#[tokio::test(start_paused = true)]
async fn what_stands_is_compared_every_hour_or_at_a_nudge() {
    let mut world = World::new().await;
    world.publish("CB_Sales").await;
    world.work().await;
    let asked = world.asked();
    pass(1_800).await;
    world.work().await;
    assert_eq!(world.asked(), asked, "the configuration is left in peace");
    world.configuration.objects.lock().unwrap().clear();
    pass(1_800).await;
    world.work().await;
    assert_eq!(world.configuration.names(tenant()), ["CB_Sales"], "R-LOB-5: somebody deleted it");
    world.configuration.objects.lock().unwrap().clear();
    world.bell.nudge(tenant());
    tokio::time::timeout(Duration::from_secs(1), world.duty.woken()).await.expect("a nudge shortens the rest");
    world.work().await;
    assert_eq!(world.configuration.names(tenant()), ["CB_Sales"]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_deletes_nothing() {
    let mut world = World::new().await;
    world.publish("CB_Sales").await;
    world.work().await;
    world.store.fail_times(1);
    world.bell.nudge(tenant());
    world.work().await;
    assert_eq!(world.configuration.names(tenant()), ["CB_Sales"]);
    world.configuration.objects.lock().unwrap().clear();
    world.work().await;
    assert_eq!(world.configuration.names(tenant()), ["CB_Sales"], "the nudge was not lost");
}

#[tokio::test(start_paused = true)]
async fn only_the_keeper_touches_proxies() {
    let mut world = World::new().await;
    world.publish("CB_Sales").await;
    *world.shards.0.lock().unwrap() = false;
    world.heart.turn().await;
    world.bell.nudge(tenant());
    world.work().await;
    assert_eq!(world.asked(), 0);
    *world.shards.0.lock().unwrap() = true;
    world.heart.turn().await;
    world.work().await;
    assert_eq!(world.configuration.names(tenant()), ["CB_Sales"], "taken over");
}
