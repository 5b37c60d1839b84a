//! Placement over actors that do nothing but say at which node they are.

mod log;

use super::*;
use crate::actors::directory::{Bounds, Envelope, Residence};
use crate::actors::supervisor::Supervision;
use crate::cluster::Transport;
use crate::domain::ids::{NodeId, UserId};
use crate::domain::time::Timestamp;
use crate::sources::{BootClock, Clock};
use crate::store::memory::MemoryStore;
use crate::store::{Member, View};
use async_trait::async_trait;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use uuid::Uuid;

/// Actors of the node of this number.
#[derive(Clone)]
struct Teller(u128);

/// Answered with the node's number, after so many milliseconds in which the mailbox waits, and with
/// the id of the request that it came with.
#[derive(Debug, Serialize, Deserialize)]
struct Where(u64);

enum Message {
    Ask(Envelope<Teller>),
    Quiesce,
}

struct Handler {
    node: u128,
    _residence: Residence<Teller>,
}

impl Entity for Teller {
    type Key = UserId;
    type Request = Where;
    type Reply = (u128, Option<String>);
    type Message = Message;
    type Handler = Handler;

    fn start(&self, _: UserId, residence: Residence<Self>) -> (Handler, ()) {
        let handler = Handler {
            node: self.0,
            _residence: residence,
        };
        (handler, ())
    }

    fn ask(envelope: Envelope<Self>) -> Message {
        Message::Ask(envelope)
    }

    fn undelivered(message: Message) -> Option<Envelope<Self>> {
        match message {
            Message::Ask(envelope) => Some(envelope),
            Message::Quiesce => None,
        }
    }

    fn quiesce() -> Message {
        Message::Quiesce
    }
}

impl Routed for Teller {
    const KIND: Kind = Kind::User;

    fn hash(key: &UserId) -> KeyHash {
        KeyHash::user(*key)
    }
}

impl Actor for Handler {
    type Msg = Message;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Message>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Message>,
        message: Message,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Ask(envelope) => {
                let (Where(after), port) = envelope.open().ok_or("opened before")?;
                sleep(Duration::from_millis(after)).await;
                let id = port.caller.in_scope(|| {
                    tracing::info!(node = %self.node, "teller.asked");
                    caller::request_id()
                });
                port.answer(Ok((self.node, id.as_deref().map(str::to_owned))));
            }
            Message::Quiesce => myself.stop(None),
        }
        Ok(())
    }
}

/// What a call to a node meets.
#[derive(Clone)]
enum Link {
    Node(Placed<Teller>),
    /// It takes calls and never answers.
    Hangs,
    /// Nobody is there.
    Down,
    /// It has too much.
    Refuses,
    /// Whatever it is asked, it says this.
    Says(Answer),
}

/// The way to other nodes.
#[derive(Default)]
struct Net {
    links: Mutex<HashMap<NodeId, Link>>,
    calls: AtomicUsize,
}

impl Net {
    fn link(&self, number: u128, link: Link) {
        self.links.lock().unwrap().insert(id(number), link);
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Transport for Net {
    async fn call(&self, to: &Member, call: Call) -> Result<Answer, Unanswered> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let link = self.links.lock().unwrap().get(&to.id).cloned();
        match link.unwrap_or(Link::Down) {
            Link::Node(placed) => placed.answer(call).await,
            Link::Hangs => std::future::pending().await,
            Link::Down => Err(Unanswered::NotSent),
            Link::Refuses => Err(Unanswered::Refused),
            Link::Says(answer) => Ok(answer),
        }
    }
}

struct StillClock;

impl BootClock for StillClock {
    fn since_boot(&self) -> Duration {
        Duration::from_secs(1)
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_000)
    }
}

fn id(number: u128) -> NodeId {
    NodeId(Uuid::from_u128(number))
}

