//! Publishes are atomic, ordered, and keep what belongs to services (chapter 7.2).

use std::collections::BTreeMap;
use std::time::Duration;

use ges_domain::booking::Booked;
use ges_domain::hours::Hours;
use ges_domain::ports::{Cancelled, ServiceRow};
use ges_domain::publishing::{Cells, Edition, Extent, Publish, Published, Report, Standing, Table};
use ges_domain::{Instant, TenantId};

use super::{Stores, book, used};
use crate::builders::{
    START, consumer_cancels, hourly_rule, immediate, other_tenant, pause_act, scheduled, service, tenant,
};

fn cells(pairs: &[(&str, &str)]) -> Cells {
    pairs.iter().map(|(column, cell)| ((*column).to_owned(), (*cell).to_owned())).collect()
}

fn callback(more: &[(&str, &str)]) -> Cells {
    let mut row = cells(&[("_service", "callback"), ("_application", "CallbackApp"), ("_route_point", "5001")]);
    row.extend(cells(more));
    row
}

fn calendar(range: &str) -> Cells {
    cells(&[("_service", "office-hours"), ("_timezone", "Etc/UTC"), ("_bh_regular1", &format!("Mon-Sun {range}"))])
}

fn changes(sections: &[(&str, Cells)], removed: &[&str]) -> Publish {
    let sections = sections.iter().map(|(name, cells)| ((*name).to_owned(), cells.clone())).collect();
    Publish::changes(START, sections, removed.iter().map(|name| (*name).to_owned()).collect())
}

fn snapshot(id: &str, published_at: Instant, names: &[&str]) -> Publish {
    let sections: BTreeMap<_, _> = names.iter().map(|name| (format!("service.{name}"), callback(&[]))).collect();
    Publish {
        edition: Some(Edition { id: id.into(), published_at }),
        extent: Extent::Snapshot(Table::CallbackSettings),
        ..Publish::changes(START, sections, Vec::new())
    }
}

async fn applied(stores: &dyn Stores, publish: &Publish) -> Report {
    match stores.publishing().publish(tenant(), publish).await.unwrap() {
        Published::Applied(report) => *report,
        other => panic!("not applied: {other:?}"),
    }
}

async fn takes_bookings(stores: &dyn Stores, tenant: TenantId, name: &str) -> bool {
    let found = stores.catalogue().service(tenant, &service(name)).await.unwrap();
    found.is_some_and(|found| !found.removed)
}

/// Sections as sent, services, calendars, revision, edition.
pub async fn a_publish_is_in_force_and_reads_back_as_it_was_sent(stores: &dyn Stores) {
    let (store, catalogue) = (stores.publishing(), stores.catalogue());
    assert_eq!(store.standing(tenant()).await.unwrap(), Standing::default());
    let row = callback(&[("_business_hours_service", "BH"), ("futureColumn", "x"), ("_ttl", "600")]);
    let publish = changes(&[("service.CB_Sales", row.clone()), ("service.BH", calendar("09:00-17:00"))], &[]);
    let report = applied(stores, &publish).await;
    assert_eq!((report.added.len(), report.revision, report.services_changed), (2, 1, true));
    let found = catalogue.service(tenant(), &service("CB_Sales")).await.unwrap().unwrap();
    assert_eq!((found.settings.callback_ttl, found.settings.routing_point.as_str()), (600, "5001"));
    assert_eq!(found.settings.extra.get("futureColumn").map(String::as_str), Some("x"), "unknown columns are kept");
    assert!(matches!(&found.hours, Hours::Kept(office) if office.name() == "BH"), "R-PUB-4: {:?}", found.hours);
    let standing = store.standing(tenant()).await.unwrap();
    assert_eq!((standing.revision, standing.sections["service.CB_Sales"].cells.clone()), (1, row.clone()));
    assert_eq!(standing.last, Some(standing.sections["service.BH"].edition.clone()));
    assert_eq!(store.section(tenant(), "service.CB_Sales").await.unwrap().unwrap().cells, row);
    assert_eq!(store.section(tenant(), "service.CB").await.unwrap(), None);
    assert_eq!(store.standing(other_tenant()).await.unwrap(), Standing::default(), "I9");
    assert_eq!(store.section(other_tenant(), "service.CB_Sales").await.unwrap(), None, "I9");
    assert_eq!(store.tenants().await.unwrap(), [tenant()]);
}

