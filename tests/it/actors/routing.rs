//! Several nodes over one store: whoever is asked, the node that has the actor answers.

use super::audit::{assert_books, attempts, orders};
use crate::world::{World, add, keyed, line_of, order_request, reached, sku, soon, units, view};
use async_trait::async_trait;
use cartwright::actors::{Failure, Owner};
use cartwright::cluster::{
    Answer, Call, Cluster, Handler, KeyHash, Kind, Residents, Transport, Unanswered,
};
use cartwright::domain::ids::{NodeId, UserId};
use cartwright::domain::stock::HoldState;
use cartwright::domain::user::Request;
use cartwright::sources::BootClock;
use cartwright::store::fault::{Fault, Op};
use cartwright::store::{Change, Commit, Member, View};
use futures::future::join_all;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

struct StillClock;

impl BootClock for StillClock {
    fn since_boot(&self) -> Duration {
        Duration::from_secs(1)
    }
}

/// Calls within the process; remembers what they were for.
#[derive(Default)]
struct Wires {
    owners: Mutex<HashMap<NodeId, Owner>>,
    calls: Mutex<Vec<Kind>>,
}

impl Wires {
    fn calls(&self, kind: Kind) -> usize {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|called| **called == kind).count()
    }
}

#[async_trait]
impl Transport for Wires {
    async fn call(&self, to: &Member, call: Call) -> Result<Answer, Unanswered> {
        self.calls.lock().unwrap().push(call.kind);
        let owner = self.owners.lock().unwrap().get(&to.id).cloned();
        owner.ok_or(Unanswered::NotSent)?.handle(call).await
    }
}

pub(super) struct Shop {
    wires: Arc<Wires>,
    pub(super) nodes: Vec<World>,
    clusters: Vec<Cluster>,
}

impl Shop {
    /// Of so many nodes, none of which knows that the first world is there too.
    pub(super) async fn of(count: u128) -> Self {
        let base = World::new().await;
        let wires = Arc::new(Wires::default());
        let ids: Vec<NodeId> = (1..=count).map(|id| NodeId(Uuid::from_u128(id))).collect();
        let member = |id: &NodeId| Member {
            id: *id,
            name: id.to_string(),
            address: None,
        };
        let agreed = View {
            members: ids.iter().map(member).collect(),
            before: ids.clone(),
        };
        let (mut nodes, mut clusters) = (Vec::new(), Vec::new());
        for (seed, id) in (2..).zip(ids) {
            let (clock, store) = (Arc::new(StillClock), Arc::new(base.store.clone()));
            let cluster = Cluster::fixed(id, agreed.clone(), clock, wires.clone(), store);
            let node = base.among(seed, cluster.clone()).await;
            let owner = node.system.owner();
            wires.owners.lock().unwrap().insert(id, owner);
            nodes.push(node);
            clusters.push(cluster);
        }
        Self {
            wires,
            nodes,
            clusters,
        }
    }

    /// Where a key is.
    fn home(&self, key: KeyHash) -> usize {
        let is_home = |cluster: &Cluster| cluster.has(key);
        self.clusters.iter().position(is_home).unwrap()
    }

    /// A registered user who lives at this node.
    pub(super) async fn user_at(&self, node: usize) -> UserId {
        loop {
            let user = self.nodes[0].user().await;
            if self.home(KeyHash::user(user)) == node {
                return user;
            }
        }
    }

    /// A node that does not have the shirts.
    fn without_shirts(&self) -> usize {
        usize::from(self.home(KeyHash::stock(&sku("shirt"))) == 0)
    }
}

/// Tells a node that users have come to it, and waits until it has done what there is to do.
async fn take_over(node: &World) {
    node.system.owner().taken_over();
    sleep(Duration::from_millis(400)).await;
}

fn stock_commit(op: &Op<'_>) -> bool {
    matches!(
        op,
        Op::Commit(Commit {
            change: Change::Stock(..),
            ..
        })
    )
}

#[tokio::test(start_paused = true)]
async fn carts_and_orders_are_right_whichever_node_is_asked() {
    let shop = Shop::of(3).await;
    let users = join_all((0..12).map(|_| shop.nodes[0].user())).await;
    for (at, user) in users.iter().enumerate() {
        for (turn, node) in shop.nodes.iter().enumerate() {
            let cart = node.add(*user, "mug", 1).await.unwrap();
            let line = line_of(&cart, "mug").unwrap();
            assert_eq!(usize::try_from(line.1), Ok(turn + 1));
        }
        let (first, second) = (&shop.nodes[at % 3], &shop.nodes[(at + 1) % 3]);
        let placed = first.order(*user, Some("k")).await.unwrap();
        let asked = second.ask(*user, order_request(Some("k"))).await.unwrap();
        assert!(asked.replayed);
        assert_eq!(asked.into_order().unwrap(), placed);
        let empty = second.ask(*user, keyed(order_request(None), "other")).await;
        assert!(matches!(empty, Err(Failure::Rejected(_))), "{empty:?}");
    }
    sleep(Duration::from_millis(1)).await;
    let resident: Vec<_> = shop
        .nodes
        .iter()
        .map(|node| node.system.residents())
        .collect();
    let sum = |of: fn(&(usize, usize)) -> usize| resident.iter().map(of).sum::<usize>();
    // One for each user, and one for the one item, in all.
    assert_eq!((sum(|r| r.0), sum(|r| r.1)), (12, 1), "{resident:?}");
    assert_eq!(orders(&shop.nodes[0], users[0]).await.len(), 1);
    assert_books(&shop.nodes[0], &users).await;
}

