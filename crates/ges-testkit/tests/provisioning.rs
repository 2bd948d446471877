//! Provisioning a tenant from a document: good rows are applied, bad ones named and left out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::sync::Arc;

use ges_domain::hours::Hours;
use ges_domain::phone::BadNumberRule;
use ges_domain::ports::{CallIns, Catalogue};
use ges_domain::service::Settings;
use ges_domain::use_cases::{Provision, Provisioned, Provisioning, RowError, RuleError, ServiceDocument};
use ges_testkit::builders::{hourly_rule, service, settings, tenant, weekday_hours};
use ges_testkit::{FakePlan, MemoryStore};

fn row(name: &str, change: impl FnOnce(&mut ServiceDocument)) -> ServiceDocument {
    let mut row = ServiceDocument {
        service_name: service(name),
        capacity_rule: None,
        number_rule: None,
        region_rule: None,
        settings: settings(),
    };
    change(&mut row);
    row
}

fn document(services: Vec<ServiceDocument>) -> Provisioning {
    Provisioning {
        tenant: tenant(),
        throttle: None,
        business_hours: vec![weekday_hours("BH", "09:00", "17:00")],
        capacity_rules: vec![hourly_rule("Rule", 4)],
        number_rules: Vec::new(),
        removed_number_rules: Vec::new(),
        region_rules: Vec::new(),
        call_in_groups: Vec::new(),
        services,
    }
}

async fn apply(store: &MemoryStore, document: &Provisioning) -> Provisioned {
    let store = Arc::new(store.clone());
    let provision = Provision { catalogue: store.clone(), call_ins: store, plan: Arc::new(FakePlan) };
    provision.run(document).await.unwrap()
}

/// R-CFG-1, R-CFG-2, R-CR-6: each bad row is named with its cause, and the good ones are applied.
#[tokio::test]
async fn bad_rows_are_named_and_the_others_applied() {
    let store = MemoryStore::default();
    let rows = vec![
        row("good", |row| {
            row.settings.business_hours = Some("BH".into());
            row.capacity_rule = Some("Rule".into());
        }),
        row("no application", |row| row.settings.callback_application.clear()),
        row("no such hours", |row| row.settings.business_hours = Some("BH2".into())),
        row("no such rule", |row| {
            row.settings.business_hours = Some("BH".into());
            row.capacity_rule = Some("Rule2".into());
        }),
        row("rule without hours", |row| row.capacity_rule = Some("Rule".into())),
    ];
    let outcome = apply(&store, &document(rows)).await;
    assert_eq!(outcome.applied, [service("good")]);
    let causes: Vec<_> = outcome.rejected.iter().map(|(name, cause)| (name.as_str(), cause.to_string())).collect();
    assert!(causes[0].1.contains("callbackApplication"), "the column is named: {causes:?}");
    assert_eq!(outcome.rejected[1].1, RowError::UnknownHours, "R-CFG-2");
    assert_eq!(outcome.rejected[2].1, RowError::UnknownRule);
    assert_eq!(outcome.rejected[3].1, RowError::NoBusinessHours, "R-CR-6");
    let good = store.service(tenant(), &service("good")).await.unwrap().unwrap();
    assert!(matches!(good.hours, Hours::Kept(_)) && good.capacity.is_some(), "R-CR-3");
    assert_eq!(store.service(tenant(), &service("no such hours")).await.unwrap(), None);
}

/// R-CFG-1: a service keeps its settings when its new row is bad.
#[tokio::test]
async fn a_bad_row_leaves_its_service_as_it_was() {
    let store = MemoryStore::default();
    apply(&store, &document(vec![row("CB_Sales", |row| row.settings.max_per_slot = 7)])).await;
    let bad = row("CB_Sales", |row| row.settings.max_per_slot = 10_001);
    let outcome = apply(&store, &document(vec![bad])).await;
    assert_eq!(outcome.rejected.len(), 1);
    let kept = store.service(tenant(), &service("CB_Sales")).await.unwrap().unwrap();
    assert_eq!(kept.settings.max_per_slot, 7);
}

