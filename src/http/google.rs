//! Login with Google, or with whichever issuer is configured.

use super::auth::session;
use super::endpoints::{BEGIN_GOOGLE_LOGIN, FINISH_GOOGLE_LOGIN};
use super::error::ApiError;
use super::filters::{Call, Route, route};
use super::query::parameter;
use super::{Api, json};
use crate::actors::accounts::{AccountFailure, Return};
use crate::domain::identity::LoginState;
use serde::Serialize;
use warp::http::StatusCode;
use warp::reply::Response;

/// The longest code that is passed on, in bytes.
const MAX_CODE: usize = 4_096;
/// The longest error of an issuer that is shown, in bytes.
const MAX_ERROR: usize = 64;

pub(super) fn routes(api: &Api) -> Vec<Route> {
    vec![
        route(api, &BEGIN_GOOGLE_LOGIN, begin),
        route(api, &FINISH_GOOGLE_LOGIN, finish),
    ]
}

#[derive(Serialize)]
struct BegunView<'a> {
    url: &'a str,
    state: &'a str,
}

async fn begin(call: Call) -> Result<Response, ApiError> {
    let accounts = &call.api.accounts;
    accounts.openid().map_err(AccountFailure::from)?;
    let state = parameter(call.query(), "state")?;
    let state = state.map(|state| parse_state(&state)).transpose()?;
    let begun = accounts.begin_openid(state, call.deadline).await?;
    let view = BegunView {
        url: &begun.url,
        state: begun.state.as_str(),
    };
    Ok(json::data(StatusCode::OK, view))
}

async fn finish(call: Call) -> Result<Response, ApiError> {
    let accounts = &call.api.accounts;
    accounts.openid().map_err(AccountFailure::from)?;
    let state = parameter(call.query(), "state")?.ok_or_else(|| required("state"))?;
    let state = parse_state(&state)?;
    let came_with = came_with(call.query())?;
    let opened = accounts.finish_openid(&state, came_with, call.deadline);
    Ok(session(StatusCode::OK, &opened.await?))
}

fn parse_state(text: &str) -> Result<LoginState, ApiError> {
    LoginState::parse(text).ok_or_else(|| {
        let most = LoginState::MAX;
        ApiError::InvalidRequest(format!("state must be 1 to {most} characters"))
    })
}

fn came_with(query: &str) -> Result<Return, ApiError> {
    if let Some(error) = parameter(query, "error")? {
        return Ok(Return::Error(presentable(&error)));
    }
    let code = parameter(query, "code")?.filter(|code| !code.is_empty());
    let code = code.ok_or_else(|| required("code"))?;
    if code.len() > MAX_CODE {
        let message = format!("code must be at most {MAX_CODE} bytes");
        return Err(ApiError::InvalidRequest(message));
    }
    Ok(Return::Code(code.into_owned()))
}

/// An error as the standard writes it; anybody can put anything else there.
fn presentable(error: &str) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c == '_';
    let fits = (1..=MAX_ERROR).contains(&error.len()) && error.chars().all(is_plain);
    if fits { error } else { "unknown_error" }.to_owned()
}

fn required(name: &str) -> ApiError {
    ApiError::InvalidRequest(format!("{name} is required"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(query: &str) -> String {
        match came_with(query) {
            Ok(Return::Code(code)) => format!("code {code}"),
            Ok(Return::Error(error)) => format!("error {error}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn an_error_comes_before_a_code() {
        assert_eq!(told("code=a%2Fb&state=x"), "code a/b");
        assert_eq!(told("code=a&error=access_denied"), "error access_denied");
        for odd in ["", "%3Cscript%3E", "Access+denied", &"x".repeat(65)] {
            assert_eq!(told(&format!("error={odd}")), "error unknown_error");
        }
        assert_eq!(told("state=x"), "code is required");
        assert_eq!(told("code="), "code is required");
        let long = told(&format!("code={}", "x".repeat(4_097)));
        assert_eq!(long, "code must be at most 4096 bytes");
    }
}
