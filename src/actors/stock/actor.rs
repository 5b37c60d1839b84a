//! The actor of one stock item: while one fold is in flight, requests gather for the next.

use super::figures::Figures;
use super::fold::{Fold, Folded, Level};
use super::{Reply, Request};
use crate::actors::Failure;
use crate::actors::beside::beside;
use crate::actors::directory::{Entity, Envelope, Port, Residence};
use crate::actors::metrics::KindMetrics;
use crate::actors::placed::Routed;
use crate::cluster::{KeyHash, Kind};
use crate::domain::stock::StockKey;
use crate::sources::Sources;
use crate::store::Store;
use crate::telemetry::caller::Caller;
use crate::telemetry::traces::traced;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The most requests in one fold.
const MAX_FOLD: usize = 256;

/// The kind of actor that owns a stock item.
#[derive(Clone)]
pub(crate) struct StockItem {
    store: Arc<dyn Store>,
    sources: Sources,
    commit_time: Duration,
    figures: Figures,
    metrics: Arc<KindMetrics>,
}

impl StockItem {
    pub(super) fn new(
        store: Arc<dyn Store>,
        sources: Sources,
        commit_time: Duration,
        figures: Figures,
        metrics: Arc<KindMetrics>,
    ) -> Self {
        Self {
            store,
            sources,
            commit_time,
            figures,
            metrics,
        }
    }
}

pub(crate) enum Message {
    Ask(Envelope<StockItem>),
    Folded(Folded, Vec<Port<StockItem>>),
    FoldLost,
    Quiesce,
}

pub(crate) struct Handler {
    item: StockItem,
    key: StockKey,
    _residence: Residence<StockItem>,
}

/// What memory has of the item.
#[derive(Default)]
pub(crate) struct State {
    level: Option<Level>,
    waiting: Vec<(Request, Port<StockItem>)>,
    folding: bool,
    quiescing: bool,
}

impl Entity for StockItem {
    type Key = StockKey;
    type Request = Request;
    type Reply = Reply;
    type Message = Message;
    type Handler = Handler;

    fn start(&self, key: StockKey, residence: Residence<Self>) -> (Handler, ()) {
        (
            Handler {
                item: self.clone(),
                key,
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

impl Routed for StockItem {
    const KIND: Kind = Kind::Stock;

    fn hash(key: &StockKey) -> KeyHash {
        KeyHash::stock(key)
    }
}

impl Actor for Handler {
    type Msg = Message;
    type State = State;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Message>, (): ()) -> Result<State, ActorProcessingErr> {
        Ok(State::default())
    }

    async fn handle(
        &self,
        myself: ActorRef<Message>,
        message: Message,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            // Dropped unread: its asker comes again when this actor has ended.
            Message::Ask(_) if state.quiescing => {}
            Message::Ask(envelope) => {
                if let Some((request, mut port)) = envelope.open() {
                    port.caller
                        .enter(|asker| traced!(asker, "stock.command", stock.key = %self.key));
                    self.asked(state, request, port);
                }
            }
            Message::Folded(folded, ports) => {
                self.fold_ended(state, folded.level);
                for (port, reply) in ports.into_iter().zip(folded.replies) {
                    port.answer(reply);
                }
            }
            Message::FoldLost => self.fold_ended(state, None),
            Message::Quiesce => state.quiescing = true,
        }
        self.next_fold(&myself, state);
        if state.quiescing && !state.folding {
            myself.stop(None);
        }
        Ok(())
    }
}

impl Drop for Handler {
    /// Before its successor can begin, here or at another node.
    fn drop(&mut self) {
        self.item.figures.forget(&self.key);
    }
}

impl Handler {
    /// Its figure is there before whoever changed it is answered.
    fn fold_ended(&self, state: &mut State, level: Option<Level>) {
        state.folding = false;
        match &level {
            Some(level) => level.tell(&self.item.figures, self.key.clone()),
            None => self.item.figures.forget(&self.key),
        }
        state.level = level;
    }

    fn asked(&self, state: &mut State, request: Request, port: Port<StockItem>) {
        match (&request, &state.level) {
            _ if port.is_late() => port.answer(Err(Failure::Unavailable)),
            (Request::Available, Some(level)) if level.is_recent() => {
                port.answer(Ok(level.figure()));
            }
            _ => state.waiting.push((request, port)),
        }
    }

    fn next_fold(&self, myself: &ActorRef<Message>, state: &mut State) {
        if state.folding {
            return;
        }
        state.waiting.retain(|(_, port)| !port.is_late());
        if state.waiting.is_empty() {
            return;
        }
        state.folding = true;
        let size = state.waiting.len().min(MAX_FOLD);
        let (requests, ports): (Vec<_>, Vec<_>) = state.waiting.drain(..size).unzip();
        let (item, key) = (self.item.clone(), self.key.clone());
        let is_figure = |request: &Request| matches!(request, Request::Available);
        let wants_figure = requests.iter().any(is_figure);
        let askers = ports.iter().map(|port| &port.caller);
        let caller = Caller::all(
            askers,
            |first| traced!(first, "stock.fold", stock.key = %self.key, requests = size),
        );
        let level = state.level.clone();
        let level = level.filter(|level| !wants_figure || level.is_recent());
        beside(myself, Message::FoldLost, async move {
            let fold = Fold {
                store: &*item.store,
                sources: &item.sources,
                key: &key,
                requests: &requests,
                deadline: Instant::now() + item.commit_time,
                metrics: &item.metrics,
            };
            let folded = caller.on_behalf(fold.run(level)).await;
            Message::Folded(folded, ports)
        });
    }
}
