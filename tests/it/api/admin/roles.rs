//! Roles, permissions and grants: their shapes, their refusals, and nobody's gain.

use super::{Answer, Office, code, permission_id, text};
use reqwest::Method;
use serde_json::{Value, json};

const NOWHERE: [&str; 3] = ["ffffffff-ffff-ffff-ffff-ffffffffffff", "not-a-uuid", "%FF"];

fn names(answer: &Answer, list: &str) -> Vec<String> {
    let list = answer.1["data"][list].as_array().unwrap();
    list.iter().map(|it| text(&it["name"])).collect()
}

#[tokio::test]
async fn a_role_lives_from_creation_to_deletion() {
    let office = Office::open().await;
    let support = office.staff("sup", "customer_experience").await;
    let body = json!({"name": "inventory_manager", "description": "Manages inventory levels"});
    let (status, created) = office.post(&support, "/roles", body.clone()).await;
    assert_eq!(status, 201);
    let id = text(&created["data"]["role"]["id"]);
    let role = |name: &str, description: &str| json!({"data": {"role": {"id": id, "name": name, "description": description}}});
    assert_eq!(
        created,
        role("inventory_manager", "Manages inventory levels")
    );
    let path = format!("/roles/{id}");
    assert_eq!(office.get(&support, &path).await, (status_ok(), created));
    assert_eq!(
        names(&office.get(&support, "/roles").await, "roles"),
        [
            "admin",
            "customer_experience",
            "inventory_manager",
            "manager",
            "user"
        ]
    );
    assert_eq!(
        code(&office.post(&support, "/roles", body).await),
        (409, "role_name_taken")
    );
    let body = json!({"name": "inventory_admin", "description": "Full inventory access"});
    let updated = office.put(&support, &path, body).await;
    assert_eq!(
        updated,
        (
            status_ok(),
            role("inventory_admin", "Full inventory access")
        )
    );
    let taken = office.put(&support, &path, json!({"name": "admin"})).await;
    assert_eq!(code(&taken), (409, "role_name_taken"));
    for _ in 0..2 {
        let (status, body) = office.delete(&support, &path).await;
        assert_eq!((status.as_u16(), body), (204, Value::Null));
    }
    assert_eq!(
        code(&office.get(&support, &path).await),
        (404, "role_not_found")
    );
}

fn status_ok() -> reqwest::StatusCode {
    reqwest::StatusCode::OK
}

#[tokio::test]
async fn a_permission_lives_from_creation_to_deletion() {
    let office = Office::open().await;
    let support = office.staff("sup", "customer_experience").await;
    let body = json!({
        "name": "audit_inventory", "resource": "inventory", "action": "audit",
        "description": "Full audits",
    });
    let (status, created) = office.post(&support, "/permissions", body.clone()).await;
    assert_eq!(status, 201);
    let mut permission = body.clone();
    permission["id"] = created["data"]["permission"]["id"].clone();
    assert_eq!(created, json!({"data": {"permission": permission}}));
    let path = format!("/permissions/{}", text(&permission["id"]));
    assert_eq!(office.get(&support, &path).await, (status_ok(), created));
    let all = office.get(&support, "/permissions").await;
    assert_eq!(names(&all, "permissions").len(), 13);
    assert_eq!(all.1["data"]["permissions"][0], permission);
    let taken = office.post(&support, "/permissions", body.clone()).await;
    assert_eq!(code(&taken), (409, "permission_name_taken"));
    let mut changed = body;
    changed["description"] = json!("Updated description");
    permission["description"] = changed["description"].clone();
    let updated = office.put(&support, &path, changed).await;
    assert_eq!(
        updated,
        (status_ok(), json!({"data": {"permission": permission}}))
    );
    for _ in 0..2 {
        let (status, body) = office.delete(&support, &path).await;
        assert_eq!((status.as_u16(), body), (204, Value::Null));
    }
    assert_eq!(
        code(&office.get(&support, &path).await),
        (404, "permission_not_found")
    );
}

