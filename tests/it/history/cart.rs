//! One customer's cart: whether some order of the changes explains everything that was shown.
//!
//! The states that are possible are followed through time. A change is tried out as late as it can
//! be: right before something that was answered, and needs it.

use super::{Lines, Shown};
use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

/// So many states are looked at for one answer. More are the fault of whoever made the load.
const LIMIT: usize = 200_000;

/// What is done to a cart, at once.
#[derive(Clone, Debug)]
pub enum Effect {
    /// The line must not be there before.
    Add(String, u64),
    /// The line must be there before, and so below.
    Set(String, u64),
    Remove(String),
    /// So many units of each go.
    Take(Lines),
    Nothing,
}

/// An effect that comes some time after `sent`; where `answered` is given, before that.
#[derive(Clone, Debug)]
pub struct Step {
    pub effect: Effect,
    /// The cart right after it.
    pub shows: Option<Lines>,
    pub sent: Duration,
    pub answered: Option<Duration>,
    /// How it is called where it cannot be explained.
    pub name: String,
}

/// A cart that is possible, and the steps that were sent and have not come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    cart: Lines,
    pending: BTreeSet<usize>,
}

/// Whether some order of the steps, from an empty cart on, is one in which each comes in its time.
///
/// # Errors
/// Names the step that no order explains, and the carts that would have been possible.
pub fn explain(steps: &[Step]) -> Result<(), String> {
    // Of two at one moment the one that is sent comes first: so nothing is ruled out wrongly.
    let sent = (0..).zip(steps).map(|(i, step)| (step.sent, false, i));
    let answered = (0..).zip(steps);
    let answered = answered.filter_map(|(i, step)| Some((step.answered?, true, i)));
    let mut moments: Vec<(Duration, bool, usize)> = sent.chain(answered).collect();
    moments.sort_unstable();
    let nothing = State {
        cart: Lines::new(),
        pending: BTreeSet::new(),
    };
    let mut states = vec![nothing];
    for (_, is_answer, i) in moments {
        if is_answer {
            states = until(steps, &states, i)?;
        } else {
            states.iter_mut().for_each(|state| {
                state.pending.insert(i);
            });
        }
    }
    Ok(())
}

/// The states after which the step `last` has come, others before it only where they may help.
fn until(steps: &[Step], states: &[State], last: usize) -> Result<Vec<State>, String> {
    let mut seen: HashSet<State> = states.iter().cloned().collect();
    let mut open: Vec<State> = states.to_vec();
    let mut found = Vec::new();
    while let Some(state) = open.pop() {
        if !state.pending.contains(&last) {
            found.push(state);
            continue;
        }
        for &i in &state.pending {
            let Some(cart) = steps[i].from(&state.cart) else {
                continue;
            };
            let mut pending = state.pending.clone();
            pending.remove(&i);
            let next = State { cart, pending };
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
        if seen.len() > LIMIT {
            return Err(format!("{} leaves too much open", steps[last].name));
        }
    }
    match found.is_empty() {
        false => Ok(found),
        true => Err(unexplained(&steps[last], states)),
    }
}

impl Step {
    /// The cart after this; `None` where it cannot come here.
    fn from(&self, cart: &Lines) -> Option<Lines> {
        let mut cart = cart.clone();
        match &self.effect {
            Effect::Add(line, units) => {
                if cart.insert(line.clone(), *units).is_some() {
                    return None;
                }
            }
            Effect::Set(line, units) => *cart.get_mut(line)? = *units,
            Effect::Remove(line) => {
                cart.remove(line)?;
            }
            Effect::Take(lines) => {
                for (line, units) in lines {
                    let left = cart.get_mut(line)?;
                    *left = left.checked_sub(*units)?;
                }
                cart.retain(|_, units| *units > 0);
            }
            Effect::Nothing => {}
        }
        let is_shown = self.shows.as_ref().is_none_or(|shows| *shows == cart);
        is_shown.then_some(cart)
    }
}

fn unexplained(step: &Step, states: &[State]) -> String {
    let mut told = format!("nothing explains {}", step.name);
    for state in states.iter().take(3) {
        told.push_str(&format!("\n    possible before it: {}", Shown(&state.cart)));
    }
    told
}
