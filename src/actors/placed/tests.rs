//! Placement over actors that do nothing but say at which node they are.

mod calls;
mod leaving;
mod log;
mod views;

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
