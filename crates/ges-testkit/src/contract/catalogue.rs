//! What is provisioned reads back as it was written (chapters 7 and 8).

use std::collections::BTreeMap;

use ges_domain::hours::Hours;
use ges_domain::phone::NumberRule;
use ges_domain::ports::{RuleRemoved, ServiceRow};
use ges_domain::region::{Region, RegionRule};
use ges_domain::service::Settings;
use ges_domain::throttle::{self, InQueueCheck};

use super::{Stores, book, provision, refused, standing};
use crate::builders::{
    START, hourly_rule, immediate, other_tenant, pause_act, service, service_row, settings, tenant, weekday_hours,
};

/// Never provisioned.
pub async fn an_unknown_service_is_none(stores: &dyn Stores) {
    assert_eq!(stores.catalogue().service(tenant(), &service("CB_Sales")).await.unwrap(), None);
    assert_eq!(stores.catalogue().hours(tenant(), "Office").await.unwrap(), None);
    stores.catalogue().remove_service(tenant(), &service("CB_Sales")).await.unwrap();
    assert_eq!(stores.catalogue().service(tenant(), &service("CB_Sales")).await.unwrap(), None);
}

/// Settings with unknown keys, hours, rule.
pub async fn a_service_reads_back_with_everything_it_refers_to(stores: &dyn Stores) {
    let catalogue = stores.catalogue();
    let (hours, rule) = (weekday_hours("Office", "09:00", "17:00"), hourly_rule("Peak", 12));
    catalogue.put_hours(tenant(), &hours).await.unwrap();
    catalogue.put_capacity_rule(tenant(), &rule).await.unwrap();
    let settings = Settings {
        description: "Verkauf ⟨Süd⟩".into(),
        business_hours: Some("Office".into()),
        extra: BTreeMap::from([("futureKey".to_owned(), "x".to_owned())]),
        throttle: throttle::Settings { throttle_limit1: Some(-1), ..throttle::Settings::default() },
        default_priority: Some(-7),
        ..settings()
    };
    let name = service("Süd / Verkauf ☎");
    let row = ServiceRow {
        name: name.clone(),
        settings: settings.clone(),
        capacity_rule: Some("Peak".into()),
        number_rule: None,
        region_rule: None,
    };
    catalogue.put_service(tenant(), &row).await.unwrap();
    let found = catalogue.service(tenant(), &name).await.unwrap().expect("it is provisioned");
    assert_eq!((&found.name, &found.settings), (&name, &settings));
    assert_eq!((&found.hours, &found.capacity), (&Hours::Kept(hours), &Some(rule)));
    assert_eq!((found.paused, found.removed), (false, false));
    assert_eq!(found.tenant_throttle, throttle::Settings::default());
    let changed = weekday_hours("Office", "08:00", "12:00");
    catalogue.put_hours(tenant(), &changed).await.unwrap();
    catalogue.put_capacity_rule(tenant(), &hourly_rule("Peak", 3)).await.unwrap();
    let found = catalogue.service(tenant(), &name).await.unwrap().unwrap();
    assert_eq!((&found.hours, &found.capacity), (&Hours::Kept(changed), &Some(hourly_rule("Peak", 3))), "R-CR-8");
}

/// R-PUB-8.
pub async fn a_change_keeps_pause_and_bookings(stores: &dyn Stores) {
    provision(stores).await;
    let booked = book(stores, immediate(START)).await;
    let catalogue = stores.catalogue();
    assert!(stores.pauses().set_paused(tenant(), &pause_act(Some("CB_Sales"), true, START)).await.unwrap());
    let mut row = service_row("CB_Sales");
    row.settings.max_per_slot = 3;
    catalogue.put_service(tenant(), &row).await.unwrap();
    let found = catalogue.service(tenant(), &booked.service).await.unwrap().unwrap();
    assert_eq!((found.settings.max_per_slot, found.paused), (3, true), "seen by the writer at once");
    assert_eq!(standing(stores, &booked).await, booked);
    assert!(stores.pauses().set_paused(tenant(), &pause_act(Some("CB_Sales"), false, START)).await.unwrap());
    assert!(!catalogue.service(tenant(), &booked.service).await.unwrap().unwrap().paused);
}

