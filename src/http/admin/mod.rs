//! Administration: roles and their permissions, users and their roles. For staff; what each of
//! them may change is judged where it is changed.

mod permissions;
mod roles;
mod users;

use super::Api;
use super::filters::{Call, Route};
use crate::domain::ids::{PermissionId, RoleId, UserId};

pub(super) fn routes(api: &Api) -> Vec<Route> {
    let resources = [roles::routes, permissions::routes, users::routes];
    resources.iter().flat_map(|routes| routes(api)).collect()
}

/// The role in a path; `None` where it cannot be one. So for the other two.
fn role_in(call: &Call, parameter: &str) -> Option<RoleId> {
    RoleId::parse(&call.parameter(parameter)?)
}

fn permission_in(call: &Call, parameter: &str) -> Option<PermissionId> {
    PermissionId::parse(&call.parameter(parameter)?)
}

fn user_in(call: &Call) -> Option<UserId> {
    UserId::parse(&call.parameter("id")?)
}