/// Of these nodes, after those.
fn view(members: &[u128], before: &[u128]) -> View {
    let member = |number: &u128| Member {
        id: id(*number),
        name: number.to_string(),
        address: None,
    };
    View {
        members: members.iter().map(member).collect(),
        before: before.iter().copied().map(id).collect(),
    }
}

struct Node {
    number: u128,
    placed: Placed<Teller>,
    cluster: Cluster,
    _tree: Supervision,
}

impl Node {
    async fn new(number: u128, net: &Arc<Net>, first: View) -> Self {
        Self::with(number, net, first, |placed| placed).await
    }

    async fn with(
        number: u128,
        net: &Arc<Net>,
        first: View,
        kind: fn(Placed<Teller>) -> Placed<Teller>,
    ) -> Self {
        let (tree, [shards]) = Supervision::start::<1>().await.unwrap();
        let bounds = Bounds {
            waiting: 100,
            residents: 1_000,
        };
        let directory = Directory::new(Teller(number), shards, bounds, Arc::default());
        let (clock, store) = (Arc::new(StillClock), MemoryStore::new(Arc::new(StillClock)));
        let cluster = Cluster::fixed(id(number), first, clock, net.clone(), Arc::new(store));
        let placed = kind(Placed::new(directory, cluster.clone()));
        net.link(number, Link::Node(placed.clone()));
        Self {
            number,
            placed,
            cluster,
            _tree: tree,
        }
    }

    /// A key that is this node's.
    fn key(&self) -> UserId {
        let mut keys = (0..).map(|number| UserId(Uuid::from_u128(number)));
        keys.find(|key| self.placed.is_here(key)).unwrap()
    }

    async fn ask(&self, key: UserId) -> Result<u128, Failure> {
        let answer = self.placed.ask(&key, Where(0), soon()).await;
        answer.map(|(node, _)| node)
    }

    fn spawn(&self, key: UserId, after: u64) -> JoinHandle<Result<u128, Failure>> {
        let placed = self.placed.clone();
        tokio::spawn(async move {
            let answer = placed.ask(&key, Where(after), soon()).await;
            answer.map(|(node, _)| node)
        })
    }

    fn residents(&self) -> usize {
        self.placed.directory().residents()
    }
}