/// R-PUB-2, R-PUB-6: changes name what goes, a snapshot removes what it lacks, and only what was published.
pub async fn changes_and_snapshots_remove_what_was_published_and_nothing_else(stores: &dyn Stores) {
    let provisioned = ServiceRow { name: service("CB_Own"), ..crate::builders::service_row("CB_Own") };
    stores.catalogue().put_service(tenant(), &provisioned).await.unwrap();
    let first = applied(stores, &snapshot("p1", START, &["CB_A", "CB_B", "CB_C"])).await;
    assert_eq!(first.added, ["CB_A", "CB_B", "CB_C"]);
    let second = snapshot("p2", START + Duration::from_secs(1), &["CB_B", "CB_C", "CB_D"]);
    let second = applied(stores, &second).await;
    assert_eq!((second.added, second.removed, second.updated), (vec!["CB_D".into()], vec!["CB_A".into()], vec![]));
    let third = applied(stores, &changes(&[], &["service.CB_B", "service.CB_Own", "service.Nobody"])).await;
    assert_eq!((third.removed, third.revision), (vec!["CB_B".to_owned()], 3));
    for (name, there) in [("CB_A", false), ("CB_B", false), ("CB_C", true), ("CB_D", true), ("CB_Own", true)] {
        assert_eq!(takes_bookings(stores, tenant(), name).await, there, "{name}");
    }
}

/// R-PUB-3: the older one is ignored, the same one changes nothing, another version is refused.
pub async fn publishes_apply_in_the_order_of_their_time(stores: &dyn Stores) {
    let store = stores.publishing();
    let later = START + Duration::from_secs(60);
    applied(stores, &snapshot("p2", later, &["CB_A"])).await;
    let before = store.standing(tenant()).await.unwrap();
    assert_eq!(store.publish(tenant(), &snapshot("p1", START, &["CB_B"])).await.unwrap(), Published::Older);
    assert_eq!(store.publish(tenant(), &snapshot("p2", later, &["CB_B"])).await.unwrap(), Published::Repeated);
    let mut conditional = snapshot("p3", later, &["CB_B"]);
    conditional.only_if = Some("p1".into());
    assert_eq!(store.publish(tenant(), &conditional).await.unwrap(), Published::VersionDiffers);
    assert_eq!(store.standing(tenant()).await.unwrap(), before, "nothing changed");
    assert!(takes_bookings(stores, tenant(), "CB_A").await && !takes_bookings(stores, tenant(), "CB_B").await);
    conditional.only_if = Some("p2".into());
    assert_eq!(applied(stores, &conditional).await.removed, ["CB_A"]);
}

/// Integrations 5.5: two at once serialise, each revision is given once, and no section is lost.
pub async fn publishes_at_once_come_one_after_the_other(stores: &dyn Stores) {
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..12 {
        let store = stores.publishing();
        let publish = changes(&[(&format!("service.CB_{number}"), callback(&[]))], &[]);
        tasks.spawn(async move { store.publish(tenant(), &publish).await.unwrap() });
    }
    let mut revisions: Vec<_> = tasks
        .join_all()
        .await
        .into_iter()
        .map(|published| match published {
            Published::Applied(report) => report.revision,
            other => panic!("{other:?}"),
        })
        .collect();
    revisions.sort_unstable();
    assert_eq!(revisions, (1..=12).collect::<Vec<u64>>());
    let standing = stores.publishing().standing(tenant()).await.unwrap();
    assert_eq!((standing.revision, standing.sections.len()), (12, 12));
    for number in 0..12 {
        assert!(takes_bookings(stores, tenant(), &format!("CB_{number}")).await, "CB_{number}");
    }
}

