//! Scenarios, and the load that goose makes of them.

use crate::Failure;
use crate::customer::Customer;
use crate::visits::Visit;
use goose::GooseAttack;
use goose::config::GooseConfiguration;
use goose::goose::{Scenario as Attack, Transaction, TransactionFunction};
use goose::prelude::GooseError;
use rand::Rng;
use rand::rngs::StdRng;
use std::sync::Arc;
use std::sync::Mutex as Lock;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::sync::Mutex;

/// How much more a spike is than what comes before and after it.
const SPIKE: u32 = 5;

/// What customers come for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scenario {
    /// They look around: a page of the list, a search, a product
    Browse,
    /// They add to their carts, change quantities and remove lines
    Cart,
    /// They order
    Checkout,
    /// All want the same SKU, of which there are few
    Flash,
    /// 90 % look around, 8 % fill their carts, 2 % order
    Mixed,
    /// A mixed day that takes its time
    Soak,
    /// A mixed day, and five times as much of it for a while
    Spike,
}

impl Scenario {
    /// What somebody comes for next.
    fn draw(self, draws: &mut StdRng) -> Visit {
        let drawn = draws.random_range(0..100);
        match self {
            Self::Browse => Visit::Browse,
            Self::Cart => Visit::Cart,
            Self::Checkout => Visit::Checkout,
            Self::Flash => Visit::Flash,
            Self::Mixed | Self::Soak | Self::Spike => match drawn {
                0..90 => Visit::Browse,
                90..98 => Visit::Cart,
                _ => Visit::Checkout,
            },
        }
    }
}

/// How much, and for how long.
pub(crate) struct Load {
    pub(crate) scenario: Scenario,
    pub(crate) users: u32,
    /// Visits a second.
    pub(crate) rate: u32,
    pub(crate) length: Length,
}

/// When it ends.
pub(crate) enum Length {
    Time(Duration),
    /// Once each customer has come so often.
    #[cfg(test)]
    Rounds(u32),
}

impl Load {
    /// Of whose visits the customers together make so many as they should.
    fn pause(&self) -> Duration {
        let rate = match self.scenario {
            Scenario::Spike => self.rate * SPIKE,
            _ => self.rate,
        };
        Duration::from_secs(1) * self.users / rate.max(1)
    }

    /// When how many are there, as goose has it.
    fn plan(&self) -> Vec<String> {
        let users = self.users;
        let options = match self.length {
            #[cfg(test)]
            Length::Rounds(rounds) => {
                format!("--users {users} --increase-time 1s --iterations {rounds}")
            }
            Length::Time(duration) if self.scenario == Scenario::Spike => {
                let (few, third) = (users.div_ceil(SPIKE), duration.as_secs().div_ceil(3));
                format!(
                    "--test-plan {few},1s;{few},{third}s;{users},1s;{users},{third}s;{few},1s;{few},{third}s;0,0s"
                )
            }
            Length::Time(duration) => {
                let seconds = duration.as_secs().max(1);
                format!("--users {users} --increase-time 1s --run-time {seconds}s")
            }
        };
        options.split(' ').map(str::to_owned).collect()
    }
}

/// Everybody, by the numbers of goose's users, and what was found to be wrong.
pub(crate) struct Crowd {
    pub(crate) customers: Vec<Mutex<Customer>>,
    pub(crate) faults: Lock<Vec<String>>,
}

impl Crowd {
    /// What was wrong about answers, and about which requests.
    pub(crate) fn faults(&self) -> Vec<String> {
        let faults = self.faults.lock();
        faults.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn notes(&self, failure: &Failure) {
        if matches!(failure, Failure::Wrong(_) | Failure::Refused(..)) {
            let faults = self.faults.lock();
            faults
                .unwrap_or_else(PoisonError::into_inner)
                .push(failure.to_string());
        }
    }
}

/// The load test of this crowd, with further options of goose.
pub(crate) fn attack(
    load: &Load,
    url: &str,
    options: &[String],
    crowd: &Arc<Crowd>,
) -> Result<GooseAttack, GooseError> {
    let mut arguments: Vec<String> = [
        "--host",
        url,
        "--no-telnet",
        "--no-threshold-abort",
        "--timeout",
        "10",
    ]
    .map(str::to_owned)
    .to_vec();
    arguments.extend(load.plan());
    arguments.extend_from_slice(options);
    let pause = load.pause();
    let shop = Attack::new("shop")
        .set_wait_time(pause / 2, pause * 3 / 2)?
        .register_transaction(visit(load.scenario, crowd.clone()).set_name("visit"));
    let configuration = GooseConfiguration::parse_args_default(&arguments)?;
    let attack = GooseAttack::initialize_with_config(configuration)?;
    Ok(attack.register_scenario(shop))
}

/// A visit of a customer, who decides what to come for: goose has all its users decide alike.
fn visit(scenario: Scenario, crowd: Arc<Crowd>) -> Transaction {
    let function: TransactionFunction = Arc::new(move |user| {
        let crowd = crowd.clone();
        Box::pin(async move {
            let number = user.weighted_users_index % crowd.customers.len();
            let mut customer = crowd.customers[number].lock().await;
            let visit = scenario.draw(&mut customer.draws);
            let visited = customer.visit(user, visit).await;
            visited.map_err(|failure| {
                crowd.notes(&failure);
                Box::new(failure.to_string().into())
            })
        })
    });
    Transaction::new(function)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn load(scenario: Scenario) -> Load {
        Load {
            scenario,
            users: 20,
            rate: 4,
            length: Length::Time(Duration::from_secs(30)),
        }
    }

    #[test]
    fn customers_pause_so_that_the_rate_is_what_was_asked_for() {
        assert_eq!(load(Scenario::Mixed).pause(), Duration::from_secs(5));
        assert_eq!(load(Scenario::Spike).pause(), Duration::from_secs(1));
    }

    #[test]
    fn a_spike_is_five_times_as_many_for_a_third_of_the_time() {
        assert_eq!(
            load(Scenario::Spike).plan()[1],
            "4,1s;4,10s;20,1s;20,10s;4,1s;4,10s;0,0s"
        );
        let mixed = load(Scenario::Mixed).plan().join(" ");
        assert_eq!(mixed, "--users 20 --increase-time 1s --run-time 30s");
    }

    #[test]
    fn of_a_mixed_day_nine_in_ten_look_around() {
        let mut draws = StdRng::seed_from_u64(1);
        let mut came = [0; 3];
        for _ in 0..10_000 {
            match Scenario::Mixed.draw(&mut draws) {
                Visit::Browse => came[0] += 1,
                Visit::Cart => came[1] += 1,
                Visit::Checkout => came[2] += 1,
                Visit::Flash => unreachable!("nobody is in a hurry"),
            }
        }
        assert!(
            matches!(came, [8_800..9_200, 700..900, 150..250]),
            "{came:?}"
        );
        assert_eq!(Scenario::Flash.draw(&mut draws), Visit::Flash);
    }
}
