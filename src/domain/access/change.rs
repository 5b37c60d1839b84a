//! How roles and permissions change, and who may change them. `by` are the roles of whoever asks.
//!
//! Nobody hands out what they do not hold: whatever gives, takes or redefines what a role stands
//! for takes somebody who stands for it too, and for a built-in role an admin. What stands for
//! nothing in anybody's hands is any staff's to change.

use super::{Permission, Role, RoleBook, admin_role};
use crate::domain::ids::{PermissionId, RoleId};
use std::collections::BTreeSet;

/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 500;
/// Lengths of a name, in characters.
const NAME: std::ops::RangeInclusive<usize> = 2..=64;

/// Why a change is refused; its text is for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each says it in its text")]
pub enum Refusal {
    #[error(
        "{0} must be 2 to 64 characters: a small letter, then small letters, digits or underscores"
    )]
    InvalidName(&'static str),
    #[error("description must be at most {MAX_DESCRIPTION} characters")]
    DescriptionTooLong,
    #[error("permission_id names no permission")]
    UnknownPermission,
    #[error("there are as many roles and permissions as there can be: delete some")]
    TooManyRoles,
    #[error("there is no such role")]
    RoleNotFound,
    #[error("there is no such permission")]
    PermissionNotFound,
    #[error("name is the name of another role")]
    RoleNameTaken,
    #[error("name is the name of another permission")]
    PermissionNameTaken,
    #[error("a built-in role keeps its name and cannot be deleted")]
    BuiltInRole,
    #[error("a built-in permission keeps its name, resource and action and cannot be deleted")]
    BuiltInPermission,
    #[error("admin holds every permission: none can be revoked from it")]
    AdminHoldsAll,
    #[error("you don't hold every permission that this would give, take or change")]
    NotHeld,
    #[error("only an admin may do this")]
    AdminOnly,
    #[error("the last active administrator must stay one")]
    LastAdministrator,
}

/// How a role is to be called.
#[derive(Clone, Debug)]
pub struct RoleText {
    /// `[a-z][a-z0-9_]{1,63}`, unique.
    pub name: String,
    /// At most 500 characters; `None` for none, or for the one that it has.
    pub description: Option<String>,
}

/// What a permission is to be.
#[derive(Clone, Debug)]
pub struct PermissionText {
    /// `[a-z][a-z0-9_]{1,63}`, unique.
    pub name: String,
    /// As the name.
    pub resource: String,
    /// As the name.
    pub action: String,
    /// At most 500 characters; `None` for none, or for the one that it has.
    pub description: Option<String>,
}

impl RoleText {
    fn check(&self) -> Result<(), Refusal> {
        check_name("name", &self.name)?;
        check_description(self.description.as_deref())
    }
}

impl PermissionText {
    fn check(&self) -> Result<(), Refusal> {
        check_name("name", &self.name)?;
        check_name("resource", &self.resource)?;
        check_name("action", &self.action)?;
        check_description(self.description.as_deref())
    }
}

fn check_name(field: &'static str, name: &str) -> Result<(), Refusal> {
    let begins_well = name.starts_with(|first: char| first.is_ascii_lowercase());
    let is_fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if begins_well && NAME.contains(&name.len()) && name.chars().all(is_fine) {
        Ok(())
    } else {
        Err(Refusal::InvalidName(field))
    }
}

fn check_description(given: Option<&str>) -> Result<(), Refusal> {
    match given.and_then(|text| text.chars().nth(MAX_DESCRIPTION)) {
        Some(_) => Err(Refusal::DescriptionTooLong),
        None => Ok(()),
    }
}

fn check(allowed: bool, refusal: Refusal) -> Result<(), Refusal> {
    if allowed { Ok(()) } else { Err(refusal) }
}

/// # Errors
/// `by` is no admin's.
fn admin_only(by: &BTreeSet<RoleId>) -> Result<(), Refusal> {
    check(by.contains(&admin_role()), Refusal::AdminOnly)
}

