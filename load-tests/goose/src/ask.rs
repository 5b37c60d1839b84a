//! One request of a customer, measured by goose, and repeated with its key until it is answered.

use crate::Failure;
use crate::api::{ATTEMPTS, PAUSE, Session, code_of, is_to_repeat};
use goose::goose::GooseUser;
use goose::metrics::GooseRequestMetric;
use goose::prelude::{GooseMethod, GooseRequest};
use reqwest::StatusCode;
use serde_json::Value;
use tokio::time::sleep;

/// What is asked for.
pub(crate) struct Call<'a> {
    pub(crate) method: GooseMethod,
    /// As reports name it.
    pub(crate) name: &'static str,
    /// Below `/api/v1`.
    pub(crate) path: String,
    pub(crate) session: Option<&'a Session>,
    pub(crate) key: Option<String>,
    pub(crate) body: Option<Value>,
}

/// An answer that is no failure.
pub(crate) struct Answer {
    /// Whether it was done. Otherwise it was refused for want of stock.
    pub(crate) is_done: bool,
    pub(crate) body: Value,
    request: GooseRequestMetric,
}

impl<'a> Call<'a> {
    /// A request that changes nothing.
    pub(crate) fn get(name: &'static str, path: &str, session: Option<&'a Session>) -> Self {
        Self {
            method: GooseMethod::Get,
            name,
            path: path.to_owned(),
            session,
            key: None,
            body: None,
        }
    }

    fn request(&self, user: &GooseUser) -> Result<GooseRequest<'static>, Failure> {
        let path = format!("/api/v1{}", self.path);
        let mut request = user.get_request_builder(&self.method, &path)?;
        if let Some(session) = self.session {
            request = request.bearer_auth(&session.token);
        }
        if let Some(key) = &self.key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = &self.body {
            request = request.json(body);
        }
        let request = GooseRequest::builder().set_request_builder(request);
        Ok(request.name(self.name).build())
    }
}

/// The answer.
///
/// # Errors
/// [`Failure::Unanswered`] where nobody knows what became of it, [`Failure::Refused`] where nothing
/// did, unless for want of stock.
pub(crate) async fn ask(user: &mut GooseUser, call: &Call<'_>) -> Result<Answer, Failure> {
    for _ in 0..ATTEMPTS {
        let request = call.request(user)?;
        let sent = user.request(request).await?;
        if let Ok(response) = sent.response {
            let status = response.status();
            if let (false, Ok(body)) = (is_to_repeat(status), response.json().await) {
                return answer(user, call, status, body, sent.request);
            }
        }
        sleep(PAUSE).await;
    }
    Err(Failure::Unanswered(call.name))
}

fn answer(
    user: &mut GooseUser,
    call: &Call<'_>,
    status: StatusCode,
    body: Value,
    mut request: GooseRequestMetric,
) -> Result<Answer, Failure> {
    let (is_done, code) = (status.is_success(), code_of(&body));
    if !is_done && code != "out_of_stock" {
        return Err(Failure::Refused(call.name.to_owned(), status, code));
    }
    user.set_success(&mut request)?;
    Ok(Answer {
        is_done,
        body,
        request,
    })
}

impl Answer {
    /// Counts the request as failed where the answer is not what it must be.
    pub(crate) fn must(
        &mut self,
        user: &mut GooseUser,
        judged: Result<(), String>,
    ) -> Result<(), Failure> {
        let Err(wrong) = judged else { return Ok(()) };
        // Says again what is said here.
        let _ = user.set_failure(&wrong, &mut self.request, None, None);
        Err(Failure::Wrong(format!("{}: {wrong}", self.request.name)))
    }
}
