use async_trait::async_trait;
use object_store::{Error, Result};
use parking_lot::Mutex;
use standfast_core::conformance::Wire;
use tokio::sync::watch;

/// The way to an object store: counts the calls, holds them, and loses answers.
#[derive(Debug, Default)]
pub(super) struct Line {
    calls: Mutex<u64>,
    loses: Mutex<Option<u64>>,
    /// From which call on everything is held.
    holds: watch::Sender<Option<u64>>,
    held: watch::Sender<bool>,
}

impl Line {
    /// Does a call, when it is let through.
    pub(super) async fn call<T>(&self, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let number = {
            let mut calls = self.calls.lock();
            *calls += 1;
            *calls - 1
        };
        let mut holds = self.holds.subscribe();
        let is_free = |from: &Option<u64>| from.is_none_or(|from| number < from);
        if !is_free(&holds.borrow_and_update()) {
            self.held.send_replace(true);
            holds.wait_for(is_free).await.unwrap();
        }
        let answer = call.await;
        if *self.loses.lock() == Some(number) {
            return Err(lost());
        }
        answer
    }
}

/// What a lost connection looks like.
pub(super) fn lost() -> Error {
    Error::Generic {
        store: "unreliable",
        source: "connection reset".into(),
    }
}

#[async_trait]
impl Wire for Line {
    fn calls(&self) -> u64 {
        *self.calls.lock()
    }

    fn hold_at(&self, call: u64) {
        self.holds.send_replace(Some(call));
    }

    async fn held(&self) {
        self.held.subscribe().wait_for(|held| *held).await.unwrap();
    }

    fn release(&self) {
        self.holds.send_replace(None);
    }

    fn lose_answer_at(&self, call: u64) {
        *self.loses.lock() = Some(call);
    }
}
