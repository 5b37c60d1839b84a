//! The state of a user and how events change it.

use crate::domain::account::{Account, Claim, KEY_LIFE, KeyUse, MAX_SESSIONS, Session};
use crate::domain::cart::{Cart, Changed, Line};
use crate::domain::ids::{FamilyId, LineId, PromotionCode, RoleId, UserId};
use crate::domain::order::Order;
use crate::domain::time::{Millis, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What has happened. Applying the events of a user in order gives the user's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The account was completed from its claim.
    AccountCompleted(Box<Claim>),
    /// A session began.
    SessionOpened(Session),
    /// A session's refresh token was exchanged.
    SessionRefreshed {
        /// The session.
        family: FamilyId,
        /// The new token's hash.
        token_hash: [u8; 32],
        /// When.
        at: Timestamp,
    },
    /// A session was ended because an old token of it came back.
    SessionRevoked(FamilyId),
    /// Every session was ended and every access token voided.
    LoggedOut,
    /// The roles are others now, and every access token is void.
    RolesChanged {
        /// The roles, all of them.
        roles: BTreeSet<RoleId>,
        /// When.
        at: Timestamp,
    },
    /// The user may log in from now on, or no longer; every access token is void.
    ActivityChanged {
        /// Whether the user may.
        active: bool,
        /// When.
        at: Timestamp,
    },
    /// Every access token is void, and nothing else has changed.
    TokensVoided,
    /// A new line.
    LineAdded {
        /// The line.
        line: Line,
        /// When.
        at: Timestamp,
    },
    /// A line's quantity changed, and with it what is last known of the product.
    LineChanged {
        /// The line as it is now.
        line: Line,
        /// When.
        at: Timestamp,
    },
    /// A line was removed.
    LineRemoved {
        /// The line.
        line: LineId,
        /// When.
        at: Timestamp,
    },
    /// All lines were removed.
    CartCleared {
        /// When.
        at: Timestamp,
    },
    /// An order was placed: its quantities left the cart.
    OrderPlaced {
        /// The order.
        order: Arc<Order>,
        /// The codes of it whose uses are counted per user.
        counted: Vec<PromotionCode>,
    },
    /// An idempotency key took effect.
    KeyUsed {
        /// The key.
        key: String,
        /// What for.
        used: KeyUse,
    },
    /// The version was moved, and nothing else.
    Fenced,
}

/// Everything that decisions about a user rest on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Whose.
    pub id: UserId,
    /// `None` before registration is completed.
    pub account: Option<Account>,
    /// The cart; shared with answers and writes under way.
    pub cart: Arc<Cart>,
    /// Keys that were used since the state was loaded; with all that [`Account::key_counts`]
    /// counts in here, no key has to be looked up.
    pub known_keys: BTreeMap<String, KeyUse>,
}

const HOUR: i64 = Millis::hours(1).0;

fn hour_of(at: Timestamp) -> i64 {
    at.0.div_euclid(HOUR)
}

/// Whether keys that were used in this hour can still count at `now`.
fn hour_is_live(hour: i64, now: Timestamp) -> bool {
    Timestamp(hour.saturating_add(1).saturating_mul(HOUR)).plus(KEY_LIFE) > now
}

impl State {
    /// The state as it was loaded.
    #[must_use]
    pub fn loaded(id: UserId, account: Option<Account>, cart: Cart) -> Self {
        Self {
            id,
            account,
            cart: Arc::new(cart),
            known_keys: BTreeMap::new(),
        }
    }

    /// How many idempotency keys may still be live, to the hour; never fewer than are.
    #[must_use]
    pub fn live_keys(&self, now: Timestamp) -> u32 {
        let counts = self.account.iter().flat_map(|account| &account.key_counts);
        counts
            .filter(|(hour, _)| hour_is_live(**hour, now))
            .map(|(_, count)| count)
            .sum()
    }

    /// Whether memory knows every key that may be live.
    #[must_use]
    pub fn knows_all_keys(&self, now: Timestamp) -> bool {
        let known = self
            .known_keys
            .values()
            .filter(|used| hour_is_live(hour_of(used.at), now));
        u32::try_from(known.count()).is_ok_and(|known| known == self.live_keys(now))
    }

