//! Requests: what they need is fetched beside the mailbox, then they are decided and their answers
//! passed through the gate.

use super::super::actor::Message;
use super::super::checkout::Placing;
use super::super::gate::Decided;
use super::super::resident::{Asked, Phase};
use super::super::{AccountView, Body, CartView, Means, Reply};
use super::Turn;
use crate::actors::Failure;
use crate::actors::beside::beside;
use crate::actors::metrics::Ended;
use crate::domain::account::KeyUse;
use crate::domain::ids::{Sku, UserId};
use crate::domain::stock::StockKey;
use crate::domain::user::{
    self, Answer, Command, Context, Decision, Event, Needs, Rejection, State,
};
use crate::telemetry::caller::Caller;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::time::Instant;

/// What is known for a request, from memory or fetched beside the mailbox.
pub(crate) struct Fetched {
    available: Option<(Sku, u64)>,
    looked_up: Option<Option<KeyUse>>,
}

impl Fetched {
    /// A key that memory learned of since needs nothing more.
    fn covers(&self, needs: &Needs) -> bool {
        let fetched = self.available.as_ref().map(|(sku, _)| sku);
        let has_stock = needs.stock.is_none() || needs.stock.as_ref() == fetched;
        has_stock && (needs.key.is_none() || self.looked_up.is_some())
    }
}

