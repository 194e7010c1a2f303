use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::error::{error, io_error};
use super::space::Space;
use super::view::View;
use standfast_core::{Batch, Epoch, ErrorKind, OpLogTail, Position, ReadLimit, Result, TailEvent};

/// How often the log is looked at while nothing comes.
const POLL: Duration = Duration::from_millis(1);

/// Follows the log: a thread of its own catches up with the writer, and hands over one event each time it is asked (OT-2).
#[derive(Debug)]
pub(super) struct RocksDbTail {
    /// Asks for an event. The thread ends when this is dropped, after its next look; it is not waited for, because it may
    /// wait for a disk.
    wanted: SyncSender<()>,
    events: mpsc::Receiver<Result<TailEvent>>,
    /// Whether one was asked for and has not come: a call that was dropped leaves it to the next.
    is_asked: bool,
}

impl RocksDbTail {
    /// Looks whether `after` is in the log, and starts to follow.
    pub(super) fn open(space: &Arc<Space>, after: Position) -> Result<Self> {
        let epoch = space.look("tail", |view| {
            view.cluster("tail")?;
            view.find(after)?;
            view.epoch()
        })?;
        let (sender, events) = mpsc::channel(1);
        let (wanted, asked) = sync_channel(1);
        let mut follower = Follower {
            space: Arc::clone(space),
            position: after,
            epoch,
            told: false,
            empty: None,
            seen: None,
        };
        std::thread::Builder::new()
            .name("rocksdb-tail".into())
            .spawn(move || follower.run(&sender, &asked))
            .map_err(|source| io_error("tail", space.dir(), source))?;
        Ok(Self {
            wanted,
            events,
            is_asked: false,
        })
    }
}

#[async_trait]
impl OpLogTail for RocksDbTail {
    async fn next(&mut self) -> Result<TailEvent> {
        let over = || error(ErrorKind::Closed, "tail").context("it has told where the log begins");
        if !self.is_asked {
            self.wanted.send(()).map_err(|_ended| over())?;
            self.is_asked = true;
        }
        let event = self.events.recv().await;
        self.is_asked = false;
        event.unwrap_or_else(|| Err(over()))
    }
}

/// What the thread knows.
struct Follower {
    space: Arc<Space>,
    position: Position,
    epoch: Epoch,
    told: bool,
    /// The version of the log that had nothing more, when it was looked at last.
    empty: Option<u64>,
    /// The version that had nothing more, twice. Once is not enough: a reader may learn of a version a moment before it can
    /// see all that is in it.
    seen: Option<u64>,
}

impl Follower {
    fn run(&mut self, events: &mpsc::Sender<Result<TailEvent>>, asked: &Receiver<()>) {
        while asked.recv().is_ok() {
            let event = loop {
                if let Some(event) = self.look().transpose() {
                    break event;
                }
                // Nothing is asked for twice: this waits, unless the tail was dropped.
                if asked.recv_timeout(POLL) == Err(RecvTimeoutError::Disconnected) {
                    return;
                }
            };
            let is_over = matches!(event, Ok(TailEvent::Trimmed { .. }));
            if events.blocking_send(event).is_err() || is_over {
                return;
            }
        }
    }

    fn look(&mut self) -> Result<Option<TailEvent>> {
        let (position, epoch, seen) = (self.position, self.epoch, self.seen);
        let found = self.space.look("tail", |view| {
            let version = view.version();
            if seen == Some(version) {
                return Ok(Found::Nothing(version));
            }
            found(view, position, epoch).map(|found| found.unwrap_or(Found::Nothing(version)))
        });
        match found {
            Ok(Found::Batches(batches)) => {
                self.position = batches.last().map_or(position, Batch::end);
                self.told = false;
                Ok(Some(TailEvent::Batches(batches)))
            }
            Ok(Found::Epoch(epoch)) => {
                self.epoch = epoch;
                Ok(Some(TailEvent::NewEpoch(epoch)))
            }
            Ok(Found::Nothing(version)) => {
                if self.empty == Some(version) {
                    self.seen = Some(version);
                }
                self.empty = Some(version);
                let caught_up = (!self.told).then_some(TailEvent::CaughtUp { tail: position });
                self.told = true;
                Ok(caught_up)
            }
            Err(error) => match *error.kind() {
                ErrorKind::Trimmed { floor } => Ok(Some(TailEvent::Trimmed { floor })),
                _ => Err(error),
            },
        }
    }
}

enum Found {
    Batches(Vec<Batch>),
    Epoch(Epoch),
    /// In this version of the log.
    Nothing(u64),
}

fn found(view: &View<'_>, position: Position, epoch: Epoch) -> Result<Option<Found>> {
    let batches = view.read(position, ReadLimit::default())?;
    if !batches.is_empty() {
        return Ok(Some(Found::Batches(batches)));
    }
    let fence = view.epoch()?;
    Ok((fence > epoch).then_some(Found::Epoch(fence)))
}
