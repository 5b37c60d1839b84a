//! Stock of one item: counters that always add up, and the holds that orders in the making have.

use super::ids::{PromotionCode, Sku};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is counted: units of a SKU, or uses of a promotion that is limited in all.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StockKey {
    /// Units.
    Sku(Sku),
    /// Uses.
    Promotion(PromotionCode),
}

impl fmt::Display for StockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sku(sku) => write!(f, "sku:{sku}"),
            Self::Promotion(code) => write!(f, "promotion:{code}"),
        }
    }
}

/// Counters of one item. Invariant: `received = available + held + sold`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockLevel {
    /// What was ever imported.
    pub received: u64,
    /// What may still be promised.
    pub available: u64,
    /// Promised to orders in the making.
    pub held: u64,
    /// Gone.
    pub sold: u64,
}

/// What an order has of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// How many units. Zero where a release came before any reservation.
    pub quantity: u32,
    /// How far it got.
    pub state: HoldState,
}

/// The states of a hold; the last two are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HoldState {
    /// Reserved, the order is not decided.
    Held,
    /// The order stands.
    Sold,
    /// There will be no such order.
    Released,
}

/// Why a reservation is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unreserved {
    /// Fewer units than asked for.
    Insufficient {
        /// How many there are.
        available: u64,
    },
    /// The hold is settled already: a reservation that came too late.
    Settled,
}

/// The counters do not contain the hold: the two were read at different times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn;

/// How an order ended, for the holds that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Settlement {
    /// It was placed.
    Sold,
    /// It cannot be placed any more.
    Released,
}

impl StockLevel {
    /// Whether the counters add up.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        [self.held, self.sold]
            .iter()
            .try_fold(self.available, |sum, part| sum.checked_add(*part))
            == Some(self.received)
    }

    /// Holds `quantity` units for the order whose hold so far is `hold`. Repeating it is harmless.
    ///
    /// # Errors
    /// [`Unreserved`]; nothing has changed then.
    pub fn reserve(
        &mut self,
        hold: Option<Hold>,
        quantity: u32,
    ) -> Result<Option<Hold>, Unreserved> {
        match hold.map(|hold| hold.state) {
            Some(HoldState::Held) => Ok(None),
            Some(HoldState::Sold | HoldState::Released) => Err(Unreserved::Settled),
            None => {
                let left = self.available.checked_sub(quantity.into()).ok_or(
                    Unreserved::Insufficient {
                        available: self.available,
                    },
                )?;
                self.available = left;
                self.held += u64::from(quantity);
                Ok(Some(Hold {
                    quantity,
                    state: HoldState::Held,
                }))
            }
        }
    }

    /// Ends the hold. A release is recorded even where nothing was held, so that a reservation
    /// that arrives later is refused. `None`: nothing to write.
    ///
    /// # Errors
    /// [`Torn`]; nothing has changed then.
    pub fn settle(
        &mut self,
        hold: Option<Hold>,
        settlement: Settlement,
    ) -> Result<Option<Hold>, Torn> {
        let quantity = match (hold, settlement) {
            (Some(hold), _) if hold.state == HoldState::Held => hold.quantity,
            (None, Settlement::Released) => 0,
            (None, Settlement::Sold) | (Some(_), _) => return Ok(None),
        };
        self.held = self.held.checked_sub(quantity.into()).ok_or(Torn)?;
        let (whither, state) = match settlement {
            Settlement::Sold => (&mut self.sold, HoldState::Sold),
            Settlement::Released => (&mut self.available, HoldState::Released),
        };
        *whither += u64::from(quantity);
        Ok(Some(Hold { quantity, state }))
    }

    /// Sets what was received in all; `available` follows.
    ///
    /// # Errors
    /// The least possible figure, where fewer were received than are held and sold.
    pub fn receive(&mut self, received: u64) -> Result<(), u64> {
        let gone = self.held + self.sold;
        self.available = received.checked_sub(gone).ok_or(gone)?;
        self.received = received;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Reserve(usize, u32),
        Settle(usize, Settlement),
        Receive(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..6usize, 1..9u32).prop_map(|(order, quantity)| Step::Reserve(order, quantity)),
            (
                0..6usize,
                prop_oneof![Just(Settlement::Sold), Just(Settlement::Released)]
            )
                .prop_map(|(order, settlement)| Step::Settle(order, settlement)),
            (0..40u64).prop_map(Step::Receive),
        ]
    }

    #[test]
    fn a_hold_that_the_counters_lack_is_not_settled() {
        let held = Some(Hold {
            quantity: 2,
            state: HoldState::Held,
        });
        let mut level = StockLevel::default();
        level.receive(9).unwrap();
        let before = level;
        for settlement in [Settlement::Sold, Settlement::Released] {
            assert_eq!(level.settle(held, settlement), Err(Torn));
            assert_eq!(level, before);
        }
    }

    proptest! {
        #[test]
        fn stock_is_conserved_and_final_holds_stay_final(steps in prop::collection::vec(step(), 0..80)) {
            let mut level = StockLevel::default();
            let mut holds = [None::<Hold>; 6];
            for step in steps {
                let before = (level, holds);
                match step {
                    Step::Reserve(order, quantity) => match level.reserve(holds[order], quantity) {
                        Ok(Some(hold)) => holds[order] = Some(hold),
                        Ok(None) => {}
                        Err(_) => prop_assert_eq!(level, before.0),
                    },
                    Step::Settle(order, settlement) => {
                        if let Some(hold) = level.settle(holds[order], settlement).unwrap() {
                            holds[order] = Some(hold);
                        }
                    }
                    Step::Receive(received) => {
                        if level.receive(received).is_err() {
                            prop_assert_eq!(level, before.0);
                        }
                    }
                }
                prop_assert!(level.adds_up());
                let in_state = |state| {
                    holds.iter().flatten().filter(|h| h.state == state).map(|h| u64::from(h.quantity)).sum::<u64>()
                };
                prop_assert_eq!(level.held, in_state(HoldState::Held));
                prop_assert_eq!(level.sold, in_state(HoldState::Sold));
                for (was, is) in before.1.iter().zip(&holds) {
                    if let Some(Hold { state: HoldState::Sold | HoldState::Released, .. }) = was {
                        prop_assert_eq!(was, is);
                    }
                }
            }
        }
    }
}