impl Turn<'_> {
    pub(super) fn asked(&mut self, asked: Asked) {
        if asked.port.is_late() {
            return asked.port.answer(Err(Failure::Unavailable));
        }
        if self.resident.phase == Phase::Loading {
            return self.resident.parked.push_back(asked);
        }
        let Some(needs) = self.needs(&asked) else {
            return asked.port.answer(Err(Failure::Internal));
        };
        let known = self.known(&needs);
        if known.covers(&needs) {
            self.decide(asked, known);
        } else {
            self.fetch(asked, needs);
        }
    }

    /// What is needed and in memory.
    fn known(&self, needs: &Needs) -> Fetched {
        let available = needs.stock.as_ref().and_then(|sku| {
            let units = self.means.stocks.known(&StockKey::Sku(sku.clone()))?;
            Some((sku.clone(), units))
        });
        Fetched {
            available,
            looked_up: None,
        }
    }

    fn needs(&mut self, asked: &Asked) -> Option<Needs> {
        self.guarded(&asked.port.caller, |turn| {
            let view = turn.means.catalog.current();
            let now = turn.means.sources.clock.now();
            user::needs(&turn.resident.state, &asked.request, &*view.snapshot, now)
        })
    }

    fn fetch(&mut self, asked: Asked, needs: Needs) {
        self.resident.fetching += 1;
        let (means, id, loads) = (self.means.clone(), self.id, self.resident.loads);
        beside(self.myself, Message::FetchLost, async move {
            let fetched = fetch(&means, id, needs, asked.port.deadline);
            let fetched = asked.port.caller.clone().on_behalf(fetched).await;
            Message::Fetched(loads, Box::new(asked), fetched)
        });
    }

    pub(super) fn fetched(&mut self, loads: u64, asked: Asked, fetched: Result<Fetched, Failure>) {
        let stale = self.resident.is_changed_since(loads);
        match fetched {
            _ if self.resident.phase == Phase::Ending || asked.port.is_late() => {
                asked.port.answer(Err(Failure::Unavailable));
            }
            Err(failure) => asked.port.answer(Err(failure)),
            Ok(_) if stale => self.asked(asked),
            // What it needs may have changed meanwhile.
            Ok(fetched) => match self.needs(&asked) {
                Some(needs) if fetched.covers(&needs) => self.decide(asked, fetched),
                Some(_) => self.asked(asked),
                None => asked.port.answer(Err(Failure::Internal)),
            },
        }
    }

    fn decide(&mut self, asked: Asked, fetched: Fetched) {
        if let Command::Fence { unless_placing } = asked.request.command
            && self.resident.placing == Some(unless_placing)
        {
            return asked.port.answer(Err(Failure::Busy));
        }
        let looked_up = fetched.looked_up.flatten();
        let decided = self.guarded(&asked.port.caller, |turn| {
            turn.with_context(fetched.available, looked_up, |state, context| {
                user::decide(state, &asked.request, context)
            })
        });
        match decided {
            None => asked.port.answer(Err(Failure::Internal)),
            Some(Ok(Decision {
                answer: Answer::Checkout(draft),
                ..
            })) => self.place(asked, draft),
            Some(Ok(decision)) => self.accept(asked, decision, None),
            Some(Err(rejection)) => self.refuse(asked, rejection),
        }
    }

    /// Runs a decision; one that panics is its own request's failure and nobody else's.
    pub(super) fn guarded<T>(
        &mut self,
        caller: &Caller,
        decision: impl FnOnce(&mut Self) -> T,
    ) -> Option<T> {
        let outcome = catch_unwind(AssertUnwindSafe(|| decision(self)));
        if outcome.is_err() {
            caller.in_scope(|| tracing::error!(user.id = %self.id, "user.decide.panicked"));
        }
        outcome.ok()
    }

    pub(super) fn with_context<T>(
        &self,
        available: Option<(Sku, u64)>,
        looked_up: Option<KeyUse>,
        decision: impl FnOnce(&State, &Context<'_>) -> T,
    ) -> T {
        let view = self.means.catalog.current();
        let sources = &self.means.sources;
        let context = Context {
            now: sources.clock.now(),
            fresh_id: &|| sources.entropy.uuid(),
            catalog: &*view.snapshot,
            shop: view.snapshot.shop(),
            stored_size: self.means.stored_size,
            available,
            looked_up,
        };
        decision(&self.resident.state, &context)
    }

    pub(super) fn accept(&mut self, asked: Asked, decision: Decision, placing: Option<Placing>) {
        let applied = self.guarded(&asked.port.caller, |turn| {
            for event in &decision.events {
                turn.resident.state.apply(event);
            }
        });
        if applied.is_none() {
            asked.port.answer(Err(Failure::Internal));
            // First: giving up gives the next order its turn.
            self.distrust();
            return placing
                .into_iter()
                .for_each(|placing| self.give_up(placing, Ended::Failed));
        }
        for event in &decision.events {
            self.resident.gate.record(event);
        }
        let reply = self.reply(decision.answer, decision.replayed);
        self.resident.gate.pass(Decided {
            asked,
            reply,
            placing,
        });
    }

    /// Refuses. The first refusal of an order, or of anything with a key, by an actor that has not
    /// committed since it loaded first moves the version: a commit of its predecessor, for the
    /// same request perhaps, may still be under way, and would make the refusal untrue.
    pub(super) fn refuse(&mut self, asked: Asked, rejection: Rejection) {
        let is_order = matches!(asked.request.command, Command::PlaceOrder(_));
        let may_be_a_retry = is_order || asked.request.key.is_some();
        let unproven = !self.resident.has_committed && self.resident.gate.is_clear();
        let known = self.resident.state.account.is_some();
        let events = if may_be_a_retry && unproven && known {
            vec![Event::Fenced]
        } else {
            Vec::new()
        };
        let answer = Answer::Refused(rejection);
        self.accept(
            asked,
            Decision {
                events,
                answer,
                replayed: false,
            },
            None,
        );
    }

    fn reply(&self, answer: Answer, replayed: bool) -> Result<Reply, Failure> {
        let state = &self.resident.state;
        let account = state.account.as_ref();
        let body = match answer {
            Answer::Done => Body::Done,
            Answer::Quote(quote) => Body::Quote(quote),
            Answer::Order(order) => Body::Order(order),
            Answer::PastOrder(order) => Body::PastOrder(order),
            Answer::Refused(rejection) => return Err(rejection.into()),
            Answer::Account => Body::Account(AccountView::of(account.ok_or(Failure::Internal)?)),
            Answer::Cart => Body::Cart(CartView {
                user_id: self.id,
                cart: state.cart.clone(),
                account_created_at: account.ok_or(Failure::Internal)?.profile.created_at,
            }),
            // Taken apart in `decide`.
            Answer::Checkout(_) => return Err(Failure::Internal),
        };
        Ok(Reply { body, replayed })
    }
}

async fn fetch(
    means: &Means,
    user: UserId,
    needs: Needs,
    deadline: Instant,
) -> Result<Fetched, Failure> {
    let available = async {
        match needs.stock {
            None => Ok(None),
            Some(sku) => {
                let key = StockKey::Sku(sku.clone());
                let units = means.stocks.available(key, deadline).await;
                // A full stock actor is the node's overload, not this user's.
                units
                    .map(|units| Some((sku, units)))
                    .map_err(|_| Failure::Unavailable)
            }
        }
    };
    let looked_up = async {
        match needs.key {
            None => Ok(None),
            Some(key) => means
                .store
                .key_use(user, key)
                .await
                .map(Some)
                .map_err(Failure::from_store),
        }
    };
    let both = futures::future::try_join(available, looked_up);
    let both = tokio::time::timeout_at(deadline, both).await;
    let (available, looked_up) = both.map_err(|_| Failure::Unavailable)??;
    Ok(Fetched {
        available,
        looked_up,
    })
}