/// Nodes 1 to 3 of one view.
async fn three() -> (Arc<Net>, [Node; 3]) {
    let net = Arc::new(Net::default());
    let first = || view(&[1, 2, 3], &[1, 2, 3]);
    let nodes = [
        Node::new(1, &net, first()).await,
        Node::new(2, &net, first()).await,
        Node::new(3, &net, first()).await,
    ];
    (net, nodes)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

async fn a_moment() {
    sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_is_asked_the_one_owner_answers_after_one_call_at_most() {
    let (net, nodes) = three().await;
    for number in 0..90 {
        let key = UserId(Uuid::from_u128(number));
        let owner = nodes.iter().find(|node| node.placed.is_here(&key));
        let owner = owner.unwrap().number;
        for node in &nodes {
            let calls = net.calls();
            assert_eq!(node.ask(key).await, Ok(owner));
            assert_eq!(net.calls() - calls, usize::from(node.number != owner));
        }
    }
    let residents: Vec<_> = nodes.iter().map(Node::residents).collect();
    assert_eq!(residents.iter().sum::<usize>(), 90, "{residents:?}");
    assert!(residents.iter().all(|count| *count > 10), "{residents:?}");
}

#[tokio::test(start_paused = true)]
async fn the_id_of_a_request_goes_along() {
    let (_net, [one, two, _]) = three().await;
    let key = two.key();
    let asked = one.placed.ask(&key, Where(0), soon());
    let caller = Caller::node(Some("r-1".into()), Span::none());
    let answer = caller.on_behalf(asked).await;
    assert_eq!(answer, Ok((2, Some("r-1".to_owned()))));
    let answer = one.placed.ask(&key, Where(0), soon()).await;
    assert_eq!(answer, Ok((2, None)));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_hangs_costs_those_who_ask_it_their_deadline_and_nobody_else() {
    let (net, [one, two, three]) = three().await;
    net.link(2, Link::Hangs);
    let hanging = one.spawn(two.key(), 0);
    a_moment().await;
    assert_eq!(one.ask(three.key()).await, Ok(3));
    assert_eq!(one.ask(one.key()).await, Ok(1));
    assert!(!hanging.is_finished());
    let before = Instant::now();
    assert_eq!(hanging.await.unwrap(), Err(Failure::Unavailable));
    assert!(before.elapsed().as_secs() <= 5);
    assert_eq!(net.calls(), 2, "what may have been done was asked again");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_has_too_much_is_not_asked_again() {
    let (net, [one, two, _]) = three().await;
    net.link(2, Link::Refuses);
    let before = Instant::now();
    assert_eq!(one.ask(two.key()).await, Err(Failure::Unavailable));
    assert_eq!((net.calls(), before.elapsed()), (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_cannot_be_reached_is_asked_again_until_another_has_its_keys() {
    let (net, [one, two, _]) = three().await;
    net.link(2, Link::Down);
    let key = two.key();
    let asked = one.spawn(key, 0);
    sleep(Duration::from_secs(1)).await;
    assert!(!asked.is_finished() && net.calls() > 2);
    one.cluster.learn(2, view(&[1], &[1, 2, 3]), true);
    assert_eq!(asked.await.unwrap(), Ok(1));
    // Where nothing changes, that ends.
    let (net, [one, two, _]) = three().await;
    net.link(2, Link::Down);
    let before = Instant::now();
    assert_eq!(one.ask(two.key()).await, Err(Failure::Unavailable));
    assert_eq!(before.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_a_node_that_is_gone_leave_room_for_others() {
    let (net, [one, two, three]) = three().await;
    net.link(2, Link::Down);
    let asked: Vec<_> = (0..300).map(|_| one.spawn(two.key(), 0)).collect();
    sleep(Duration::from_secs(1)).await;
    let refused = asked.iter().filter(|asked| asked.is_finished()).count();
    assert_eq!(refused, 300 - MAX_WAITING);
    assert_eq!(one.ask(three.key()).await, Ok(3));
    for asked in asked {
        assert_eq!(asked.await.unwrap(), Err(Failure::Unavailable));
    }
    // So do those who wait for a key that is on its way.
    one.cluster.learn(2, view(&[1], &[1, 2, 3]), false);
    let asked: Vec<_> = (0..300).map(|_| one.spawn(two.key(), 0)).collect();
    a_moment().await;
    let refused = asked.iter().filter(|asked| asked.is_finished()).count();
    assert_eq!(refused, 300 - MAX_WAITING);
    one.cluster.learn(2, view(&[1], &[1, 2, 3]), true);
    let mut answered = 0;
    for asked in asked {
        answered += usize::from(asked.await.unwrap().is_ok());
    }
    assert!((100..=MAX_WAITING).contains(&answered), "{answered}");
    assert_eq!(one.placed.waiting.available_permits(), MAX_WAITING);
}

#[tokio::test(start_paused = true)]
async fn nodes_that_send_each_other_on_without_end_are_not_followed() {
    let (net, [one, two, _]) = three().await;
    let key = two.key();
    net.link(2, Link::Says(Answer::Elsewhere { view: 1 }));
    assert_eq!(one.ask(key).await, Err(Failure::Unavailable));
    assert_eq!(net.calls(), 5);
    // A view that never comes.
    net.link(2, Link::Says(Answer::Elsewhere { view: 9 }));
    let before = Instant::now();
    assert_eq!(one.ask(key).await, Err(Failure::Unavailable));
    assert_eq!((net.calls(), before.elapsed().as_secs()), (6, 5));
}

#[tokio::test(start_paused = true)]
async fn who_knows_of_a_change_later_is_told_and_asks_again() {
    let (net, [one, two, three]) = three().await;
    let key = two.key();
    let next = || view(&[1, 3], &[1, 2, 3]);
    two.cluster.learn(2, next(), true);
    three.cluster.learn(2, next(), true);
    let asked = one.spawn(key, 0);
    a_moment().await;
    assert!(!asked.is_finished());
    assert_eq!(net.calls(), 1);
    one.cluster.learn(2, next(), true);
    let owner = if one.placed.is_here(&key) { 1 } else { 3 };
    assert_eq!(asked.await.unwrap(), Ok(owner));
    assert_eq!(two.residents(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_is_asked_under_a_view_that_it_does_not_know_first_learns_it() {
    let (_net, [one, two, _]) = three().await;
    let key = one.key();
    let next = || view(&[2], &[1, 2, 3]);
    one.cluster.learn(2, next(), true);
    let asked = one.spawn(key, 0);
    a_moment().await;
    assert!(!asked.is_finished());
    // It knows, and waits for the key.
    two.cluster.learn(2, next(), false);
    a_moment().await;
    assert!(!asked.is_finished());
    two.cluster.learn(2, next(), true);
    assert_eq!(asked.await.unwrap(), Ok(2));
}

#[tokio::test(start_paused = true)]
async fn who_is_asked_for_another_nodes_key_says_so_and_does_nothing() {
    let (net, [one, two, _]) = three().await;
    let call = Call {
        kind: Kind::User,
        key: encode(&one.key()),
        request: encode(&Where(0)),
        request_id: None,
        traceparent: None,
        view: 1,
        deadline: soon(),
    };
    let answer = two.placed.answer(call.clone()).await;
    assert_eq!(answer, Ok(Answer::Elsewhere { view: 1 }));
    assert_eq!((net.calls(), one.residents(), two.residents()), (0, 0, 0));
    // Nor does the owner do anything whose lease has ended.
    one.cluster.lapse();
    let answer = one.placed.answer(call).await;
    assert_eq!(answer, Err(Unanswered::NotSent));
    assert_eq!(one.residents(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_the_key_has_left_is_not_given_and_no_actor_stays() {
    let (_net, [one, two, _]) = three().await;
    let key = one.key();
    let slow = one.spawn(key, 1_000);
    a_moment().await;
    assert_eq!(one.residents(), 1);
    one.cluster.learn(2, view(&[2], &[1, 2, 3]), true);
    assert_eq!(slow.await.unwrap(), Err(Failure::Unavailable));
    a_moment().await;
    assert_eq!(one.residents(), 0);
    // Nor where its asker has stopped waiting meanwhile.
    let key = two.key();
    let slow = two.spawn(key, 1_000);
    a_moment().await;
    two.cluster.learn(2, view(&[1], &[1, 2, 3]), true);
    slow.abort();
    assert!(slow.await.is_err());
    sleep(Duration::from_secs(2)).await;
    assert_eq!(two.residents(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_given_before_the_key_left_counts_however_late_its_asker_is() {
    let (_net, [one, ..]) = three().await;
    let key = one.key();
    let mut asked = Box::pin(one.ask(key));
    assert!(futures::poll!(&mut asked).is_pending());
    one.placed.hand_over(|_| false, soon()).await;
    one.cluster.learn(2, view(&[2], &[1, 2, 3]), true);
    assert_eq!(asked.await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_the_lease_has_ended_is_not_given() {
    let (_net, [one, two, _]) = three().await;
    let key = one.key();
    let local = one.spawn(key, 1_000);
    let forwarded = two.spawn(key, 1_000);
    a_moment().await;
    one.cluster.lapse();
    assert_eq!(local.await.unwrap(), Err(Failure::Unavailable));
    assert_eq!(forwarded.await.unwrap(), Err(Failure::Unavailable));
    assert_eq!(one.ask(key).await, Err(Failure::Unavailable));
    a_moment().await;
    assert_eq!(one.residents(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_an_actor_that_leaves_goes_to_the_node_that_has_it_next() {
    let (net, [one, two, _]) = three().await;
    let key = one.key();
    let next = || view(&[2], &[1, 2, 3]);
    let read = one.spawn(key, 1_000);
    a_moment().await;
    one.placed.directory().quiesce(&key);
    // Behind the message that ends the actor.
    let unread = one.spawn(key, 0);
    a_moment().await;
    for node in [&one, &two] {
        node.cluster.learn(2, next(), false);
    }
    let placed = one.placed.clone();
    let leaving = tokio::spawn(async move { placed.hand_over(|_| false, soon()).await });
    // What was read is answered: the key has not left yet.
    assert_eq!(read.await.unwrap(), Ok(1));
    leaving.await.unwrap();
    assert_eq!(one.residents(), 0);
    sleep(Duration::from_millis(10)).await;
    assert!(!unread.is_finished());
    for node in [&one, &two] {
        node.cluster.learn(2, next(), true);
    }
    assert_eq!(unread.await.unwrap(), Ok(2));
    assert_eq!((net.calls(), one.residents()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_others_need_in_order_to_leave_is_asked_where_it_is_until_it_leaves() {
    let net = Arc::new(Net::default());
    let first = || view(&[1, 2], &[1, 2]);
    let one = Node::with(1, &net, first(), Placed::lingering).await;
    let two = Node::with(2, &net, first(), Placed::lingering).await;
    let next = || view(&[1, 2, 3], &[1, 2]);
    let three = Node::with(3, &net, next(), Placed::lingering).await;
    // A key that goes from the first node to the third.
    let leaves = |key: &UserId| {
        let is_third = three.placed.is_here(key);
        is_third && one.placed.is_here(key)
    };
    let mut keys = (0..).map(|number| UserId(Uuid::from_u128(number)));
    let moving = keys.find(leaves).unwrap();
    for node in [&one, &two, &three] {
        node.cluster.learn(2, next(), false);
    }
    assert_eq!(one.ask(moving).await, Ok(1));
    assert_eq!(two.ask(moving).await, Ok(1));
    assert_eq!(one.residents(), 1);
    // Its turn has come: whoever needs it waits until the third node has it.
    one.placed.hand_over(|_| false, soon()).await;
    assert_eq!(one.residents(), 0);
    let asked = [one.spawn(moving, 0), two.spawn(moving, 0)];
    a_moment().await;
    assert!(asked.iter().all(|asked| !asked.is_finished()));
    for node in [&one, &two, &three] {
        node.cluster.learn(2, next(), true);
    }
    for asked in asked {
        assert_eq!(asked.await.unwrap(), Ok(3));
    }
    assert_eq!((one.residents(), two.residents()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_in_another_format_is_refused_and_does_nothing() {
    let (net, [one, two, _]) = three().await;
    let mut call = Call {
        kind: Kind::User,
        key: encode(&two.key()),
        request: encode(&Where(0)),
        request_id: None,
        traceparent: None,
        view: 1,
        deadline: soon(),
    };
    call.request[0] += 1;
    let answer = two.placed.answer(call).await;
    assert_eq!((answer, two.residents()), (Ok(Answer::Unreadable), 0));
    for said in [Answer::Unreadable, Answer::Given(vec![2, 0])] {
        net.link(2, Link::Says(said));
        assert_eq!(one.ask(two.key()).await, Err(Failure::Unavailable));
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_alone_has_everything() {
    let (_tree, [shards]) = Supervision::start::<1>().await.unwrap();
    let bounds = Bounds {
        waiting: 1,
        residents: 1,
    };
    let placed = Placed::new(
        Directory::new(Teller(7), shards, bounds, Arc::default()),
        Cluster::alone(),
    );
    let key = UserId(Uuid::from_u128(1));
    assert!(placed.is_here(&key));
    assert_eq!(placed.ask(&key, Where(0), soon()).await, Ok((7, None)));
    assert_eq!(placed.directory().residents(), 1);
}
