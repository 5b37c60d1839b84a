//! The actor of one user: its messages, and how it loads, decides, commits and stops.

use super::checkout::{Placing, Reserving, Unheld, reserve, settle};
use super::gate::{Decided, Gate};
use super::{AccountView, Body, CartView, Means, Reply};
use crate::actors::Failure;
use crate::actors::beside::beside;
use crate::actors::directory::{Entity, Envelope, Port, Residence};
use crate::domain::account::KeyUse;
use crate::domain::ids::{OrderId, Sku, UserId};
use crate::domain::stock::{Settlement, StockKey};
use crate::domain::user::{
    self, Answer, Command, Context, Decision, Draft, Event, Needs, Rejection, Request, State,
};
use crate::store::resolve::{self, Failure as CommitFailure};
use crate::store::{self, Change, Commit, UserRecord, Version, Versioned, WriteId};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::time::Instant;

/// How often one request to order is attempted while the cart keeps changing under it.
const MAX_ATTEMPTS: u32 = 3;

/// The kind of actor that owns a user.
#[derive(Clone)]
pub(crate) struct User {
    means: Means,
}

impl User {
    pub(super) fn new(means: Means) -> Self {
        Self { means }
    }
}

/// A request that was read.
pub(crate) struct Asked {
    pub(super) request: Request,
    pub(super) port: Port<User>,
    /// How often it was attempted, where it is an order.
    attempts: u32,
}

/// What was fetched beside the mailbox for a request.
pub(crate) struct Fetched {
    available: Option<(Sku, u64)>,
    looked_up: Option<Option<KeyUse>>,
}

impl Fetched {
    /// A key that memory learned of since needs nothing more.
    fn covers(&self, needs: &Needs) -> bool {
        let fetched = self.available.as_ref().map(|(sku, _)| sku);
        let has_stock = needs.stock.is_none() || needs.stock.as_ref() == fetched;
        has_stock && (needs.key.is_none() || self.looked_up.is_some())
    }
}

pub(crate) enum Message {
    Ask(Envelope<User>),
    Loaded(Result<Versioned<UserRecord>, store::Error>),
    /// What a request needs, fetched under so many loads.
    Fetched(u64, Box<Asked>, Result<Fetched, Failure>),
    FetchLost,
    Reserved(Box<Reserving>),
    ReserveLost,
    Settled,
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

pub(crate) struct Handler {
    means: Means,
    id: UserId,
    _residence: Residence<User>,
}

/// What happens to be in memory of the user, and what is under way.
pub(crate) struct Resident {
    phase: Phase,
    state: State,
    version: Version,
    /// Counts loads: what was fetched under an earlier one is fetched again.
    loads: u64,
    /// Whether this actor has committed since it loaded: if so, no commit of a predecessor can
    /// still take effect.
    has_committed: bool,
    /// The state is not to be trusted once the commit in flight has ended.
    must_reload: bool,
    gate: Gate,
    /// Requests that wait for loading.
    parked: VecDeque<Asked>,
    /// How many requests wait for what they need.
    fetching: usize,
    /// The order in the making, if there is one, and the orders that wait for their turn.
    placing: Option<OrderId>,
    queued_orders: VecDeque<Asked>,
    /// How many attempts that are over have holds to settle.
    settling: usize,
    quiescing: bool,
}

#[derive(PartialEq, Eq)]
enum Phase {
    Loading,
    Ready,
    /// Nothing that is in memory may be used or committed any more.
    Ending,
}

impl Actor for Handler {
    type Msg = Message;
    type State = Resident;
    type Arguments = ();

    async fn pre_start(
        &self,
        myself: ActorRef<Message>,
        (): (),
    ) -> Result<Resident, ActorProcessingErr> {
        let mut resident = Resident::new(self.id);
        self.load(&myself, &mut resident);
        Ok(resident)
    }

