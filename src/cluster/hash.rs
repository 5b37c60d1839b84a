//! Rendezvous hashing: each key has an order of all nodes, and is owned by the first of them that is
//! there. So a node that comes takes its share from all others, and one that goes leaves its share to
//! all others; nothing else moves.

use crate::domain::ids::{NodeId, UserId};
use crate::domain::stock::StockKey;
use crate::store::{Member, View};
use twox_hash::XxHash3_64;

/// A key, as placement sees it. The same on every node and in every version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyHash(u64);

impl KeyHash {
    /// A user.
    #[must_use]
    pub fn user(id: UserId) -> Self {
        Self(XxHash3_64::oneshot(id.0.as_bytes()))
    }

    /// A stock item.
    #[must_use]
    pub fn stock(key: &StockKey) -> Self {
        let (kind, name) = match key {
            StockKey::Sku(sku) => (1, sku.as_str()),
            StockKey::Promotion(code) => (2, code.as_str()),
        };
        Self(XxHash3_64::oneshot_with_seed(kind, name.as_bytes()))
    }
}

/// Who owns the key in a view; nobody in that of nobody.
#[must_use]
pub fn owner_in(view: &View, key: KeyHash) -> Option<&Member> {
    owner(&view.members, |member| member.id, key)
}

/// Who of these owns the key; none where there is nobody.
pub(super) fn owner<T>(nodes: &[T], id: impl Fn(&T) -> NodeId, key: KeyHash) -> Option<&T> {
    nodes.iter().max_by_key(|node| {
        let id = id(node);
        (weight(key, id), id)
    })
}

/// How well a node stands for a key: the key mixed with the node.
fn weight(key: KeyHash, node: NodeId) -> u64 {
    XxHash3_64::oneshot_with_seed(key.0, node.0.as_bytes())
}
