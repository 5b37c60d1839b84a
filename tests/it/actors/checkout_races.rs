//! Checkouts that meet other requests, each other, and the end of their asker's patience.

use super::audit::{assert_books, attempts, orders};
use super::checkout::ask_order;
use crate::world::{START, World, line_of, order_request, receive, soon};
use cartwright::actors::Failure;
use cartwright::domain::ids::UserId;
use cartwright::domain::stock::HoldState;
use cartwright::domain::user::{Command, Rejection, Request};
use cartwright::store::fault::{Fault, Op};
use cartwright::store::{Change, Commit, StockWrite};
use futures::future::{join, join_all};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::time::Duration;
use tokio::time::{Instant, sleep};

fn stock_commit(op: &Op<'_>) -> bool {
    matches!(
        op,
        Op::Commit(Commit {
            change: Change::Stock(..),
            ..
        })
    )
}

fn reserving(op: &Op<'_>) -> bool {
    let holds = |write: &StockWrite| {
        write
            .holds
            .iter()
            .any(|(_, hold)| hold.state == HoldState::Held)
    };
    matches!(op, Op::Commit(Commit { change: Change::Stock(_, write), .. }) if holds(write))
}

fn order_commit(op: &Op<'_>) -> bool {
    matches!(op, Op::Commit(Commit { change: Change::User(_, write), .. }) if !write.orders.is_empty())
}

async fn settled() {
    sleep(Duration::from_millis(1)).await;
}

async fn shopper(units: i64) -> (World, UserId) {
    let world = World::new().await;
    let user = world.user().await;
    world.add(user, "shirt", units).await.unwrap();
    (world, user)
}

#[tokio::test(start_paused = true)]
async fn two_checkouts_at_once_with_one_key_are_one_order_and_a_replay() {
    let (world, user) = shopper(2).await;
    let ask = || world.users.ask(user, order_request(Some("k")), soon());
    let (first, second) = join(ask(), ask()).await;
    let (first, second) = (first.unwrap(), second.unwrap());
    assert!(!first.replayed && second.replayed);
    assert_eq!(first.into_order().unwrap(), second.into_order().unwrap());
    settled().await;
    assert_eq!(orders(&world, user).await.len(), 1);
    assert_books(&world, &[user]).await;
}