#[tokio::test(start_paused = true)]
async fn a_figure_of_an_item_elsewhere_is_asked_for_every_two_seconds() {
    let shop = Shop::of(2).await;
    let node = shop.without_shirts();
    let stocks = shop.nodes[node].system.stocks();
    let available = async || stocks.available(sku("shirt"), soon()).await.unwrap();
    for _ in 0..10 {
        assert_eq!(available().await, 100);
    }
    assert_eq!(shop.wires.calls(Kind::Stock), 1);
    let user = shop.user_at(node).await;
    shop.nodes[node].add(user, "shirt", 5).await.unwrap();
    shop.nodes[node].order(user, None).await.unwrap();
    assert_eq!(available().await, 100);
    sleep(Duration::from_millis(2_001)).await;
    assert_eq!(available().await, 95);
    // Where the item is, it is exact.
    let owner = shop.nodes[1 - node].system.stocks();
    let exact = async || owner.available(sku("shirt"), soon()).await.unwrap();
    assert_eq!(exact().await, 95);
    shop.nodes[node].add(user, "shirt", 5).await.unwrap();
    shop.nodes[node].order(user, None).await.unwrap();
    assert_eq!((exact().await, available().await), (90, 95));
    // An order is judged by what there is, not by what was told.
    shop.nodes[node].add(user, "shirt", 91).await.unwrap();
    let refused = shop.nodes[node].order(user, None).await;
    assert!(matches!(refused, Err(Failure::Rejected(_))), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_node_ends_the_attempts_of_its_own_users_and_of_no_others() {
    let shop = Shop::of(2).await;
    let users = [shop.user_at(0).await, shop.user_at(1).await];
    for (node, user) in shop.nodes.iter().zip(users) {
        node.add(user, "shirt", 2).await.unwrap();
        // The order is placed, and its settlement fails: another node's may be under way.
        let mut commits = 0;
        for node in &shop.nodes {
            node.store.script(move |op| {
                commits += i32::from(stock_commit(op));
                (stock_commit(op) && commits >= 2).then_some(Fault::Refused)
            });
        }
        node.order(user, None).await.unwrap();
        // Until it is left to recovery.
        sleep(Duration::from_secs(6)).await;
        for node in &shop.nodes {
            node.store.script(|_| None);
        }
    }
    assert_eq!(attempts(&shop.nodes[0]).await.len(), 2);
    take_over(&shop.nodes[0]).await;
    let left = attempts(&shop.nodes[0]).await;
    let left: Vec<_> = left.iter().map(|attempt| attempt.user_id).collect();
    assert_eq!(left, [users[1]]);
    take_over(&shop.nodes[1]).await;
    assert_books(&shop.nodes[0], &users).await;
}

#[tokio::test(start_paused = true)]
async fn recovery_leaves_an_attempt_alone_that_is_being_made() {
    let shop = Shop::of(2).await;
    let user = shop.user_at(0).await;
    shop.nodes[0].add(user, "shirt", 2).await.unwrap();
    let owner = shop.home(KeyHash::stock(&sku("shirt")));
    let pause = shop.nodes[owner].store.pause(stock_commit);
    let asked = shop.nodes[1].spawn(user, order_request(None));
    reached(&pause).await;
    for node in &shop.nodes {
        take_over(node).await;
    }
    let order = attempts(&shop.nodes[0]).await[0].order_id;
    pause.release();
    let placed = asked.await.unwrap().unwrap().into_order().unwrap();
    assert_eq!(placed.id, order);
    sleep(Duration::from_millis(1)).await;
    let held = shop.nodes[0].hold_state("shirt", order).await;
    assert_eq!(held, Some(HoldState::Sold));
    assert_books(&shop.nodes[0], &[user]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_handed_over_is_finished_first_and_the_rest_stays() {
    let shop = Shop::of(2).await;
    let (leaving, staying) = (shop.user_at(0).await, shop.user_at(0).await);
    let node = &shop.nodes[0];
    for user in [leaving, staying] {
        node.add(user, "mug", 1).await.unwrap();
    }
    let pause = node.store.pause(|op| matches!(op, Op::Commit(_)));
    let change = node.spawn(leaving, Request::of(add("mug", 1), 0));
    reached(&pause).await;
    let owner = node.system.owner();
    let resident = node.system.residents().0;
    let handing = tokio::spawn(async move {
        let keeps = |key| key != KeyHash::user(leaving);
        owner.hand_over(&keeps, soon()).await;
    });
    sleep(Duration::from_millis(10)).await;
    assert!(!change.is_finished() && !handing.is_finished());
    pause.release();
    assert_eq!(units(change.await.unwrap(), "mug"), 2);
    handing.await.unwrap();
    assert_eq!(node.system.residents().0, resident - 1);
    // What does not end in time is not waited for.
    let pause = node.store.pause(|op| matches!(op, Op::Commit(_)));
    let change = node.spawn(staying, Request::of(add("mug", 1), 0));
    reached(&pause).await;
    let (deadline, owner) = (Instant::now() + Duration::from_secs(1), node.system.owner());
    owner.hand_over(&|_| false, deadline).await;
    assert!(Instant::now() >= deadline && !change.is_finished());
    pause.release();
    assert_eq!(units(change.await.unwrap(), "mug"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_stopped_is_503_to_those_who_need_it_and_to_nobody_else() {
    let shop = Shop::of(2).await;
    let (gone, here) = (shop.user_at(1).await, shop.user_at(0).await);
    shop.nodes[1].system.stop(soon()).await;
    let refused = shop.nodes[0].ask(gone, view()).await;
    assert!(matches!(refused, Err(Failure::Unavailable)), "{refused:?}");
    assert!(shop.nodes[0].ask(here, view()).await.is_ok());
}
