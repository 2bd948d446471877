//! Starting and stopping the duties of a node.

use std::sync::{Arc, Mutex as SyncMutex};

use ges_domain::phone::NumberingPlan;
use ges_domain::ports::{
    CallIns, Catalogue, Clock, Handover, KeptAnswers, Pauses, Sessions, Shards, SubmissionStream, WakeUps,
};
use ges_domain::use_cases::CurrentWait;
use tokio::sync::Mutex;
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bulk::{BulkBell, BulkPorts, RunBulk};
use crate::core::Core;
use crate::duty::supervise;
use crate::health::StreamHealth;
use crate::notices::{PushPorts, SendNotices};
use crate::pauses::{FollowPauses, PauseBell};
use crate::proxies::{KeepProxies, ProxyPorts};
use crate::purge::Purge;
use crate::rights::{HoldShards, Rights};
use crate::sizes::CountSizes;
use crate::waits::{SampleWaits, Waits};
use crate::worker::Worker;
use crate::{Duty, MonitorGauges, MonitorSettings};

/// What monitors work with.
pub struct MonitorPorts {
    /// Who runs what.
    pub shards: Arc<dyn Shards>,
    /// The record.
    pub handover: Arc<dyn Handover>,
    /// Answers under keys, which are forgotten after a while.
    pub kept: Arc<dyn KeptAnswers>,
    /// The services.
    pub catalogue: Arc<dyn Catalogue>,
    /// The orchestration stream.
    pub stream: Arc<dyn SubmissionStream>,
    /// Running sessions.
    pub sessions: Arc<dyn Sessions>,
    /// How long people wait.
    pub wait: Arc<CurrentWait>,
    /// What numbers mean, for number rules (R-SUB-6).
    pub plan: Arc<dyn NumberingPlan>,
    /// Call-ins, whose records expire too.
    pub call_ins: Arc<dyn CallIns>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
    /// Hints from the store.
    pub wake_ups: Box<dyn WakeUps>,
    /// Who hears what monitors do.
    pub gauges: Arc<dyn MonitorGauges>,
    /// Pauses of services.
    pub pauses: Arc<dyn Pauses>,
    /// Bulk jobs; without, none is worked off.
    pub bulk: Option<BulkPorts>,
    /// Pushes; without, nobody is pushed for.
    pub push: Option<PushPorts>,
    /// VQ proxies; without, nobody keeps them.
    pub proxies: Option<ProxyPorts>,
}

/// The monitors of one node.
pub struct Monitor;