impl RoleBook {
    /// Whether `by` may give the role to somebody, or take it from them.
    ///
    /// # Errors
    /// [`Refusal::RoleNotFound`], [`Refusal::AdminOnly`], [`Refusal::NotHeld`].
    pub fn may_hand_out(&self, by: &BTreeSet<RoleId>, role: RoleId) -> Result<(), Refusal> {
        let role = self.roles.get(&role).ok_or(Refusal::RoleNotFound)?;
        if role.id == admin_role() {
            return admin_only(by);
        }
        let stands_for = role.permissions.iter();
        let mut existing = stands_for.filter(|id| self.permissions.contains_key(id));
        check(existing.all(|id| self.holds(by, *id)), Refusal::NotHeld)
    }

    /// Makes a role that stands for nothing yet.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed.
    pub fn create_role(&mut self, id: RoleId, text: RoleText) -> Result<Role, Refusal> {
        text.check()?;
        self.check_role_name(id, &text.name)?;
        let role = Role {
            id,
            name: text.name,
            description: text.description.unwrap_or_default(),
            built_in: false,
            permissions: BTreeSet::new(),
        };
        self.roles.insert(id, role.clone());
        Ok(role)
    }

    /// Renames and redescribes a role; of a built-in one an admin changes the description.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed.
    pub fn update_role(
        &mut self,
        by: &BTreeSet<RoleId>,
        id: RoleId,
        text: RoleText,
    ) -> Result<Role, Refusal> {
        let role = self.roles.get(&id).ok_or(Refusal::RoleNotFound)?;
        text.check()?;
        if role.built_in {
            admin_only(by)?;
            check(role.name == text.name, Refusal::BuiltInRole)?;
        }
        // Under exchanged names others would hand out what they did not mean to.
        self.may_hand_out(by, id)?;
        self.check_role_name(id, &text.name)?;
        let role = self.roles.get_mut(&id).ok_or(Refusal::RoleNotFound)?;
        role.name = text.name;
        if let Some(description) = text.description {
            role.description = description;
        }
        Ok(role.clone())
    }

    /// Removes a role, and with it what it stood for from whoever has it.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed. A role that is not there is removed already.
    pub fn delete_role(&mut self, by: &BTreeSet<RoleId>, id: RoleId) -> Result<(), Refusal> {
        let Some(role) = self.roles.get(&id) else {
            return Ok(());
        };
        check(!role.built_in, Refusal::BuiltInRole)?;
        self.may_hand_out(by, id)?;
        self.roles.remove(&id);
        Ok(())
    }

    /// Makes a permission that no role but admin stands for yet.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed.
    pub fn create_permission(
        &mut self,
        id: PermissionId,
        text: PermissionText,
    ) -> Result<Permission, Refusal> {
        text.check()?;
        self.check_permission_name(id, &text.name)?;
        let permission = Permission {
            id,
            name: text.name,
            resource: text.resource,
            action: text.action,
            description: text.description.unwrap_or_default(),
        };
        self.permissions.insert(id, permission.clone());
        Ok(permission)
    }

    /// Redefines and redescribes a permission. What roles have been granted means what an admin
    /// says that it means.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed.
    pub fn update_permission(
        &mut self,
        by: &BTreeSet<RoleId>,
        id: PermissionId,
        text: PermissionText,
    ) -> Result<Permission, Refusal> {
        let known = self.permissions.get(&id);
        let known = known.ok_or(Refusal::PermissionNotFound)?;
        text.check()?;
        let means_the_same = (&known.name, &known.resource, &known.action)
            == (&text.name, &text.resource, &text.action);
        if known.is_built_in() {
            admin_only(by)?;
            check(means_the_same, Refusal::BuiltInPermission)?;
        }
        self.may_withdraw(by, id)?;
        if !means_the_same && self.roles_granted(id).next().is_some() {
            admin_only(by)?;
        }
        self.check_permission_name(id, &text.name)?;
        let permission = Permission {
            id,
            description: text
                .description
                .unwrap_or_else(|| known.description.clone()),
            name: text.name,
            resource: text.resource,
            action: text.action,
        };
        self.permissions.insert(id, permission.clone());
        Ok(permission)
    }

