//! Roles, and the permissions that they were granted.

use super::permissions::{PermissionView, PermissionsView};
use super::{permission_in, role_in};
use crate::domain::access::{Refusal, Role, RoleText};
use crate::domain::ids::{PermissionId, RoleId};
use crate::http::endpoints::{
    CREATE_ROLE, DELETE_ROLE, GRANT, LIST_GRANTS, LIST_ROLES, REVOKE, UPDATE_ROLE, VIEW_ROLE,
};
use crate::http::error::ApiError;
use crate::http::filters::{Call, Route, route};
use crate::http::{Api, json};
use serde::{Deserialize, Serialize};
use warp::http::StatusCode;
use warp::reply::Response;

pub(super) fn routes(api: &Api) -> Vec<Route> {
    vec![
        route(api, &LIST_ROLES, list),
        route(api, &CREATE_ROLE, create),
        route(api, &VIEW_ROLE, view),
        route(api, &UPDATE_ROLE, update),
        route(api, &DELETE_ROLE, delete),
        route(api, &LIST_GRANTS, list_grants),
        route(api, &GRANT, grant),
        route(api, &REVOKE, revoke),
    ]
}

#[derive(Deserialize)]
struct RoleBody {
    name: String,
    description: Option<String>,
}

impl From<RoleBody> for RoleText {
    fn from(body: RoleBody) -> Self {
        Self {
            name: body.name,
            description: body.description,
        }
    }
}

#[derive(Serialize)]
struct RoleView<'a> {
    id: RoleId,
    name: &'a str,
    description: &'a str,
}

impl<'a> From<&'a Role> for RoleView<'a> {
    fn from(role: &'a Role) -> Self {
        Self {
            id: role.id,
            name: &role.name,
            description: &role.description,
        }
    }
}

#[derive(Serialize)]
struct RolesView<'a> {
    roles: Vec<RoleView<'a>>,
}

#[derive(Serialize)]
struct OneRole<'a> {
    role: RoleView<'a>,
}

fn one(status: StatusCode, role: &Role) -> Response {
    json::data(status, OneRole { role: role.into() })
}

async fn list(call: Call) -> Result<Response, ApiError> {
    let book = call.api.administration.roles().current()?;
    let mut roles: Vec<_> = book.roles.values().map(RoleView::from).collect();
    roles.sort_unstable_by_key(|role| role.name);
    Ok(json::data(StatusCode::OK, RolesView { roles }))
}

async fn create(call: Call) -> Result<Response, ApiError> {
    let body: RoleBody = json::parse(&call.body)?;
    let administration = &call.api.administration;
    let role = administration
        .create_role(body.into(), call.deadline)
        .await?;
    Ok(one(StatusCode::CREATED, &role))
}

async fn view(call: Call) -> Result<Response, ApiError> {
    let book = call.api.administration.roles().current()?;
    let role = role_in(&call, "id").and_then(|id| book.roles.get(&id));
    Ok(one(StatusCode::OK, role.ok_or(Refusal::RoleNotFound)?))
}

async fn update(call: Call) -> Result<Response, ApiError> {
    let id = role_in(&call, "id").ok_or(Refusal::RoleNotFound)?;
    let body: RoleBody = json::parse(&call.body)?;
    let administration = &call.api.administration;
    let updated = administration.update_role(call.roles()?, id, body.into(), call.deadline);
    Ok(one(StatusCode::OK, &updated.await?))
}

async fn delete(call: Call) -> Result<Response, ApiError> {
    if let Some(id) = role_in(&call, "id") {
        let administration = &call.api.administration;
        let deleted = administration.delete_role(call.roles()?, id, call.deadline);
        deleted.await?;
    }
    Ok(json::no_content())
}

async fn list_grants(call: Call) -> Result<Response, ApiError> {
    let book = call.api.administration.roles().current()?;
    let role = role_in(&call, "id").filter(|id| book.roles.contains_key(id));
    let permissions = book.permissions_of(role.ok_or(Refusal::RoleNotFound)?);
    let permissions = permissions.into_iter().map(PermissionView::from).collect();
    Ok(json::data(StatusCode::OK, PermissionsView { permissions }))
}

#[derive(Deserialize)]
struct GrantBody {
    permission_id: String,
}

async fn grant(call: Call) -> Result<Response, ApiError> {
    let role = role_in(&call, "id").ok_or(Refusal::RoleNotFound)?;
    let body: GrantBody = json::parse(&call.body)?;
    let permission = PermissionId::parse(&body.permission_id).ok_or(Refusal::UnknownPermission)?;
    let administration = &call.api.administration;
    let granted = administration.grant(call.roles()?, role, permission, call.deadline);
    granted.await?;
    let message = "Permission granted successfully";
    Ok(json::data(StatusCode::OK, Message { message }))
}

async fn revoke(call: Call) -> Result<Response, ApiError> {
    let named = role_in(&call, "id").zip(permission_in(&call, "permId"));
    if let Some((role, permission)) = named {
        let administration = &call.api.administration;
        let revoked = administration.revoke(call.roles()?, role, permission, call.deadline);
        revoked.await?;
    }
    Ok(json::no_content())
}

/// That it is done.
#[derive(Serialize)]
pub(super) struct Message {
    pub(super) message: &'static str,
}
