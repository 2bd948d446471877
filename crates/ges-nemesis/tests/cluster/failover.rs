//! Row "Redis primary only" of integrations 8.5: everything runs on a Redis Cluster, and a primary of it is killed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ges_domain::TenantId;
use ges_harness::{Programs, RedisCluster, run_folder};
use ges_nemesis::{Deployment, DeploymentPlan, History};
use reqwest::Method;
use serde_json::json;
use tokio::task::block_in_place;

use crate::degraded::{ask, component, is_alive, is_ready, until};
use crate::world::{all_end, burst, deployment, history, services, violations};

const STREAM: &str = "NewCallbackStream";
/// Nodes hold one for lost after a second and elect within another.
const REPLACED: Duration = Duration::from_secs(20);
/// A client looks for the new primary after five seconds at most.
const FOLLOWED: Duration = Duration::from_secs(15);
/// An entry that its primary did not pass on in time is written again once its attempt is overdue (R-SUB-8).
const ENDED: Duration = Duration::from_secs(100);

struct Scene {
    // Clients before their servers.
    deployment: Deployment,
    redis: RedisCluster,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn set() -> Self {
        let folder = run_folder().unwrap();
        let program = Programs::from_environment().unwrap().redis;
        let redis = block_in_place(|| RedisCluster::start(&program, folder.path(), 3, true)).unwrap();
        // Workers use our own Redis too, for news of sessions.
        let own =
            [("HOST", "127.0.0.1".to_owned()), ("PORT", redis.ports()[1].to_string()), ("CLUSTER_MODE", "true".into())];
        let services = services().into_iter().map(|row| row.with_throttle(5_000)).collect();
        let plan = DeploymentPlan {
            redis_cluster: redis.ports(),
            environment: own.map(|(key, value)| (format!("GES_REDIS__{key}"), value)).into(),
            ..DeploymentPlan::new(services).with_pods(2, 2)
        };
        Self { deployment: deployment(&plan).await, redis, _folder: folder }
    }

    /// Whether an area of the general storage can be written, the whole tenant being at one node.
    async fn storage(&self) -> u16 {
        ask(&self.deployment, "api-0", Method::POST, "/genesys/1/storage/60", Some(&json!({ "a": "b" }))).await.status
    }

