//! What befalls the day: a worker node is killed twice, an orchestration node is lost, the routers change roles with a moment in
//! which none answers, services are published and paused.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ges_domain::call_in::Group;
use ges_domain::ports::{CallIns, Catalogue, PauseAct, PauseScope, Pauses, ServiceRef};
use ges_testkit::builders::{call_in_group, other_tenant, tenant};

use super::caller::GROUP;
use super::plan::{Desk, calendar, limits};
use super::tally::Pause;
use super::town::Town;
use crate::ports::Side;
use crate::world::World;

/// Puts everything in place before anybody comes.
pub(crate) async fn provision(world: &World, town: &Town) {
    for tenant in [tenant(), other_tenant()] {
        let _ = world.store.put_tenant_throttle(tenant, &limits()).await;
        if let Some(calendar) = calendar() {
            let _ = world.store.put_hours(tenant, &calendar).await;
        }
        let group = Group { service: None, ..call_in_group(GROUP, &["+18005550100", "+18005550101"], None) };
        let _ = world.store.put_group(tenant, &group).await;
    }
    for desk in &town.plan.desks {
        let _ = world.store.put_service(desk.service.tenant, &desk.row()).await;
    }
}

/// Everything that befalls the day, each at its time.
pub(crate) fn direct(world: &Arc<World>, town: &Arc<Town>) {
    let (chance, of) = (&world.chance, || (Arc::clone(world), Arc::clone(town)));
    let (at, node) = (chance.seconds(6 * 3_600, 9 * 3_600), chance.between(0, 3));
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
            publish(&w, &t, desk, nth == 11).await;
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

/// New settings that take nothing from anybody; once a service is taken away and comes back.
async fn publish(world: &World, town: &Town, desk: Desk, takes_away: bool) {
    let (tenant, mut row) = (desk.service.tenant, desk.row());
    let chance = &world.chance;
    row.settings.callback_ttl = desk.ttl + u32::try_from(chance.between(0, 3)).unwrap_or(0) * 900;
    row.settings.call_display_name = format!("Line {}", chance.between(1, 10));
    if takes_away {
        world.note("admin", format!("removes {}", row.name));
        let _ = world.store.remove_service(tenant, &row.name).await;
        town.tally.count("publishes");
        tokio::time::sleep(chance.seconds(120, 420)).await;
    }
    world.note("admin", format!("publishes {}", row.name));
    let _ = world.store.put_service(tenant, &row).await;
    town.tally.count("publishes");
}
