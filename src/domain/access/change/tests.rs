use super::*;
use crate::domain::access::permission_id;
use uuid::Uuid;

const PACKER: RoleId = RoleId(Uuid::from_u128(1));
const PACK: PermissionId = PermissionId(Uuid::from_u128(2));

fn roles(names: &[&str]) -> BTreeSet<RoleId> {
    let book = RoleBook::built_in();
    let ids = names.iter().map(|name| book.role_named(name).unwrap().id);
    ids.collect()
}

fn role_text(name: &str) -> RoleText {
    RoleText {
        name: name.to_owned(),
        description: None,
    }
}

fn permission_text(name: &str, resource: &str) -> PermissionText {
    PermissionText {
        name: name.to_owned(),
        resource: resource.to_owned(),
        action: "pack".to_owned(),
        description: None,
    }
}

/// The built-in book with a role `packer` and a permission `pack_orders`, not granted.
fn book() -> RoleBook {
    let mut book = RoleBook::built_in();
    book.create_role(PACKER, role_text("packer")).unwrap();
    book.create_permission(PACK, permission_text("pack_orders", "orders"))
        .unwrap();
    book
}

fn id_of(name: &str) -> RoleId {
    RoleBook::built_in().role_named(name).unwrap().id
}

#[test]
fn names_are_small_letters_digits_and_underscores() {
    let longest = "a".repeat(64);
    for good in ["ab", "a_", "a1", "inventory_manager", &longest] {
        assert_eq!(check_name("name", good), Ok(()), "{good}");
    }
    let too_long = "a".repeat(65);
    for bad in [
        "", "a", "1a", "_a", "Ab", "a-b", "a b", " ab", "ä_", "aä", &too_long,
    ] {
        let refused = Err(Refusal::InvalidName("name"));
        assert_eq!(check_name("name", bad), refused, "{bad}");
    }
    let of = |resource: &str| permission_text("pack", resource).check();
    assert_eq!(of("Orders"), Err(Refusal::InvalidName("resource")));
    let described = |length| check_description(Some(&"ä".repeat(length)));
    assert_eq!(described(500), Ok(()));
    assert_eq!(described(501), Err(Refusal::DescriptionTooLong));
}

#[test]
fn names_are_unique() {
    let mut book = book();
    let (role, permission) = (RoleId(Uuid::nil()), PermissionId(Uuid::nil()));
    let taken = book.create_role(role, role_text("admin"));
    assert_eq!(taken.unwrap_err(), Refusal::RoleNameTaken);
    let taken = book.create_permission(permission, permission_text("view_users", "x1"));
    assert_eq!(taken.unwrap_err(), Refusal::PermissionNameTaken);
    let by = roles(&["manager"]);
    let taken = book.update_role(&by, PACKER, role_text("manager"));
    assert_eq!(taken.unwrap_err(), Refusal::RoleNameTaken);
    assert!(book.update_role(&by, PACKER, role_text("packer")).is_ok());
    let taken = book.update_permission(&by, PACK, permission_text("view_users", "orders"));
    assert_eq!(taken.unwrap_err(), Refusal::PermissionNameTaken);
}

#[test]
fn any_staff_changes_what_stands_for_nothing() {
    let (mut book, by) = (book(), roles(&["customer_experience"]));
    let role = book.update_role(&by, PACKER, role_text("sender")).unwrap();
    assert_eq!((role.name.as_str(), role.id), ("sender", PACKER));
    let text = permission_text("send_orders", "parcels");
    assert_eq!(
        book.update_permission(&by, PACK, text).unwrap().resource,
        "parcels"
    );
    book.delete_permission(&by, PACK).unwrap();
    book.delete_role(&by, PACKER).unwrap();
    assert_eq!(book, RoleBook::built_in());
    book.delete_permission(&by, PACK).unwrap();
    book.delete_role(&by, PACKER).unwrap();
}

#[test]
fn a_description_that_is_not_given_stays() {
    let (mut book, by) = (book(), roles(&["admin"]));
    let described = |text: Option<&str>| RoleText {
        name: "packer".to_owned(),
        description: text.map(str::to_owned),
    };
    book.update_role(&by, PACKER, described(Some("Packs")))
        .unwrap();
    assert_eq!(
        book.update_role(&by, PACKER, described(None))
            .unwrap()
            .description,
        "Packs"
    );
    assert_eq!(
        book.update_role(&by, PACKER, described(Some("")))
            .unwrap()
            .description,
        ""
    );
}

