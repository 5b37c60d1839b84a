//! Roles and permissions: who may do what. What is here from the first start, what a set of roles
//! amounts to, and who may change it.

mod change;
#[cfg(test)]
mod properties;

pub use change::{PermissionText, Refusal, RoleText};

use super::ids::{PermissionId, RoleId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// A set of permissions under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its id.
    pub id: RoleId,
    /// Its name, unique.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whether it is here from the first start; such a role stays and keeps its name.
    pub built_in: bool,
    /// What its holders may do.
    pub permissions: BTreeSet<PermissionId>,
}

/// An action on a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// Its id.
    pub id: PermissionId,
    /// Its name, unique, `manage_orders`.
    pub name: String,
    /// What is acted on, `orders`.
    pub resource: String,
    /// What is done, `manage`.
    pub action: String,
    /// What it is for.
    pub description: String,
}

/// All roles and permissions of the shop, by id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleBook {
    /// Roles.
    pub roles: BTreeMap<RoleId, Role>,
    /// Permissions. A role may still hold one that is no longer here; it stands for nothing.
    pub permissions: BTreeMap<PermissionId, Permission>,
}

const ADMIN: &str = "admin";
const MANAGER: &str = "manager";
const CUSTOMER_EXPERIENCE: &str = "customer_experience";
const USER: &str = "user";
const RESOURCES: [&str; 6] = [
    "users",
    "roles",
    "products",
    "orders",
    "inventory",
    "promotions",
];
const VIEW: &str = "view";
const MANAGE: &str = "manage";

const ROLES: Uuid = Uuid::from_u128(0x3d6f_0b1e_92c4_4a5b_8e17_60f2_ab95_c7d4);
const PERMISSIONS: Uuid = Uuid::from_u128(0xb7a4_58e2_1f6d_4c03_a9d1_0e83_57bc_24f6);

/// The id of the built-in role that may do everything.
#[must_use]
pub fn admin_role() -> RoleId {
    role_id(ADMIN)
}

/// The id of the built-in role that is given at registration.
#[must_use]
pub fn user_role() -> RoleId {
    role_id(USER)
}

/// The id of a permission that is here from the first start, by its name, `view_users`. The same
/// on every node and in every shop.
#[must_use]
pub fn permission_id(name: &str) -> PermissionId {
    PermissionId(Uuid::new_v5(&PERMISSIONS, name.as_bytes()))
}

/// Whether one of these roles opens the routes for staff.
pub fn is_staff<S: AsRef<str>>(role_names: &[S]) -> bool {
    let staff = [ADMIN, MANAGER, CUSTOMER_EXPERIENCE];
    role_names.iter().any(|name| staff.contains(&name.as_ref()))
}

fn role_id(name: &str) -> RoleId {
    RoleId(Uuid::new_v5(&ROLES, name.as_bytes()))
}