    async fn handle(
        &self,
        myself: ActorRef<Message>,
        message: Message,
        resident: &mut Resident,
    ) -> Result<(), ActorProcessingErr> {
        let mut turn = Turn {
            means: &self.means,
            myself: &myself,
            id: self.id,
            resident,
        };
        turn.message(message);
        turn.commit_next();
        if turn.resident.may_stop() {
            myself.stop(None);
        }
        Ok(())
    }
}

impl Handler {
    fn load(&self, myself: &ActorRef<Message>, resident: &mut Resident) {
        Turn {
            means: &self.means,
            myself,
            id: self.id,
            resident,
        }
        .load();
    }
}

impl Resident {
    fn new(id: UserId) -> Self {
        let empty = UserRecord::default();
        Self {
            phase: Phase::Loading,
            state: State::loaded(id, empty.account, empty.cart),
            version: 0,
            loads: 0,
            has_committed: false,
            must_reload: false,
            gate: Gate::default(),
            parked: VecDeque::new(),
            fetching: 0,
            placing: None,
            queued_orders: VecDeque::new(),
            settling: 0,
            quiescing: false,
        }
    }

    /// Whether the state was replaced, or is being replaced, since there were so many loads.
    fn is_changed_since(&self, loads: u64) -> bool {
        self.loads != loads || self.phase != Phase::Ready
    }

    fn may_stop(&self) -> bool {
        let idle = self.gate.is_clear()
            && self.parked.is_empty()
            && self.fetching == 0
            && self.placing.is_none()
            && self.queued_orders.is_empty()
            && self.settling == 0;
        self.phase == Phase::Ending || (self.quiescing && idle)
    }
}

/// The handling of one message.
struct Turn<'a> {
    means: &'a Means,
    myself: &'a ActorRef<Message>,
    id: UserId,
    resident: &'a mut Resident,
}

