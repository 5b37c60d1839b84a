//! A client for what is not measured: registering, and looking at what there is. It repeats what is
//! answered 429 or 503, or not at all.

use crate::Failure;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Everybody's.
pub(crate) const PASSWORD: &str = "correct horse battery";
/// How often a request is sent at most.
pub(crate) const ATTEMPTS: u32 = 8;
/// Between two.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);
/// How long an answer may take: longer than a server's time for a request.
pub(crate) const ANSWER_TIME: Duration = Duration::from_secs(10);
/// A token is renewed well before its 15 minutes are over.
const FRESH: Duration = Duration::from_secs(600);

#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    url: String,
}

/// Somebody's tokens.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) email: String,
    pub(crate) token: String,
    refresh_token: String,
    since: Instant,
}

impl Api {
    /// Of the shop at `http://host:port`.
    pub(crate) fn of(url: &str) -> Result<Self, Failure> {
        Ok(Self {
            client: Client::builder().timeout(ANSWER_TIME).build()?,
            url: format!("{}/api/v1", url.trim_end_matches('/')),
        })
    }

    pub(crate) async fn register(&self, email: &str) -> Result<Session, Failure> {
        let body = json!({
            "email": email, "password": PASSWORD, "first_name": "Load", "last_name": "Test",
        });
        let answer = self.post("/auth/register", None, body).await?;
        // Registered by a request whose answer was lost.
        if answer.0 == StatusCode::CONFLICT {
            return self.login(email, PASSWORD).await;
        }
        session(email, answer)
    }

    pub(crate) async fn login(&self, email: &str, password: &str) -> Result<Session, Failure> {
        let body = json!({"email": email, "password": password});
        session(email, self.post("/auth/login", None, body).await?)
    }

    /// The same session, with tokens that are good for a while.
    pub(crate) async fn fresh(&self, old: &Session) -> Result<Session, Failure> {
        if old.since.elapsed() < FRESH {
            return Ok(old.clone());
        }
        let body = json!({"refresh_token": old.refresh_token});
        session(&old.email, self.post("/auth/refresh", None, body).await?)
    }

    /// `data` of what is there.
    pub(crate) async fn get(&self, path: &str, session: &Session) -> Result<Value, Failure> {
        let answer = self.send(Method::GET, path, Some(session), None).await?;
        data_of(path, answer)
    }

    /// Every element of a list, page by page.
    pub(crate) async fn all(&self, path: &str, session: &Session) -> Result<Vec<Value>, Failure> {
        let mut all = Vec::new();
        for page in 1.. {
            let path = format!("{path}?page={page}&page_size=100");
            let (status, mut body) = self.send(Method::GET, &path, Some(session), None).await?;
            match body["data"].take() {
                Value::Array(data) if status.is_success() => all.extend(data),
                _ => return Err(Failure::Refused(path, status, code_of(&body))),
            }
            if body["meta"]["has_next"] != true {
                break;
            }
        }
        Ok(all)
    }

    pub(crate) async fn post(
        &self,
        path: &str,
        session: Option<&Session>,
        body: Value,
    ) -> Result<(StatusCode, Value), Failure> {
        self.send(Method::POST, path, session, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str, session: &Session) -> Result<Value, Failure> {
        let answer = self.send(Method::DELETE, path, Some(session), None).await?;
        data_of(path, answer)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        session: Option<&Session>,
        body: Option<Value>,
    ) -> Result<(StatusCode, Value), Failure> {
        let url = format!("{}{path}", self.url);
        let mut request = self.client.request(method, url);
        if let Some(session) = session {
            request = request.bearer_auth(&session.token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let mut attempt = 1;
        loop {
            let sent = request.try_clone().ok_or(Failure::Stream)?;
            match once(sent).await {
                Ok(answer) if !is_to_repeat(answer.0) => return Ok(answer),
                answer if attempt == ATTEMPTS => return answer,
                _ => sleep(PAUSE).await,
            }
            attempt += 1;
        }
    }
}

async fn once(request: RequestBuilder) -> Result<(StatusCode, Value), Failure> {
    let response = request.send().await?;
    Ok((response.status(), response.json().await?))
}

/// Whether the same request may be answered otherwise later.
pub(crate) fn is_to_repeat(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    )
}

/// The code of a refusal, or nothing.
pub(crate) fn code_of(body: &Value) -> String {
    body["error"]["code"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn data_of(path: &str, (status, mut body): (StatusCode, Value)) -> Result<Value, Failure> {
    match status.is_success() {
        true => Ok(body["data"].take()),
        false => Err(Failure::Refused(path.to_owned(), status, code_of(&body))),
    }
}

fn session(email: &str, answer: (StatusCode, Value)) -> Result<Session, Failure> {
    let data = data_of("a session", answer)?;
    let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
    Ok(Session {
        email: email.to_owned(),
        token: text("access_token"),
        refresh_token: text("refresh_token"),
        since: Instant::now(),
    })
}