/// R-PUB-5, R-PUB-6.
pub async fn a_removed_service_keeps_its_bookings_and_comes_back(stores: &dyn Stores) {
    provision(stores).await;
    let booked = book(stores, immediate(START)).await;
    let catalogue = stores.catalogue();
    catalogue.remove_service(tenant(), &booked.service).await.unwrap();
    let found = catalogue.service(tenant(), &booked.service).await.unwrap().expect("kept to explain old bookings");
    assert!(found.removed);
    assert_eq!(standing(stores, &booked).await, booked);
    let lease = super::lease_for(stores, &booked).await;
    let due = stores.handover().due(lease, &super::service_of(&booked), START, 9).await.unwrap();
    assert_eq!(due, std::slice::from_ref(&booked), "the monitor still sees it");
    refused(stores, immediate(START)).await;
    catalogue.put_service(tenant(), &service_row("CB_Sales")).await.unwrap();
    assert!(!catalogue.service(tenant(), &booked.service).await.unwrap().unwrap().removed);
    assert_eq!(standing(stores, &booked).await, booked);
    let strict = immediate(START).limits(|limits| limits.in_queue = InQueueCheck::Strict);
    refused(stores, strict).await;
    book(stores, immediate(START)).await;
}

/// R-BH-8: closed, never always open.
pub async fn missing_and_unreadable_hours_close_the_service(stores: &dyn Stores) {
    let catalogue = stores.catalogue();
    let mut row = service_row("CB_Sales");
    row.settings.business_hours = Some("Office".into());
    catalogue.put_service(tenant(), &row).await.unwrap();
    let hours = async || catalogue.service(tenant(), &row.name).await.unwrap().unwrap().hours.clone();
    assert_eq!(hours().await, Hours::Unreadable, "never stored");
    let office = weekday_hours("Office", "09:00", "17:00");
    catalogue.put_hours(tenant(), &office).await.unwrap();
    assert_eq!(hours().await, Hours::Kept(office.clone()));
    stores.spoil_hours(tenant(), "Office").await;
    assert_eq!(catalogue.hours(tenant(), "Office").await.unwrap(), Some(Hours::Unreadable));
    let broken = weekday_hours("Broken", "09:00", "17:00");
    catalogue.put_hours(tenant(), &broken).await.unwrap();
    stores.spoil_hours(tenant(), "Broken").await;
    row.settings.business_hours = Some("Broken".into());
    catalogue.put_service(tenant(), &row).await.unwrap();
    assert_eq!(hours().await, Hours::Unreadable, "stored but broken");
    catalogue.put_hours(tenant(), &broken).await.unwrap();
    assert_eq!(hours().await, Hours::Kept(broken), "publishing again mends it");
}

/// R-OF-3.
pub async fn hours_are_found_by_name(stores: &dyn Stores) {
    let catalogue = stores.catalogue();
    let (office, night) = (weekday_hours("Office", "09:00", "17:00"), weekday_hours("Näght", "22:00", "23:59"));
    catalogue.put_hours(tenant(), &office).await.unwrap();
    catalogue.put_hours(tenant(), &night).await.unwrap();
    assert_eq!(catalogue.hours(tenant(), "Office").await.unwrap(), Some(Hours::Kept(office)));
    assert_eq!(catalogue.hours(tenant(), "Näght").await.unwrap(), Some(Hours::Kept(night)));
    assert_eq!(catalogue.hours(tenant(), "office").await.unwrap(), None, "compared exactly");
    assert_eq!(catalogue.hours(other_tenant(), "Office").await.unwrap(), None, "I9");
}

