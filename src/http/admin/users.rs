//! Users as staff see them: found, shown, let in or locked out, and their roles.

use super::roles::Message;
use super::{role_in, user_in};
use crate::actors::administration::RoleRef;
use crate::actors::user::AccountView;
use crate::domain::access::Refusal;
use crate::domain::account::Email;
use crate::domain::ids::{RoleId, UserId};
use crate::domain::user::Rejection;
use crate::http::auth::UserView;
use crate::http::endpoints::{
    ASSIGN, FIND_USER, LIST_ASSIGNMENTS, UNASSIGN, UPDATE_USER, VIEW_USER,
};
use crate::http::error::ApiError;
use crate::http::filters::{Call, Route, route};
use crate::http::{Api, json, query};
use serde::{Deserialize, Serialize};
use warp::http::StatusCode;
use warp::reply::Response;

pub(super) fn routes(api: &Api) -> Vec<Route> {
    vec![
        route(api, &FIND_USER, find),
        route(api, &VIEW_USER, view),
        route(api, &UPDATE_USER, update),
        route(api, &LIST_ASSIGNMENTS, list_roles),
        route(api, &ASSIGN, assign),
        route(api, &UNASSIGN, unassign),
    ]
}

/// The profile's user, with the names of the roles.
#[derive(Serialize)]
struct StaffView<'a> {
    #[serde(flatten)]
    user: UserView<'a>,
    roles: Vec<String>,
}

impl<'a> StaffView<'a> {
    fn of(call: &Call, account: &'a AccountView) -> Self {
        Self {
            user: UserView::without_times(account),
            roles: role_names(call, account),
        }
    }
}

fn role_names(call: &Call, account: &AccountView) -> Vec<String> {
    let roles = call.api.administration.roles().last_known();
    roles.names(&account.roles)
}

#[derive(Serialize)]
struct OneUser<'a> {
    user: StaffView<'a>,
}

#[derive(Serialize)]
struct UsersView<'a> {
    users: Vec<StaffView<'a>>,
}

#[derive(Serialize)]
struct RoleNames {
    roles: Vec<String>,
}

/// The user in the path.
fn named_user(call: &Call) -> Result<UserId, ApiError> {
    Ok(user_in(call).ok_or(Rejection::UserNotFound)?)
}

async fn find(call: Call) -> Result<Response, ApiError> {
    let email = query::parameter(call.query(), "email")?;
    let email = email.as_deref().and_then(Email::parse).ok_or_else(|| {
        ApiError::InvalidRequest("email is required, as a valid e-mail address".to_owned())
    })?;
    let administration = &call.api.administration;
    let found = administration.user_by_email(email, call.deadline).await?;
    let users = found.iter().map(|user| StaffView::of(&call, user));
    let users = users.collect();
    Ok(json::data(StatusCode::OK, UsersView { users }))
}

async fn view(call: Call) -> Result<Response, ApiError> {
    let administration = &call.api.administration;
    let account = administration
        .user(named_user(&call)?, call.deadline)
        .await?;
    let user = StaffView::of(&call, &account);
    Ok(json::data(StatusCode::OK, OneUser { user }))
}

#[derive(Deserialize)]
struct UpdateBody {
    active: bool,
}

async fn update(call: Call) -> Result<Response, ApiError> {
    let user = named_user(&call)?;
    let body: UpdateBody = json::parse(&call.body)?;
    let administration = &call.api.administration;
    let updated = administration.set_active(call.roles()?, user, body.active, call.deadline);
    let account = updated.await?;
    let user = StaffView::of(&call, &account);
    Ok(json::data(StatusCode::OK, OneUser { user }))
}

async fn list_roles(call: Call) -> Result<Response, ApiError> {
    let administration = &call.api.administration;
    let account = administration
        .user(named_user(&call)?, call.deadline)
        .await?;
    let roles = role_names(&call, &account);
    Ok(json::data(StatusCode::OK, RoleNames { roles }))
}

#[derive(Deserialize)]
struct AssignBody {
    role_id: Option<String>,
    role_name: Option<String>,
}

impl AssignBody {
    /// Which role is meant; the id counts where both are given.
    fn role(self) -> Result<RoleRef, ApiError> {
        let given = |text: &String| !text.is_empty();
        if let Some(id) = self.role_id.filter(given) {
            return Ok(RoleRef::Id(
                RoleId::parse(&id).ok_or(Refusal::RoleNotFound)?,
            ));
        }
        match self.role_name.filter(given) {
            Some(name) => Ok(RoleRef::Name(name)),
            None => Err(ApiError::InvalidRequest(
                "role_id or role_name is required".to_owned(),
            )),
        }
    }
}

async fn assign(call: Call) -> Result<Response, ApiError> {
    let user = named_user(&call)?;
    let role = json::parse::<AssignBody>(&call.body)?.role()?;
    let administration = &call.api.administration;
    let assigned = administration.assign(call.roles()?, user, &role, call.deadline);
    assigned.await?;
    let message = "Role assigned successfully";
    Ok(json::data(StatusCode::OK, Message { message }))
}

async fn unassign(call: Call) -> Result<Response, ApiError> {
    let user = named_user(&call)?;
    let role = role_in(&call, "roleId").ok_or(Refusal::RoleNotFound)?;
    let administration = &call.api.administration;
    let removed = administration.remove(call.roles()?, user, role, call.deadline);
    removed.await?;
    Ok(json::no_content())
}
