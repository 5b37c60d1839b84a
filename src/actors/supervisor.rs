//! The supervision tree: a root that restarts its shards and workers, shards that own entity
//! actors. A user's actor that fails harms its own requests; the next request starts it anew from
//! the store. A shard that fails takes its own actors along and no others.

use arc_swap::ArcSwap;
use futures::future::BoxFuture;
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Linking takes a lock of the supervisor: with one for all, spawning halves.
const SHARDS: usize = 64;

/// The shard supervisors of one kind of actor, by the hash of a key. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shards(Arc<[ArcSwap<ActorCell>]>);

impl Shards {
    /// The supervisor for keys with this hash.
    pub(crate) fn of(&self, hash: u64) -> ActorCell {
        // The map that makes the hash picks its own shards by the high bits.
        let index = usize::try_from(hash % SHARDS as u64).unwrap_or(0);
        self.0[index].load().as_ref().clone()
    }
}

/// Owns entity actors: notes how they end, and stays.
struct Shard;

impl Actor for Shard {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<()>,
        event: SupervisionEvent,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorFailed(who, cause) = event {
            tracing::error!(actor.id = %who.get_id(), %cause, "actor.failed");
        }
        Ok(())
    }
}

/// Work that is done again and again, by an actor of its own.
#[derive(Clone)]
pub(crate) struct Periodic {
    /// What it is called in the log.
    pub(crate) name: &'static str,
    /// The pause between two runs.
    pub(crate) every: Duration,
    /// One run.
    pub(crate) job: Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
}

struct Worker(Periodic);

impl Actor for Worker {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        myself.send_after(self.0.every, || ());
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<()>,
        (): (),
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        (self.0.job)().await;
        myself.send_after(self.0.every, || ());
        Ok(())
    }
}

/// Restarts what fails: a shard, or a worker.
struct Root;

/// What the root owns.
struct Tree {
    kinds: Vec<Shards>,
    workers: Vec<(ActorId, Periodic)>,
}

impl Root {
    async fn restart(
        myself: &ActorRef<Periodic>,
        tree: &mut Tree,
        ended: ActorId,
    ) -> Result<(), ActorProcessingErr> {
        for slot in tree.kinds.iter().flat_map(|kind| kind.0.iter()) {
            if slot.load().get_id() == ended {
                let (shard, _) = Actor::spawn_linked(None, Shard, (), myself.get_cell()).await?;
                slot.store(Arc::new(shard.get_cell()));
                tracing::warn!(shard.id = %ended, "supervisor.shard.restarted");
            }
        }
        for (id, periodic) in &mut tree.workers {
            if *id == ended {
                *id = Self::start_worker(myself, periodic.clone()).await?;
                tracing::warn!(worker = periodic.name, "supervisor.worker.restarted");
            }
        }
        Ok(())
    }

    async fn start_worker(
        myself: &ActorRef<Periodic>,
        periodic: Periodic,
    ) -> Result<ActorId, ActorProcessingErr> {
        let worker = Worker(periodic);
        let (worker, _) = Actor::spawn_linked(None, worker, (), myself.get_cell()).await?;
        Ok(worker.get_id())
    }
}

impl Actor for Root {
    type Msg = Periodic;
    type State = Tree;
    type Arguments = (usize, oneshot::Sender<Vec<Shards>>);

    async fn pre_start(
        &self,
        myself: ActorRef<Periodic>,
        (kinds, made): Self::Arguments,
    ) -> Result<Tree, ActorProcessingErr> {
        let mut all = Vec::with_capacity(kinds);
        for _ in 0..kinds {
            let mut shards = Vec::with_capacity(SHARDS);
            for _ in 0..SHARDS {
                let (shard, _) = Actor::spawn_linked(None, Shard, (), myself.get_cell()).await?;
                shards.push(ArcSwap::from_pointee(shard.get_cell()));
            }
            all.push(Shards(shards.into()));
        }
        let _ = made.send(all.clone());
        Ok(Tree {
            kinds: all,
            workers: Vec::new(),
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Periodic>,
        periodic: Periodic,
        tree: &mut Tree,
    ) -> Result<(), ActorProcessingErr> {
        let id = Self::start_worker(&myself, periodic.clone()).await?;
        tree.workers.push((id, periodic));
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Periodic>,
        event: SupervisionEvent,
        tree: &mut Tree,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(who, cause) => {
                tracing::error!(actor.id = %who.get_id(), %cause, "supervisor.child.failed");
                Self::restart(&myself, tree, who.get_id()).await
            }
            SupervisionEvent::ActorTerminated(who, ..) => {
                Self::restart(&myself, tree, who.get_id()).await
            }
            _ => Ok(()),
        }
    }
}

/// The running tree. Stopping it kills what it still owns: quiesce the directories first.
#[derive(Clone)]
pub(crate) struct Supervision(ActorRef<Periodic>);

impl Supervision {
    /// Starts a root with shards for `N` kinds of actors.
    ///
    /// # Errors
    /// ractor's, where the runtime is shutting down.
    pub(crate) async fn start<const N: usize>() -> Result<(Self, [Shards; N]), SpawnErr> {
        let (made, shards) = oneshot::channel();
        let (root, _) = Actor::spawn(None, Root, (N, made)).await?;
        let shards = shards.await.ok().and_then(|shards| shards.try_into().ok());
        let shards = shards.ok_or(SpawnErr::ActorAlreadyStarted)?;
        Ok((Self(root), shards))
    }

    /// Has `periodic` done by a worker that is restarted when it fails.
    pub(crate) fn supervise(&self, periodic: Periodic) {
        let _ = self.0.send_message(periodic);
    }

    /// Stops the tree.
    pub(crate) fn stop(&self) {
        self.0.stop(None);
    }
}

#[cfg(test)]
mod tests;