/// R-THR-1.
pub async fn the_tenants_throttle_is_below_the_services(stores: &dyn Stores) {
    let catalogue = stores.catalogue();
    let own = throttle::Settings { throttle_limit1: Some(7), ..throttle::Settings::default() };
    let mut row = service_row("CB_Sales");
    row.settings.throttle = own;
    catalogue.put_service(tenant(), &row).await.unwrap();
    let tenants = throttle::Settings {
        throttle_limit1: Some(1),
        throttle_ttl2: Some(9),
        in_queue_check: Some(InQueueCheck::Strict),
        ..throttle::Settings::default()
    };
    assert_eq!(catalogue.tenant_throttle(tenant()).await.unwrap(), throttle::Settings::default());
    catalogue.put_tenant_throttle(tenant(), &tenants).await.unwrap();
    assert_eq!(catalogue.tenant_throttle(tenant()).await.unwrap(), tenants);
    assert_eq!(catalogue.tenant_throttle(other_tenant()).await.unwrap(), throttle::Settings::default(), "I9");
    let found = catalogue.service(tenant(), &row.name).await.unwrap().unwrap();
    assert_eq!((found.settings.throttle, found.tenant_throttle), (own, tenants));
    let limits = found.limits();
    assert_eq!((limits.windows[0].limit, limits.windows[1].length.as_secs()), (7, 9));
    assert_eq!(limits.in_queue, InQueueCheck::Strict);
}

/// I9, R-CON-4.
pub async fn tenants_do_not_share_a_catalogue(stores: &dyn Stores) {
    let catalogue = stores.catalogue();
    let mut row = service_row("CB_Sales");
    row.settings.business_hours = Some("Office".into());
    row.capacity_rule = Some("Peak".into());
    catalogue.put_service(tenant(), &row).await.unwrap();
    assert_eq!(catalogue.service(other_tenant(), &row.name).await.unwrap(), None);
    catalogue.put_service(other_tenant(), &row).await.unwrap();
    catalogue.put_hours(tenant(), &weekday_hours("Office", "09:00", "17:00")).await.unwrap();
    catalogue.put_capacity_rule(tenant(), &hourly_rule("Peak", 5)).await.unwrap();
    let strict = throttle::Settings { per_number_limit: Some(1), ..throttle::Settings::default() };
    catalogue.put_tenant_throttle(tenant(), &strict).await.unwrap();
    let theirs = catalogue.service(other_tenant(), &row.name).await.unwrap().unwrap();
    assert_eq!((&theirs.hours, &theirs.capacity), (&Hours::Unreadable, &None));
    assert_eq!(theirs.tenant_throttle, throttle::Settings::default());
    catalogue.remove_service(tenant(), &row.name).await.unwrap();
    assert!(!catalogue.service(other_tenant(), &row.name).await.unwrap().unwrap().removed);
}

