//! What befalls the day: a worker node is killed twice, an orchestration node is lost, the routers change roles with a moment in
//! which none answers, services are published and paused.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ges_domain::call_in::Group;
use ges_domain::ports::{CallIns, Catalogue, PauseAct, PauseScope, Pauses, ServiceRef};
use ges_testkit::builders::{call_in_group, other_tenant, tenant};

use super::caller::GROUP;
use super::plan::{Desk, limits};
use super::published::{calendar, publish, row};
use super::tally::Pause;
use super::town::Town;
use crate::ports::Side;
use crate::world::World;

/// Puts everything in place before anybody comes.
pub(crate) async fn provision(world: &World, town: &Town) {
    for tenant in [tenant(), other_tenant()] {
        let _ = world.store.put_tenant_throttle(tenant, &limits()).await;
        let group = Group { service: None, ..call_in_group(GROUP, &["+18005550100", "+18005550101"], None) };
        let _ = world.store.put_group(tenant, &group).await;
        let own = town.plan.desks.iter().filter(|desk| desk.service.tenant == tenant);
        let sections = own.map(|desk| row(desk, desk.ttl)).chain([calendar()]).collect();
        publish(world, town, tenant, sections, Vec::new()).await;
    }
}

/// Everything that befalls the day, each at its time.
pub(crate) fn direct(world: &Arc<World>, town: &Arc<Town>) {
    let (chance, of) = (&world.chance, || (Arc::clone(world), Arc::clone(town)));
    // In the first rush hour, and the routers in the second one.
    let (at, node) = (chance.seconds(19_000, 23_000), chance.between(0, 3));
    let (w, t) = of();
    world.spawn(async move {
        tokio::time::sleep(at).await;
        lose_node(&w, &t, usize::try_from(node).unwrap_or(0)).await;
    });
    let at = chance.seconds(11 * 3_600, 12 * 3_600);
    let (w, t) = of();
    world.spawn(async move {
        tokio::time::sleep(at).await;
        change_routers(&w, &t).await;
    });
    for (from, until) in [(4, 8), (10, 14)] {
        let at = chance.seconds(from * 3_600, until * 3_600);
        let (w, t) = of();
        world.spawn(async move {
            tokio::time::sleep(at).await;
            kill_worker(&w, &t);
        });
    }
    for nth in 0..4 {
        let at = chance.seconds((4 + 3 * nth) * 3_600, (6 + 3 * nth) * 3_600);
        let length = chance.seconds(300, 1_500);
        let desk = chance.one_of(&town.plan.desks).clone();
        let (w, t) = of();
        world.spawn(async move {
            tokio::time::sleep(at).await;
            // Once everything of a tenant is paused.
            let scope = if nth == 3 { PauseScope::All } else { PauseScope::Service(desk.service.name.clone()) };
            pause(&w, &t, &desk.service, scope, length).await;
        });
    }
    for nth in 0..14 {
        let at = chance.seconds((2 + nth) * 3_600, (3 + nth) * 3_600);
        let desk = chance.one_of(&town.plan.desks).clone();
        let (w, t) = of();
        world.spawn(async move {
            tokio::time::sleep(at).await;
            publish_row(&w, &t, desk, nth == 11).await;
        });
    }
}

async fn lose_node(world: &World, town: &Town, node: usize) {
    let lost = town.lose(node);
    let at = world.now();
    world.note("ors", format!("node {node} is lost with {} sessions", lost.len()));
    town.tally.count("orchestration nodes lost");
    town.tally.notes().bereft.extend(lost.into_iter().map(|id| (id, at)));
    tokio::time::sleep(Duration::from_secs(600)).await;
    town.revive(node);
    world.note("ors", format!("node {node} is back and knows nothing"));
}

async fn change_routers(world: &World, town: &Town) {
    world.note("urs", "the primary router is gone");
    town.routers.fail();
    tokio::time::sleep(world.chance.seconds(90, 360)).await;
    world.note("urs", "the other router is in charge");
    town.routers.take_over(1);
}

fn kill_worker(world: &World, town: &Town) {
    let workers = world.workers.lock().unwrap_or_else(PoisonError::into_inner);
    let nodes: Vec<_> = workers.values().collect();
    let side = *world.chance.one_of(&[Side::Before, Side::After]);
    let victim = world.chance.one_of(&nodes);
    victim.crash_at(world.chance.between(1, 30), side);
    town.tally.count("worker nodes killed");
}

async fn pause(world: &World, town: &Town, service: &ServiceRef, scope: PauseScope, length: Duration) {
    let act = |paused| PauseAct { scope: scope.clone(), paused, by: "ada".into(), at: world.now() };
    let (name, tenant) = (scope.service().map_or("everything", |name| name.as_str()), service.tenant);
    world.note("admin", format!("pauses {name}"));
    let paused = world.store.set_paused(tenant, &act(true)).await;
    let from = world.now();
    tokio::time::sleep(length).await;
    world.note("admin", format!("resumes {name}"));
    let resumed = world.store.set_paused(tenant, &act(false)).await;
    if !matches!((paused, resumed), (Ok(true), Ok(true))) {
        return;
    }
    let until = world.now();
    let covered = town.plan.desks.iter().map(|desk| &desk.service).filter(|one| one.tenant == tenant);
    let covered = covered.filter(|one| scope.service().is_none_or(|name| *name == one.name));
    let pauses = covered.map(|service| Pause { service: service.clone(), from, until });
    town.tally.notes().pauses.extend(pauses);
}

/// A row that takes nothing from anybody; once a service is taken away and comes back.
async fn publish_row(world: &World, town: &Town, desk: Desk, takes_away: bool) {
    let (tenant, chance) = (desk.service.tenant, &world.chance);
    let (name, row) = row(&desk, desk.ttl + u32::try_from(chance.between(0, 3)).unwrap_or(0) * 900);
    if takes_away {
        publish(world, town, tenant, BTreeMap::new(), vec![name.clone()]).await;
        tokio::time::sleep(chance.seconds(120, 420)).await;
    }
    publish(world, town, tenant, BTreeMap::from([(name, row)]), Vec::new()).await;
}