impl RoleBook {
    /// What is here from the first start.
    #[must_use]
    pub fn built_in() -> Self {
        let permissions: Vec<_> = RESOURCES
            .into_iter()
            .flat_map(|resource| [VIEW, MANAGE].map(|action| built_in_permission(action, resource)))
            .collect();
        let role = |name, description: &str, may: fn(&Permission) -> bool| Role {
            id: role_id(name),
            name: name.to_owned(),
            description: description.to_owned(),
            built_in: true,
            permissions: permissions
                .iter()
                .filter(|it| may(it))
                .map(|it| it.id)
                .collect(),
        };
        let roles = [
            role(ADMIN, "Full system access", |_| true),
            role(
                MANAGER,
                "Administrative access for business operations",
                |it| it.name != "manage_roles",
            ),
            role(CUSTOMER_EXPERIENCE, "Customer support access", |it| {
                it.action == VIEW || it.name == "manage_orders"
            }),
            role(USER, "Standard authenticated user", |_| false),
        ];
        Self {
            roles: roles.into_iter().map(|it| (it.id, it)).collect(),
            permissions: permissions.into_iter().map(|it| (it.id, it)).collect(),
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn role_named(&self, name: &str) -> Option<&Role> {
        self.roles.values().find(|role| role.name == name)
    }

    /// The names of these roles, sorted; a role that is gone has none.
    #[must_use]
    pub fn names(&self, roles: &BTreeSet<RoleId>) -> Vec<String> {
        let mut names: Vec<_> = self.held(roles).map(|role| role.name.clone()).collect();
        names.sort_unstable();
        names
    }

    /// Whether one of these roles stands for the permission, and there still is such a permission.
    #[must_use]
    pub fn holds(&self, roles: &BTreeSet<RoleId>, permission: PermissionId) -> bool {
        self.permissions.contains_key(&permission)
            && self.held(roles).any(|role| role.stands_for(permission))
    }

    /// What the role stands for, by name. Empty where there is no such role.
    #[must_use]
    pub fn permissions_of(&self, role: RoleId) -> Vec<&Permission> {
        let Some(role) = self.roles.get(&role) else {
            return Vec::new();
        };
        let all = self.permissions.values();
        let mut held: Vec<_> = all.filter(|it| role.stands_for(it.id)).collect();
        held.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        held
    }

    fn held(&self, roles: &BTreeSet<RoleId>) -> impl Iterator<Item = &Role> {
        roles.iter().filter_map(|id| self.roles.get(id))
    }
}

impl Role {
    /// Admin stands for every permission, also for those that are made later.
    fn stands_for(&self, permission: PermissionId) -> bool {
        self.id == admin_role() || self.permissions.contains(&permission)
    }
}

impl Permission {
    /// Whether it is here from the first start: its id follows from its name, which it keeps.
    fn is_built_in(&self) -> bool {
        self.id == permission_id(&self.name)
    }
}

fn built_in_permission(action: &str, resource: &str) -> Permission {
    let name = format!("{action}_{resource}");
    let access = if action == MANAGE { "Full" } else { "Read" };
    Permission {
        id: permission_id(&name),
        name,
        resource: resource.to_owned(),
        action: action.to_owned(),
        description: format!("{access} access to {resource}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(book: &RoleBook, name: &str) -> BTreeSet<RoleId> {
        BTreeSet::from([book.role_named(name).unwrap().id])
    }

    fn permissions_of(book: &RoleBook, name: &str) -> String {
        let held = only(book, name);
        let all = book.permissions.values();
        let mut names: Vec<_> = all
            .filter(|it| book.holds(&held, it.id))
            .map(|it| it.name.as_str())
            .collect();
        names.sort_unstable();
        names.join(" ")
    }

    #[test]
    fn built_in_roles_hold_what_they_always_held() {
        let book = RoleBook::built_in();
        assert_eq!((book.roles.len(), book.permissions.len()), (4, 12));
        assert!(book.roles.values().all(|role| role.built_in));
        insta::assert_snapshot!(permissions_of(&book, "admin"), @"manage_inventory manage_orders manage_products manage_promotions manage_roles manage_users view_inventory view_orders view_products view_promotions view_roles view_users");
        insta::assert_snapshot!(permissions_of(&book, "manager"), @"manage_inventory manage_orders manage_products manage_promotions manage_users view_inventory view_orders view_products view_promotions view_roles view_users");
        insta::assert_snapshot!(permissions_of(&book, "customer_experience"), @"manage_orders view_inventory view_orders view_products view_promotions view_roles view_users");
        insta::assert_snapshot!(permissions_of(&book, "user"), @"");
    }

    /// Ids are stored in accounts: a change of their derivation would strip everybody of roles.
    #[test]
    fn ids_never_change() {
        insta::assert_snapshot!(admin_role(), @"c3a1f4c1-55cf-5dab-bd69-e54d82760000");
        insta::assert_snapshot!(user_role(), @"1792f81a-33ae-5720-932a-035a6d1843fe");
        insta::assert_snapshot!(permission_id("view_users"), @"c839ad8c-9d74-5706-bc32-85a7973d63db");
        let book = RoleBook::built_in();
        assert_eq!(book.role_named("admin").unwrap().id, admin_role());
        assert_eq!(book.role_named("user").unwrap().id, user_role());
    }

    #[test]
    fn a_permission_describes_itself() {
        let book = RoleBook::built_in();
        let shown = |name| serde_json::to_string(&book.permissions[&permission_id(name)]).unwrap();
        let manage = shown("manage_products");
        insta::assert_snapshot!(manage.split_once(',').unwrap().1, @r#""name":"manage_products","resource":"products","action":"manage","description":"Full access to products"}"#);
        insta::assert_snapshot!(shown("view_users").split_once(',').unwrap().1, @r#""name":"view_users","resource":"users","action":"view","description":"Read access to users"}"#);
    }

    #[test]
    fn names_are_sorted_and_skip_roles_that_are_gone() {
        let book = RoleBook::built_in();
        let mut roles: BTreeSet<_> = book.roles.keys().copied().collect();
        roles.insert(RoleId(Uuid::nil()));
        let sorted = ["admin", "customer_experience", "manager", "user"];
        assert_eq!(book.names(&roles), sorted);
        assert_eq!(book.role_named("owner"), None);
    }

    #[test]
    fn a_permission_that_is_gone_is_held_by_nobody() {
        let mut book = RoleBook::built_in();
        let id = permission_id("view_users");
        assert!(book.holds(&BTreeSet::from([user_role(), admin_role()]), id));
        assert!(!book.holds(&BTreeSet::from([user_role(), RoleId(Uuid::nil())]), id));
        book.permissions.remove(&id);
        assert!(!book.holds(&BTreeSet::from([admin_role()]), id));
    }

    #[test]
    fn staff_are_three_roles() {
        for (names, staff) in [
            (&["admin"][..], true),
            (&["manager"], true),
            (&["user", "customer_experience"], true),
            (&["user", "administrator"], false),
            (&[], false),
        ] {
            assert_eq!(is_staff(names), staff, "{names:?}");
        }
    }

    #[test]
    fn a_stored_book_reads_as_it_was() {
        let book = RoleBook::built_in();
        let bytes = postcard::to_stdvec(&book).unwrap();
        assert_eq!(postcard::from_bytes::<RoleBook>(&bytes).unwrap(), book);
    }
}
