//! Permissions.

use super::permission_in;
use crate::domain::access::{Permission, PermissionText, Refusal};
use crate::domain::ids::PermissionId;
use crate::http::endpoints::{
    CREATE_PERMISSION, DELETE_PERMISSION, LIST_PERMISSIONS, UPDATE_PERMISSION, VIEW_PERMISSION,
};
use crate::http::error::ApiError;
use crate::http::filters::{Call, Route, route};
use crate::http::{Api, json};
use serde::{Deserialize, Serialize};
use warp::http::StatusCode;
use warp::reply::Response;

pub(super) fn routes(api: &Api) -> Vec<Route> {
    vec![
        route(api, &LIST_PERMISSIONS, list),
        route(api, &CREATE_PERMISSION, create),
        route(api, &VIEW_PERMISSION, view),
        route(api, &UPDATE_PERMISSION, update),
        route(api, &DELETE_PERMISSION, delete),
    ]
}

#[derive(Deserialize)]
struct PermissionBody {
    name: String,
    resource: String,
    action: String,
    description: Option<String>,
}

impl From<PermissionBody> for PermissionText {
    fn from(body: PermissionBody) -> Self {
        Self {
            name: body.name,
            resource: body.resource,
            action: body.action,
            description: body.description,
        }
    }
}

/// A permission, to the letter of the API.
#[derive(Serialize)]
pub(super) struct PermissionView<'a> {
    id: PermissionId,
    name: &'a str,
    resource: &'a str,
    action: &'a str,
    description: &'a str,
}

impl<'a> From<&'a Permission> for PermissionView<'a> {
    fn from(permission: &'a Permission) -> Self {
        Self {
            id: permission.id,
            name: &permission.name,
            resource: &permission.resource,
            action: &permission.action,
            description: &permission.description,
        }
    }
}

#[derive(Serialize)]
pub(super) struct PermissionsView<'a> {
    pub(super) permissions: Vec<PermissionView<'a>>,
}

#[derive(Serialize)]
struct OnePermission<'a> {
    permission: PermissionView<'a>,
}

fn one(status: StatusCode, permission: &Permission) -> Response {
    let permission = permission.into();
    json::data(status, OnePermission { permission })
}

async fn list(call: Call) -> Result<Response, ApiError> {
    let book = call.api.administration.roles().current()?;
    let all = book.permissions.values();
    let mut permissions: Vec<_> = all.map(PermissionView::from).collect();
    permissions.sort_unstable_by_key(|permission| permission.name);
    Ok(json::data(StatusCode::OK, PermissionsView { permissions }))
}

async fn create(call: Call) -> Result<Response, ApiError> {
    let body: PermissionBody = json::parse(&call.body)?;
    let administration = &call.api.administration;
    let created = administration.create_permission(body.into(), call.deadline);
    Ok(one(StatusCode::CREATED, &created.await?))
}

async fn view(call: Call) -> Result<Response, ApiError> {
    let book = call.api.administration.roles().current()?;
    let found = permission_in(&call, "id").and_then(|id| book.permissions.get(&id));
    Ok(one(
        StatusCode::OK,
        found.ok_or(Refusal::PermissionNotFound)?,
    ))
}

async fn update(call: Call) -> Result<Response, ApiError> {
    let id = permission_in(&call, "id").ok_or(Refusal::PermissionNotFound)?;
    let body: PermissionBody = json::parse(&call.body)?;
    let administration = &call.api.administration;
    let updated = administration.update_permission(call.roles()?, id, body.into(), call.deadline);
    Ok(one(StatusCode::OK, &updated.await?))
}

async fn delete(call: Call) -> Result<Response, ApiError> {
    if let Some(id) = permission_in(&call, "id") {
        let administration = &call.api.administration;
        let deleted = administration.delete_permission(call.roles()?, id, call.deadline);
        deleted.await?;
    }
    Ok(json::no_content())
}
