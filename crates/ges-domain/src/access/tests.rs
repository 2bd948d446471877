//! The table of roles, assignment, line of business; worked example EX-R and property P-18.

use proptest::prelude::*;

use super::*;
use crate::ServiceName;

fn claims(groups: &[&str], roles: &[&str], legacy: Option<&str>) -> Claims {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Claims { groups: owned(groups), roles: owned(roles), legacy: legacy.map(str::to_owned) }
}

fn allowed(claims: &Claims) -> Permissions {
    let assignment = Assignment::default();
    assignment.permissions(assignment.roles(claims))
}

fn names(roles: Roles) -> Vec<&'static str> {
    roles.iter().map(Role::as_str).collect()
}

fn service(name: &str) -> ServiceName {
    ServiceName::new(name).unwrap()
}

#[test]
fn the_table_of_roles() {
    use Permission as P;
    // Administrator, Supervisor, Monitor, Developer, DevOps
    let table = [
        (P::ViewCallbacks, "yyyyy"),
        (P::ChangeCallbacks, "yy-y-"),
        (P::ViewQueues, "yyyyy"),
        (P::AssignNumberRule, "yy-y-"),
        (P::AssignQueueRules, "y----"),
        (P::PauseQueue, "y---y"),
        (P::ViewCapacityRules, "yyyyy"),
        (P::EditCapacityRules, "y----"),
        (P::ViewNumberRules, "yyyyy"),
        (P::EditNumberRules, "yy-y-"),
        (P::ViewRegionRules, "y---y"),
        (P::EditRegionRules, "y----"),
        (P::ManageCallInGroups, "y--y-"),
        (P::ViewCallIns, "yy-yy"),
        (P::ViewApiErrors, "y--yy"),
        (P::ManageCredentials, "y--y-"),
        (P::DiagnoseSessions, "y--yy"),
        (P::DiagnosePlatform, "----y"),
    ];
    assert_eq!(table.map(|(permission, _)| permission), Permission::ALL, "every row once");
    for (permission, row) in table {
        let mark = |role: Role| if role.permissions().allow(permission) { 'y' } else { '-' };
        assert_eq!(Role::ALL.map(mark).iter().collect::<String>(), row, "{permission:?}");
    }
}

#[test]
fn ex_r_access() {
    use Permission as P;
    let (monitor, supervisor) = (claims(&["Acme Managers"], &[], None), claims(&["Acme Supervisors"], &[], None));
    let (developer, nobody) = (claims(&["Callback Developers"], &[], None), claims(&["Acme Agents"], &[], None));
    let legacy = claims(&["Acme Administrators"], &[], Some("Monitor"));
    for (row, user, permission, expected) in [
        ("R1", &monitor, P::ChangeCallbacks, false),
        ("R2", &supervisor, P::EditCapacityRules, false),
        ("R3", &supervisor, P::EditNumberRules, true),
        ("R4", &developer, P::ManageCredentials, true),
        ("R7", &legacy, P::ChangeCallbacks, false),
    ] {
        assert_eq!(allowed(user).allow(permission), expected, "{row}");
    }
    assert!(allowed(&nobody).is_empty(), "R6");
    let open = Assignment { open_by_default: true, ..Assignment::default() };
    assert_eq!(open.permissions(open.roles(&nobody)), Permissions::all(), "R6 with the switch");

    let (one, two) = (service("VQ1"), service("VQ2"));
    let access =
        ProxyAccess { with_proxy: [one.clone(), two.clone()].into(), readable: [two.clone()].into(), folder: false };
    let sight = Sight::new(Assignment::default().roles(&supervisor), access);
    assert_eq!(sight.of([&one, &two]).collect::<Vec<_>>(), [&two], "R5");
}

#[test]
fn groups_and_role_objects_give_roles() {
    let roles = |groups: &[&str], objects: &[&str], legacy| {
        names(Assignment::default().roles(&claims(groups, objects, legacy)))
    };
    for (groups, objects, legacy, expected) in [
        // R-RB-1, with and without a prefix.
        (vec!["Administrators"], vec![], None, vec!["Administrator"]),
        (vec!["Acme Inc Supervisors"], vec![], None, vec!["Supervisor"]),
        (vec!["acme managers"], vec![], None, vec!["Monitor"]),
        (vec!["Callback Developers"], vec![], None, vec!["Developer"]),
        (vec!["SuperAdministrators", "Developers", "Administrators of Acme"], vec![], None, vec![]),
        // R-RB-2: groups, or roles by that name.
        (vec!["Platform Provisioning"], vec![], None, vec!["DevOps"]),
        (vec![], vec!["Platform Read Only"], None, vec!["DevOps"]),
        // R-RB-3: they add up; role objects of other products count for nothing.
        (vec!["Managers"], vec!["Callback Developer"], None, vec!["Monitor", "Developer"]),
        (vec![], vec!["Administrator", "Callback Supervisor", "Callback DevOps"], None, vec!["Supervisor"]),
        // R-RB-4: the legacy role wins, several may be named, one that is none does not count.
        (vec!["Administrators"], vec!["Callback Administrator"], Some("Supervisor"), vec!["Supervisor"]),
        (vec!["Administrators"], vec![], Some("callback monitor, Developer"), vec!["Monitor", "Developer"]),
        (vec!["Administrators"], vec![], Some("Emperor"), vec!["Administrator"]),
        (vec!["Administrators", "Platform Read Only"], vec![], Some("Monitor"), vec!["Monitor", "DevOps"]),
        // R-RB-5.
        (vec![], vec![], None, vec![]),
        (vec!["é", "ſ Supervisorſ"], vec!["Callbäck"], Some(""), vec![]),
    ] {
        assert_eq!(roles(&groups, &objects, legacy), expected, "{groups:?} {objects:?} {legacy:?}");
    }
}

