//! Administration: roles and their permissions, users and their roles. For staff; what each of
//! them may change is judged where it is changed.

mod permissions;
mod roles;
mod users;

use super::Api;
use super::filters::Call;
use crate::domain::ids::{PermissionId, RoleId, UserId};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

pub(super) fn routes(api: &Api) -> BoxedFilter<(Response,)> {
    roles::routes(api)
        .or(permissions::routes(api))
        .unify()
        .or(users::routes(api))
        .unify()
        .boxed()
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