#[tokio::test]
async fn permissions_are_granted_and_revoked() {
    let office = Office::open().await;
    let manager = office.staff("man", "manager").await;
    let path = format!("/roles/{}/permissions", office.role("packer", &[]).await);
    let none = office.get(&manager, &path).await;
    assert_eq!(none, (status_ok(), json!({"data": {"permissions": []}})));
    let permission = permission_id("manage_products");
    for _ in 0..2 {
        let granted = office
            .post(&manager, &path, json!({"permission_id": permission}))
            .await;
        let message = json!({"data": {"message": "Permission granted successfully"}});
        assert_eq!(granted, (status_ok(), message));
    }
    let described = json!({"data": {"permissions": [{
        "id": permission, "name": "manage_products", "resource": "products",
        "action": "manage", "description": "Full access to products",
    }]}});
    assert_eq!(office.get(&manager, &path).await, (status_ok(), described));
    for _ in 0..2 {
        let revoked = office
            .delete(&manager, &format!("{path}/{permission}"))
            .await;
        assert_eq!(revoked.0, 204);
    }
    assert_eq!(office.get(&manager, &path).await, none);
}

#[tokio::test]
async fn admin_holds_what_is_made_later() {
    let office = Office::open().await;
    let body = json!({"name": "fly", "resource": "kites", "action": "fly"});
    let (_, made) = office.post(&office.root, "/permissions", body).await;
    let path = format!("/roles/{}/permissions", office.role_id("admin").await);
    let held = office.get(&office.root, &path).await;
    assert!(names(&held, "permissions").contains(&"fly".to_owned()));
    let permission = text(&made["data"]["permission"]["id"]);
    let revoked = office
        .delete(&office.root, &format!("{path}/{permission}"))
        .await;
    assert_eq!(code(&revoked), (403, "built_in"));
}

#[tokio::test]
async fn what_is_asked_wrongly_is_told_by_its_field() {
    let office = Office::open().await;
    let role = format!("/roles/{}", office.role("packer", &[]).await);
    let grants = format!("{role}/permissions");
    let long = "x".repeat(501);
    let permission =
        |name: &str, resource: &str| json!({"name": name, "resource": resource, "action": "do"});
    let cases = [
        ("/roles", json!({}), "name is required"),
        ("/roles", json!({"name": 1}), "name must be a string"),
        ("/roles", json!({"name": "Packer"}), "name must be 2 to 64"),
        (
            "/roles",
            json!({"name": "ok_name", "description": long}),
            "description must be at most 500",
        ),
        (
            "/roles",
            json!({"name": "ok_name", "description": 5}),
            "description must be a string",
        ),
        (
            "/permissions",
            json!({"name": "ok_name"}),
            "resource is required",
        ),
        (
            "/permissions",
            permission("ok_name", "No"),
            "resource must be 2 to 64",
        ),
        (&grants, json!({}), "permission_id is required"),
        (
            &grants,
            json!({"permission_id": "x"}),
            "permission_id names no permission",
        ),
        (
            &grants,
            json!({"permission_id": NOWHERE[0]}),
            "permission_id names no permission",
        ),
    ];
    for (path, body, told) in cases {
        let (status, answer) = office.post(&office.root, path, body).await;
        assert_eq!(status, 400, "{path} {told}");
        let message = text(&answer["error"]["message"]);
        assert!(message.starts_with(told), "{path}: {message}");
    }
    let wrong = office.put(&office.root, &role, json!({"name": "a"})).await;
    assert_eq!(code(&wrong), (400, "invalid_request"));
}

