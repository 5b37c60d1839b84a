//! Commits: what each kind of partition writes, under the condition on its version.

use super::execute::Values;
use super::expiry::ttl;
use super::registers::Register;
use super::{ScyllaStore, head, stocks, users};
use crate::domain::time::Timestamp;
use crate::store::encoding::encode;
use crate::store::{
    Change, Commit, Commits, Error, LOGIN_KEPT, NODE_KEPT, Outcome, Partition, Result, Version,
    WriteId,
};
use async_trait::async_trait;
use scylla::value::CqlValue;

#[async_trait]
impl Commits for ScyllaStore {
    async fn commit(&self, commit: Commit) -> Result<()> {
        let expected = commit.expected;
        let Some(next) = head::next(expected, commit.write) else {
            return Err(Error::Conflict);
        };
        let statements = &self.statements;
        match commit.change {
            Change::User(id, write) => {
                let head = bind([&next, &[users::key(id)], &[head::condition(expected)]]);
                let mut batch = vec![(&statements.user_head, head)];
                batch.extend(users::rows(self, id, expected, &write));
                self.commit_batch(batch).await
            }
            Change::Stock(key, write) => {
                let head = bind([&next, &stocks::key(&key), &[head::condition(expected)]]);
                let mut batch = vec![(&statements.stock_head, head)];
                batch.extend(stocks::rows(self, &key, &write));
                self.commit_batch(batch).await
            }
            Change::Claim(email, claim) => {
                let claim = (Register::claim(&email), encode(&claim));
                self.write_register(claim, next, expected).await
            }
            Change::Subject(subject, claim) => {
                let claim = (Register::subject(&subject), encode(&claim));
                self.write_register(claim, next, expected).await
            }
            Change::Login(login, write) => {
                let pending = (Register::login(login), encode(&write.pending));
                let until = write.at.plus(LOGIN_KEPT);
                self.write_expiring(pending, until, next, expected).await
            }
            Change::View(view) => {
                let view = (Register::VIEW, encode(&view));
                self.write_register(view, next, expected).await
            }
            Change::Node(id, write) => {
                let node = (Register::node(id), encode(&write.row));
                let until = write.at.plus(NODE_KEPT);
                self.write_expiring(node, until, next, expected).await
            }
            Change::Administrators(users) => {
                let administrators = (Register::ADMINISTRATORS, encode(&users));
                self.write_register(administrators, next, expected).await
            }
            Change::Roles(book) => {
                let roles = (Register::ROLES, encode(&book));
                self.write_register(roles, next, expected).await
            }
        }
    }

    async fn outcome(
        &self,
        partition: Partition,
        expected: Version,
        write: WriteId,
    ) -> Result<Outcome> {
        let statements = &self.statements;
        let register = match partition {
            Partition::User(id) => {
                let stored = self.row(&statements.user_slots, (id.0,)).await?;
                return Ok(head::outcome(stored, expected, write));
            }
            Partition::Stock(key) => {
                let key = Values::from(stocks::key(&key));
                let stored = self.row(&statements.stock_slots, key).await?;
                return Ok(head::outcome(stored, expected, write));
            }
            Partition::Claim(email) => Register::claim(&email),
            Partition::Subject(subject) => Register::subject(&subject),
            Partition::Login(login) => Register::login(login),
            Partition::Administrators => Register::ADMINISTRATORS,
            Partition::Roles => Register::ROLES,
            Partition::View => Register::VIEW,
            Partition::Node(id) => Register::node(id),
        };
        let stored = self.row(&statements.register_slots, register.key()).await?;
        Ok(head::outcome(stored, expected, write))
    }
}

impl ScyllaStore {
    async fn write_register(
        &self,
        (register, value): (Register, Vec<u8>),
        next: [Option<CqlValue>; 3],
        expected: Version,
    ) -> Result<()> {
        let value = [Some(CqlValue::Blob(value))];
        let values = bind([
            &next,
            &value,
            &register.bound(),
            &[head::condition(expected)],
        ]);
        self.conditional(&self.statements.register_write, values)
            .await
    }

    /// The whole partition expires: every column has been written anew, but for the write ids of
    /// earlier commits, which expire before.
    async fn write_expiring(
        &self,
        (register, value): (Register, Vec<u8>),
        until: Timestamp,
        next: [Option<CqlValue>; 3],
        expected: Version,
    ) -> Result<()> {
        let life = ttl(until, self.now());
        let value = [Some(CqlValue::Blob(value))];
        let values = bind([
            &[Some(CqlValue::Int(life))],
            &next,
            &value,
            &register.bound(),
            &[head::condition(expected)],
        ]);
        self.conditional(&self.statements.expiring_register_write, values)
            .await
    }
}

/// The values of a statement, from those of its parts.
pub(super) fn bind<const N: usize>(parts: [&[Option<CqlValue>]; N]) -> Values {
    parts.concat()
}

/// A text, to bind.
pub(super) fn text(text: &str) -> Option<CqlValue> {
    Some(CqlValue::Text(text.to_owned()))
}
