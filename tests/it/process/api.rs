//! A client of a server that may die under it.

use crate::app::order_body;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

/// The password of everybody.
const PASSWORD: &str = "correct horse";

/// An answer that arrived whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    /// Whether the server says that the key took effect before.
    pub replayed: bool,
    /// When to come again, in seconds.
    pub retry_after: Option<u64>,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The code of a refusal, or nothing.
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

/// A request as it is sent, and sent again.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    pub path: String,
    pub token: Option<String>,
    pub key: Option<String>,
    pub body: Option<Value>,
}

#[derive(Clone)]
pub struct Api {
    client: Client,
    url: String,
}

impl Api {
    pub fn of(url: &str) -> Self {
        Self {
            client: Client::new(),
            url: format!("{url}/api/v1"),
        }
    }

    /// The answer; `None` where none arrived.
    pub async fn try_send(&self, request: &Request) -> Option<Answer> {
        self.send(request).await.ok()
    }

    /// The answer.
    ///
    /// # Errors
    /// Why none arrived.
    pub async fn send(&self, request: &Request) -> reqwest::Result<Answer> {
        let url = format!("{}{}", self.url, request.path);
        let mut call = self.client.request(request.method.clone(), url);
        if let Some(token) = &request.token {
            call = call.bearer_auth(token);
        }
        if let Some(key) = &request.key {
            call = call.header("idempotency-key", key);
        }
        if let Some(body) = &request.body {
            call = call.json(body);
        }
        let response = call.send().await?;
        let status = response.status();
        let replayed = response.headers().contains_key("idempotent-replayed");
        let retry_after = response.headers().get("retry-after");
        let retry_after = retry_after.map(|after| after.to_str().unwrap().parse().unwrap());
        let body = match status {
            StatusCode::NO_CONTENT => Value::Null,
            _ => response.json().await?,
        };
        Ok(Answer {
            status: status.as_u16(),
            body,
            replayed,
            retry_after,
        })
    }

    pub async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        let token = token.map(str::to_owned);
        let path = path.to_owned();
        let request = Request {
            method: Method::GET,
            path,
            token,
            key: None,
            body: None,
        };
        self.try_send(&request).await.unwrap()
    }

    pub async fn post(&self, path: &str, token: Option<&str>, body: Value) -> Answer {
        self.try_send(&post(path, token, body)).await.unwrap()
    }

    pub async fn login(&self, email: &str, password: &str) -> Answer {
        let body = json!({"email": email, "password": password});
        self.post("/auth/login", None, body).await
    }

    /// The access token of somebody new.
    pub async fn token(&self, email: &str) -> String {
        let answer = self.try_send(&registration(email)).await.unwrap();
        assert_eq!(answer.status, 201, "{answer:?}");
        token_of(&answer)
    }

    /// The access token of somebody who has registered.
    pub async fn token_again(&self, email: &str) -> String {
        let answer = self.try_send(&login(email)).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        token_of(&answer)
    }

    /// Every order of somebody, newest first.
    pub async fn orders(&self, token: &str) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        for page in 1.. {
            let path = format!("/orders?page={page}&page_size=100");
            let Answer { body, .. } = self.get(&path, Some(token)).await;
            all.extend(body["data"].as_array().unwrap().iter().cloned());
            if body["meta"]["has_next"] == false {
                assert_eq!(body["meta"]["total_items"], all.len());
                break;
            }
        }
        all
    }

    pub async fn order(&self, token: &str) -> Answer {
        self.post("/orders", Some(token), order_body()).await
    }
}

fn token_of(answer: &Answer) -> String {
    let token = answer.body["data"]["access_token"].as_str();
    token.unwrap().to_owned()
}

pub fn post(path: &str, token: Option<&str>, body: Value) -> Request {
    let token = token.map(str::to_owned);
    let path = path.to_owned();
    Request {
        method: Method::POST,
        path,
        token,
        key: None,
        body: Some(body),
    }
}

/// With the password of everybody.
pub fn registration(email: &str) -> Request {
    let body = json!({
        "email": email, "password": PASSWORD, "first_name": "Ann", "last_name": "Lee",
    });
    post("/auth/register", None, body)
}

/// The login that goes with it.
pub fn login(email: &str) -> Request {
    post(
        "/auth/login",
        None,
        json!({"email": email, "password": PASSWORD}),
    )
}