impl Turn<'_> {
    fn message(&mut self, message: Message) {
        match message {
            // Dropped unread: its asker comes again when this actor has ended.
            Message::Ask(_) if self.resident.quiescing || self.resident.phase == Phase::Ending => {}
            Message::Ask(envelope) => {
                if let Some((request, port)) = envelope.open() {
                    self.asked(Asked {
                        request,
                        port,
                        attempts: 0,
                    });
                }
            }
            Message::Loaded(loaded) => self.loaded(loaded),
            Message::Fetched(loads, asked, fetched) => {
                self.resident.fetching -= 1;
                self.fetched(loads, *asked, fetched);
            }
            Message::FetchLost => self.resident.fetching -= 1,
            Message::Reserved(reserving) => self.reserved(*reserving),
            Message::ReserveLost => self.attempt_over(),
            Message::Settled => self.resident.settling -= 1,
            Message::Committed(outcome) => self.committed(outcome),
            Message::Quiesce => self.resident.quiescing = true,
        }
    }

    // Loading.

    fn load(&mut self) {
        self.resident.phase = Phase::Loading;
        self.resident.loads += 1;
        let (store, id) = (self.means.store.clone(), self.id);
        let lost = Message::Loaded(Err(store::Error::Unavailable("lost".into())));
        beside(self.myself, lost, async move {
            Message::Loaded(store.user(id).await)
        });
    }

    fn loaded(&mut self, loaded: Result<Versioned<UserRecord>, store::Error>) {
        match loaded {
            Ok(Versioned { version, value }) => {
                self.resident.state = State::loaded(self.id, value.account, value.cart);
                self.resident.version = version;
                self.resident.has_committed = false;
                self.resident.must_reload = false;
                self.resident.phase = Phase::Ready;
                for asked in std::mem::take(&mut self.resident.parked) {
                    self.asked(asked);
                }
            }
            Err(error) => {
                tracing::warn!(user.id = %self.id, %error, "user.load.failed");
                let failure = Failure::from_store(error);
                for asked in self.resident.parked.drain(..) {
                    asked.port.answer(Err(failure.clone()));
                }
                self.resident.phase = Phase::Ending;
            }
        }
    }

    // Deciding.

    fn asked(&mut self, asked: Asked) {
        if asked.port.is_late() {
            return asked.port.answer(Err(Failure::Unavailable));
        }
        if self.resident.phase == Phase::Loading {
            return self.resident.parked.push_back(asked);
        }
        let Some(needs) = self.needs(&asked.request) else {
            return asked.port.answer(Err(Failure::Internal));
        };
        if needs.is_empty() {
            self.decide(
                asked,
                Fetched {
                    available: None,
                    looked_up: None,
                },
            );
        } else {
            self.fetch(asked, needs);
        }
    }

    fn needs(&mut self, request: &Request) -> Option<Needs> {
        self.guarded(|turn| {
            let view = turn.means.catalog.current();
            let now = turn.means.sources.clock.now();
            user::needs(&turn.resident.state, request, &*view.snapshot, now)
        })
    }

    fn fetch(&mut self, asked: Asked, needs: Needs) {
        self.resident.fetching += 1;
        let (means, id, loads) = (self.means.clone(), self.id, self.resident.loads);
        beside(self.myself, Message::FetchLost, async move {
            let fetched = fetch(&means, id, needs, asked.port.deadline).await;
            Message::Fetched(loads, Box::new(asked), fetched)
        });
    }

    fn fetched(&mut self, loads: u64, asked: Asked, fetched: Result<Fetched, Failure>) {
        let stale = self.resident.is_changed_since(loads);
        match fetched {
            _ if self.resident.phase == Phase::Ending || asked.port.is_late() => {
                asked.port.answer(Err(Failure::Unavailable));
            }
            Err(failure) => asked.port.answer(Err(failure)),
            Ok(_) if stale => self.asked(asked),
            // What it needs may have changed meanwhile.
            Ok(fetched) => match self.needs(&asked.request) {
                Some(needs) if fetched.covers(&needs) => self.decide(asked, fetched),
                Some(_) => self.asked(asked),
                None => asked.port.answer(Err(Failure::Internal)),
            },
        }
    }

    fn decide(&mut self, asked: Asked, fetched: Fetched) {
        if let Command::Fence { unless_placing } = asked.request.command
            && self.resident.placing == Some(unless_placing)
        {
            return asked.port.answer(Err(Failure::Busy));
        }
        let looked_up = fetched.looked_up.flatten();
        let decided = self.guarded(|turn| {
            turn.with_context(fetched.available, looked_up, |state, context| {
                user::decide(state, &asked.request, context)
            })
        });
        match decided {
            None => asked.port.answer(Err(Failure::Internal)),
            Some(Ok(Decision {
                answer: Answer::Checkout(draft),
                ..
            })) => self.place(asked, draft),
            Some(Ok(decision)) => self.accept(asked, decision, None),
            Some(Err(rejection)) => self.refuse(asked, rejection),
        }
    }

    /// Runs a decision; one that panics is its own request's failure and nobody else's.
    fn guarded<T>(&mut self, decision: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let outcome = catch_unwind(AssertUnwindSafe(|| decision(self)));
        if outcome.is_err() {
            tracing::error!(user.id = %self.id, "user.decide.panicked");
        }
        outcome.ok()
    }

    fn with_context<T>(
        &self,
        available: Option<(Sku, u64)>,
        looked_up: Option<KeyUse>,
        decision: impl FnOnce(&State, &Context<'_>) -> T,
    ) -> T {
        let view = self.means.catalog.current();
        let sources = &self.means.sources;
        let context = Context {
            now: sources.clock.now(),
            fresh_id: &|| sources.entropy.uuid(),
            catalog: &*view.snapshot,
            shop: view.snapshot.shop(),
            stored_size: self.means.stored_size,
            available,
            looked_up,
        };
        decision(&self.resident.state, &context)
    }

    fn accept(&mut self, asked: Asked, decision: Decision, placing: Option<Placing>) {
        let applied = self.guarded(|turn| {
            for event in &decision.events {
                turn.resident.state.apply(event);
            }
        });
        if applied.is_none() {
            asked.port.answer(Err(Failure::Internal));
            // First: giving up gives the next order its turn.
            self.distrust();
            return placing
                .into_iter()
                .for_each(|placing| self.give_up(placing));
        }
        for event in &decision.events {
            self.resident.gate.record(event);
        }
        let reply = self.reply(decision.answer, decision.replayed);
        self.resident.gate.pass(Decided {
            asked,
            reply,
            placing,
        });
    }

    /// Refuses. The first refusal of an order by an actor that has not committed since it loaded
    /// first moves the version: a commit of its predecessor, for the same request perhaps, may
    /// still be under way, and would make the refusal untrue.
    fn refuse(&mut self, asked: Asked, rejection: Rejection) {
        let is_order = matches!(asked.request.command, Command::PlaceOrder(_));
        let unproven = !self.resident.has_committed && self.resident.gate.is_clear();
        let known = self.resident.state.account.is_some();
        let events = if is_order && unproven && known {
            vec![Event::Fenced]
        } else {
            Vec::new()
        };
        let answer = Answer::Refused(rejection);
        self.accept(
            asked,
            Decision {
                events,
                answer,
                replayed: false,
            },
            None,
        );
    }

    fn reply(&self, answer: Answer, replayed: bool) -> Result<Reply, Failure> {
        let state = &self.resident.state;
        let account = state.account.as_ref();
        let body = match answer {
            Answer::Done => Body::Done,
            Answer::Order(order) => Body::Order(order),
            Answer::PastOrder(order) => Body::PastOrder(order),
            Answer::Refused(rejection) => return Err(rejection.into()),
            Answer::Account => Body::Account(AccountView::of(account.ok_or(Failure::Internal)?)),
            Answer::Cart => Body::Cart(CartView {
                user_id: self.id,
                cart: state.cart.clone(),
                account_created_at: account.ok_or(Failure::Internal)?.profile.created_at,
            }),
            // Taken apart in `decide`.
            Answer::Checkout(_) => return Err(Failure::Internal),
        };
        Ok(Reply { body, replayed })
    }

    // Committing.

    fn commit_next(&mut self) {
        if self.resident.phase != Phase::Ready || self.resident.must_reload {
            return;
        }
        let Some(write) = self.resident.gate.begin(&self.resident.state) else {
            return;
        };
        let commit = Commit {
            expected: self.resident.version,
            write: WriteId(self.means.sources.entropy.uuid()),
            change: Change::User(self.id, write),
        };
        let (store, time) = (self.means.store.clone(), self.means.commit_time);
        let lost = Message::Committed(Err(CommitFailure::Undecided));
        beside(self.myself, lost, async move {
            let deadline = Instant::now() + time;
            Message::Committed(resolve::commit(&*store, commit, deadline).await)
        });
    }

    fn committed(&mut self, outcome: Result<(), CommitFailure>) {
        let batch = self.resident.gate.end();
        match outcome {
            Ok(()) => {
                self.resident.version += 1;
                self.resident.has_committed = true;
                for decided in batch {
                    self.release(decided);
                }
                if self.resident.must_reload {
                    self.load();
                    self.redo_gathered();
                }
            }
            Err(CommitFailure::Conflict) => {
                tracing::info!(user.id = %self.id, version = self.resident.version, "user.conflict");
                self.load();
                self.redo(batch);
                self.redo_gathered();
            }
            Err(CommitFailure::Unavailable(error)) => {
                tracing::warn!(user.id = %self.id, %error, "user.commit.failed");
                self.load();
                for Decided { asked, placing, .. } in batch {
                    asked.port.answer(Err(Failure::Unavailable));
                    placing
                        .into_iter()
                        .for_each(|placing| self.give_up(placing));
                }
                self.redo_gathered();
            }
            Err(CommitFailure::Undecided) => self.end_undecided(),
        }
    }

    /// What the batch carried is durable: answer, and settle the order that it placed.
    fn release(&mut self, decided: Decided) {
        if let Some(placing) = decided.placing {
            self.settle(placing, Settlement::Sold);
        }
        decided.asked.port.answer(decided.reply);
    }

    /// Nobody can tell what became of the commit: whoever asks next loads what the store has. The
    /// attempt, if there is one, is left to recovery, which can tell.
    fn end_undecided(&mut self) {
        tracing::error!(user.id = %self.id, version = self.resident.version, "user.commit.undecided");
        self.resident.phase = Phase::Ending;
        let waiting = self
            .resident
            .gate
            .abandon()
            .into_iter()
            .map(|decided| decided.asked);
        for asked in waiting.chain(self.resident.queued_orders.drain(..)) {
            asked.port.answer(Err(Failure::Unavailable));
        }
    }

    /// The state may be half changed: nothing more is decided on it.
    fn distrust(&mut self) {
        self.resident.must_reload = true;
        self.resident.phase = Phase::Loading;
        if !self.resident.gate.is_committing() {
            self.load();
            self.redo_gathered();
        }
    }

    fn redo_gathered(&mut self) {
        let gathered = self.resident.gate.abandon();
        self.redo(gathered);
    }

    /// Has requests decided again once loaded, which must have begun. An attempt at an order ends
    /// with its commit: its id may have been at one version only.
    fn redo(&mut self, batch: Vec<Decided>) {
        for Decided { asked, placing, .. } in batch {
            if let Some(placing) = placing {
                self.give_up(placing);
            }
            self.resident.parked.push_back(asked);
        }
    }

    // Placing orders.

    fn place(&mut self, mut asked: Asked, draft: Box<Draft>) {
        if self.resident.placing.is_some() {
            return self.resident.queued_orders.push_back(asked);
        }
        asked.attempts += 1;
        let placing = Placing::new(draft, self.resident.loads);
        self.resident.placing = Some(placing.attempt.order_id);
        let means = self.means.clone();
        beside(self.myself, Message::ReserveLost, async move {
            let outcome = reserve(&means, &placing.attempt, asked.port.deadline).await;
            Message::Reserved(Box::new(Reserving {
                asked,
                placing,
                outcome,
            }))
        });
    }

    fn reserved(
        &mut self,
        Reserving {
            asked,
            placing,
            outcome,
        }: Reserving,
    ) {
        if self.resident.phase == Phase::Ending {
            self.give_up(placing);
            return asked.port.answer(Err(Failure::Unavailable));
        }
        let is_stale = self.resident.is_changed_since(placing.loads);
        match outcome {
            Err(Unheld::Failed(failure)) => {
                self.give_up(placing);
                asked.port.answer(Err(failure));
            }
            // Somebody else may have moved the version in order to end this attempt, or have
            // placed the order: neither it nor its refusal may be carried into another state.
            _ if is_stale => {
                self.give_up(placing);
                self.asked(asked);
            }
            Ok(()) if asked.port.is_late() => {
                self.give_up(placing);
                asked.port.answer(Err(Failure::Unavailable));
            }
            Ok(()) => self.finish(asked, placing),
            Err(Unheld::Insufficient { key, available }) => {
                self.give_up(placing);
                self.refuse(asked, insufficient(key, available));
            }
        }
    }

    /// Commits the order, if the user's state is still what it was drafted on.
    fn finish(&mut self, asked: Asked, placing: Placing) {
        let decided = self.guarded(|turn| {
            turn.with_context(None, None, |state, context| {
                user::finish(state, &asked.request, &placing.draft, context)
            })
        });
        match decided {
            Some(Ok(decision)) => self.accept(asked, decision, Some(placing)),
            Some(Err(Rejection::CartChanged)) if asked.attempts < MAX_ATTEMPTS => {
                self.give_up(placing);
                self.asked(asked);
            }
            Some(Err(rejection)) => {
                self.give_up(placing);
                self.refuse(asked, rejection);
            }
            None => {
                self.give_up(placing);
                asked.port.answer(Err(Failure::Internal));
            }
        }
    }

    /// Ends an attempt that was not committed and never will be.
    fn give_up(&mut self, placing: Placing) {
        self.settle(placing, Settlement::Released);
    }

    fn settle(&mut self, placing: Placing, settlement: Settlement) {
        self.resident.settling += 1;
        let means = self.means.clone();
        beside(self.myself, Message::Settled, async move {
            settle(means, placing.attempt, settlement).await;
            Message::Settled
        });
        self.attempt_over();
    }

    /// There is no order in the making any more: the next in the queue has its turn. Each is
    /// decided anew, and may come to nothing, so all are drawn until one is being made.
    fn attempt_over(&mut self) {
        self.resident.placing = None;
        while self.resident.placing.is_none() {
            let Some(next) = self.resident.queued_orders.pop_front() else {
                return;
            };
            self.asked(next);
        }
    }
}

