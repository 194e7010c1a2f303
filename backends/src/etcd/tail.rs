use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use etcd_client::{EventType, KeyValue, WatchResponse};
use tokio::time::Instant;

use super::ends::{Ends, parse};
use super::page::{self, Page};
use super::space::Space;
use super::watch::{Heard, Watch};
use standfast_core::{Batch, Epoch, ErrorKind, OpLogTail, Position, ReadLimit, Result, TailEvent};

/// When the watch has said nothing for so long, the log is looked at: whether all was told.
const QUIET: Duration = Duration::from_millis(50);
/// And then again and again after this: a member that stands still, or is cut off, keeps its watches open.
const IDLE: Duration = Duration::from_secs(1);
/// So many looks in a row may find what the watch has not told yet.
const MISSED: u32 = 3;

/// Follows a log in etcd.
///
/// ```text
///   list behind the Position --- batches --> deliver
///     ^        | nothing there, at revision R
///     |        v
///     |   watch from R + 1 ---- batches that follow --> deliver
///     |        | quiet, cut, compacted, a batch that does not follow
///     '--------'
/// ```
///
/// The watch carries the batches themselves, so that one that comes needs no call. It proves nothing: what it says is taken
/// only if it follows what was delivered, and what it does not say is found by listing (R4).
#[derive(Debug)]
pub(super) struct EtcdTail {
    space: Arc<Space>,
    position: Position,
    epoch: Epoch,
    /// Whether it was told that the end is reached.
    told: bool,
    watch: Option<Watch>,
    /// Whether a fence was heard of, and not looked at yet.
    fenced: bool,
    /// How many looks in a row found what the watch had not told.
    missed: u32,
    /// When the log is looked at if the watch says nothing.
    look_at: Instant,
    /// Read, and not delivered yet: one answer of the watch.
    ready: VecDeque<TailEvent>,
}

impl EtcdTail {
    /// # Errors
    /// As [`page::read`]: the Position is checked at once.
    pub(super) async fn open(space: &Arc<Space>, after: Position) -> Result<Self> {
        let around = space.ends("tail").await?;
        let one = ReadLimit {
            batches: 1,
            ..ReadLimit::default()
        };
        page::read(space, after, one).await?;
        Ok(Self {
            space: Arc::clone(space),
            position: after,
            epoch: around.epoch(),
            told: false,
            watch: None,
            fenced: false,
            missed: 0,
            look_at: Instant::now(),
            ready: VecDeque::new(),
        })
    }

    /// Reads on; at the end it watches.
    async fn list(&mut self) -> Result<()> {
        self.fenced = false;
        let read = page::read(&self.space, self.position, ReadLimit::default()).await;
        match read {
            Ok(Page::Batches(batches, all_at)) => {
                // The look may have come before the event; a watch that misses one after the other says nothing any more.
                self.missed += 1;
                if self.missed > MISSED {
                    self.watch = None;
                }
                let end = batches.last().map_or(self.position, Batch::end);
                self.ready.push_back(TailEvent::Batches(batches));
                // That was all there was at that moment. Under load there may never be one at which nothing comes.
                if let Some(revision) = all_at {
                    self.watch_from(revision).await?;
                    self.ready.push_back(TailEvent::CaughtUp { tail: end });
                }
            }
            Ok(Page::End(ends)) => self.at_end(&ends).await?,
            Err(error) => match error.kind() {
                ErrorKind::Trimmed { floor } => {
                    let floor = *floor;
                    self.ready.push_back(TailEvent::Trimmed { floor });
                }
                _ => return Err(error),
            },
        }
        Ok(())
    }

    /// The log ends where we stand.
    async fn at_end(&mut self, ends: &Ends) -> Result<()> {
        self.look_at = Instant::now() + IDLE;
        self.missed = 0;
        self.watch_from(ends.revision).await?;
        if ends.epoch() > self.epoch {
            self.ready.push_back(TailEvent::NewEpoch(ends.epoch()));
        }
        if !self.told {
            let tail = self.position;
            self.ready.push_back(TailEvent::CaughtUp { tail });
        }
        Ok(())
    }