/// R-CFG-1: a bad row of a known service changes nothing, of a new one makes none; the others apply. R-CFG-2: a row whose
/// calendar comes later is taken then.
pub async fn a_bad_row_leaves_its_service_as_it_was(stores: &dyn Stores) {
    applied(stores, &changes(&[("service.CB_A", callback(&[("_ttl", "600")]))], &[])).await;
    let bad = callback(&[("_ttl", "600"), ("_request_time_bucket", "17")]);
    let needs = callback(&[("businessHours", "BH")]);
    let publish = changes(&[("service.CB_A", bad.clone()), ("service.CB_B", needs), ("service.CB_C", bad)], &[]);
    let report = applied(stores, &publish).await;
    let told: Vec<_> = report.invalid.iter().map(|problem| (problem.row.as_str(), problem.column.as_str())).collect();
    assert_eq!(
        told,
        [
            ("service.CB_A", "_request_time_bucket"),
            ("service.CB_B", "businessHours"),
            ("service.CB_C", "_request_time_bucket")
        ]
    );
    let found = stores.catalogue().service(tenant(), &service("CB_A")).await.unwrap().unwrap();
    assert_eq!((found.settings.callback_ttl, found.removed), (600, false), "as it was");
    assert!(!takes_bookings(stores, tenant(), "CB_B").await && !takes_bookings(stores, tenant(), "CB_C").await);
    let standing = stores.publishing().standing(tenant()).await.unwrap();
    assert_eq!(standing.problems().count(), 3);
    applied(stores, &changes(&[("service.BH", calendar("09:00-17:00"))], &[])).await;
    assert!(takes_bookings(stores, tenant(), "CB_B").await, "R-CFG-2: its calendar is here");
    assert_eq!(stores.publishing().standing(tenant()).await.unwrap().problems().count(), 2);
    let gone = applied(stores, &changes(&[], &["service.CB_A"])).await;
    assert_eq!(gone.removed, ["CB_A"]);
    assert!(!takes_bookings(stores, tenant(), "CB_A").await, "it was there, so it goes");
}

/// R-PUB-5: within 14 days rules and pause come back, later the service is a new one.
pub async fn a_service_that_comes_back_in_time_has_its_rules(stores: &dyn Stores) {
    let catalogue = stores.catalogue();
    catalogue.put_capacity_rule(tenant(), &hourly_rule("Peak", 7)).await.unwrap();
    let row = ServiceRow { capacity_rule: Some("Peak".into()), ..crate::builders::service_row("CB_A") };
    catalogue.put_service(tenant(), &row).await.unwrap();
    stores.pauses().set_paused(tenant(), &pause_act(Some("CB_A"), true, START)).await.unwrap();
    let put = |days: u64| Publish {
        received_at: START + Duration::from_secs(days * 86_400),
        ..changes(&[("service.CB_A", callback(&[]))], &[])
    };
    let removed = |days: u64| Publish {
        received_at: START + Duration::from_secs(days * 86_400),
        ..changes(&[], &["service.CB_A"])
    };
    applied(stores, &put(0)).await;
    let kept = async || {
        let found = catalogue.service(tenant(), &service("CB_A")).await.unwrap().unwrap();
        assert!(!found.removed);
        (found.capacity.is_some(), found.paused)
    };
    assert_eq!(kept().await, (true, true), "a publish touches neither rules nor pause (R-PUB-8)");
    applied(stores, &removed(1)).await;
    assert!(!takes_bookings(stores, tenant(), "CB_A").await);
    applied(stores, &put(15)).await;
    assert_eq!(kept().await, (true, true), "14 days later");
    applied(stores, &removed(20)).await;
    applied(stores, &put(35)).await;
    assert_eq!(kept().await, (false, false), "15 days later it starts anew");
}

/// R-PUB-6: no new bookings at once, the old ones stay readable and cancellable.
pub async fn a_service_removed_by_a_publish_keeps_its_records(stores: &dyn Stores) {
    applied(stores, &changes(&[("service.CB_Sales", callback(&[]))], &[])).await;
    let later = book(stores, scheduled(START, START + Duration::from_secs(7200))).await;
    applied(stores, &changes(&[], &["service.CB_Sales"])).await;
    let refused = stores.bookings().book(immediate(START).build()).await.unwrap();
    assert!(!matches!(refused, Booked::Accepted(_)), "{refused:?}");
    let found = stores.record().find(tenant(), later.id, START).await.unwrap().expect("readable");
    assert_eq!(used(stores, &found, found.desired_at).await, 1);
    let cancelled = stores.record().cancel(tenant(), found.id, &consumer_cancels(), START).await.unwrap();
    assert!(matches!(cancelled, Cancelled::Done(_)), "{cancelled:?}");
}

