//! Orders: one is in the making at a time; the others wait for their turn.

use super::super::actor::Message;
use super::super::checkout::{Placing, Reserving, Unheld, reserve, settle};
use super::super::resident::{Asked, Phase};
use super::Turn;
use crate::actors::Failure;
use crate::actors::beside::beside;
use crate::actors::metrics::Ended;
use crate::domain::stock::{Settlement, StockKey};
use crate::domain::user::{self, Draft, Rejection};

/// How often one request to order is attempted while the cart keeps changing under it.
const MAX_ATTEMPTS: u32 = 3;

impl Turn<'_> {
    pub(super) fn place(&mut self, mut asked: Asked, draft: Box<Draft>) {
        if self.resident.placing.is_some() {
            return self.resident.queued_orders.push_back(asked);
        }
        asked.attempts += 1;
        let placing = Placing::new(draft, self.resident.loads);
        self.resident.placing = Some(placing.attempt.order_id);
        let means = self.means.clone();
        beside(self.myself, Message::ReserveLost, async move {
            let reserved = reserve(&means, &placing.attempt, asked.port.deadline);
            let outcome = asked.port.caller.clone().on_behalf(reserved).await;
            Message::Reserved(Box::new(Reserving {
                asked,
                placing,
                outcome,
            }))
        });
    }

    pub(super) fn reserved(
        &mut self,
        Reserving {
            asked,
            placing,
            outcome,
        }: Reserving,
    ) {
        if self.resident.phase == Phase::Ending {
            self.give_up(placing, Ended::Failed);
            return asked.port.answer(Err(Failure::Unavailable));
        }
        let is_stale = self.resident.is_changed_since(placing.loads);
        match outcome {
            Err(Unheld::Failed(failure)) => {
                self.give_up(placing, Ended::Failed);
                asked.port.answer(Err(failure));
            }
            // Somebody else may have moved the version in order to end this attempt, or have
            // placed the order: neither it nor its refusal may be carried into another state.
            _ if is_stale => {
                self.give_up(placing, Ended::Superseded);
                self.asked(asked);
            }
            Ok(()) if asked.port.is_late() => {
                self.give_up(placing, Ended::Failed);
                asked.port.answer(Err(Failure::Unavailable));
            }
            Ok(()) => self.finish(asked, placing),
            Err(Unheld::Insufficient { key, available }) => {
                self.give_up(placing, Ended::OutOfStock);
                self.refuse(asked, insufficient(key, available));
            }
        }
    }

    /// Commits the order, if the user's state is still what it was drafted on.
    pub(super) fn finish(&mut self, asked: Asked, placing: Placing) {
        let decided = self.guarded(&asked.port.caller, |turn| {
            turn.with_context(None, None, |state, context| {
                user::finish(state, &asked.request, &placing.draft, context)
            })
        });
        match decided {
            Some(Ok(decision)) => self.accept(asked, decision, Some(placing)),
            Some(Err(Rejection::CartChanged)) if asked.attempts < MAX_ATTEMPTS => {
                self.give_up(placing, Ended::Superseded);
                self.asked(asked);
            }
            Some(Err(rejection)) => {
                self.give_up(placing, Ended::Rejected);
                self.refuse(asked, rejection);
            }
            None => {
                self.give_up(placing, Ended::Failed);
                asked.port.answer(Err(Failure::Internal));
            }
        }
    }

    /// Ends an attempt that was not committed and never will be. The user's next one waits until it
    /// holds nothing more: it might be refused for want of just that.
    pub(super) fn give_up(&mut self, placing: Placing, how: Ended) {
        self.means.checkouts.ended(how);
        self.settle(placing, Settlement::Released, || Message::Released);
    }

    /// Ends an attempt that was committed.
    pub(super) fn sell(&mut self, placing: Placing) {
        self.means.checkouts.ended(Ended::Placed);
        self.settle(placing, Settlement::Sold, || Message::Sold);
        self.attempt_over();
    }

    fn settle(&mut self, placing: Placing, settlement: Settlement, done: fn() -> Message) {
        self.resident.settling += 1;
        let means = self.means.clone();
        beside(self.myself, done(), async move {
            settle(means, placing.attempt, settlement).await;
            done()
        });
    }

    /// There is no order in the making any more: the next in the queue has its turn. Each is
    /// decided anew, and may come to nothing, so all are drawn until one is being made.
    pub(super) fn attempt_over(&mut self) {
        self.resident.placing = None;
        while self.resident.placing.is_none() {
            let Some(next) = self.resident.queued_orders.pop_front() else {
                return;
            };
            self.asked(next);
        }
    }
}

fn insufficient(key: StockKey, available: u64) -> Rejection {
    match key {
        StockKey::Sku(sku) => Rejection::OutOfStock {
            sku: sku.to_string(),
            available,
        },
        StockKey::Promotion(code) => Rejection::Promotion {
            code,
            problem: "was used as often as it may be".into(),
        },
    }
}
