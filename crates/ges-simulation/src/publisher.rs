//! Administrators: change settings, pause and resume, remove services and bring them back. Capacity never changes.

use std::sync::Arc;

use ges_domain::ports::{Catalogue, Pauses, ServiceRef, ServiceRow};
use ges_domain::service::Settings;
use ges_domain::throttle;
use ges_testkit::builders::{other_tenant, pause_act, settings, tenant};

use crate::world::{PLACES, World};

fn row(world: &World, service: &ServiceRef) -> ServiceRow {
    let settings = Settings {
        max_per_slot: PLACES,
        callback_ttl: *world.chance.one_of(&[1_800, 2_700]),
        default_priority: *world.chance.one_of(&[None, Some(3)]),
        ..settings()
    };
    ServiceRow { name: service.name.clone(), settings, capacity_rule: None, number_rule: None, region_rule: None }
}

/// Provisions everything, with limits that one seed in four feels.
pub(crate) async fn provision(world: &World) {
    let limit = if world.chance.happens(0.25) { 4 } else { 10_000 };
    let limits = throttle::Settings {
        throttle_limit1: Some(limit),
        throttle_limit2: Some(10_000),
        max_queued: Some(10_000),
        ..throttle::Settings::default()
    };
    for tenant in [tenant(), other_tenant()] {
        let _ = world.store.put_tenant_throttle(tenant, &limits).await;
    }
    put_right(world).await;
}

/// Every service is there and takes bookings.
pub(crate) async fn put_right(world: &World) {
    for service in World::services() {
        let _ = world.store.put_service(service.tenant, &row(world, &service)).await;
        set_paused(world, &service, false).await;
    }
}

async fn set_paused(world: &World, service: &ServiceRef, paused: bool) {
    let act = pause_act(Some(service.name.as_str()), paused, world.now());
    let _ = world.store.set_paused(service.tenant, &act).await;
}

/// Publishes now and then, until everything is to work.
pub(crate) async fn publish(world: Arc<World>) {
    let (chance, store) = (&world.chance, &world.store);
    while let Some((from, until)) = world.weather().publishes {
        tokio::time::sleep(chance.seconds(from, until)).await;
        if world.is_calm() {
            return;
        }
        let service = chance.one_of(&World::services()).clone();
        let (tenant, name) = (service.tenant, &service.name);
        match chance.between(0, 10) {
            0..4 => {
                world.note("admin", format!("publishes {name}"));
                let _ = store.put_service(tenant, &row(&world, &service)).await;
            }
            4..9 => {
                world.note("admin", format!("pauses {name}"));
                set_paused(&world, &service, true).await;
                tokio::time::sleep(chance.seconds(10, 600)).await;
                world.note("admin", format!("resumes {name}"));
                set_paused(&world, &service, false).await;
            }
            _ => {
                world.note("admin", format!("removes {name}"));
                let _ = store.remove_service(tenant, name).await;
                tokio::time::sleep(chance.seconds(10, 600)).await;
                world.note("admin", format!("brings {name} back"));
                let _ = store.put_service(tenant, &row(&world, &service)).await;
            }
        }
    }
}