    /// Removes a permission, and with it every grant of it.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed. A permission that is not there is removed already.
    pub fn delete_permission(
        &mut self,
        by: &BTreeSet<RoleId>,
        id: PermissionId,
    ) -> Result<(), Refusal> {
        let Some(permission) = self.permissions.get(&id) else {
            return Ok(());
        };
        check(!permission.is_built_in(), Refusal::BuiltInPermission)?;
        self.may_withdraw(by, id)?;
        self.permissions.remove(&id);
        for role in self.roles.values_mut() {
            role.permissions.remove(&id);
        }
        Ok(())
    }

    /// Has a role stand for a permission. It may do so already.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed.
    pub fn grant(
        &mut self,
        by: &BTreeSet<RoleId>,
        role: RoleId,
        permission: PermissionId,
    ) -> Result<(), Refusal> {
        if !self.roles.contains_key(&role) {
            return Err(Refusal::RoleNotFound);
        }
        if !self.permissions.contains_key(&permission) {
            return Err(Refusal::UnknownPermission);
        }
        let role = self.granting(by, role, permission)?;
        if role.id != admin_role() {
            role.permissions.insert(permission);
        }
        Ok(())
    }

    /// Has a role no longer stand for a permission.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed. A role or permission that is not there has no grant.
    pub fn revoke(
        &mut self,
        by: &BTreeSet<RoleId>,
        role: RoleId,
        permission: PermissionId,
    ) -> Result<(), Refusal> {
        if !self.roles.contains_key(&role) || !self.permissions.contains_key(&permission) {
            return Ok(());
        }
        let role = self.granting(by, role, permission)?;
        check(role.id != admin_role(), Refusal::AdminHoldsAll)?;
        role.permissions.remove(&permission);
        Ok(())
    }

    /// The role, where `by` may change whether it has this permission.
    fn granting(
        &mut self,
        by: &BTreeSet<RoleId>,
        role: RoleId,
        permission: PermissionId,
    ) -> Result<&mut Role, Refusal> {
        let held = self.holds(by, permission);
        let role = self.roles.get_mut(&role).ok_or(Refusal::RoleNotFound)?;
        if role.built_in {
            admin_only(by)?;
        }
        check(held, Refusal::NotHeld)?;
        Ok(role)
    }

    /// Whether `by` may take the permission from every role that was granted it.
    fn may_withdraw(&self, by: &BTreeSet<RoleId>, id: PermissionId) -> Result<(), Refusal> {
        let mut granted = self.roles_granted(id).peekable();
        if granted.peek().is_some() {
            check(self.holds(by, id), Refusal::NotHeld)?;
        }
        if granted.any(|role| role.built_in) {
            admin_only(by)?;
        }
        Ok(())
    }

    fn roles_granted(&self, id: PermissionId) -> impl Iterator<Item = &Role> {
        let roles = self.roles.values();
        roles.filter(move |role| role.permissions.contains(&id))
    }

    fn check_role_name(&self, id: RoleId, name: &str) -> Result<(), Refusal> {
        let taken = self.role_named(name).is_some_and(|role| role.id != id);
        check(!taken, Refusal::RoleNameTaken)
    }

    fn check_permission_name(&self, id: PermissionId, name: &str) -> Result<(), Refusal> {
        let mut others = self.permissions.values().filter(|it| it.id != id);
        let taken = others.any(|it| it.name == name);
        check(!taken, Refusal::PermissionNameTaken)
    }
}

#[cfg(test)]
mod tests;
