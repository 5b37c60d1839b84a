//! The lease of a keyspace: one process at a time has it.
//!
//! It is renewed while it is held, and expires where its holder died. It keeps a second process
//! from starting by mistake; what keeps two writers from harming each other is the condition of
//! every commit.

use super::ScyllaStore;
use crate::store::{Error, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// For how long it is taken, in seconds.
const LIFE: i32 = 15;
const RENEWAL: Duration = Duration::from_secs(4);
const PAUSE: Duration = Duration::from_millis(500);
/// How long the lease of a process that died just now is waited for.
const PATIENCE: Duration = Duration::from_secs(18);

/// The lease, held until it is given back.
pub struct Lease {
    store: Arc<ScyllaStore>,
    holder: String,
    renewal: JoinHandle<()>,
}

/// Why the lease was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    /// Somebody else has it.
    #[error("the keyspace {keyspace} belongs to {holder}: one process at a time serves it")]
    Held {
        /// The keyspace.
        keyspace: String,
        /// Who has it.
        holder: String,
    },
    /// It could not be asked for.
    #[error("the lease of the keyspace could not be taken: {0}")]
    Store(#[from] Error),
}

impl Lease {
    /// Takes the lease for `holder`, who is told to others who want it. Waits for that of a
    /// process that has died.
    ///
    /// # Errors
    /// [`LeaseError`].
    pub async fn take(
        store: Arc<ScyllaStore>,
        holder: String,
    ) -> std::result::Result<Self, LeaseError> {
        let waiting = async {
            let mut is_told = false;
            loop {
                match take(&store, &holder).await? {
                    None => return Ok::<_, LeaseError>(()),
                    Some(other) if !is_told => {
                        tracing::info!(lease.holder = other, "store.lease.waiting");
                        is_told = true;
                    }
                    Some(_) => {}
                }
                sleep(PAUSE).await;
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(taken) => taken?,
            Err(_) => {
                let found = held_by(&store).await?;
                return Err(LeaseError::Held {
                    keyspace: store.keyspace().to_owned(),
                    holder: found.unwrap_or_else(|| "another process".to_owned()),
                });
            }
        }
        let renewal = tokio::spawn(renew(Arc::clone(&store), holder.clone()));
        Ok(Self {
            store,
            holder,
            renewal,
        })
    }

    /// Gives it back, so that a successor need not wait.
    pub async fn end(self) {
        self.renewal.abort();
        let ended = self
            .store
            .conditional(&self.store.statements.end_lease, (&self.holder,));
        if let Err(error) = ended.await {
            tracing::warn!(%error, "store.lease.left");
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

/// Who else has it; `None` where it is ours.
async fn take(store: &ScyllaStore, holder: &str) -> Result<Option<String>> {
    let taken = store.conditional(&store.statements.take_lease, (holder, LIFE));
    match taken.await {
        Ok(()) => Ok(None),
        // An unknown outcome is known to whoever reads it.
        Err(error @ (Error::Conflict | Error::Unknown(_))) => match held_by(store).await? {
            Some(found) if found == holder => Ok(None),
            Some(found) => Ok(Some(found)),
            // It has expired just now.
            None if error == Error::Conflict => Ok(Some("nobody any more".to_owned())),
            None => Err(error),
        },
        Err(error) => Err(error),
    }
}

async fn held_by(store: &ScyllaStore) -> Result<Option<String>> {
    let found = store.row(&store.statements.lease, ()).await?;
    Ok(found.map(|(holder,)| holder))
}

async fn renew(store: Arc<ScyllaStore>, holder: String) {
    loop {
        sleep(RENEWAL).await;
        let values = (LIFE, &holder, &holder);
        let renewed = store.conditional(&store.statements.renew_lease, values);
        match renewed.await {
            Ok(()) => {}
            Err(Error::Conflict) => match take(&store, &holder).await {
                Ok(None) => tracing::warn!("store.lease.retaken"),
                Ok(Some(other)) => tracing::error!(lease.holder = other, "store.lease.lost"),
                Err(error) => tracing::warn!(%error, "store.lease.not_renewed"),
            },
            Err(error) => tracing::warn!(%error, "store.lease.not_renewed"),
        }
    }
}