impl Monitor {
    /// Starts all duties. They stop when `stop` is cancelled; [`MonitorHandle::stopped`] waits for it. Must be called
    /// inside a runtime.
    pub fn start(ports: MonitorPorts, settings: MonitorSettings, stop: CancellationToken) -> MonitorHandle {
        let settings = Arc::new(settings);
        let rights = Arc::new(Rights::default());
        let waits = Arc::new(Waits::default());
        let gauges = Arc::clone(&ports.gauges);
        let core = Arc::new(Core {
            handover: ports.handover,
            kept: ports.kept,
            catalogue: Arc::clone(&ports.catalogue),
            stream: ports.stream,
            plan: ports.plan,
            call_ins: ports.call_ins,
            sessions: ports.sessions,
            clock: Arc::clone(&ports.clock),
            gauges: ports.gauges,
            rights: Arc::clone(&rights),
            waits: Arc::clone(&waits),
            current: Arc::clone(&ports.wait),
            settings: Arc::clone(&settings),
            health: SyncMutex::new(StreamHealth::default()),
            bell: Arc::default(),
            pause_bell: PauseBell::default(),
            bulk_bell: BulkBell::default(),
            bulk: ports.bulk.as_ref().map(|bulk| Arc::clone(&bulk.jobs)),
            stops: TaskTracker::new(),
            stop_places: Core::stop_places(),
        });
        let wake_ups = Arc::new(Mutex::new(ports.wake_ups));
        let (shards, clock, catalogue, current) = (ports.shards, ports.clock, ports.catalogue, ports.wait);

        // The heartbeat outlives the others: what they finish still needs the lease.
        let last = CancellationToken::new();
        let heart = {
            let (shards, settings, gauges) = (Arc::clone(&shards), Arc::clone(&settings), Arc::clone(&gauges));
            let make = move || -> Box<dyn Duty> {
                let (shards, rights, settings) = (Arc::clone(&shards), Arc::clone(&rights), Arc::clone(&settings));
                Box::new(HoldShards { shards, rights, settings })
            };
            tokio::spawn(supervise("heartbeat", make, gauges, last.clone()))
        };
        let mut duties = JoinSet::new();
        let mut run = |name, make: Box<dyn Fn() -> Box<dyn Duty> + Send + Sync>| {
            duties.spawn(supervise(name, make, Arc::clone(&gauges), stop.clone()));
        };
        let shared = Arc::clone(&core);
        run("worker", Box::new(move || Box::new(Worker::new(Arc::clone(&shared), Arc::clone(&wake_ups)))));
        let shared = Arc::clone(&core);
        run("purge", Box::new(move || Box::new(Purge { core: Arc::clone(&shared), begun: false })));
        let shared = Arc::clone(&core);
        run("sizes", Box::new(move || Box::new(CountSizes { core: Arc::clone(&shared) })));
        let (shared, pauses) = (Arc::clone(&core), ports.pauses);
        run("pauses", Box::new(move || Box::new(FollowPauses::new(Arc::clone(&shared), Arc::clone(&pauses)))));
        if let Some(bulk) = ports.bulk {
            let shared = Arc::clone(&core);
            let make = move || -> Box<dyn Duty> { Box::new(RunBulk::new(Arc::clone(&shared), bulk.clone())) };
            run("bulk", Box::new(make));
        }
        if let Some(push) = ports.push {
            let shared = Arc::clone(&core);
            let make = move || -> Box<dyn Duty> { Box::new(SendNotices::new(Arc::clone(&shared), push.clone())) };
            run("push", Box::new(make));
        }
        if let Some(proxies) = ports.proxies {
            let (rights, settings) = (Arc::clone(&core.rights), Arc::clone(&settings));
            let make = move || -> Box<dyn Duty> {
                Box::new(KeepProxies::new(proxies.clone(), Arc::clone(&rights), Arc::clone(&settings)))
            };
            run("proxies", Box::new(make));
        }
        let sample_settings = Arc::clone(&settings);
        let sample = move || -> Box<dyn Duty> {
            Box::new(SampleWaits {
                waits: Arc::clone(&waits),
                current: Arc::clone(&current),
                catalogue: Arc::clone(&catalogue),
                clock: Arc::clone(&clock),
                settings: Arc::clone(&sample_settings),
            })
        };
        run("waits", Box::new(sample));

        let aborts = Aborts { heart: heart.abort_handle() };
        let ending = tokio::spawn(async move {
            let _aborts = aborts;
            stop.cancelled().await;
            core.stops.close();
            let drained = tokio::time::timeout(settings.drain, async {
                while duties.join_next().await.is_some() {}
                core.stops.wait().await;
            });
            if drained.await.is_err() {
                tracing::warn!("the work in hand was not finished in time; another node will do it again");
                duties.shutdown().await;
            }
            last.cancel();
            // A heartbeat after the release would take the shards back.
            let _ = heart.await;
            match tokio::time::timeout(settings.lease, shards.release(&settings.node)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the shards were not released");
                }
                Err(_) => tracing::warn!("the shards were not released in time"),
            }
        });
        MonitorHandle { ending }
    }
}

/// Ends the heartbeat with the task that owns it.
struct Aborts {
    heart: AbortHandle,
}

impl Drop for Aborts {
    fn drop(&mut self) {
        self.heart.abort();
    }
}

/// Running monitors. Dropping it kills them where they stand, as a crash would; that is safe, only slower to recover from.
pub struct MonitorHandle {
    ending: tokio::task::JoinHandle<()>,
}

impl MonitorHandle {
    /// Waits until the work in hand is finished and the shards are released; at most the drain time and one lease after
    /// the stop token was cancelled.
    pub async fn stopped(mut self) {
        let _ = (&mut self.ending).await;
    }
}

impl Drop for MonitorHandle {
    fn drop(&mut self) {
        self.ending.abort();
    }
}
