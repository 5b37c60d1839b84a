//! Small values that change as a whole: claims of e-mail addresses and of issuers' subjects, logins
//! in the making, the administrators, the roles, the nodes and their view. A further one needs its place here and no table.

use super::commits::text;
use super::{ScyllaStore, head};
use crate::domain::access::RoleBook;
use crate::domain::account::{Claim, Email};
use crate::domain::identity::{LoginId, PendingLogin, Subject};
use crate::domain::ids::{NodeId, UserId};
use crate::store::encoding::decode;
use crate::store::{Claims, Membership, NodeRow, Result, Versioned, View};
use async_trait::async_trait;
use scylla::value::CqlValue;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Where a value lies.
pub(super) struct Register {
    kind: &'static str,
    name: String,
}

impl Register {
    /// The administrators.
    pub(super) const ADMINISTRATORS: Self = Self::only("administrators");
    /// The roles and permissions.
    pub(super) const ROLES: Self = Self::only("roles");
    /// Who serves the keyspace.
    pub(super) const VIEW: Self = Self::only("view");

    /// The one of its kind.
    const fn only(kind: &'static str) -> Self {
        let name = String::new();
        Self { kind, name }
    }

    /// Who has an address.
    pub(super) fn claim(email: &Email) -> Self {
        Self {
            kind: "claim",
            name: email.as_str().to_owned(),
        }
    }

    /// Whom an issuer vouches for. Neither part has control characters.
    pub(super) fn subject(subject: &Subject) -> Self {
        Self {
            kind: "subject",
            name: format!("{}\n{}", subject.issuer(), subject.sub()),
        }
    }

    /// A login in the making.
    pub(super) fn login(login: LoginId) -> Self {
        let mut name = String::with_capacity(2 * login.0.len());
        for byte in login.0 {
            let _ = write!(name, "{byte:02x}");
        }
        Self {
            kind: "login",
            name,
        }
    }

    /// A node.
    pub(super) fn node(id: NodeId) -> Self {
        Self {
            kind: "node",
            name: id.to_string(),
        }
    }

    /// Its key, to bind.
    pub(super) fn bound(&self) -> [Option<CqlValue>; 2] {
        [text(self.kind), text(&self.name)]
    }

    /// Its key.
    pub(super) fn key(self) -> (&'static str, String) {
        (self.kind, self.name)
    }
}

impl ScyllaStore {
    async fn register<T: DeserializeOwned>(
        &self,
        register: Register,
    ) -> Result<Versioned<Option<T>>> {
        let found = self.row(&self.statements.register, register.key()).await?;
        let (version, value): (Option<i64>, Option<Vec<u8>>) = found.unwrap_or_default();
        Ok(Versioned {
            version: head::version(version),
            value: value.as_deref().map(decode).transpose()?,
        })
    }
}

#[async_trait]
impl Claims for ScyllaStore {
    async fn claim(&self, email: Email) -> Result<Versioned<Option<Claim>>> {
        self.register(Register::claim(&email)).await
    }

    async fn subject(&self, subject: Subject) -> Result<Versioned<Option<Claim>>> {
        self.register(Register::subject(&subject)).await
    }

    async fn login(&self, login: LoginId) -> Result<Versioned<Option<PendingLogin>>> {
        let found: Versioned<Option<Option<_>>> = self.register(Register::login(login)).await?;
        Ok(Versioned {
            version: found.version,
            value: found.value.flatten(),
        })
    }

    async fn administrators(&self) -> Result<Versioned<BTreeSet<UserId>>> {
        let found = self.register(Register::ADMINISTRATORS).await?;
        Ok(Versioned {
            version: found.version,
            value: found.value.unwrap_or_default(),
        })
    }

    async fn roles(&self) -> Result<Versioned<Option<RoleBook>>> {
        self.register(Register::ROLES).await
    }
}

#[async_trait]
impl Membership for ScyllaStore {
    async fn view(&self) -> Result<Versioned<View>> {
        let found = self.register(Register::VIEW).await?;
        Ok(Versioned {
            version: found.version,
            value: found.value.unwrap_or_default(),
        })
    }

    async fn node(&self, id: NodeId) -> Result<Versioned<Option<NodeRow>>> {
        self.register(Register::node(id)).await
    }
}