#[tokio::test]
async fn ids_that_name_nothing() {
    let office = Office::open().await;
    let root = &office.root;
    let (role, permission) = (
        office.role("packer", &[]).await,
        permission_id("view_users"),
    );
    let role_body = json!({"name": "other_name"});
    let permission_body = json!({"name": "other_name", "resource": "kites", "action": "fly"});
    let grant = json!({"permission_id": permission});
    let null = Value::Null;
    for id in NOWHERE {
        let not_found = [
            (Method::GET, format!("/roles/{id}"), &null),
            (Method::PUT, format!("/roles/{id}"), &role_body),
            (Method::GET, format!("/roles/{id}/permissions"), &null),
            (Method::POST, format!("/roles/{id}/permissions"), &grant),
            (Method::GET, format!("/permissions/{id}"), &null),
            (Method::PUT, format!("/permissions/{id}"), &permission_body),
            (Method::GET, format!("/users/{id}"), &null),
            (Method::GET, format!("/users/{id}/roles"), &null),
            (Method::DELETE, format!("/users/{id}/roles/{role}"), &null),
            (
                Method::DELETE,
                format!("/users/{}/roles/{id}", root.id),
                &null,
            ),
        ];
        for (method, path, body) in not_found {
            let (status, _) = office.ask(root, method.clone(), &path, body).await;
            assert_eq!(status, 404, "{method} {path}");
        }
        for path in [
            format!("/roles/{id}"),
            format!("/permissions/{id}"),
            format!("/roles/{id}/permissions/{permission}"),
            format!("/roles/{role}/permissions/{id}"),
        ] {
            assert_eq!(office.delete(root, &path).await.0, 204, "{path}");
        }
        let path = format!("/users/{id}/roles");
        let assigned = office.post(root, &path, json!({"role_name": "user"})).await;
        assert_eq!(code(&assigned), (404, "user_not_found"));
        let (path, body) = (format!("/users/{id}"), json!({"active": true}));
        let patched = office.ask(root, Method::PATCH, &path, &body).await;
        assert_eq!(code(&patched), (404, "user_not_found"));
        let path = format!("/users/{}/roles", root.id);
        for body in [json!({"role_id": id}), json!({"role_name": id})] {
            let assigned = office.post(root, &path, body).await;
            assert_eq!(code(&assigned), (404, "role_not_found"));
        }
    }
    let path = format!("/users/{}/roles", root.id);
    for body in [
        json!({}),
        json!({"role_id": null}),
        json!({"role_id": "", "role_name": ""}),
    ] {
        let assigned = office.post(root, &path, body).await;
        assert_eq!(code(&assigned), (400, "invalid_request"));
    }
    let unassigned = office
        .delete(root, &format!("/users/{}/roles/{role}", root.id))
        .await;
    assert_eq!(unassigned.0, 204);
}

#[tokio::test]
async fn built_in_roles_stay_and_keep_their_names() {
    let office = Office::open().await;
    for name in ["admin", "manager", "customer_experience", "user"] {
        let path = format!("/roles/{}", office.role_id(name).await);
        assert_eq!(
            code(&office.delete(&office.root, &path).await),
            (403, "built_in")
        );
        let renamed = office
            .put(&office.root, &path, json!({"name": "renamed"}))
            .await;
        assert_eq!(code(&renamed), (403, "built_in"));
        let body = json!({"name": name, "description": "Ours"});
        let (status, described) = office.put(&office.root, &path, body).await;
        assert_eq!(status, 200);
        assert_eq!(described["data"]["role"]["description"], "Ours");
    }
}

#[tokio::test]
async fn of_creations_at_once_each_counts_and_a_name_is_taken_once() {
    let office = Office::open().await;
    let create = |number: usize| {
        let name = format!("role_{}", number % 8);
        office.post(&office.root, "/roles", json!({"name": name}))
    };
    let answers = futures::future::join_all((0..16).map(create)).await;
    let made = answers.iter().filter(|(status, _)| *status == 201).count();
    let taken = answers.iter().filter(|(status, _)| *status == 409).count();
    assert_eq!((made, taken), (8, 8));
    assert_eq!(
        names(&office.get(&office.root, "/roles").await, "roles").len(),
        12
    );
}

#[tokio::test]
async fn roles_are_bounded() {
    let office = Office::open().await;
    let description = "x".repeat(500);
    for number in 0..200 {
        let body = json!({"name": format!("role_{number}"), "description": description});
        let answer = office.post(&office.root, "/roles", body).await;
        if answer.0 != 201 {
            assert!(number > 50, "{number}");
            assert_eq!(code(&answer), (400, "too_many_roles"));
            return;
        }
    }
    panic!("there was no end of roles");
}
