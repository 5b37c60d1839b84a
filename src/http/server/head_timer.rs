//! Bounds the wait for the head of a request. hyper asks for a timer for each, and gives it up as
//! soon as the head is there: for most requests it would be made, enter the runtime's wheel and leave
//! it again for nothing. So the timers of a connection share one of the runtime's, which stays as it
//! was set, and is set anew only once it went off.

use futures::ready;
use hyper::rt::{Sleep, Timer};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// The timer of one connection.
#[derive(Default)]
pub(super) struct HeadTimer(Arc<Alarm>);

/// Goes off when some wait is over, or earlier: never later.
#[derive(Default)]
struct Alarm(Mutex<Option<Pin<Box<tokio::time::Sleep>>>>);

/// One wait.
struct Wait {
    until: Instant,
    alarm: Arc<Alarm>,
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Wait {
            until: deadline.into(),
            alarm: Arc::clone(&self.0),
        })
    }

    fn now(&self) -> std::time::Instant {
        Instant::now().into()
    }
}

impl Sleep for Wait {}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let until = self.until;
        let mut alarm = self.alarm.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sleep = alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        if sleep.deadline() > until {
            sleep.as_mut().reset(until);
        }
        loop {
            ready!(sleep.as_mut().poll(context));
            if sleep.deadline() >= until {
                return Poll::Ready(());
            }
            // That was an earlier wait's, which was given up.
            sleep.as_mut().reset(until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use tokio::time::{advance, timeout};

    const LONG: Duration = Duration::from_secs(10);

    async fn after(wait: &mut Pin<Box<dyn Sleep>>) -> Duration {
        let began = Instant::now();
        wait.await;
        began.elapsed()
    }

    fn about(duration: Duration) -> std::ops::Range<Duration> {
        duration..duration + Duration::from_millis(2)
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_over_in_its_time_whatever_others_were_given_up() {
        let timer = HeadTimer::default();
        let mut first = timer.sleep(LONG);
        assert!(first.as_mut().now_or_never().is_none());
        advance(LONG / 2).await;
        drop(first);
        // The alarm goes off in the middle of this one.
        assert!(about(LONG).contains(&after(&mut timer.sleep(LONG)).await));
        // And went off for another before this one.
        assert!(about(LONG).contains(&after(&mut timer.sleep(LONG)).await));
        // It is set for later than this one's end.
        assert!(timer.sleep(LONG * 9).now_or_never().is_none());
        assert!(about(LONG).contains(&after(&mut timer.sleep(LONG)).await));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_woken_although_the_alarm_was_set_for_another() {
        let timer = HeadTimer::default();
        assert!(timer.sleep(LONG).now_or_never().is_none());
        advance(LONG / 4).await;
        let mut second = timer.sleep(LONG);
        assert!(timeout(LONG - LONG / 8, &mut second).await.is_err());
        assert!(timeout(LONG / 4, &mut second).await.is_ok());
    }
}