/// R-CFG-3 is the publisher's; the document itself is strict JSON, and the example in the tree is one.
#[test]
fn the_example_in_the_tree_is_a_document_whose_rows_hold() {
    let example = include_str!("../../../deploy/examples/provisioning.json");
    let document: Provisioning = serde_json::from_str(example).unwrap();
    assert!(document.services.iter().all(|row| row.settings.check().is_ok()));
    let settings: &Settings = &document.services[1].settings;
    assert_eq!(settings.business_hours.as_deref(), Some("BH_Support"));
    assert!(serde_json::from_str::<Provisioning>(r#"{"tenant":"x"}"#).is_err());
}

/// R-NV-2, R-NV-9, R-RA-2, 15.1: a rule that does not compile is named, and so are the rows that refer to it.
#[tokio::test]
async fn rules_and_groups_are_applied_and_a_broken_expression_is_named() {
    let store = MemoryStore::default();
    let text = r#"{"tenant":"c0ffee00-0000-4000-8000-000000000100",
        "numberRules":[{"name":"Home","countries":["US"]},
                       {"name":"Broken","countries":["US"],"patterns":[{"expression":"(?=1)"}]}],
        "regionRules":[{"name":"West","preferred":["west"]}],
        "callInGroups":[{"name":"help","numbers":["+15550001"]}],
        "services":[
            {"serviceName":"good","callbackApplication":"A","routingPoint":"1","numberRule":"Home","regionRule":"West"},
            {"serviceName":"broken rule","callbackApplication":"A","routingPoint":"1","numberRule":"Broken"},
            {"serviceName":"no rule","callbackApplication":"A","routingPoint":"1","numberRule":"Other"},
            {"serviceName":"no region","callbackApplication":"A","routingPoint":"1","regionRule":"Other"}]}"#;
    let document: Provisioning = serde_json::from_str(text).unwrap();
    let outcome = apply(&store, &document).await;
    assert_eq!(outcome.applied, [service("good")]);
    let causes: Vec<_> = outcome.rejected.iter().map(|(_, cause)| cause.clone()).collect();
    assert_eq!(causes, [RowError::UnknownNumberRule, RowError::UnknownNumberRule, RowError::UnknownRegionRule]);
    assert_eq!(
        outcome.rejected_rules,
        [("Broken".to_owned(), RuleError::Bad(BadNumberRule::Expression(0)))],
        "EX-K K12"
    );
    let good = store.service(tenant(), &service("good")).await.unwrap().unwrap();
    assert!(good.number_rule.is_some() && good.region_rule.is_some());
    assert_eq!(store.groups(tenant()).await.unwrap().len(), 1);
}

/// R-NV-10, R-NV-12: a rule too many is named, with the services that refer to it; a rule in use is not removed, one that the same
/// document takes from its last service is.
#[tokio::test]
async fn a_rule_too_many_and_a_rule_in_use_are_named() {
    let store = MemoryStore::default();
    let rule = |n: usize| serde_json::from_str(&format!(r#"{{"name":"R{n}","countries":["US"]}}"#)).unwrap();
    let with = |name: &str, rule: &str| row(name, |row| row.number_rule = Some(rule.into()));
    let rows = vec![with("CB_A", "R0"), with("CB_B", "R0"), with("late", "R200")];
    let first = Provisioning { number_rules: (0..=200).map(rule).collect(), ..document(rows) };
    let outcome = apply(&store, &first).await;
    assert_eq!(outcome.rejected_rules, [("R200".to_owned(), RuleError::TooMany)], "R-NV-10");
    assert!(outcome.rejected_rules[0].1.to_string().contains("200"));
    assert_eq!(outcome.rejected, [(service("late"), RowError::UnknownNumberRule)]);
    let removing = |services| Provisioning {
        removed_number_rules: ["R0", "R1", "never"].map(str::to_owned).into(),
        ..document(services)
    };
    let outcome = apply(&store, &removing(vec![row("CB_A", |_| ())])).await;
    let in_use = RuleError::InUse(vec![service("CB_B")]);
    assert!(in_use.to_string().contains("CB_B"));
    assert_eq!(outcome.rejected_rules, [("R0".to_owned(), in_use)], "R-NV-12: CB_B still has it");
    let kept = store.service(tenant(), &service("CB_B")).await.unwrap().unwrap();
    assert!(kept.number_rule.is_some());
    let outcome = apply(&store, &removing(vec![row("CB_B", |_| ())])).await;
    assert_eq!(outcome.rejected_rules, []);
    let outcome = apply(&store, &first).await;
    assert_eq!(outcome.rejected_rules, [("R200".to_owned(), RuleError::TooMany)], "R0 and R1 were gone");
}
