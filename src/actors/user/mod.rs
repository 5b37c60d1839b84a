//! The actor that owns one user.

mod reply;

pub use reply::{AccountView, Body, CartView, Reply};

use super::Failure;
use crate::domain::ids::UserId;
use crate::domain::user::Request;
use tokio::time::Instant;

/// Finds the actors of users and hands them requests. Cheap to clone.
#[derive(Clone)]
pub struct Users {}

impl Users {
    /// Hands a request to the user's actor and waits for its answer, at most until `deadline`.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn ask(
        &self,
        user: UserId,
        request: Request,
        deadline: Instant,
    ) -> Result<Reply, Failure> {
        let _ = (user, request, deadline);
        Err(Failure::Unavailable)
    }
}
