use std::io;

use standfast::{Result, Stop};
use tokio::task::JoinSet;

use crate::command::Failure;

/// The signals that certify hears: the first one ends the cases, the second one everything.
#[derive(Debug)]
pub(super) struct Signals {
    stop: Stop,
    heard: u8,
}

/// Which of them ends what is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Nth {
    First = 1,
    Second = 2,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            stop: Stop::listen()?,
            heard: 0,
        })
    }

    /// What `work` gives; none when the signal comes before.
    pub(super) async fn until<T>(
        &mut self,
        nth: Nth,
        work: &mut (impl Future<Output = T> + Unpin),
    ) -> Option<T> {
        while self.heard < nth as u8 {
            // Both are waited for again: nothing of them is lost.
            tokio::select! {
                done = &mut *work => return Some(done),
                () = self.stop.told() => self.heard += 1,
            }
        }
        None
    }

    /// What `work` gives, which may block its thread; none when the signal comes before, and the work is dropped.
    pub(super) async fn until_done<T: Send + 'static>(
        &mut self,
        nth: Nth,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<Option<T>, Failure> {
        let mut tasks = JoinSet::new();
        tasks.spawn(work);
        let mut joined = Box::pin(tasks.join_next());
        match self.until(nth, &mut joined).await.flatten() {
            Some(done) => Ok(Some(done??)),
            None => Ok(None),
        }
    }
}
