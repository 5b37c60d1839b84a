//! The directory over actors that do nothing but answer.

use super::*;
use crate::actors::supervisor::Supervision;
use futures::future::join_all;
use ractor::ActorProcessingErr;
use std::time::Duration;

/// Actors that count themselves.
#[derive(Clone, Default)]
struct Echo(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Actors started so far.
    started: AtomicUsize,
    /// Actors alive, by key.
    alive: DashMap<u64, usize>,
    /// How often there were two actors of one key.
    doubled: AtomicUsize,
    answered: AtomicUsize,
}

#[derive(Debug)]
enum Ask {
    /// Answered with the number of the actor that read it.
    Who,
    /// Answered after so long; the mailbox waits meanwhile.
    Sleep(Duration),
}

enum Message {
    Ask(Envelope<Echo>),
    Quiesce,
}

struct Handler {
    key: u64,
    number: usize,
    shared: Arc<Shared>,
    _residence: Residence<Echo>,
}

impl Entity for Echo {
    type Key = u64;
    type Request = Ask;
    type Reply = usize;
    type Message = Message;
    type Handler = Handler;

    fn start(&self, key: u64, residence: Residence<Self>) -> (Handler, ()) {
        let shared = self.0.clone();
        let number = shared.started.fetch_add(1, Ordering::Relaxed);
        let mut alive = shared.alive.entry(key).or_default();
        *alive += 1;
        if *alive > 1 {
            shared.doubled.fetch_add(1, Ordering::Relaxed);
        }
        drop(alive);
        let handler = Handler {
            key,
            number,
            shared,
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

// Runs before the residence is dropped, which is what makes room for a successor.
impl Drop for Handler {
    fn drop(&mut self) {
        *self.shared.alive.entry(self.key).or_default() -= 1;
    }
}

impl Actor for Handler {
    type Msg = Message;
    type State = bool;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Message>, (): ()) -> Result<bool, ActorProcessingErr> {
        Ok(false)
    }

    async fn handle(
        &self,
        myself: ActorRef<Message>,
        message: Message,
        quiescing: &mut bool,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Ask(_) if *quiescing => {}
            Message::Ask(envelope) => {
                let (ask, port) = envelope.open().ok_or("opened before")?;
                if let Ask::Sleep(length) = ask {
                    tokio::time::sleep(length).await;
                }
                if !port.is_late() {
                    self.shared.answered.fetch_add(1, Ordering::Relaxed);
                }
                port.answer(Ok(self.number));
            }
            Message::Quiesce => *quiescing = true,
        }
        if *quiescing {
            myself.stop(None);
        }
        Ok(())
    }
}

async fn directory(waiting: usize, residents: usize) -> (Directory<Echo>, Supervision) {
    let (supervision, [shards]) = Supervision::start::<1>().await.unwrap();
    let bounds = Bounds { waiting, residents };
    let directory = Directory::new(Echo::default(), shards, bounds, Arc::default());
    (directory, supervision)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

impl Directory<Echo> {
    /// Asks until an actor has read it.
    async fn ask(&self, key: &u64, mut ask: Ask, deadline: Instant) -> Result<usize, Failure> {
        loop {
            match self.offer(key, ask, Ticket::alone(), deadline).await {
                Ok(answer) => return answer,
                Err(Unread(again)) => ask = again,
            }
        }
    }

    async fn who(&self, key: u64) -> Result<usize, Failure> {
        self.ask(&key, Ask::Who, soon()).await
    }

    fn beside(&self, key: u64, ask: Ask) -> tokio::task::JoinHandle<Result<usize, Failure>> {
        let directory = self.clone();
        tokio::spawn(async move { directory.ask(&key, ask, soon()).await })
    }

    fn actor(&self, key: u64) -> ActorRef<Message> {
        self.inner.entries.get(&key).unwrap().actor.clone()
    }

    fn shard(&self, key: u64) -> ractor::ActorCell {
        let hash = self.inner.entries.hasher().hash_one(key);
        self.inner.shards.of(hash)
    }
}

#[tokio::test(start_paused = true)]
async fn a_killed_actor_fails_what_it_had_read_and_its_successor_answers_the_rest() {
    let (directory, _tree) = directory(100, 100).await;
    let sibling = directory.who(8).await.unwrap();
    let read = directory.beside(7, Ask::Sleep(Duration::from_secs(1)));
    tokio::time::sleep(Duration::from_millis(1)).await;
    let unread: Vec<_> = (0..10).map(|_| directory.beside(7, Ask::Who)).collect();
    tokio::time::sleep(Duration::from_millis(1)).await;
    directory.actor(7).kill();
    assert!(matches!(read.await.unwrap(), Err(Failure::Unavailable)));
    for task in unread {
        assert_eq!(task.await.unwrap().unwrap(), 2, "not by the successor");
    }
    assert_eq!(directory.who(8).await.unwrap(), sibling);
    assert_eq!(directory.residents(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_killed_shard_takes_its_own_actors_along_and_serves_them_again() {
    let (directory, tree) = directory(100, 1_000).await;
    let before: Vec<usize> = join_all((0..500).map(|key| directory.who(key)))
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let shard = directory.shard(0);
    let in_it = |key: u64| directory.shard(key).get_id() == shard.get_id();
    let own: Vec<u64> = (0..500).filter(|key| in_it(*key)).collect();
    assert!((1..500).contains(&own.len()));
    shard.kill();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_ne!(directory.shard(0).get_id(), shard.get_id());
    for key in 0..500 {
        let after = directory.who(key).await.unwrap();
        let same = after == before[usize::try_from(key).unwrap()];
        assert_eq!(same, !own.contains(&key), "actor {key}");
    }
    // And its successor is a supervisor: stopping the tree ends what it owns.
    tree.stop();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(directory.residents(), 0);
}

#[tokio::test(start_paused = true)]
async fn requests_unread_in_a_shard_that_is_killed_are_answered() {
    let (directory, _tree) = directory(100, 100).await;
    let read = directory.beside(7, Ask::Sleep(Duration::from_secs(1)));
    tokio::time::sleep(Duration::from_millis(1)).await;
    let unread: Vec<_> = (0..10).map(|_| directory.beside(7, Ask::Who)).collect();
    tokio::time::sleep(Duration::from_millis(1)).await;
    directory.shard(7).kill();
    assert!(matches!(read.await.unwrap(), Err(Failure::Unavailable)));
    for task in unread {
        assert_eq!(task.await.unwrap().unwrap(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn who_gave_up_unread_counts_until_read_and_no_longer() {
    let (directory, _tree) = directory(3, 100).await;
    let read = directory.beside(7, Ask::Sleep(Duration::from_secs(1)));
    tokio::time::sleep(Duration::from_millis(1)).await;
    let early = Instant::now() + Duration::from_millis(10);
    let gone = [
        directory.ask(&7, Ask::Who, early),
        directory.ask(&7, Ask::Who, early),
    ];
    for answer in join_all(gone).await {
        assert!(matches!(answer, Err(Failure::Unavailable)));
    }
    assert!(matches!(directory.who(7).await, Err(Failure::Busy)));
    assert!(directory.who(8).await.is_ok());
    read.await.unwrap().unwrap();
    let again = join_all((0..3).map(|_| directory.who(7))).await;
    assert!(again.iter().all(Result::is_ok));
    let answered = directory.inner.entity.0.answered.load(Ordering::Relaxed);
    assert_eq!(answered, 5, "a request whose asker was gone was executed");
    let entry = directory.inner.entries.get(&7).unwrap().clone();
    assert_eq!(entry.admission.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn once_quiesced_it_makes_no_actor() {
    let (directory, _tree) = directory(100, 100).await;
    directory.who(7).await.unwrap();
    directory.quiesce_all(soon()).await;
    assert_eq!(directory.residents(), 0);
    for key in 0..100 {
        let refused = directory.who(key).await;
        assert!(matches!(refused, Err(Failure::Unavailable)));
    }
    assert_eq!(directory.inner.entity.0.started.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn those_that_leave_finish_what_they_have_and_the_others_stay() {
    let (directory, _tree) = directory(100, 100).await;
    let stays = directory.who(2).await.unwrap();
    let read = directory.beside(7, Ask::Sleep(Duration::from_secs(1)));
    directory.who(9).await.unwrap();
    directory.quiesce_where(|key| key % 2 == 1, soon()).await;
    assert!(read.is_finished());
    assert_eq!(directory.residents(), 1);
    assert_eq!(directory.who(2).await.unwrap(), stays);
    // Those that come back are others.
    assert!(directory.who(7).await.unwrap() > read.await.unwrap().unwrap());
}

#[tokio::test(start_paused = true)]
async fn who_does_not_leave_in_time_is_not_waited_for() {
    let (directory, _tree) = directory(100, 100).await;
    let read = directory.beside(7, Ask::Sleep(Duration::from_secs(4)));
    tokio::time::sleep(Duration::from_millis(1)).await;
    let deadline = Instant::now() + Duration::from_secs(1);
    directory.quiesce_where(|_| true, deadline).await;
    assert!(!read.is_finished());
    assert!(read.await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_threads_every_request_is_answered_by_the_one_actor_of_its_key() {
    let (directory, _tree) = directory(1_000, 4).await;
    let tasks: Vec<_> = (0..8_u64)
        .map(|task| {
            let directory = directory.clone();
            tokio::spawn(async move {
                for step in 0..1_000 {
                    directory.who((task * 7 + step) % 16).await.unwrap();
                    if step % 5 == task % 5 {
                        directory.passivate_excess();
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let shared = &directory.inner.entity.0;
    assert_eq!(shared.answered.load(Ordering::Relaxed), 8_000);
    assert_eq!(shared.doubled.load(Ordering::Relaxed), 0);
    let started = shared.started.load(Ordering::Relaxed);
    assert!(started > 100, "only {started} were ever made");
    directory.quiesce_all(soon()).await;
    assert_eq!(directory.residents(), 0);
}
