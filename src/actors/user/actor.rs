//! The actor of one user: its messages, and how it takes them.

use super::Means;
use super::Reply;
use super::checkout::Reserving;
use super::resident::{Asked, Resident};
use super::turn::{Fetched, Turn};
use crate::actors::Failure;
use crate::actors::directory::{Entity, Envelope, Residence};
use crate::actors::placed::Routed;
use crate::cluster::{KeyHash, Kind};
use crate::domain::ids::UserId;
use crate::domain::user::Request;
use crate::store::resolve::Failure as CommitFailure;
use crate::store::{self, UserRecord, Versioned};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::sync::Arc;

/// The kind of actor that owns a user.
#[derive(Clone)]
pub(crate) struct User {
    means: Arc<Means>,
}

impl User {
    pub(super) fn new(means: Means) -> Self {
        Self {
            means: Arc::new(means),
        }
    }
}

pub(crate) enum Message {
    Ask(Envelope<User>),
    Loaded(Box<Result<Versioned<UserRecord>, store::Error>>),
    /// What a request needs, fetched under so many loads.
    Fetched(u64, Box<Asked>, Result<Fetched, Failure>),
    FetchLost,
    Reserved(Box<Reserving>),
    ReserveLost,
    /// What an attempt held is sold, or released.
    Sold,
    Released,
    Committed(Result<(), CommitFailure>),
    Quiesce,
}

impl Entity for User {
    type Key = UserId;
    type Request = Request;
    type Reply = Reply;
    type Message = Message;
    type Handler = Handler;

    fn start(&self, key: UserId, residence: Residence<Self>) -> (Handler, ()) {
        (
            Handler {
                means: self.means.clone(),
                id: key,
                _residence: residence,
            },
            (),
        )
    }

    fn ask(envelope: Envelope<Self>) -> Message {
        Message::Ask(envelope)
    }

    fn undelivered(message: Message) -> Option<Envelope<Self>> {
        match message {
            Message::Ask(envelope) => Some(envelope),
            _ => None,
        }
    }

    fn quiesce() -> Message {
        Message::Quiesce
    }
}

impl Routed for User {
    const KIND: Kind = Kind::User;

    fn hash(key: &UserId) -> KeyHash {
        KeyHash::user(*key)
    }
}

pub(crate) struct Handler {
    means: Arc<Means>,
    id: UserId,
    _residence: Residence<User>,
}

impl Actor for Handler {
    type Msg = Message;
    // Boxed, as ractor has room for the state in each of the two futures that run an actor.
    type State = Box<Resident>;
    type Arguments = ();

    async fn pre_start(
        &self,
        myself: ActorRef<Message>,
        (): (),
    ) -> Result<Box<Resident>, ActorProcessingErr> {
        let mut resident = Box::new(Resident::new(self.id));
        self.turn(&myself, &mut resident).load();
        Ok(resident)
    }

    async fn handle(
        &self,
        myself: ActorRef<Message>,
        message: Message,
        resident: &mut Box<Resident>,
    ) -> Result<(), ActorProcessingErr> {
        let mut turn = self.turn(&myself, resident);
        turn.message(message);
        turn.commit_next();
        if turn.resident.may_stop() {
            myself.stop(None);
        }
        Ok(())
    }
}

impl Handler {
    fn turn<'a>(&'a self, myself: &'a ActorRef<Message>, resident: &'a mut Resident) -> Turn<'a> {
        Turn {
            means: &self.means,
            myself,
            id: self.id,
            resident,
        }
    }
}
