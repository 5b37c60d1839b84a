//! What a cart change and an order ask of the servers of a keyspace, as the driver counts it.

use crate::data::{Data, Place};
use crate::world::{CLIENTS, World, order, soon};
use crate::{Failure, Table};
use cartwright::domain::ids::{LineId, UserId};
use cartwright::domain::user::{Command, Request};
use cartwright::store::scylla::{Counts, ScyllaStore};
use futures::future::try_join_all;
use std::fmt::Write;
use std::sync::Arc;

/// Changes of each cart: what is done by the clock meanwhile must not show.
const CHANGES: i64 = 100;

/// What is counted, how often it was done, and what it may cost each time.
struct Counted {
    name: &'static str,
    times: u64,
    counts: Counts,
    /// Conditional writes and serial reads.
    most: (f64, f64),
}

/// Counts; returns the table, and whether something costs more than it may.
pub(crate) async fn measure(place: &Place) -> Result<Table, Failure> {
    eprintln!("measuring: requests");
    Ok(table(&[
        cart_changes(place).await?,
        orders(place, false).await?,
        orders(place, true).await?,
    ]))
}

async fn cart_changes(place: &Place) -> Result<Counted, Failure> {
    let world = World::new(place).await?;
    let store = counting(&world)?;
    let users = shoppers(&world).await?;
    let lines = users.iter().map(async |user| {
        let cart = world.stored(*user).await?.cart;
        Ok::<_, Failure>((*user, cart.lines[0].id))
    });
    let lines = try_join_all(lines).await?;
    let before = store.counts();
    try_join_all(
        lines
            .iter()
            .map(|(user, line)| change(&world, *user, *line)),
    )
    .await?;
    let counts = store.counts().since(&before);
    world.stop().await;
    Ok(Counted {
        name: "a cart change, its user resident",
        times: CLIENTS * CHANGES.unsigned_abs(),
        counts,
        most: (1.0, 0.0),
    })
}

/// One after the other: what gathers would share a commit.
async fn change(world: &World, user: UserId, line: LineId) -> Result<(), Failure> {
    for number in 0..CHANGES {
        let quantity = CHANGES + 1 - number;
        let set = Command::SetQuantity { line, quantity };
        let users = world.system.users();
        users.ask(user, Request::of(set, 0), soon()).await?;
    }
    Ok(())
}

/// An order of each of the users, to the last write that it takes.
async fn orders(place: &Place, at_once: bool) -> Result<Counted, Failure> {
    let world = World::new(place).await?;
    let store = counting(&world)?;
    let users = shoppers(&world).await?;
    let before = store.counts();
    let ordering = world.system.users();
    if at_once {
        try_join_all(users.iter().map(|user| order(&ordering, *user))).await?;
    } else {
        for user in &users {
            order(&ordering, *user).await?;
        }
    }
    // Sales are written after the answer, but before it stops.
    world.stop().await;
    let counts = store.counts().since(&before);
    let (name, most) = if at_once {
        ("an order, 64 of one SKU at once", (2.0, 1.0))
    } else {
        ("an order, one after the other", (3.0, 2.0))
    };
    Ok(Counted {
        name,
        times: CLIENTS,
        counts,
        most,
    })
}

async fn shoppers(world: &World) -> Result<Vec<UserId>, Failure> {
    try_join_all((0..CLIENTS).map(|_| world.shopper(1))).await
}

fn counting(world: &World) -> Result<Arc<ScyllaStore>, Failure> {
    match &world.data {
        Data::Keyspace(_, store) => Ok(store.clone()),
        Data::Disk(_) => Err("requests are counted of a keyspace".into()),
    }
}

/// Markdown, a line for each.
fn table(counted: &[Counted]) -> Table {
    let mut text = String::from(
        "| over CQL, requests of | conditional writes | serial reads | other writes | other reads | target |\n|---|---|---|---|---|---|\n",
    );
    let mut misses = false;
    for Counted {
        name,
        times,
        counts,
        most: (writes, reads),
    } in counted
    {
        let each = |count| hundredths(count, *times);
        let missed =
            each(counts.conditional_writes) > *writes || each(counts.serial_reads) > *reads;
        misses |= missed;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {name} | {:.2} | {:.2} | {:.2} | {:.2} | at most {writes} and {reads}: {} |",
            each(counts.conditional_writes),
            each(counts.serial_reads),
            each(counts.writes),
            each(counts.reads),
            if missed { "missed" } else { "met" }
        );
    }
    (text, misses)
}

/// How many of them each time, rounded to hundredths: roles are read again every 2 s.
#[expect(clippy::cast_precision_loss, reason = "for display")]
fn hundredths(count: u64, times: u64) -> f64 {
    (count as f64 / times as f64 * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_more_than_it_may_is_missed() {
        let counted = |conditional_writes, serial_reads| Counted {
            name: "a change",
            times: 1_000,
            counts: Counts {
                conditional_writes,
                serial_reads,
                ..Counts::default()
            },
            most: (1.0, 0.0),
        };
        let (text, misses) = table(&[counted(1_000, 4)]);
        assert!(text.contains("| a change | 1.00 | 0.00 | 0.00 | 0.00 | at most 1 and 0: met |"));
        assert!(!misses);
        assert!(table(&[counted(1_006, 0)]).1);
        assert!(table(&[counted(1_000, 6)]).1);
    }
}