    async fn until_storage_works(&self) -> Duration {
        let begun = Instant::now();
        while self.storage().await != 200 {
            assert!(begun.elapsed() < FOLLOWED, "general storage does not follow within {FOLLOWED:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        begun.elapsed()
    }

    /// Waits until the fast counters hold so many, booking more meanwhile: what is not noted at once is forgotten. Answers how
    /// many were booked.
    async fn until_counted(&self, history: &Arc<History>, wanted: usize) -> usize {
        let begun = Instant::now();
        for booked in (0..).step_by(8) {
            if block_in_place(|| self.counted()) >= wanted {
                return booked;
            }
            assert!(begun.elapsed() < FOLLOWED, "counters do not follow within {FOLLOWED:?}");
            burst(&self.deployment, history, 8, 8).await;
        }
        unreachable!("bookings without end")
    }

    /// How many accepted callbacks the fast counters hold.
    fn counted(&self) -> usize {
        let Ok(owner) = self.redis.owner(&any_key(Deployment::tenant())) else { return 0 };
        let keys = self.redis.ask(owner, &format!("KEYS ges:{{{}}}:accepted:*", Deployment::tenant())).unwrap();
        let count = |key: &str| self.redis.ask(owner, &format!("ZCARD {key}")).unwrap().parse::<usize>().unwrap();
        keys.lines().map(count).sum()
    }
}

/// Everything a tenant has is at the node of its braces.
fn any_key(tenant: TenantId) -> String {
    format!("ges:{{{tenant}}}:any")
}

/// First the primary of the stream goes, then that of the tenant's own keys, where it is another one: bookings never stop, sessions start from the new
/// primary, storage and counters work on theirs.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_primary_is_replaced_and_nothing_is_lost_or_done_twice() {
    let mut scene = Scene::set().await;
    let history = history();
    burst(&scene.deployment, &history, 60, 8).await;
    assert_eq!(scene.storage().await, 200);
    let mut booked = 60 + scene.until_counted(&history, 1).await;
    for key in [STREAM.to_owned(), any_key(Deployment::tenant())] {
        let lost = block_in_place(|| scene.redis.owner(&key)).unwrap();
        if key == STREAM {
            // The witness sees what was written up to this moment; what is on its way now is never answered.
            scene.deployment.ledger.last_words().await.unwrap();
        }
        block_in_place(|| scene.redis.kill(lost)).unwrap();
        let killed = Instant::now();
        burst(&scene.deployment, &history, 60, 8).await;
        booked += 60;
        assert_eq!(history.acknowledged().len(), booked, "bookings do not need Redis: {}", history.summary());
        let owner = block_in_place(|| scene.redis.next_owner(&key, lost, REPLACED)).unwrap();
        println!("{key}: port {lost} was replaced by {owner} after {:.1} s", killed.elapsed().as_secs_f64());
        let storage = scene.until_storage_works().await;
        println!("general storage follows {:.1} s later", storage.as_secs_f64());
        let before = block_in_place(|| scene.counted());
        booked += scene.until_counted(&history, before + 8).await;
        for pod in ["api-0", "api-1", "worker-0", "worker-1"] {
            assert!(is_ready(&scene.deployment, pod).await && is_alive(&scene.deployment, pod).await, "{pod}");
        }
        // The lost one returns and is a replica, so that the next loss leaves a majority.
        scene.redis.start_again(lost).unwrap();
    }
    all_end(&scene.deployment, &history, ENDED).await;
    for (pod, gauge) in
        [("api-0", "REDIS_CONNECTION"), ("worker-0", "ORS_REDIS_STATUS"), ("worker-1", "ORS_REDIS_STATUS")]
    {
        until(&scene.deployment, pod, gauge, 0.0).await;
    }
    assert_eq!(violations(&scene.deployment, &history, true).await, []);
}

/// The replica is late: until it takes over, the cluster refuses everything, which is told and costs nobody a callback.
#[tokio::test(flavor = "multi_thread")]
async fn a_primary_without_a_replica_is_an_outage_until_there_is_one() {
    let mut scene = Scene::set().await;
    let history = history();
    burst(&scene.deployment, &history, 30, 8).await;
    let lost = block_in_place(|| scene.redis.owner(STREAM)).unwrap();
    let late = block_in_place(|| scene.redis.replica_of(lost)).unwrap();
    scene.redis.freeze(late).unwrap();
    scene.deployment.ledger.last_words().await.unwrap();
    block_in_place(|| scene.redis.kill(lost)).unwrap();
    burst(&scene.deployment, &history, 30, 8).await;
    assert_eq!(history.acknowledged().len(), 60, "{}", history.summary());
    for (pod, gauge) in [("api-0", "REDIS_CONNECTION"), ("worker-0", "ORS_REDIS_STATUS")] {
        until(&scene.deployment, pod, gauge, 1.0).await;
    }
    let (_, stream) = component(&scene.deployment, "worker-0", "orsRedis").await;
    assert_eq!(stream["state"], "DOWN", "{stream}");
    assert!(is_ready(&scene.deployment, "worker-0").await && is_ready(&scene.deployment, "api-0").await);

    scene.redis.thaw(late).unwrap();
    assert_eq!(block_in_place(|| scene.redis.next_owner(STREAM, lost, REPLACED)).unwrap(), late);
    all_end(&scene.deployment, &history, ENDED).await;
    for (pod, gauge) in [("api-0", "REDIS_CONNECTION"), ("worker-0", "ORS_REDIS_STATUS")] {
        until(&scene.deployment, pod, gauge, 0.0).await;
    }
    scene.until_storage_works().await;
    assert_eq!(violations(&scene.deployment, &history, true).await, []);
}