/// R-RB-1: the group is that of the company, where its name is known.
#[test]
fn groups_of_other_companies_give_nothing_where_ours_are_named() {
    let ours = Assignment { companies: vec!["Acme Inc".into(), "Environment".into()], ..Assignment::default() };
    for (group, named, any) in [
        ("Acme Inc Administrators", vec!["Administrator"], vec!["Administrator"]),
        ("environment administrators", vec!["Administrator"], vec!["Administrator"]),
        ("Administrators", vec!["Administrator"], vec!["Administrator"]),
        ("Network Administrators", vec![], vec!["Administrator"]),
        ("Inc Supervisors", vec![], vec!["Supervisor"]),
        ("Acme Inc Managers", vec!["Monitor"], vec!["Monitor"]),
        ("Callback Developers", vec!["Developer"], vec!["Developer"]),
        ("Other Callback Developers", vec![], vec!["Developer"]),
        ("Platform Read Only", vec!["DevOps"], vec!["DevOps"]),
    ] {
        let user = claims(&[group], &[], None);
        assert_eq!(names(ours.roles(&user)), named, "{group}");
        assert_eq!(names(Assignment::default().roles(&user)), any, "{group}, nobody named");
    }
}

#[test]
fn a_service_is_seen_by_its_proxy_the_folder_or_while_it_has_none_by_administrators() {
    let (has, none) = (service("has"), service("none"));
    for (role, readable, folder, sees_has, sees_none) in [
        (Role::Supervisor, true, false, true, false),
        (Role::Supervisor, false, true, false, false),
        (Role::Administrator, false, false, false, true),
        (Role::Administrator, false, true, true, true),
        (Role::Administrator, true, false, true, true),
        (Role::DevOps, false, false, false, false),
        (Role::DevOps, false, true, true, false),
    ] {
        let readable = if readable { [has.clone()].into() } else { Default::default() };
        let access = ProxyAccess { with_proxy: [has.clone()].into(), readable, folder };
        let sight = Sight::new(Roles::default().with(role), access);
        assert_eq!(
            (sight.sees(&has), sight.sees(&none)),
            (sees_has, sees_none),
            "R-LOB-2, R-LOB-3, R-LOB-4: {role:?} folder {folder}"
        );
    }
}

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(Role::ALL.to_vec())
}

proptest! {
    #[test]
    fn p_18_another_role_takes_no_permission_away(roles in prop::collection::vec(role(), 0..5), more in role()) {
        let before: Roles = roles.into_iter().collect();
        let after = before.with(more);
        for permission in before.permissions().iter() {
            prop_assert!(after.permissions().allow(permission));
        }
        for permission in more.permissions().iter() {
            prop_assert!(after.permissions().allow(permission));
        }
    }

    #[test]
    fn p_18_another_group_takes_no_permission_away(
        groups in prop::collection::vec(prop::sample::select(vec![
            "Acme Administrators", "Supervisors", "Managers", "Callback Developers", "Platform Read Only", "Agents",
        ]), 0..6),
        at in any::<prop::sample::Index>(),
    ) {
        prop_assume!(!groups.is_empty());
        let mut fewer = groups.clone();
        fewer.remove(at.index(groups.len()));
        let (all, fewer) = (allowed(&claims(&groups, &[], None)), allowed(&claims(&fewer, &[], None)));
        prop_assert_eq!(all.and(fewer), all);
    }

    /// Without access to the proxy or the folder no role sees a service that has one.
    #[test]
    fn p_18_nothing_of_a_service_is_reachable_without_its_proxy(
        roles in prop::collection::vec(role(), 0..5),
        with_proxy in prop::collection::btree_set("[a-d]", 1..4),
        readable in prop::collection::btree_set("[a-d]", 0..4),
    ) {
        let names = |names: &std::collections::BTreeSet<String>| names.iter().map(|name| service(name)).collect();
        let access = ProxyAccess { with_proxy: names(&with_proxy), readable: names(&readable), folder: false };
        let sight = Sight::new(roles.into_iter().collect(), access);
        for name in &with_proxy {
            prop_assert_eq!(sight.sees(&service(name)), readable.contains(name));
        }
    }
}
