//! A client for a whole server: users with their tokens, answers read whole.

use crate::app::{TestApp, TestStore, settings};
use crate::faulty::patient::Request;
use cartwright::config::Settings;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};

pub const PASSWORD: &str = "SecurePassword123!";
const ADMIN: &str = "admin@example.com";

/// A server that holds the demo catalogue, seen from outside.
pub struct Shop {
    pub app: TestApp,
    users: AtomicU32,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub async fn of(request: impl Into<Request>) -> Self {
        let response = request.into().send().await.unwrap();
        Self {
            status: response.status(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub fn data(&self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.text);
        self.json()["data"].clone()
    }

    /// The status and the code of a refusal, whose body must be an envelope.
    pub fn refusal(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/json");
        let body = self.json();
        let error = body["error"].as_object().unwrap();
        assert_eq!((body.as_object().unwrap().len(), error.len()), (1, 2));
        assert!(!error["message"].as_str().unwrap().is_empty());
        let code = error["code"].as_str().unwrap();
        (self.status.as_u16(), code.to_owned())
    }

    pub fn message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap().to_owned()
    }
}

/// A user with an access token.
pub struct User<'a> {
    pub shop: &'a Shop,
    pub email: String,
    pub id: String,
    pub access_token: String,
    pub refresh_token: String,
}

impl Shop {
    pub async fn open() -> Self {
        Self::with(|_| {}, || true).await
    }

    /// With other settings, over a store that says whether it is well.
    pub async fn with(
        change: impl FnOnce(&mut Settings),
        is_healthy: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        let flags = ["--admin-email", ADMIN, "--admin-password", PASSWORD];
        let mut settings = settings(&flags);
        change(&mut settings);
        let store = TestStore::empty().await;
        Self {
            app: TestApp::of(&store, settings, is_healthy).await,
            users: AtomicU32::new(0),
        }
    }

    pub fn request(&self, method: Method, path: &str) -> Request {
        self.app.request(method, path)
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(body)).await
    }

    /// A freshly registered user.
    pub async fn user(&self) -> User<'_> {
        let number = self.users.fetch_add(1, Ordering::Relaxed);
        let body = registration(&format!("user-{number}@example.com"));
        self.session(self.post("/api/v1/auth/register", &body).await)
    }

    /// The first administrator.
    pub async fn admin(&self) -> User<'_> {
        self.session(self.login(ADMIN, PASSWORD).await)
    }

    pub async fn login(&self, email: &str, password: &str) -> Answer {
        let body = json!({"email": email, "password": password});
        self.post("/api/v1/auth/login", &body).await
    }

    fn session(&self, answer: Answer) -> User<'_> {
        let data = answer.data();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        User {
            shop: self,
            email: text(&data["user"]["email"]),
            id: text(&data["user"]["id"]),
            access_token: text(&data["access_token"]),
            refresh_token: text(&data["refresh_token"]),
        }
    }
}

impl User<'_> {
    pub fn request(&self, method: Method, path: &str) -> Request {
        self.shop
            .request(method, path)
            .bearer_auth(&self.access_token)
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }

    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(method, path).json(body)).await
    }

    pub async fn add(&self, product: &str, quantity: i64) -> Answer {
        let body = json!({"product_id": product, "quantity": quantity});
        self.send(Method::POST, "/api/v1/cart/items", &body).await
    }
}

pub fn registration(email: &str) -> Value {
    json!({"email": email, "password": PASSWORD, "first_name": "John", "last_name": "Doe"})
}
