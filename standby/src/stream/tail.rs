use std::sync::Arc;

use async_trait::async_trait;
use standfast_core::{Error, ErrorKind, OpLogStore, OpLogTail, Position, Result, TailEvent};

use super::link::{Link, Phase};

/// The tail of a log that a [`Link`] fills.
pub(super) struct StreamTail {
    log: Arc<dyn OpLogStore>,
    after: Position,
    link: Link,
    /// Opened once the link knows that the log is the primary's up to here, or that nobody leads.
    inner: Option<Box<dyn OpLogTail>>,
}

impl StreamTail {
    pub(super) fn new(log: Arc<dyn OpLogStore>, after: Position, link: Link) -> Self {
        Self {
            log,
            after,
            link,
            inner: None,
        }
    }

    /// Whether the end of the own log is the end of what is there.
    fn is_end(&self, tail: Position) -> bool {
        tail.seq >= self.link.committed()
    }
}

#[async_trait]
impl OpLogTail for StreamTail {
    async fn next(&mut self) -> Result<TailEvent> {
        loop {
            match self.link.phase() {
                Phase::Seeking => {
                    self.link.changed().await?;
                    continue;
                }
                Phase::Trimmed { floor } => return Ok(TailEvent::Trimmed { floor }),
                Phase::Failed => {
                    let gone = || Error::new(ErrorKind::Closed, "follow the primary");
                    return Err(self.link.failure().unwrap_or_else(gone));
                }
                Phase::Alone | Phase::Linked => {}
            }
            let inner = match &mut self.inner {
                Some(inner) => inner,
                none => none.insert(self.log.tail(self.after).await?),
            };
            // Both arms are cancel safe, and the phase is looked at again.
            let event = tokio::select! {
                changed = self.link.changed() => {
                    changed?;
                    continue;
                }
                event = inner.next() => event?,
            };
            match event {
                TailEvent::CaughtUp { tail } if !self.is_end(tail) => {}
                TailEvent::Batches(batches) => {
                    if let Some(last) = batches.last() {
                        self.link.delivered(last.end());
                    }
                    return Ok(TailEvent::Batches(batches));
                }
                event => return Ok(event),
            }
        }
    }

    fn ends_with_its_log(&self) -> bool {
        false
    }
}
