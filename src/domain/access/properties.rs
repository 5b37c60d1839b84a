//! Whatever staff do together without an admin, they end up with no more than they began with.

use super::{PermissionText, RoleBook, RoleText, admin_role};
use crate::domain::ids::{PermissionId, RoleId};
use proptest::prelude::*;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Somebody does something. Numbers pick among what there is.
#[derive(Clone, Debug)]
struct Step {
    who: usize,
    action: u8,
    role: usize,
    permission: usize,
    name: u8,
    whom: usize,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (
        0..4_usize,
        0..10_u8,
        0..12_usize,
        0..20_usize,
        0..6_u8,
        0..4_usize,
    );
    let step = step.prop_map(|(who, action, role, permission, name, whom)| Step {
        who,
        action,
        role,
        permission,
        name,
        whom,
    });
    prop::collection::vec(step, 1..80)
}

/// The shop before: two custom roles and permissions that an admin made, and four of its staff.
fn shop() -> (RoleBook, Vec<BTreeSet<RoleId>>) {
    let mut book = RoleBook::built_in();
    let admin = BTreeSet::from([admin_role()]);
    for number in 0..2 {
        let (role, permission) = (id(number), PermissionId(id(number).0));
        book.create_role(role, role_text(number as u8)).unwrap();
        let text = permission_text(number as u8, 0);
        book.create_permission(permission, text).unwrap();
        book.grant(&admin, role, permission).unwrap();
    }
    let of = |name: &str| book.role_named(name).unwrap().id;
    let people = vec![
        BTreeSet::from([of("manager"), id(0)]),
        BTreeSet::from([of("customer_experience"), id(1)]),
        BTreeSet::from([of("customer_experience")]),
        BTreeSet::from([of("user")]),
    ];
    (book, people)
}

fn id(number: u128) -> RoleId {
    RoleId(Uuid::from_u128(number))
}

fn role_text(name: u8) -> RoleText {
    RoleText {
        name: format!("role_{name}"),
        description: None,
    }
}

fn permission_text(name: u8, meaning: usize) -> PermissionText {
    PermissionText {
        name: format!("permission_{name}"),
        resource: format!("resource_{meaning}"),
        action: "act".to_owned(),
        description: None,
    }
}

fn act(book: &mut RoleBook, people: &mut [BTreeSet<RoleId>], step: &Step, fresh: u128) {
    let by = people[step.who].clone();
    let role = *book.roles.keys().nth(step.role % book.roles.len()).unwrap();
    let permissions = book.permissions.keys();
    let permission = *permissions
        .clone()
        .nth(step.permission % permissions.len())
        .unwrap();
    let text = permission_text(step.name, step.whom);
    let made = PermissionId(Uuid::from_u128(fresh));
    match step.action {
        0 => drop(book.create_role(id(fresh), role_text(step.name))),
        1 => drop(book.update_role(&by, role, role_text(step.name))),
        2 => drop(book.delete_role(&by, role)),
        3 => drop(book.create_permission(made, text)),
        4 => drop(book.update_permission(&by, permission, text)),
        5 => drop(book.delete_permission(&by, permission)),
        6 => drop(book.grant(&by, role, permission)),
        7 => drop(book.revoke(&by, role, permission)),
        8 if book.may_hand_out(&by, role).is_ok() => drop(people[step.whom].insert(role)),
        9 if book.may_hand_out(&by, role).is_ok() => drop(people[step.whom].remove(&role)),
        _ => {}
    }
}

/// What these people may do between them: the meanings, not the ids alone.
fn power(book: &RoleBook, people: &[BTreeSet<RoleId>]) -> BTreeSet<(PermissionId, String)> {
    let all = book.permissions.values();
    let held = all.filter(|it| people.iter().any(|roles| book.holds(roles, it.id)));
    held.map(|it| (it.id, format!("{} {} {}", it.name, it.resource, it.action)))
        .collect()
}

fn built_in(book: &RoleBook) -> BTreeSet<String> {
    let roles = book.roles.values().filter(|role| role.built_in);
    roles.map(|role| format!("{role:?}")).collect()
}

proptest! {
    #[test]
    fn staff_without_an_admin_gain_nothing(steps in steps()) {
        let (mut book, mut people) = shop();
        let (before, roles) = (power(&book, &people), built_in(&book));
        for (fresh, step) in (100..).zip(&steps) {
            act(&mut book, &mut people, step, fresh);
            let after = power(&book, &people);
            prop_assert!(after.is_subset(&before), "{:?}", after.difference(&before));
            prop_assert_eq!(&built_in(&book), &roles);
            prop_assert!(people.iter().all(|roles| !roles.contains(&admin_role())));
        }
    }

    /// Nobody takes from others what they do not hold themselves.
    #[test]
    fn whoever_holds_nothing_takes_nothing(steps in steps()) {
        let (mut book, mut people) = shop();
        let others = people[..3].to_vec();
        let before = power(&book, &others);
        for (fresh, mut step) in (100..).zip(steps) {
            step.who = 3;
            act(&mut book, &mut people, &step, fresh);
        }
        prop_assert_eq!(power(&book, &others), before);
    }
}
