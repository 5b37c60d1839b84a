//! The actors over a store that fails as it is told: in memory, and where a node crashes, in a keyspace
//! too.

/// `crash_tests!(name, …)`: each takes a world, once in memory under the paused clock, and once in a
/// keyspace.
macro_rules! crash_tests {
    ($($name:ident,)*) => {
        mod in_memory {
            $(
                #[tokio::test(start_paused = true)]
                async fn $name() {
                    super::$name($crate::world::World::new().await).await;
                }
            )*
        }

        mod in_keyspace {
            $(
                #[tokio::test]
                async fn $name() {
                    let world = $crate::world::World::in_keyspace().await;
                    let Some((world, _keyspace)) = world else { return };
                    super::$name(world).await;
                }
            )*
        }
    };
}

mod accounts;
mod administration;
mod audit;
mod checkout;
mod checkout_crash;
mod checkout_history;
mod checkout_owners;
mod checkout_races;
mod checkout_unlucky;
mod commit_path;
mod conflict;
mod costs;
mod history;
mod keys;
mod metrics;
mod openid;
mod overload;
mod panics;
mod passivation;
mod recovery;
mod registration_crash;
mod repeat;
mod routing;
mod sessions;
mod stock;
mod supervision;
