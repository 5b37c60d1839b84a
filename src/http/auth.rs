//! Accounts: registration, login, refresh, logout, profile.

use super::endpoints::{LOGIN, LOGOUT, REFRESH, REGISTER, VIEW_PROFILE};
use super::error::ApiError;
use super::filters::{Call, Route, route};
use super::format::Rfc3339;
use super::{Api, json};
use crate::actors::accounts::{Opened, Registration};
use crate::actors::user::AccountView;
use crate::auth::password::check_password;
use crate::domain::account::Email;
use crate::domain::identity::MAX_NAME;
use crate::domain::ids::UserId;
use serde::{Deserialize, Serialize};
use warp::http::StatusCode;
use warp::reply::Response;

pub(super) fn routes(api: &Api) -> Vec<Route> {
    vec![
        route(api, &VIEW_PROFILE, view_profile),
        route(api, &REFRESH, refresh),
        route(api, &LOGIN, login),
        route(api, &REGISTER, register),
        route(api, &LOGOUT, logout),
    ]
}

#[derive(Deserialize)]
struct RegisterBody {
    email: String,
    password: String,
    first_name: String,
    last_name: String,
}

impl RegisterBody {
    fn check(self) -> Result<Registration, ApiError> {
        let email = Email::parse(&self.email).ok_or_else(|| {
            ApiError::InvalidRequest("email must be a valid e-mail address".to_owned())
        })?;
        check_password(&self.password)
            .map_err(|error| ApiError::InvalidRequest(error.to_string()))?;
        Ok(Registration {
            email,
            password: self.password,
            first_name: name("first_name", &self.first_name)?,
            last_name: name("last_name", &self.last_name)?,
        })
    }
}

fn name(field: &str, given: &str) -> Result<String, ApiError> {
    let name = given.trim();
    if (1..=MAX_NAME).contains(&name.chars().count()) {
        Ok(name.to_owned())
    } else {
        Err(ApiError::InvalidRequest(format!(
            "{field} must be 1 to {MAX_NAME} characters"
        )))
    }
}

async fn register(call: Call) -> Result<Response, ApiError> {
    let registration = json::parse::<RegisterBody>(&call.body)?.check()?;
    let opened = call.api.accounts.register(registration, call.deadline);
    Ok(session(StatusCode::CREATED, &opened.await?))
}

#[derive(Deserialize)]
struct LoginBody {
    email: String,
    password: String,
}

async fn login(call: Call) -> Result<Response, ApiError> {
    let body: LoginBody = json::parse(&call.body)?;
    required("email", body.email.trim())?;
    required("password", &body.password)?;
    // What is no address belongs to nobody, which takes as long to tell as a wrong password.
    let email = Email::parse(&body.email);
    let opened = call.api.accounts.login(email, body.password, call.deadline);
    Ok(session(StatusCode::OK, &opened.await?))
}

#[derive(Deserialize)]
struct RefreshBody {
    refresh_token: String,
}

async fn refresh(call: Call) -> Result<Response, ApiError> {
    let body: RefreshBody = json::parse(&call.body)?;
    required("refresh_token", &body.refresh_token)?;
    let opened = call
        .api
        .accounts
        .refresh(&body.refresh_token, call.deadline);
    let opened = opened.await?;
    Ok(json::data(StatusCode::OK, Tokens::of(&opened)))
}

async fn logout(call: Call) -> Result<Response, ApiError> {
    let claims = call.claims()?;
    let done = call
        .api
        .accounts
        .logout(claims.user, claims.epoch, call.deadline);
    done.await?;
    Ok(json::no_content())
}

async fn view_profile(call: Call) -> Result<Response, ApiError> {
    let claims = call.claims()?;
    let found = call
        .api
        .accounts
        .profile(claims.user, claims.epoch, call.deadline);
    let (account, roles) = found.await?;
    let profile = ProfileView {
        user: UserView::without_times(&account),
        roles,
    };
    Ok(json::data(StatusCode::OK, profile))
}

fn required(field: &str, value: &str) -> Result<(), ApiError> {
    if value.is_empty() {
        Err(ApiError::InvalidRequest(format!(
            "{field} must not be empty"
        )))
    } else {
        Ok(())
    }
}

pub(super) fn session(status: StatusCode, opened: &Opened) -> Response {
    let session = SessionView {
        user: UserView::with_times(&opened.account),
        tokens: Tokens::of(opened),
    };
    json::data(status, session)
}

#[derive(Serialize)]
struct SessionView<'a> {
    user: UserView<'a>,
    #[serde(flatten)]
    tokens: Tokens<'a>,
}

#[derive(Serialize)]
struct Tokens<'a> {
    access_token: &'a str,
    refresh_token: &'a str,
    expires_at: Rfc3339,
}

impl<'a> Tokens<'a> {
    fn of(opened: &'a Opened) -> Self {
        Self {
            access_token: &opened.access_token,
            refresh_token: &opened.refresh_token,
            expires_at: Rfc3339(opened.expires_at),
        }
    }
}

#[derive(Serialize)]
struct ProfileView<'a> {
    user: UserView<'a>,
    roles: Vec<String>,
}

/// A user, to the letter of the API: with times where a session is opened, without in the profile.
#[derive(Serialize)]
pub(super) struct UserView<'a> {
    id: UserId,
    email: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    active: bool,
    email_verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Rfc3339>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<Rfc3339>,
}

impl<'a> UserView<'a> {
    pub(super) fn without_times(account: &'a AccountView) -> Self {
        let profile = &account.profile;
        Self {
            id: account.id,
            email: profile.email.as_str(),
            first_name: &profile.first_name,
            last_name: &profile.last_name,
            active: account.active,
            email_verified: profile.email_verified,
            created_at: None,
            updated_at: None,
        }
    }

    fn with_times(account: &'a AccountView) -> Self {
        Self {
            created_at: Some(Rfc3339(account.profile.created_at)),
            updated_at: Some(Rfc3339(account.updated_at)),
            ..Self::without_times(account)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn registration(changes: Value) -> Result<Registration, String> {
        let mut body = json!({
            "email": "Ann@Example.com", "password": "SecurePassword123!",
            "first_name": " Ann ", "last_name": "Doe", "role": "admin", "id": 1,
        });
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        let body: Result<RegisterBody, _> = json::parse(body.to_string().as_bytes());
        body.and_then(RegisterBody::check)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_registration_is_trimmed_and_checked() {
        let Registration {
            email, first_name, ..
        } = registration(json!({})).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            (email.as_str(), first_name.as_str()),
            ("ann@example.com", "Ann")
        );
        let told = |changes| registration(changes).err().unwrap_or_default();
        let name = "first_name must be 1 to 100 characters";
        assert_eq!(told(json!({"first_name": "  "})), name);
        assert_eq!(told(json!({"first_name": "ä".repeat(101)})), name);
        assert_eq!(told(json!({"first_name": "ä".repeat(100)})), "");
        assert_eq!(
            told(json!({"last_name": null})),
            "last_name must be a string"
        );
        assert_eq!(
            told(json!({"email": "ann"})),
            "email must be a valid e-mail address"
        );
        let password = "password must be 8 to 128 characters";
        assert_eq!(told(json!({"password": "short"})), password);
        assert_eq!(told(json!({"password": "x".repeat(129)})), password);
    }
}
