//! Worker nodes: each runs the real monitor, and is killed, stopped, cut off and started again.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ges_domain::ports::NoNews;
use ges_domain::use_cases::{CarryOutWishes, CurrentWait};
use ges_monitor::{Jitter, Monitor, MonitorPorts, MonitorSettings, WatchPorts, WatchSessions, drive};
use ges_testkit::FakePlan;
use tokio_util::sync::CancellationToken;

use crate::bug::Bug;
use crate::ports::{Node, Role, Side};
use crate::wakes::PoorHints;
use crate::world::World;

/// Keeps one worker node running, life after life.
pub(crate) async fn worker(world: Arc<World>, nth: u64) {
    for life in 0_u32.. {
        let node = Node::new(&world, format!("w{nth}.{life}"), Role::Worker);
        node.note("starts");
        let stop = CancellationToken::new();
        world.workers.lock().unwrap_or_else(PoisonError::into_inner).insert(nth, Arc::clone(&node));
        let watch = world.setting.watches.then(|| tokio::spawn(watch(Arc::clone(&node), stop.clone())));
        let monitor = Monitor::start(ports(&world, &node), settings(&world, &node), stop.clone());
        let end = live(&world, &node).await;
        match end {
            End::Died => drop(monitor),
            End::Asked => {
                stop.cancel();
                tokio::select! {
                    biased;
                    () = node.died() => {}
                    () = monitor.stopped() => node.kill(),
                }
            }
        }
        if let Some(watch) = watch {
            watch.abort();
        }
        node.note("is gone");
        tokio::time::sleep(world.chance.millis(200, 60_000)).await;
    }
}

/// Looks after the sessions of the shards a node holds.
async fn watch(node: Arc<Node>, stop: CancellationToken) {
    let wishes =
        CarryOutWishes { record: node.clone(), catalogue: node.clone(), sessions: node.clone(), clock: node.clone() };
    let ports = WatchPorts {
        held: node.clone(),
        former: node.clone(),
        requests: node.clone(),
        news: Arc::new(NoNews),
        record: node.clone(),
        wishes,
        clock: node,
    };
    drive(&mut WatchSessions::new(ports), &stop).await;
}

enum End {
    /// It is dead.
    Died,
    /// It is to stop in good order.
    Asked,
}

/// Deals blows until the node is gone; none any more once everything works.
async fn live(world: &World, node: &Node) -> End {
    let chance = &world.chance;
    loop {
        let pause = match world.weather().blows {
            Some((from, until)) => chance.seconds(from, until),
            None => Duration::from_secs(3_600),
        };
        tokio::select! {
            biased;
            () = node.died() => return End::Died,
            () = tokio::time::sleep(pause) => {}
        }
        let weather = world.weather();
        if weather.blows.is_none() {
            continue;
        }
        match chance.between(0, 10) {
            0..3 => {
                let side = *chance.one_of(&[Side::Before, Side::After]);
                node.crash_at(chance.between(1, 40), side);
            }
            3..5 => {
                let (length, suspended) = (chance.seconds(1, 200), chance.happens(weather.suspends));
                node.note(format!("stands still for {} s, suspended: {suspended}", length.as_secs()));
                node.stop_for(length, suspended);
            }
            5..9 => {
                let length = chance.seconds(2, 300);
                node.note(format!("loses its heartbeats for {} s", length.as_secs()));
                node.cut_heart_for(length);
            }
            _ => return End::Asked,
        }
    }
}

fn settings(world: &World, node: &Node) -> MonitorSettings {
    let chance = &world.chance;
    // A node whose own clock stood still believes in its leases for longer than the store does.
    let stubborn = chance.happens(world.weather().stubborn);
    let hour = Duration::from_secs(3_600);
    MonitorSettings {
        lease: if stubborn { hour } else { world.setting.lease },
        heartbeat: world.setting.lease.mul_f64(0.3),
        rescan: if world.has(Bug::NoRescan) { hour * 1_000 } else { Duration::from_secs(60) },
        round: *chance.one_of(&[3, 500]),
        lanes: *chance.one_of(&[1, 8]),
        sizes_period: hour,
        jitter: Jitter::seeded(chance.between(0, u64::MAX)),
        ..MonitorSettings::of(&*node.name)
    }
}

fn ports(world: &Arc<World>, node: &Arc<Node>) -> MonitorPorts {
    MonitorPorts {
        shards: node.clone(),
        handover: node.clone(),
        kept: node.clone(),
        catalogue: node.clone(),
        stream: node.clone(),
        sessions: node.clone(),
        wait: Arc::new(CurrentWait::new(world.setting.outside.waits(world))),
        plan: Arc::new(FakePlan),
        call_ins: Arc::new(world.store.clone()),
        clock: node.clone(),
        wake_ups: PoorHints::of(world),
        gauges: node.clone(),
        pauses: node.clone(),
        bulk: None,
        push: None,
        proxies: None,
    }
}
