//! Administration over HTTP: who may do what, and what it does.

mod accounts;
mod administrators;
mod escalation;
mod matrix;
mod nodes;
mod roles;
mod table;

use crate::app::TestApp;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const ROOT: &str = "root@example.com";
const PASSWORD: &str = "correct horse";
const ADMIN_FLAGS: [&str; 4] = ["--admin-email", ROOT, "--admin-password", PASSWORD];

/// Somebody who is registered and logged in.
#[derive(Clone)]
struct Person {
    id: String,
    email: String,
    token: String,
    refresh_token: String,
}

/// A shop with a first administrator.
struct Office {
    app: TestApp,
    root: Person,
}

/// A status, and the body, or null where there is none.
type Answer = (StatusCode, Value);

impl Office {
    async fn open() -> Self {
        Self::over(TestApp::with(&ADMIN_FLAGS).await).await
    }

    async fn over(app: TestApp) -> Self {
        let root = log_in(&app, ROOT).await;
        Self { app, root }
    }

    /// Somebody new, with the role `user` alone.
    async fn user(&self, name: &str) -> Person {
        let email = format!("{name}@example.com");
        person(&self.app.register(&email).await)
    }

    /// Somebody new, given this role and logged in again.
    async fn staff(&self, name: &str, role: &str) -> Person {
        let user = self.user(name).await;
        self.assign(&self.root, &user, role).await;
        log_in(&self.app, &user.email).await
    }

    async fn ask(&self, by: &Person, method: Method, path: &str, body: &Value) -> Answer {
        let path = format!("/api/v1/admin{path}");
        let token = Some(by.token.as_str());
        let answer = if body.is_null() {
            let request = self.app.request(method, &path);
            crate::app::with_token(request, token).send().await.unwrap()
        } else {
            self.app.send(method, &path, token, body).await
        };
        let status = answer.status();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    async fn get(&self, by: &Person, path: &str) -> Answer {
        self.ask(by, Method::GET, path, &Value::Null).await
    }

    async fn post(&self, by: &Person, path: &str, body: Value) -> Answer {
        self.ask(by, Method::POST, path, &body).await
    }

    async fn put(&self, by: &Person, path: &str, body: Value) -> Answer {
        self.ask(by, Method::PUT, path, &body).await
    }

    async fn delete(&self, by: &Person, path: &str) -> Answer {
        self.ask(by, Method::DELETE, path, &Value::Null).await
    }

    async fn assign(&self, by: &Person, user: &Person, role: &str) -> Answer {
        let path = format!("/users/{}/roles", user.id);
        self.post(by, &path, json!({"role_name": role})).await
    }

    async fn remove(&self, by: &Person, user: &Person, role: &str) -> Answer {
        let role = self.role_id(role).await;
        self.delete(by, &format!("/users/{}/roles/{role}", user.id))
            .await
    }

    async fn set_active(&self, by: &Person, user: &Person, active: bool) -> Answer {
        let path = format!("/users/{}", user.id);
        self.ask(by, Method::PATCH, &path, &json!({"active": active}))
            .await
    }

    async fn role_names(&self, user: &Person) -> Value {
        let path = format!("/users/{}/roles", user.id);
        self.get(&self.root, &path).await.1["data"]["roles"].take()
    }

    /// The id of a role that may be built in: the same in every shop.
    async fn role_id(&self, name: &str) -> String {
        match cartwright::domain::access::RoleBook::built_in().role_named(name) {
            Some(role) => role.id.to_string(),
            None => {
                let (_, body) = self.get(&self.root, "/roles").await;
                let roles = body["data"]["roles"].as_array().unwrap();
                let role = roles.iter().find(|role| role["name"] == name).unwrap();
                text(&role["id"])
            }
        }
    }

    /// A new role that stands for these built-in permissions.
    async fn role(&self, name: &str, permissions: &[&str]) -> String {
        let (status, body) = self.post(&self.root, "/roles", json!({"name": name})).await;
        assert_eq!(status, 201);
        let id = text(&body["data"]["role"]["id"]);
        for permission in permissions {
            let path = format!("/roles/{id}/permissions");
            let grant = json!({"permission_id": permission_id(permission)});
            assert_eq!(self.post(&self.root, &path, grant).await.0, 200);
        }
        id
    }
}

fn permission_id(name: &str) -> String {
    cartwright::domain::access::permission_id(name).to_string()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn person(session: &Value) -> Person {
    Person {
        id: text(&session["user"]["id"]),
        email: text(&session["user"]["email"]),
        token: text(&session["access_token"]),
        refresh_token: text(&session["refresh_token"]),
    }
}

async fn try_log_in(app: &TestApp, email: &str) -> Answer {
    let body = json!({"email": email, "password": PASSWORD});
    let answer = app
        .send(Method::POST, "/api/v1/auth/login", None, &body)
        .await;
    (answer.status(), answer.json().await.unwrap())
}

async fn log_in(app: &TestApp, email: &str) -> Person {
    let (status, body) = try_log_in(app, email).await;
    assert_eq!(status, 200, "{body}");
    person(&body["data"])
}

fn code((status, body): &Answer) -> (u16, &str) {
    (
        status.as_u16(),
        body["error"]["code"].as_str().unwrap_or(""),
    )
}
