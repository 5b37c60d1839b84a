//! Staff who try to become more than they are, or to make others less.

use super::{Answer, Office, Person, code, permission_id, text};
use reqwest::Method;
use serde_json::{Value, json};

/// A shop with a manager, somebody of the support, and a role that neither holds.
struct Shop {
    office: Office,
    manager: Person,
    support: Person,
    strong: String,
}

impl Shop {
    async fn open() -> Self {
        let office = Office::open().await;
        Self {
            manager: office.staff("man", "manager").await,
            support: office.staff("sup", "customer_experience").await,
            strong: office.role("strong", &["manage_roles"]).await,
            office,
        }
    }

    async fn grant(&self, by: &Person, role: &str, permission: &str) -> Answer {
        let body = json!({"permission_id": permission_id(permission)});
        let path = format!("/roles/{role}/permissions");
        self.office.post(by, &path, body).await
    }

    async fn assert_forbidden(&self, by: &Person, method: Method, path: &str, body: Value) {
        let refused = self.office.ask(by, method.clone(), path, &body).await;
        let told = format!("{method} {path}");
        assert_eq!(code(&refused), (403, "forbidden"), "{told}");
    }
}

const FORBIDDEN: (u16, &str) = (403, "forbidden");

#[tokio::test]
async fn nobody_gives_or_takes_a_role_that_they_do_not_hold() {
    let shop = Shop::open().await;
    let (office, manager, support) = (&shop.office, &shop.manager, &shop.support);
    for (who, role) in [
        (manager, "admin"),
        (manager, "strong"),
        (support, "manager"),
        (support, "admin"),
    ] {
        for user in [manager, support, &office.root] {
            let assigned = office.assign(who, user, role).await;
            assert_eq!(code(&assigned), FORBIDDEN, "{role}");
            let removed = office.remove(who, user, role).await;
            assert_eq!(code(&removed), FORBIDDEN, "{role}");
        }
    }
    let new = office.user("new").await;
    let assigned = office.assign(support, &new, "customer_experience").await;
    assert_eq!(assigned.0, 200);
    assert_eq!(office.assign(manager, support, "manager").await.0, 200);
}

#[tokio::test]
async fn nobody_grants_what_they_do_not_hold() {
    let shop = Shop::open().await;
    let (office, manager, support) = (&shop.office, &shop.manager, &shop.support);
    let (_, made) = office
        .post(manager, "/roles", json!({"name": "mine"}))
        .await;
    let mine = text(&made["data"]["role"]["id"]);
    for role in [
        &mine,
        &shop.strong,
        &office.role_id("manager").await,
        &office.role_id("admin").await,
    ] {
        let granted = shop.grant(manager, role, "manage_roles").await;
        assert_eq!(code(&granted), FORBIDDEN, "{role}");
    }
    let granted = shop.grant(support, &mine, "manage_products").await;
    assert_eq!(code(&granted), FORBIDDEN);
    let granted = shop.grant(manager, &mine, "manage_products").await;
    assert_eq!(granted.0, 200);
}

#[tokio::test]
async fn what_built_in_roles_may_do_is_an_admins_to_change() {
    let shop = Shop::open().await;
    let (office, manager) = (&shop.office, &shop.manager);
    let support_role = office.role_id("customer_experience").await;
    let granted = shop.grant(manager, &support_role, "manage_products").await;
    assert_eq!(code(&granted), FORBIDDEN);
    let held = permission_id("manage_products");
    let own = office.role_id("manager").await;
    let path = format!("/roles/{own}/permissions/{held}");
    shop.assert_forbidden(manager, Method::DELETE, &path, Value::Null)
        .await;
    let path = format!("/permissions/{held}");
    let body = json!({"name": "manage_products", "resource": "users", "action": "manage"});
    shop.assert_forbidden(manager, Method::PUT, &path, body)
        .await;
    assert_eq!(
        code(&office.delete(manager, &path).await),
        (403, "built_in")
    );
    let granted = shop.grant(&office.root, &support_role, "manage_products");
    assert_eq!(granted.await.0, 200);
}

#[tokio::test]
async fn nobody_takes_from_a_role_what_they_do_not_hold() {
    let shop = Shop::open().await;
    let path = format!("/roles/{}", shop.strong);
    let grant = format!("{path}/permissions/{}", permission_id("manage_roles"));
    let name = json!({"name": "weak"});
    for who in [&shop.manager, &shop.support] {
        for path in [&path, &grant] {
            shop.assert_forbidden(who, Method::DELETE, path, Value::Null)
                .await;
        }
        shop.assert_forbidden(who, Method::PUT, &path, name.clone())
            .await;
    }
}

#[tokio::test]
async fn fields_that_are_nobodys_to_set_are_ignored() {
    let shop = Shop::open().await;
    let admin = shop.office.role_id("admin").await;
    let body = json!({
        "name": "sneaky", "id": admin, "built_in": true,
        "permissions": [permission_id("manage_roles")],
    });
    let (_, made) = shop.office.post(&shop.support, "/roles", body).await;
    let sneaky = text(&made["data"]["role"]["id"]);
    assert_ne!(sneaky, admin);
    let path = format!("/roles/{sneaky}/permissions");
    let held = shop.office.get(&shop.support, &path).await;
    assert_eq!(held.1["data"]["permissions"], json!([]));
    let path = format!("/roles/{sneaky}");
    assert_eq!(shop.office.delete(&shop.support, &path).await.0, 204);
}