#[test]
fn built_in_roles_stay_and_keep_their_names() {
    let (mut book, admin, manager) = (book(), roles(&["admin"]), roles(&["manager"]));
    let before = book.clone();
    for name in ["admin", "manager", "customer_experience", "user"] {
        let id = id_of(name);
        assert_eq!(book.delete_role(&admin, id), Err(Refusal::BuiltInRole));
        let renamed = book.update_role(&admin, id, role_text("other"));
        assert_eq!(renamed.unwrap_err(), Refusal::BuiltInRole);
        let described = book.update_role(&manager, id, role_text(name));
        assert_eq!(described.unwrap_err(), Refusal::AdminOnly);
    }
    assert_eq!(book, before);
    let text = RoleText {
        name: "manager".to_owned(),
        description: Some("Runs the shop".to_owned()),
    };
    assert!(book.update_role(&admin, id_of("manager"), text).is_ok());
}

#[test]
fn built_in_permissions_stay_and_keep_their_meaning() {
    let (mut book, admin) = (book(), roles(&["admin"]));
    let id = permission_id("view_users");
    let refused = Err(Refusal::BuiltInPermission);
    assert_eq!(book.delete_permission(&admin, id), refused);
    for (name, resource) in [("see_users", "users"), ("view_users", "people")] {
        let text = permission_text(name, resource);
        assert_eq!(book.update_permission(&admin, id, text).map(drop), refused);
    }
    let same = PermissionText {
        name: "view_users".to_owned(),
        resource: "users".to_owned(),
        action: "view".to_owned(),
        description: Some("See who there is".to_owned()),
    };
    let by = roles(&["manager"]);
    let described = book.update_permission(&by, id, same.clone());
    assert_eq!(described.unwrap_err(), Refusal::AdminOnly);
    assert!(book.update_permission(&admin, id, same).is_ok());
}

#[test]
fn only_what_is_held_is_granted_and_revoked() {
    let (mut book, manager) = (book(), roles(&["manager"]));
    let (held, not_held) = (
        permission_id("manage_products"),
        permission_id("manage_roles"),
    );
    book.grant(&manager, PACKER, held).unwrap();
    book.grant(&manager, PACKER, held).unwrap();
    assert!(book.holds(&BTreeSet::from([PACKER]), held));
    assert_eq!(
        book.grant(&manager, PACKER, not_held),
        Err(Refusal::NotHeld)
    );
    assert_eq!(book.grant(&manager, PACKER, PACK), Err(Refusal::NotHeld));
    let support = roles(&["customer_experience"]);
    assert_eq!(book.revoke(&support, PACKER, held), Err(Refusal::NotHeld));
    book.revoke(&manager, PACKER, held).unwrap();
    book.revoke(&manager, PACKER, held).unwrap();
    assert!(!book.holds(&BTreeSet::from([PACKER]), held));
    assert_eq!(
        book.revoke(&manager, PACKER, not_held),
        Err(Refusal::NotHeld)
    );
}

#[test]
fn only_an_admin_changes_what_built_in_roles_may_do() {
    let mut book = book();
    let (admin, manager) = (roles(&["admin"]), roles(&["manager"]));
    let (ce, held) = (
        id_of("customer_experience"),
        permission_id("manage_products"),
    );
    assert_eq!(book.grant(&manager, ce, held), Err(Refusal::AdminOnly));
    assert_eq!(
        book.revoke(&manager, id_of("manager"), held),
        Err(Refusal::AdminOnly)
    );
    book.grant(&admin, ce, held).unwrap();
    assert!(book.holds(&roles(&["customer_experience"]), held));
    // Nor by way of the permission.
    book.grant(&admin, ce, PACK).unwrap();
    book.grant(&admin, id_of("manager"), PACK).unwrap();
    assert_eq!(
        book.delete_permission(&manager, PACK),
        Err(Refusal::AdminOnly)
    );
    let text = permission_text("pack_orders", "payroll");
    let changed = book.update_permission(&manager, PACK, text);
    assert_eq!(changed.unwrap_err(), Refusal::AdminOnly);
    book.delete_permission(&admin, PACK).unwrap();
    assert!(
        book.roles
            .values()
            .all(|role| !role.permissions.contains(&PACK))
    );
}

