//! Orders in the making, and recovery's low-water mark.

use super::{ScyllaStore, error};
use crate::domain::ids::OrderId;
use crate::domain::order::Attempt;
use crate::store::encoding::{decode, encode};
use crate::store::{Attempts, Bucket, Error, Result, bucket};
use async_trait::async_trait;
use futures::TryStreamExt;

const LOW_WATER: &str = "low_water";
/// How often raising the mark is tried against others who raise it.
const TRIES: usize = 16;

#[async_trait]
impl Attempts for ScyllaStore {
    async fn put_attempt(&self, attempt: Attempt) -> Result<()> {
        let (order, user) = (attempt.order_id.0, attempt.user_id.0);
        let statements = &self.statements;
        let row = (bucket(attempt.created_at), order, encode(&attempt));
        let both = tokio::try_join!(
            self.write(&statements.put_owner, (order, user)),
            self.write(&statements.put_attempt, row),
        );
        both.map(drop).map_err(error::of_several)
    }

    async fn attempts(&self, bucket: Bucket) -> Result<Vec<Attempt>> {
        let rows = self.stream::<(Vec<u8>,)>(&self.statements.attempts, (bucket,));
        let attempts = rows.await?;
        attempts
            .and_then(|(value,)| async move { decode(&value) })
            .try_collect()
            .await
    }

    async fn remove_attempt(&self, bucket: Bucket, order: OrderId) -> Result<()> {
        let key = (bucket, order.0);
        self.write(&self.statements.remove_attempt, key).await
    }

    async fn low_water(&self) -> Result<Option<Bucket>> {
        let found = self.row(&self.statements.mark, (LOW_WATER,)).await?;
        Ok(found.and_then(|(mark,): (Option<Bucket>,)| mark))
    }

    async fn raise_low_water(&self, bucket: Bucket) -> Result<()> {
        for _ in 0..TRIES {
            let stands = self.low_water().await?;
            if stands.is_some_and(|stands| stands >= bucket) {
                return Ok(());
            }
            let values = (bucket, LOW_WATER, stands);
            match self.conditional(&self.statements.raise_mark, values).await {
                Err(Error::Conflict) => {}
                done => return done,
            }
        }
        Err(Error::Unavailable(
            "the low-water mark is being raised by too many".to_owned(),
        ))
    }
}
