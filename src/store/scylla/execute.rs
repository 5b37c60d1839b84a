//! Executing statements, and reading their answers.

use super::{ScyllaStore, error};
use crate::store::{Error, Result};
use futures::StreamExt;
use futures::stream::BoxStream;
use scylla::deserialize::row::DeserializeRow;
use scylla::errors::ExecutionError;
use scylla::response::query_result::QueryResult;
use scylla::serialize::row::SerializeRow;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::{CqlValue, Row};

/// What is bound to a statement of a batch.
pub(super) type Values = Vec<Option<CqlValue>>;

/// The largest batch, in bytes of its values. A user's commit at its largest (a full cart, an order
/// of as much, the account) stays below; servers refuse far larger ones only.
const MAX_BATCH: usize = 128 * 1024;

impl ScyllaStore {
    /// Executes the statements as one batch in one partition, whose first has the condition.
    /// [`Error::Conflict`] where it does not hold.
    pub(super) async fn commit_batch(
        &self,
        statements: Vec<(&PreparedStatement, Values)>,
    ) -> Result<()> {
        let mut batch = Batch::new(BatchType::Unlogged);
        batch.set_execution_profile_handle(Some(self.statements.conditional.clone()));
        batch.set_is_idempotent(false);
        batch.set_history_listener(self.statements.counters.conditional_writes.clone());
        let (prepared, values): (Vec<_>, Vec<_>) = statements.into_iter().unzip();
        for statement in prepared {
            batch.append_statement(statement.clone());
        }
        let bytes = values.iter().map(bytes).sum::<usize>();
        if bytes > MAX_BATCH {
            return Err(Error::Unavailable(format!(
                "a commit of {bytes} bytes is larger than {MAX_BATCH}"
            )));
        }
        let answer = self.session.batch(&batch, values).await;
        conflict_unless_applied(answer)
    }

    /// Executes a conditional statement. [`Error::Conflict`] where its condition does not hold.
    pub(super) async fn conditional(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<()> {
        let answer = self.session.execute_unpaged(statement, values).await;
        conflict_unless_applied(answer)
    }

    /// Executes a write without a condition.
    pub(super) async fn write(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<()> {
        let answer = self.session.execute_unpaged(statement, values).await;
        answer.map(drop).map_err(|error| error::write(&error))
    }

    /// Writes rows of one partition, without a condition: all of them or none.
    pub(super) async fn write_batch(
        &self,
        statements: Vec<(&PreparedStatement, Values)>,
    ) -> Result<()> {
        let mut batch = Batch::new(BatchType::Unlogged);
        batch.set_execution_profile_handle(Some(self.statements.ordinary.clone()));
        batch.set_is_idempotent(true);
        batch.set_history_listener(self.statements.counters.writes.clone());
        let (prepared, values): (Vec<_>, Vec<_>) = statements.into_iter().unzip();
        for statement in prepared {
            batch.append_statement(statement.clone());
        }
        let answer = self.session.batch(&batch, values).await;
        answer.map(drop).map_err(|error| error::write(&error))
    }

    /// All rows of an answer that is known to be small, read at once.
    pub(super) async fn rows<R>(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<Vec<R>>
    where
        R: for<'r> DeserializeRow<'r, 'r>,
    {
        let mut answer = self.session.execute_unpaged(statement, &values).await;
        if answer.as_ref().is_err_and(may_repeat) {
            answer = self.session.execute_unpaged(statement, &values).await;
        }
        let rows = answer.map_err(error::read)?.into_rows_result();
        let rows = rows.map_err(error::answer)?;
        let rows = rows.rows::<R>().map_err(error::answer)?;
        rows.map(|row| row.map_err(error::answer)).collect()
    }

    /// The one row of an answer, if there is one.
    pub(super) async fn row<R>(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<Option<R>>
    where
        R: for<'r> DeserializeRow<'r, 'r>,
    {
        Ok(self.rows(statement, values).await?.pop())
    }

    /// The rows of an answer, fetched page by page.
    pub(super) async fn stream<R>(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<BoxStream<'static, Result<R>>>
    where
        R: for<'r, 'm> DeserializeRow<'r, 'm> + Send + 'static,
    {
        let pager = self.session.execute_iter(statement.clone(), values).await;
        let rows = pager.map_err(error::read)?.rows_stream::<R>();
        let rows = rows.map_err(error::answer)?;
        Ok(rows.map(|row| row.map_err(error::read)).boxed())
    }
}

/// A connection that broke says nothing about the other nodes. A time-out is not repeated: the
/// caller's time is up as well.
fn may_repeat(error: &ExecutionError) -> bool {
    matches!(error, ExecutionError::LastAttemptError(_))
}

fn conflict_unless_applied(answer: std::result::Result<QueryResult, ExecutionError>) -> Result<()> {
    let answer = answer.map_err(|error| error::write(&error))?;
    match is_applied(answer) {
        Some(true) => Ok(()),
        Some(false) => Err(Error::Conflict),
        None => Err(Error::Unknown(
            "the answer to a conditional write does not say whether it was applied".to_owned(),
        )),
    }
}

/// Servers differ in what else they answer: some a row for each statement of a batch, some with
/// the values that the condition met.
fn is_applied(answer: QueryResult) -> Option<bool> {
    let rows = answer.into_rows_result().ok()?;
    let (place, _) = rows.column_specs().get_by_name("[applied]")?;
    match rows.first_row::<Row>().ok()?.columns.get(place)? {
        Some(CqlValue::Boolean(applied)) => Some(*applied),
        _ => None,
    }
}

/// About how many bytes the values have.
pub(super) fn bytes(values: &Values) -> usize {
    values.iter().flatten().map(size).sum()
}

fn size(value: &CqlValue) -> usize {
    match value {
        CqlValue::Blob(bytes) => bytes.len(),
        CqlValue::Text(text) => text.len(),
        _ => 16,
    }
}