    /// Watches what comes after a look, unless a sound watch does.
    async fn watch_from(&mut self, revision: i64) -> Result<()> {
        let is_sound = |watch: &Watch| watch.is_of(revision);
        if !self.watch.as_ref().is_some_and(is_sound) {
            let (connection, layout) = (self.space.connection(), self.space.layout());
            let watch = Watch::begin(connection, "tail", layout.watched(), revision).await?;
            self.watch = Some(watch);
        }
        Ok(())
    }

    /// Whether the watch said something of use; else it is time to look.
    async fn hear(&mut self) -> bool {
        let Some(watch) = &mut self.watch else {
            return false;
        };
        let sound = match watch.hear(self.look_at).await {
            Heard::Message(message) => {
                self.missed = 0;
                self.take(&message)
            }
            Heard::Nothing => return false,
            Heard::Broken => false,
        };
        if !sound {
            self.watch = None;
        }
        sound
    }

    /// Takes what follows from a message; whether that was all of it.
    fn take(&mut self, message: &WatchResponse) -> bool {
        let limit = ReadLimit::default();
        let (mut at, mut bytes) = (self.position, 0);
        let mut batches = Vec::new();
        let puts = message.events().iter();
        let puts = puts.filter(|event| event.event_type() == EventType::Put);
        for kv in puts.filter_map(|event| event.kv()) {
            if kv.key() == self.space.layout().fence().as_bytes() {
                // Nothing about it can be proved here: it is time to look.
                self.fenced = true;
                self.look_at = Instant::now();
                continue;
            }
            let Some(batch) = self.batch(kv) else {
                return self.flush(&mut batches);
            };
            if batch.last() <= at.seq {
                continue;
            }
            bytes += batch.frame().len();
            let fits = batches.is_empty() || bytes <= limit.bytes;
            if !batch.follows(at) || !fits || batches.len() >= limit.batches {
                return self.flush(&mut batches);
            }
            at = batch.end();
            batches.push(batch);
        }
        self.flush(&mut batches);
        true
    }

    /// The batch of an event; `None` when it cannot be read: the list tells why.
    fn batch(&self, kv: &KeyValue) -> Option<Batch> {
        let stored = parse(self.space.layout(), kv.key(), kv.value()).ok()?;
        Some(stored.batch)
    }

    /// Puts batches before what comes next. False: the rest of the message is left to the list.
    fn flush(&mut self, batches: &mut Vec<Batch>) -> bool {
        if !batches.is_empty() {
            let batches = std::mem::take(batches);
            self.ready.push_back(TailEvent::Batches(batches));
        }
        false
    }

    fn deliver(&mut self, event: TailEvent) -> TailEvent {
        match &event {
            TailEvent::Batches(batches) => {
                self.position = batches.last().map_or(self.position, Batch::end);
                self.epoch = self.epoch.max(self.position.epoch);
                self.told = false;
                if !self.fenced {
                    self.look_at = Instant::now() + QUIET;
                }
            }
            TailEvent::CaughtUp { .. } => {
                self.told = true;
                self.look_at = self.look_at.max(Instant::now() + QUIET);
            }
            TailEvent::NewEpoch(epoch) => self.epoch = *epoch,
            TailEvent::Trimmed { .. } => {}
        }
        event
    }
}

#[async_trait]
impl OpLogTail for EtcdTail {
    async fn next(&mut self) -> Result<TailEvent> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(self.deliver(event));
            }
            // Nothing is taken out of the watch but by a message that is wholly in `ready` before the next await, so that
            // a call that is dropped loses nothing.
            // What it did say comes first: the list begins behind it.
            if !self.hear().await && self.ready.is_empty() {
                self.list().await?;
            }
        }
    }
}