#[test]
fn what_a_granted_permission_means_is_an_admins_to_say() {
    let (mut book, admin) = (book(), roles(&["admin"]));
    book.grant(&admin, PACKER, PACK).unwrap();
    let holder = BTreeSet::from([PACKER, id_of("customer_experience")]);
    let other = || permission_text("pack_orders", "payroll");
    let changed = book.update_permission(&holder, PACK, other());
    assert_eq!(changed.unwrap_err(), Refusal::AdminOnly);
    let same = permission_text("pack_orders", "orders");
    assert!(book.update_permission(&holder, PACK, same.clone()).is_ok());
    let stranger = roles(&["manager"]);
    let described = book.update_permission(&stranger, PACK, same);
    assert_eq!(described.unwrap_err(), Refusal::NotHeld);
    assert_eq!(
        book.delete_permission(&stranger, PACK),
        Err(Refusal::NotHeld)
    );
    assert!(book.update_permission(&admin, PACK, other()).is_ok());
}

#[test]
fn a_role_is_handed_out_by_whoever_holds_all_of_it() {
    let (mut book, admin) = (book(), roles(&["admin"]));
    let (manager, support) = (roles(&["manager"]), roles(&["customer_experience"]));
    book.grant(&admin, PACKER, permission_id("manage_products"))
        .unwrap();
    let allowed = [
        (&admin, "admin"),
        (&admin, "packer"),
        (&manager, "manager"),
        (&manager, "customer_experience"),
        (&manager, "packer"),
        (&support, "customer_experience"),
        (&support, "user"),
    ];
    for (by, name) in allowed {
        let id = book.role_named(name).unwrap().id;
        assert_eq!(book.may_hand_out(by, id), Ok(()), "{name}");
    }
    let refused = [
        (&manager, "admin", Refusal::AdminOnly),
        (&support, "manager", Refusal::NotHeld),
        (&support, "packer", Refusal::NotHeld),
    ];
    for (by, name, refusal) in refused {
        let id = book.role_named(name).unwrap().id;
        assert_eq!(book.may_hand_out(by, id), Err(refusal), "{name}");
    }
    assert_eq!(book.delete_role(&support, PACKER), Err(Refusal::NotHeld));
    let renamed = book.update_role(&support, PACKER, role_text("other"));
    assert_eq!(renamed.unwrap_err(), Refusal::NotHeld);
    let gone = RoleId(Uuid::max());
    assert_eq!(book.may_hand_out(&admin, gone), Err(Refusal::RoleNotFound));
}

#[test]
fn admin_holds_what_is_made_later_and_cannot_lose_it() {
    let (mut book, admin) = (book(), roles(&["admin"]));
    assert!(book.holds(&admin, PACK));
    assert_eq!(book.permissions_of(admin_role()).len(), 13);
    book.grant(&admin, admin_role(), PACK).unwrap();
    let refused = book.revoke(&admin, admin_role(), PACK);
    assert_eq!(refused, Err(Refusal::AdminHoldsAll));
    // To have all is not to have been granted it: it is still any staff's to remove.
    let support = roles(&["customer_experience"]);
    assert_eq!(book.delete_permission(&support, PACK), Ok(()));
}

#[test]
fn what_is_not_there_is_told_or_gone_already() {
    let (mut book, by) = (book(), roles(&["admin"]));
    let (role, permission) = (RoleId(Uuid::max()), PermissionId(Uuid::max()));
    let before = book.clone();
    assert_eq!(
        book.update_role(&by, role, role_text("x1")),
        Err(Refusal::RoleNotFound)
    );
    let text = permission_text("x1", "x1");
    let updated = book.update_permission(&by, permission, text);
    assert_eq!(updated, Err(Refusal::PermissionNotFound));
    assert_eq!(book.grant(&by, role, PACK), Err(Refusal::RoleNotFound));
    assert_eq!(
        book.grant(&by, PACKER, permission),
        Err(Refusal::UnknownPermission)
    );
    assert_eq!(book.revoke(&by, role, PACK), Ok(()));
    assert_eq!(book.revoke(&by, PACKER, permission), Ok(()));
    assert!(book.permissions_of(role).is_empty());
    assert_eq!(book, before);
}
