//! The handling of one message: what it changes in memory, and what it sets going. Waits for
//! nothing.

mod commit;
mod decide;
mod place;

use super::Means;
use super::actor::Message;
use super::resident::{Asked, Phase, Resident};
use crate::actors::Failure;
use crate::actors::beside::beside;
use crate::domain::ids::UserId;
use crate::domain::user::State;
use crate::store::{self, UserRecord, Versioned};
use crate::telemetry::traces::traced;
pub(crate) use decide::Fetched;
use ractor::ActorRef;
use std::sync::Arc;

/// The handling of one message.
pub(super) struct Turn<'a> {
    pub(super) means: &'a Arc<Means>,
    pub(super) myself: &'a ActorRef<Message>,
    pub(super) id: UserId,
    pub(super) resident: &'a mut Resident,
}

impl Turn<'_> {
    pub(super) fn message(&mut self, message: Message) {
        match message {
            // Dropped unread: its asker comes again when this actor has ended.
            Message::Ask(_) if self.resident.quiescing || self.resident.phase == Phase::Ending => {}
            Message::Ask(envelope) => {
                if let Some((request, mut port)) = envelope.open() {
                    let id = self.id;
                    port.caller
                        .enter(|asker| traced!(asker, "user.command", user.id = %id));
                    self.asked(Asked {
                        request,
                        port,
                        attempts: 0,
                    });
                }
            }
            Message::Loaded(loaded) => self.loaded(*loaded),
            Message::Fetched(loads, asked, fetched) => {
                self.resident.fetching -= 1;
                self.fetched(loads, *asked, fetched);
            }
            Message::FetchLost => self.resident.fetching -= 1,
            Message::Reserved(reserving) => self.reserved(*reserving),
            Message::ReserveLost => self.attempt_over(),
            Message::Sold => self.resident.settling -= 1,
            Message::Released => {
                self.resident.settling -= 1;
                self.attempt_over();
            }
            Message::Committed(outcome) => self.committed(outcome),
            Message::Quiesce => self.resident.quiescing = true,
        }
    }

    pub(super) fn load(&mut self) {
        self.resident.phase = Phase::Loading;
        self.resident.loads += 1;
        let (store, id) = (self.means.store.clone(), self.id);
        let lost = Err(store::Error::Unavailable("lost".into()));
        beside(self.myself, Message::Loaded(Box::new(lost)), async move {
            Message::Loaded(Box::new(store.user(id).await))
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
}