    /// Makes the state that follows `event`. Total: an event was decided, it is not judged again.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::LineAdded { line, at } => {
                self.cart_mut().lines.push(line.clone());
                self.cart_changed(*at);
            }
            Event::LineChanged { line, at } => {
                let mut lines = self.cart_mut().lines.iter_mut();
                let same = lines.find(|known| known.id == line.id);
                if let Some(known) = same {
                    known.clone_from(line);
                }
                self.cart_changed(*at);
            }
            Event::LineRemoved { line, at } => {
                self.cart_mut().lines.retain(|known| known.id != *line);
                self.cart_changed(*at);
            }
            Event::CartCleared { at } => {
                self.cart_mut().lines.clear();
                self.cart_changed(*at);
            }
            Event::OrderPlaced { order, counted } => self.order_placed(order, counted),
            Event::AccountCompleted(claim) => self.account = Some(Account::completed(claim)),
            Event::KeyUsed { key, used } => self.key_used(key, used),
            Event::SessionOpened(_)
            | Event::SessionRefreshed { .. }
            | Event::SessionRevoked(_)
            | Event::LoggedOut => {
                if let Some(account) = &mut self.account {
                    account.session_event(event);
                }
            }
            Event::RolesChanged { .. } | Event::ActivityChanged { .. } | Event::TokensVoided => {
                if let Some(account) = &mut self.account {
                    account.administered(event);
                }
            }
            Event::Fenced => {}
        }
    }

    /// The cart to change: a copy of it where somebody still holds the one before.
    fn cart_mut(&mut self) -> &mut Cart {
        Arc::make_mut(&mut self.cart)
    }

    fn cart_changed(&mut self, at: Timestamp) {
        let cart = self.cart_mut();
        cart.revision += 1;
        let first = cart.changed.map_or(at, |changed| changed.first);
        cart.changed = Some(Changed { first, last: at });
    }

    fn order_placed(&mut self, order: &Order, counted: &[PromotionCode]) {
        let cart = self.cart_mut();
        for ordered in &order.lines {
            let line = cart.lines.iter_mut().find(|line| line.id == ordered.id);
            if let Some(line) = line {
                line.quantity = line.quantity.saturating_sub(ordered.quantity);
            }
        }
        cart.lines.retain(|line| line.quantity > 0);
        self.cart_changed(order.created_at);
        if let Some(account) = &mut self.account {
            account.order_seq = order.seq;
            for code in counted {
                *account.promotion_uses.entry(code.clone()).or_default() += 1;
            }
        }
    }

    fn key_used(&mut self, key: &str, used: &KeyUse) {
        self.known_keys
            .retain(|_, known| hour_is_live(hour_of(known.at), used.at));
        self.known_keys.insert(key.to_owned(), used.clone());
        if let Some(account) = &mut self.account {
            account
                .key_counts
                .retain(|hour, _| hour_is_live(*hour, used.at));
            *account.key_counts.entry(hour_of(used.at)).or_default() += 1;
        }
    }
}

impl Account {
    fn completed(claim: &Claim) -> Self {
        Self {
            id: claim.user_id,
            profile: claim.profile.clone(),
            active: true,
            updated_at: claim.profile.created_at,
            roles: claim.roles.clone(),
            epoch: 0,
            sessions: Vec::new(),
            order_seq: 0,
            promotion_uses: BTreeMap::new(),
            key_counts: BTreeMap::new(),
        }
    }

    fn administered(&mut self, event: &Event) {
        self.epoch += 1;
        match event {
            Event::RolesChanged { roles, at } => {
                self.roles.clone_from(roles);
                self.updated_at = *at;
            }
            Event::ActivityChanged { active, at } => {
                self.active = *active;
                self.updated_at = *at;
                if !active {
                    self.sessions.clear();
                }
            }
            _ => {}
        }
    }

    fn session_event(&mut self, event: &Event) {
        match event {
            Event::SessionOpened(session) => {
                self.sessions
                    .retain(|known| known.expires_at > session.rotated_at);
                if self.sessions.len() >= MAX_SESSIONS {
                    self.sessions.remove(0);
                }
                self.sessions.push(session.clone());
            }
            Event::SessionRefreshed {
                family,
                token_hash,
                at,
            } => {
                if let Some(known) = self
                    .sessions
                    .iter_mut()
                    .find(|known| known.family == *family)
                {
                    known.generation += 1;
                    known.token_hash = *token_hash;
                    known.rotated_at = *at;
                }
            }
            Event::SessionRevoked(family) => self.sessions.retain(|known| known.family != *family),
            Event::LoggedOut => {
                self.sessions.clear();
                self.epoch += 1;
            }
            _ => {}
        }
    }
}
