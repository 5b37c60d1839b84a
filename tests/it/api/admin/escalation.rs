//! Staff who try to become more than they are.

use super::{Office, code, permission_id, text};
use serde_json::json;

#[tokio::test]
async fn staff_cannot_raise_themselves() {
    let office = Office::open().await;
    let manager = office.staff("man", "manager").await;
    let support = office.staff("sup", "customer_experience").await;
    let strong = office.role("strong", &["manage_roles"]).await;
    let path_of = |role: &str| format!("/roles/{role}/permissions");
    let manage_roles = json!({"permission_id": permission_id("manage_roles")});
    let (manager_role, admin_role) = (
        office.role_id("manager").await,
        office.role_id("admin").await,
    );
    for (who, role) in [
        (&manager, "admin"),
        (&manager, "strong"),
        (&support, "manager"),
        (&support, "admin"),
    ] {
        for user in [&manager, &support, &office.root] {
            assert_eq!(
                code(&office.assign(who, user, role).await),
                (403, "forbidden"),
                "{role}"
            );
            let removed = office.remove(who, user, role).await;
            assert_eq!(code(&removed), (403, "forbidden"), "{role}");
        }
    }
    // By way of a role of their own.
    let (_, made) = office
        .post(&manager, "/roles", json!({"name": "mine"}))
        .await;
    let mine = text(&made["data"]["role"]["id"]);
    for role in [&mine, &strong, &manager_role, &admin_role] {
        let granted = office
            .post(&manager, &path_of(role), manage_roles.clone())
            .await;
        assert_eq!(code(&granted), (403, "forbidden"), "{role}");
    }
    let products = json!({"permission_id": permission_id("manage_products")});
    let granted = office
        .post(&support, &path_of(&mine), products.clone())
        .await;
    assert_eq!(code(&granted), (403, "forbidden"));
    // What built-in roles may do is not theirs to change, even where they hold it.
    let support_role = office.role_id("customer_experience").await;
    let granted = office
        .post(&manager, &path_of(&support_role), products)
        .await;
    assert_eq!(code(&granted), (403, "forbidden"));
    let revoke = format!(
        "{}/{}",
        path_of(&manager_role),
        permission_id("manage_products")
    );
    assert_eq!(
        code(&office.delete(&manager, &revoke).await),
        (403, "forbidden")
    );
    // Nor what others hold and they do not.
    assert_eq!(
        code(&office.delete(&manager, &format!("/roles/{strong}")).await),
        (403, "forbidden")
    );
    let renamed = office
        .put(
            &manager,
            &format!("/roles/{strong}"),
            json!({"name": "weak"}),
        )
        .await;
    assert_eq!(code(&renamed), (403, "forbidden"));
    let revoke = format!("{}/{}", path_of(&strong), permission_id("manage_roles"));
    assert_eq!(
        code(&office.delete(&manager, &revoke).await),
        (403, "forbidden")
    );
    let path = format!("/permissions/{}", permission_id("view_users"));
    let changed = json!({"name": "view_users", "resource": "users", "action": "manage"});
    assert_eq!(
        code(&office.put(&manager, &path, changed).await),
        (403, "forbidden")
    );
    assert_eq!(
        code(&office.delete(&manager, &path).await),
        (403, "built_in")
    );
    // Fields that are nobody's to set are ignored.
    let body = json!({"name": "sneaky", "id": admin_role, "built_in": true, "permissions": [permission_id("manage_roles")]});
    let (_, made) = office.post(&support, "/roles", body).await;
    let sneaky = text(&made["data"]["role"]["id"]);
    let held = office.get(&support, &path_of(&sneaky)).await;
    assert_ne!(sneaky, admin_role);
    assert_eq!(held.1["data"]["permissions"], json!([]));
    // And what they hold they do hand out.
    assert_eq!(
        office
            .assign(&support, &office.user("new").await, "customer_experience")
            .await
            .0,
        200
    );
    assert_eq!(office.assign(&manager, &support, "manager").await.0, 200);
}