/// R-PUB-4, R-BH-2: special days are added to the calendar of the service alone, and follow both when they change.
pub async fn special_days_are_the_services_own(stores: &dyn Stores) {
    let days = |date: &str| cells(&[("_service", "special-days"), ("entry1", date)]);
    let row = callback(&[("businessHours", "BH"), ("specialDays", "Feast")]);
    let sections = [
        ("service.CB_A", row),
        ("service.CB_B", callback(&[("businessHours", "BH")])),
        ("service.BH", calendar("09:00-17:00")),
        ("special-days.Feast", days("2026-12-25")),
    ];
    applied(stores, &changes(&sections, &[])).await;
    let open = async |name: &str, at: &str| {
        let found = stores.catalogue().service(tenant(), &service(name)).await.unwrap().unwrap();
        found.hours.is_open(at.parse().unwrap())
    };
    assert!(!open("CB_A", "2026-12-25T10:00:00Z").await);
    assert!(open("CB_A", "2026-12-26T10:00:00Z").await && open("CB_B", "2026-12-25T10:00:00Z").await);
    let both = [("special-days.Feast", days("2026-12-26")), ("service.BH", calendar("10:00-18:00"))];
    applied(stores, &changes(&both, &[])).await;
    assert!(open("CB_A", "2026-12-25T17:30:00Z").await && !open("CB_A", "2026-12-26T17:30:00Z").await);
}

/// A calendar that a service keeps does not vanish under it, and the sender hears so; one that nobody keeps goes, a capacity
/// calendar likewise (R-CR-5). What stayed goes with the first publish after its last user left it.
pub async fn what_a_service_has_does_not_vanish_under_it(stores: &dyn Stores) {
    let capacity = cells(&[("_service", "capacity"), ("_bh_regular1", "Mon-Sun 00:00-24:00;7")]);
    let sections = [
        ("service.CB_A", callback(&[("businessHours", "BH")])),
        ("service.BH", calendar("09:00-17:00")),
        ("service.Idle", calendar("09:00-17:00")),
        ("service.Peak", capacity),
    ];
    applied(stores, &changes(&sections, &[])).await;
    let row = ServiceRow { capacity_rule: Some("Peak".into()), ..crate::builders::service_row("CB_Own") };
    stores.catalogue().put_service(tenant(), &row).await.unwrap();
    let gone = applied(stores, &changes(&[], &["service.BH", "service.Idle", "service.Peak"])).await;
    assert_eq!(gone.removed, ["Idle"]);
    let told: Vec<_> = gone.invalid.iter().map(|problem| (problem.row.as_str(), problem.cause.as_str())).collect();
    assert_eq!(
        told,
        [
            ("service.BH", "is used by CB_A and stays until no service uses it"),
            ("service.Peak", "is used by CB_Own and stays until no service uses it"),
        ]
    );
    assert!(!gone.services_changed);
    assert!(stores.catalogue().hours(tenant(), "Idle").await.unwrap().is_none());
    let found = stores.catalogue().service(tenant(), &service("CB_A")).await.unwrap().unwrap();
    assert!(matches!(found.hours, Hours::Kept(_)));
    let found = stores.catalogue().service(tenant(), &service("CB_Own")).await.unwrap().unwrap();
    assert!(found.capacity.is_some());
    let standing = stores.publishing().standing(tenant()).await.unwrap();
    assert!(standing.sections["service.Peak"].leaving && !standing.sections.contains_key("service.Idle"));
    stores.catalogue().put_service(tenant(), &crate::builders::service_row("CB_Own")).await.unwrap();
    let left = applied(stores, &changes(&[("service.CB_A", callback(&[]))], &[])).await;
    assert_eq!((left.removed, left.invalid), (vec!["BH".to_owned(), "Peak".to_owned()], vec![]));
    assert!(stores.catalogue().hours(tenant(), "BH").await.unwrap().is_none());
    let standing = stores.publishing().standing(tenant()).await.unwrap();
    assert_eq!(standing.sections.keys().collect::<Vec<_>>(), ["service.CB_A"]);
}
