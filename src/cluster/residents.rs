//! The actors of this node, as membership sees them.

use super::KeyHash;
use async_trait::async_trait;
use tokio::time::Instant;

/// Whoever has actors in memory.
#[async_trait]
pub trait Residents: Send + Sync + 'static {
    /// Has the actors of all keys that are not to be kept finish what they have, and end. Returns
    /// once they have ended, at the latest at `deadline`; requests that come meanwhile for such a
    /// key find no actor but a new one, or none.
    async fn hand_over(&self, keeps: &(dyn Fn(KeyHash) -> bool + Send + Sync), deadline: Instant);

    /// How many users' and stock items' actors are resident.
    fn count(&self) -> (u64, u64);

    /// Keys have come here: to be told once they can be asked.
    fn taken_over(&self);
}