/// R-NV-2, R-RA-2: assigned by name, read back with the service, changed in place, and nobody else's.
pub async fn number_and_region_rules_come_with_their_services(stores: &dyn Stores) {
    let catalogue = stores.catalogue();
    let number_rule = |countries: &str| -> NumberRule {
        let document = format!(r#"{{"name":"Home","countries":[{countries}],"patterns":[{{"simple":"1900*"}}]}}"#);
        serde_json::from_str(&document).unwrap()
    };
    let region_rule = RegionRule::new("West", vec![Region::new("west").unwrap(), Region::new("eu").unwrap()]).unwrap();
    let mut row = service_row("CB_Sales");
    (row.number_rule, row.region_rule) = (Some("Home".into()), Some("West".into()));
    catalogue.put_number_rule(tenant(), &number_rule(r#""US""#)).await.unwrap();
    catalogue.put_region_rule(tenant(), &region_rule).await.unwrap();
    for tenant in [tenant(), other_tenant()] {
        catalogue.put_service(tenant, &row).await.unwrap();
    }
    let of = async |tenant| catalogue.service(tenant, &row.name).await.unwrap().unwrap();
    let found = of(tenant()).await;
    assert_eq!((&found.number_rule, &found.region_rule), (&Some(number_rule(r#""US""#)), &Some(region_rule)));
    let theirs = of(other_tenant()).await;
    assert_eq!((&theirs.number_rule, &theirs.region_rule), (&None, &None), "I9");
    catalogue.put_number_rule(tenant(), &number_rule(r#""US","CA""#)).await.unwrap();
    assert_eq!(of(tenant()).await.number_rule, Some(number_rule(r#""US","CA""#)));
    catalogue.put_service(tenant(), &service_row("CB_Sales")).await.unwrap();
    let without = of(tenant()).await;
    assert_eq!((&without.number_rule, &without.region_rule), (&None, &None), "taken away");
}

fn rule_called(name: &str) -> NumberRule {
    serde_json::from_str(&format!(r#"{{"name":"{name}","countries":["US"]}}"#)).unwrap()
}

/// R-NV-10: also when many are stored at once; a rule that is there may still be changed, and tenants are counted apart.
pub async fn a_tenant_has_two_hundred_number_rules_at_most(stores: &dyn Stores) {
    let most = usize::try_from(NumberRule::MOST).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..most + 10 {
        let catalogue = stores.catalogue();
        tasks.spawn(async move { catalogue.put_number_rule(tenant(), &rule_called(&format!("R{n}"))).await.unwrap() });
    }
    let stored = tasks.join_all().await.into_iter().filter(|stored| *stored).count();
    assert_eq!(stored, most, "R-NV-10");
    let catalogue = stores.catalogue();
    assert!(!catalogue.put_number_rule(tenant(), &rule_called("new")).await.unwrap());
    assert!(catalogue.put_number_rule(other_tenant(), &rule_called("new")).await.unwrap(), "I9");
    let mut again = 0;
    for n in 0..most + 10 {
        again += usize::from(catalogue.put_number_rule(tenant(), &rule_called(&format!("R{n}"))).await.unwrap());
    }
    assert_eq!(again, most, "those that are there change");
}

/// R-NV-12.
pub async fn a_number_rule_that_a_service_has_is_not_removed(stores: &dyn Stores) {
    let catalogue = stores.catalogue();
    for tenant in [tenant(), other_tenant()] {
        catalogue.put_number_rule(tenant, &rule_called("Home")).await.unwrap();
    }
    let with = |name: &str| ServiceRow { number_rule: Some("Home".into()), ..service_row(name) };
    for name in ["CB_Support", "CB_Sales"] {
        catalogue.put_service(tenant(), &with(name)).await.unwrap();
    }
    let remove = async |tenant, name: &str| catalogue.remove_number_rule(tenant, name).await.unwrap();
    let both = vec![service("CB_Sales"), service("CB_Support")];
    assert_eq!(remove(tenant(), "Home").await, RuleRemoved::InUse(both), "R-NV-12");
    assert_eq!(remove(other_tenant(), "Home").await, RuleRemoved::Done, "I9: not in use there");
    catalogue.put_service(tenant(), &service_row("CB_Sales")).await.unwrap();
    catalogue.remove_service(tenant(), &service("CB_Support")).await.unwrap();
    assert_eq!(remove(tenant(), "Home").await, RuleRemoved::InUse(vec![service("CB_Support")]), "it may come back");
    catalogue.put_service(tenant(), &service_row("CB_Support")).await.unwrap();
    assert_eq!(remove(tenant(), "Home").await, RuleRemoved::Done);
    assert_eq!(remove(tenant(), "Home").await, RuleRemoved::Unknown);
    catalogue.put_service(tenant(), &with("CB_Sales")).await.unwrap();
    let dangling = catalogue.service(tenant(), &service("CB_Sales")).await.unwrap().unwrap();
    assert!(dangling.number_rule.is_none(), "it is gone");
}
