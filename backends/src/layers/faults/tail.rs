#![deny(clippy::missing_trait_methods)]

use async_trait::async_trait;
use standfast_core::{OpLogTail, Result, TailEvent};

use super::{Fault, Faults};
use crate::layers::operation::Operation;

/// A tail whose events may be lost, repeated or out of order as well. A fault is drawn when an event is there, so that
/// nothing is lost with a call that is dropped.
pub(super) struct FaultyTail {
    faults: Faults,
    inner: Box<dyn OpLogTail>,
    /// What the next call gives, come what may.
    due: Option<TailEvent>,
    /// What comes after the event that follows it.
    late: Option<TailEvent>,
}

impl FaultyTail {
    pub(super) const fn new(faults: Faults, inner: Box<dyn OpLogTail>) -> Self {
        Self {
            faults,
            inner,
            due: None,
            late: None,
        }
    }
}

#[async_trait]
impl OpLogTail for FaultyTail {
    fn ends_with_its_log(&self) -> bool {
        self.inner.ends_with_its_log()
    }

    async fn next(&mut self) -> Result<TailEvent> {
        const NEXT: Operation = Operation::NextEvent;
        loop {
            if let Some(event) = self.due.take() {
                return Ok(event);
            }
            let event = self.inner.next().await?;
            if let Some(late) = self.late.take() {
                self.due = Some(late);
                return Ok(event);
            }
            let struck = self.faults.strike(NEXT);
            match struck.as_ref().map(|struck| &struck.fault) {
                Some(fault @ Fault::DropEvent) => self.faults.count(NEXT, fault),
                Some(fault @ Fault::SwapEvents) => {
                    self.faults.count(NEXT, fault);
                    self.late = Some(event);
                }
                Some(fault @ Fault::RepeatEvent) => {
                    self.faults.count(NEXT, fault);
                    self.due = Some(event.clone());
                    return Ok(event);
                }
                _ => {
                    // Kept until it is given, so that an error or a dropped call leaves it to the next one.
                    self.due = Some(event.clone());
                    let met = std::future::ready(Ok(event));
                    let answer = self.faults.suffer(NEXT, struck, met).await;
                    if answer.is_ok() {
                        self.due = None;
                    }
                    return answer;
                }
            }
        }
    }
}
