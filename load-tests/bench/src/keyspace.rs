//! A keyspace to measure in, and the bare driver beside the product's store.

use crate::Failure;
use cartwright::domain::ids::UserId;
use cartwright::sources::Sources;
use cartwright::store::scylla::{Options, Replication, ScyllaStore, UNFINISHED, Writers, migrate};
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::policies::load_balancing::DefaultPolicy;
use scylla::policies::retry::FallthroughRetryPolicy;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::{Consistency, SerialConsistency};
use scylla::value::{CqlValue, Row};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Whoever measures on a server has it alone.
const NAME: &str = "cartwright_bench";
/// Write ids that a partition keeps.
const SLOTS: u64 = 64;

/// The keyspace, made anew.
pub(crate) struct Keyspace {
    options: Options,
    session: Session,
}

impl Keyspace {
    /// Makes it on a server, `host:port`.
    pub(crate) async fn make(server: &str) -> Result<Self, Failure> {
        Self::named(server, NAME).await
    }

    /// The same with a name of its own.
    pub(crate) async fn named(server: &str, name: &str) -> Result<Self, Failure> {
        let options = Options {
            contacts: vec![server.to_owned()],
            keyspace: name.to_owned(),
            credentials: None,
            tls: None,
            datacenter: None,
            writers: Writers::Everywhere,
            unfinished: UNFINISHED,
        };
        let session = SessionBuilder::new().known_node(server).build().await?;
        let keyspace = Self { options, session };
        keyspace.remove().await?;
        let replication = Replication { factor: 1 };
        migrate(&keyspace.options, replication, &Sources::system()).await?;
        Ok(keyspace)
    }

    /// The product's store in it.
    pub(crate) async fn store(&self) -> Result<ScyllaStore, Failure> {
        Ok(ScyllaStore::connect(&self.options, &Sources::system()).await?)
    }

    pub(crate) fn name(&self) -> &str {
        &self.options.keyspace
    }

    /// Removes it with all that is in it.
    pub(crate) async fn remove(&self) -> Result<(), Failure> {
        let text = format!("DROP KEYSPACE IF EXISTS {}", self.name());
        self.session.query_unpaged(text, ()).await?;
        Ok(())
    }
}

/// The driver, with nothing between it and whoever asks.
pub(crate) struct Bare {
    session: Session,
    cart: Batch,
}

impl Bare {
    /// Connects and prepares.
    pub(crate) async fn connect(keyspace: &Keyspace) -> Result<Self, Failure> {
        let balancing = DefaultPolicy::builder()
            .token_aware(true)
            .enable_shuffling_replicas(false);
        let profile = ExecutionProfile::builder()
            .consistency(Consistency::Quorum)
            .serial_consistency(Some(SerialConsistency::Serial))
            .retry_policy(Arc::new(FallthroughRetryPolicy::new()))
            .load_balancing_policy(balancing.build())
            .request_timeout(Some(Duration::from_secs(3)));
        let session = SessionBuilder::new()
            .known_nodes(&keyspace.options.contacts)
            .default_execution_profile_handle(profile.build().into_handle())
            .build()
            .await?;
        let mut cart = Batch::new(BatchType::Unlogged);
        for text in [
            "UPDATE {ks}.users SET version = ?, slots[?] = ? WHERE user_id = ? IF version = ?",
            "INSERT INTO {ks}.users (user_id, kind, seq, name, value) VALUES (?, ?, ?, ?, ?)",
        ] {
            let text = text.replace("{ks}", keyspace.name());
            cart.append_statement(session.prepare(text).await?);
        }
        Ok(Self { session, cart })
    }

    /// What a change of a user's cart writes, under the same condition.
    pub(crate) async fn commit_cart(
        &self,
        user: UserId,
        expected: u64,
        write: Uuid,
        cart: &[u8],
    ) -> Result<(), Failure> {
        let version = i64::try_from(expected)?;
        let slot = i8::try_from(expected % SLOTS)?;
        let condition = (expected > 0).then_some(version);
        let head = (version + 1, slot, write, user.0, condition);
        let row = (user.0, 0_i8, 0_i64, "", cart);
        let answer = self.session.batch(&self.cart, (head, row)).await?;
        let rows = answer.into_rows_result()?;
        match rows.first_row::<Row>()?.columns.first() {
            Some(Some(CqlValue::Boolean(true))) => Ok(()),
            _ => Err("the baseline meets a partition that is not its own".into()),
        }
    }
}
