//! What is answered to those whose writes shared a transaction.

use super::super::Result;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// So few are answered by the writer itself, and no task is made for them.
const FEW: usize = 4;
/// So many are answered by one task, so that workers can share them.
const TASK: usize = 16;

/// Where a write's answer goes.
pub(super) struct Asker {
    answer: oneshot::Sender<Result<()>>,
    /// Where the asker waits, if that is a runtime.
    runtime: Option<Handle>,
}

/// Answers that are owed. They are given as this is dropped, so that none can be lost.
struct Owed(Vec<(Asker, Result<()>)>);

impl Asker {
    /// Whoever calls, and where the answer comes.
    pub(super) fn new() -> (Self, oneshot::Receiver<Result<()>>) {
        let (answer, answered) = oneshot::channel();
        let runtime = Handle::try_current().ok();
        (Self { answer, runtime }, answered)
    }

    pub(super) fn answer(self, result: Result<()>) {
        // Whoever asked may have gone.
        drop(self.answer.send(result));
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        for (asker, result) in self.0.drain(..) {
            asker.answer(result);
        }
    }
}

/// Answers all of them: a few at once, many by tasks of the runtime where they wait. A worker wakes
/// tasks by its own queue, while each that another thread wakes comes, under a lock, to a queue that
/// all workers share and take from now and then.
pub(super) fn answer(answers: impl IntoIterator<Item = (Asker, Result<()>)>) {
    let mut answers = answers.into_iter();
    loop {
        let owed = Owed(answers.by_ref().take(TASK).collect());
        let Some((first, _)) = owed.0.first() else {
            return;
        };
        match first.runtime.clone() {
            // A runtime that has ended drops it at once.
            Some(runtime) if owed.0.len() > FEW => {
                runtime.spawn(async move { drop(owed) });
            }
            _ => drop(owed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Error;
    use super::*;
    use tokio::runtime::Runtime;

    /// So many who ask within the runtime, each of whom is told something else.
    fn asked(count: usize, runtime: &Runtime) -> Vec<oneshot::Receiver<Result<()>>> {
        let _within = runtime.enter();
        let (askers, waiting): (Vec<_>, Vec<_>) = (0..count).map(|_| Asker::new()).unzip();
        let told = |(number, asker)| (asker, Err(Error::Unknown(format!("{number}"))));
        answer(askers.into_iter().enumerate().map(told));
        waiting
    }

    fn told(waiting: Vec<oneshot::Receiver<Result<()>>>) -> Vec<String> {
        let told = waiting.into_iter().map(oneshot::Receiver::blocking_recv);
        told.map(|told| match told {
            Ok(Err(Error::Unknown(number))) => number,
            other => panic!("{other:?}"),
        })
        .collect()
    }

    #[test]
    fn each_is_told_its_own_few_or_many() {
        let runtime = Runtime::new().unwrap();
        for count in [0, 1, FEW, FEW + 1, TASK + 1, 256] {
            let expected: Vec<_> = (0..count).map(|number| number.to_string()).collect();
            assert_eq!(told(asked(count, &runtime)), expected);
        }
    }

    #[test]
    fn who_waits_outside_a_runtime_is_told() {
        let (askers, waiting): (Vec<_>, Vec<_>) = (0..=FEW).map(|_| Asker::new()).unzip();
        answer(askers.into_iter().map(|asker| (asker, Ok(()))));
        for waiting in waiting {
            waiting.blocking_recv().unwrap().unwrap();
        }
    }

    #[test]
    fn the_end_of_the_runtime_loses_no_answer() {
        let runtime = Runtime::new().unwrap();
        let handle = runtime.handle().clone();
        let (mut askers, waiting): (Vec<_>, Vec<_>) = (0..=FEW).map(|_| Asker::new()).unzip();
        drop(runtime);
        askers[0].runtime = Some(handle);
        answer(askers.into_iter().map(|asker| (asker, Ok(()))));
        for mut waiting in waiting {
            waiting.try_recv().unwrap().unwrap();
        }
    }
}
