//! What a node may answer from memory, by what it knows of the others. Pure.
//!
//! Views follow one another, and the next is made only once everybody has adopted the last. So who
//! owned a key before it came here is known: its owner in the view before, and nobody else.

use super::hash::{KeyHash, owner};
use crate::domain::ids::NodeId;
use crate::store::{Member, View};
use std::collections::BTreeSet;

/// What a node knows.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    /// Which node this is.
    pub(super) me: NodeId,
    /// The number of the latest view; 0 before the first.
    pub(super) number: u64,
    /// The latest view.
    pub(super) view: View,
    /// The number of the view that this node has adopted last: what it does not own there, it has
    /// handed over.
    pub(super) handed: u64,
    /// Who of those in this view and the one before is known to have adopted this one, or to be
    /// gone.
    pub(super) adopted: BTreeSet<NodeId>,
}

/// Where a key is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// Here.
    Here,
    /// At another node, which has it, or will.
    There(Member),
    /// Nowhere yet: it is to come here, or this node is no member.
    Nowhere,
}

impl Standing {
    /// Before the first view.
    pub(super) fn nobody(me: NodeId) -> Self {
        Self {
            me,
            number: 0,
            view: View::default(),
            handed: 0,
            adopted: BTreeSet::new(),
        }
    }

    /// Whether the node belongs to the latest view.
    pub(super) fn is_member(&self) -> bool {
        self.view.members.iter().any(|member| member.id == self.me)
    }

    /// Whether the node belongs to the latest view, and has handed over what it does not own there.
    pub(super) fn has_adopted(&self) -> bool {
        self.is_member() && self.handed == self.number
    }

    /// Whether the node has left the view, and has nothing more of it.
    pub(super) fn has_nothing(&self) -> bool {
        !self.is_member() && self.handed == self.number
    }

    /// Goes on as another node, which is no member yet.
    pub(super) fn begin_anew(&mut self, me: NodeId) {
        (self.me, self.handed) = (me, 0);
    }

    /// Learns of a later view.
    pub(super) fn advance(&mut self, number: u64, view: View) {
        (self.number, self.view) = (number, view);
        self.adopted.clear();
    }

    /// Who owns the key in the latest view.
    pub(super) fn owner(&self, key: KeyHash) -> Option<&Member> {
        owner(&self.view.members, |member| member.id, key)
    }

    fn owner_before(&self, key: KeyHash) -> Option<NodeId> {
        owner(&self.view.before, |id| *id, key).copied()
    }

    /// Whether the key has been this node's since the view before.
    pub(super) fn keeps(&self, key: KeyHash) -> bool {
        self.owner(key).is_some_and(|owner| owner.id == self.me)
            && self.owner_before(key) == Some(self.me)
    }

    /// Who had the key in the view before, where it is another's now and is not known to have been
    /// handed over.
    pub(super) fn former(&self, key: KeyHash) -> Option<NodeId> {
        let before = self.owner_before(key)?;
        let has_moved = self.owner(key).is_none_or(|owner| owner.id != before);
        let has_left = match before == self.me {
            true => self.handed + 1 != self.number,
            false => self.adopted.contains(&before),
        };
        (has_moved && !has_left).then_some(before)
    }

    /// Where the key is answered.
    pub(super) fn spot(&self, key: KeyHash) -> Spot {
        match self.owner(key) {
            Some(owner) if owner.id != self.me => Spot::There(owner.clone()),
            Some(_) if self.keeps(key) || self.has_taken_over(key) => Spot::Here,
            _ => Spot::Nowhere,
        }
    }

    /// Whether a key that has come here has left its owner before, and nothing of an earlier time
    /// here is left.
    fn has_taken_over(&self, key: KeyHash) -> bool {
        let left = |before: NodeId| self.adopted.contains(&before);
        self.handed == self.number && self.owner_before(key).is_none_or(left)
    }

    /// Who has to adopt the view, or to be gone, before the next may be made.
    pub(super) fn unsettled(&self) -> impl Iterator<Item = NodeId> {
        let members = self.view.members.iter().map(|member| member.id);
        let before = self.view.before.iter().copied();
        members
            .chain(before)
            .filter(|id| !self.adopted.contains(id))
    }

    /// Whether everybody has adopted the view, or is gone.
    pub(super) fn is_settled(&self) -> bool {
        self.unsettled().next().is_none()
    }
}