fn insufficient(key: StockKey, available: u64) -> Rejection {
    match key {
        StockKey::Sku(sku) => Rejection::OutOfStock {
            sku: sku.to_string(),
            available,
        },
        StockKey::Promotion(code) => Rejection::Promotion {
            code,
            problem: "was used as often as it may be".into(),
        },
    }
}

async fn fetch(
    means: &Means,
    user: UserId,
    needs: Needs,
    deadline: Instant,
) -> Result<Fetched, Failure> {
    let available = async {
        match needs.stock {
            None => Ok(None),
            Some(sku) => {
                let key = StockKey::Sku(sku.clone());
                let units = means.stocks.available(key, deadline).await;
                // A full stock actor is the node's overload, not this user's.
                units
                    .map(|units| Some((sku, units)))
                    .map_err(|_| Failure::Unavailable)
            }
        }
    };
    let looked_up = async {
        match needs.key {
            None => Ok(None),
            Some(key) => means
                .store
                .key_use(user, key)
                .await
                .map(Some)
                .map_err(Failure::from_store),
        }
    };
    let both = futures::future::try_join(available, looked_up);
    let both = tokio::time::timeout_at(deadline, both).await;
    let (available, looked_up) = both.map_err(|_| Failure::Unavailable)??;
    Ok(Fetched {
        available,
        looked_up,
    })
}