#[tokio::test(start_paused = true)]
async fn two_checkouts_at_once_of_one_cart_are_one_order() {
    for keys in [(Some("a"), Some("b")), (None, None)] {
        let (world, user) = shopper(2).await;
        let (first, second) = join(world.order(user, keys.0), world.order(user, keys.1)).await;
        assert!(first.is_ok());
        assert!(matches!(
            second,
            Err(Failure::Rejected(Rejection::CartEmpty))
        ));
        settled().await;
        assert_books(&world, &[user]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_removed_while_it_is_reserved_is_not_ordered() {
    let (world, user) = shopper(2).await;
    world.add(user, "mug", 1).await.unwrap();
    let pause = world.store.pause(stock_commit);
    let asked = ask_order(&world, user, None);
    pause.reached(1).await;
    let cart = world.cart(user).await.unwrap();
    let (line, _) = line_of(&cart, "shirt").unwrap();
    let remove = Request::of(Command::RemoveItem(line), 0);
    world.users.ask(user, remove, soon()).await.unwrap();
    pause.release();
    let order = asked.await.unwrap().unwrap();
    let names: Vec<_> = order.lines.iter().map(|line| &*line.name).collect();
    assert_eq!(names, ["mug"]);
    settled().await;
    assert_books(&world, &[user]).await;
}

/// What two changes of a line's quantity, made while two units of it are being ordered, leave.
async fn changed_meanwhile(quantity: i64) -> (u32, u32) {
    let (world, user) = shopper(2).await;
    let pause = world.store.pause(stock_commit);
    let asked = ask_order(&world, user, None);
    pause.reached(1).await;
    let (line, _) = line_of(&world.cart(user).await.unwrap(), "shirt").unwrap();
    let set = Request::of(Command::SetQuantity { line, quantity }, 0);
    // Raising asks the stock item, which is busy with the reservation: it is answered after.
    let users = world.users.clone();
    let set = tokio::spawn(async move { users.ask(user, set, soon()).await });
    settled().await;
    pause.release();
    set.await.unwrap().unwrap();
    let ordered = asked.await.unwrap().unwrap().lines[0].quantity;
    settled().await;
    assert_books(&world, &[user]).await;
    let left = line_of(&world.cart(user).await.unwrap(), "shirt");
    (ordered, left.map_or(0, |(_, units)| units))
}

#[tokio::test(start_paused = true)]
async fn a_quantity_that_is_raised_while_it_is_reserved_stays_in_the_cart_beyond_the_order() {
    let (world, user) = shopper(2).await;
    let pause = world.store.pause(order_commit);
    // The cart is changed between the reservation and the commit by way of the gate: a change in
    // flight keeps the order waiting.
    let changing = world.store.pause(|op| {
        matches!(op, Op::Commit(Commit { change: Change::User(_, write), .. })
            if write.orders.is_empty() && write.cart.is_some())
    });
    let users = world.users.clone();
    let more = Request::of(crate::world::add("shirt", 3), 0);
    let reserving = world.store.pause(stock_commit);
    let asked = ask_order(&world, user, None);
    reserving.reached(1).await;
    let added = tokio::spawn(async move { users.ask(user, more, soon()).await });
    changing.reached(1).await;
    reserving.release();
    settled().await;
    changing.release();
    pause.release();
    added.await.unwrap().unwrap();
    let order = asked.await.unwrap().unwrap();
    assert_eq!(order.lines[0].quantity, 2);
    let cart = world.cart(user).await.unwrap();
    assert_eq!(line_of(&cart, "shirt").unwrap().1, 3);
    settled().await;
    assert_books(&world, &[user]).await;
}

#[tokio::test(start_paused = true)]
async fn a_quantity_that_is_lowered_while_it_is_reserved_is_ordered_as_lowered() {
    assert_eq!(changed_meanwhile(1).await, (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_cart_that_shrinks_under_every_attempt_is_refused_after_three() {
    let (world, user) = shopper(100).await;
    let mut pause = world.store.pause(reserving);
    let asked = ask_order(&world, user, None);
    for quantity in [90, 80, 70] {
        pause.reached(1).await;
        let (line, _) = line_of(&world.cart(user).await.unwrap(), "shirt").unwrap();
        let set = Request::of(Command::SetQuantity { line, quantity }, 0);
        world.users.ask(user, set, soon()).await.unwrap();
        // Dropped, it lets this attempt pass; the next is held in its turn.
        pause = world.store.pause(reserving);
    }
    let answer = asked.await.unwrap();
    assert!(
        matches!(answer, Err(Failure::Rejected(Rejection::CartChanged))),
        "{answer:?}"
    );
    settled().await;
    assert_books(&world, &[user]).await;
}

#[tokio::test(start_paused = true)]
async fn of_300_slow_buyers_of_ten_units_ten_get_one() {
    let world = World::new().await;
    let users: Vec<UserId> = join_all((0..300).map(|_| world.user())).await;
    receive(world.store.inner(), "mug", 10, START).await;
    for user in &users {
        world.add(*user, "mug", 1).await.unwrap();
    }
    let mut random = StdRng::seed_from_u64(7);
    world.store.script(move |_| {
        let pause = Duration::from_millis(random.random_range(0..20));
        random.random_bool(0.5).then_some(Fault::Slow(pause))
    });
    let deadline = Instant::now() + Duration::from_secs(60);
    let ask = |user: &UserId| world.users.ask(*user, order_request(Some("k")), deadline);
    let answers = join_all(users.iter().map(ask)).await;
    let placed = answers.iter().filter(|answer| answer.is_ok()).count();
    let refused = |answer: &&Result<_, Failure>| {
        matches!(answer, Err(Failure::Rejected(Rejection::OutOfStock { .. })))
    };
    assert_eq!((placed, answers.iter().filter(refused).count()), (10, 290));
    world.system.stop(deadline).await;
    assert_books(&world, &users).await;
}

/// Orders of one user wait for their turn; whatever becomes of one, the next has its own.
#[tokio::test(start_paused = true)]
async fn orders_behind_one_that_fails_are_all_answered() {
    for fault in [Fault::Refused, Fault::LostBefore, Fault::LostAfter] {
        let (world, user) = shopper(2).await;
        let mut left = 1;
        world.store.script(move |op| {
            let hit = left > 0 && order_commit(op);
            left -= i32::from(hit);
            hit.then_some(fault)
        });
        let keys: Vec<String> = (0..5).map(|n| format!("k{n}")).collect();
        let answers = join_all(keys.iter().map(|key| world.order(user, Some(key)))).await;
        let placed = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(placed, 1, "{fault:?}: {answers:?}");
        for answer in answers.into_iter().filter_map(Result::err) {
            assert!(
                matches!(
                    answer,
                    Failure::Unavailable | Failure::Rejected(Rejection::CartEmpty)
                ),
                "{fault:?}: {answer:?}"
            );
        }
        settled().await;
        assert_books(&world, &[user]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn orders_behind_one_that_is_refused_for_want_of_stock_are_all_answered() {
    let (world, user) = shopper(2).await;
    receive(world.store.inner(), "shirt", 1, START).await;
    let answers = join_all((0..5).map(|_| world.order(user, None))).await;
    for answer in answers {
        assert!(matches!(
            answer,
            Err(Failure::Rejected(Rejection::OutOfStock {
                available: 1,
                ..
            }))
        ));
    }
    settled().await;
    assert_books(&world, &[user]).await;
}

#[tokio::test(start_paused = true)]
async fn orders_behind_one_whose_attempt_cannot_be_written_are_all_answered() {
    let (world, user) = shopper(2).await;
    let mut left = 2;
    world.store.script(move |op| {
        let hit = left > 0 && matches!(op, Op::PutAttempt(_));
        left -= i32::from(hit);
        hit.then_some(Fault::Refused)
    });
    let answers = join_all((0..5).map(|_| world.order(user, None))).await;
    let placed = answers.iter().filter(|answer| answer.is_ok()).count();
    let failed = |answer: &&Result<_, _>| matches!(answer, Err(Failure::Unavailable));
    assert_eq!((placed, answers.iter().filter(failed).count()), (1, 2));
    settled().await;
    assert_books(&world, &[user]).await;
}

type Step = fn(&Op<'_>) -> bool;

/// Wherever checkout stands when its asker gives up: all of it happens, or nothing.
#[tokio::test(start_paused = true)]
async fn an_order_whose_asker_gives_up_is_placed_or_released() {
    let steps: [(Step, usize); 5] = [
        (|op| matches!(op, Op::PutAttempt(_)), 0),
        (|op| matches!(op, Op::Read("holds")), 0),
        (stock_commit, 0),
        (order_commit, 1),
        (|op| matches!(op, Op::RemoveAttempt(..)), 1),
    ];
    for (step, placed) in steps {
        let (world, user) = shopper(2).await;
        let pause = world.store.pause(step);
        let deadline = Instant::now() + Duration::from_secs(1);
        let ask = world.users.ask(user, order_request(Some("k")), deadline);
        let (answer, ()) = join(ask, async {
            pause.reached(1).await;
            sleep(Duration::from_secs(2)).await;
            pause.release();
        })
        .await;
        assert!(answer.is_ok() || matches!(answer, Err(Failure::Unavailable)));
        settled().await;
        assert_eq!(orders(&world, user).await.len(), placed);
        assert_eq!(attempts(&world).await, []);
        assert_books(&world, &[user]).await;
        // The key was not used up by what did not happen.
        world.order(user, Some("k")).await.unwrap();
        settled().await;
        assert_eq!(orders(&world, user).await.len(), 1);
        assert_books(&world, &[user]).await;
    }
}

/// A token that was voided while the order was being reserved buys nothing.
#[tokio::test(start_paused = true)]
async fn a_logout_that_is_answered_first_stops_an_order_in_the_making() {
    let (world, user) = shopper(2).await;
    let pause = world.store.pause(stock_commit);
    let asked = ask_order(&world, user, None);
    pause.reached(1).await;
    let logout = Request::of(Command::Logout, 0);
    world.users.ask(user, logout, soon()).await.unwrap();
    pause.release();
    let answer = asked.await.unwrap();
    assert!(
        matches!(answer, Err(Failure::Rejected(Rejection::Unauthenticated))),
        "{answer:?}"
    );
    settled().await;
    assert_books(&world, &[user]).await;
}
