use async_trait::async_trait;
use bytes::Bytes;
use standfast_core::{
    Batch, Epoch, Error, ErrorKind, FenceToken, FollowerWriter, LeaderRecord, NodeId, Position,
    ReadLimit, Result, Seq, TrimGuard, add_end, epoch_ends,
};
use standfast_wire::v1::sync_op_log_request::Body as Ask;
use standfast_wire::v1::sync_op_log_response::Body as Answer;
use standfast_wire::v1::{SyncBatches, SyncHello, SyncTerm};
use standfast_wire::{position_from_wire, position_to_wire};

use super::Stream;
use super::link::Known;
use super::wire::{Wire, unexpected};

/// One stream from one primary.
pub(super) struct Session<'a> {
    pub(super) stream: &'a Stream,
    /// Where the state stands that is to follow.
    pub(super) after: Position,
    pub(super) known: &'a Known,
}

/// Where the log goes on.
enum Place {
    Open(Box<dyn FollowerWriter>),
    Trimmed(Seq),
}

impl Session<'_> {
    /// Stores what the primary sends until the stream ends; tells `linked` once the log is the primary's up to where it was.
    /// Returns the primary's floor when what comes next is below it.
    ///
    /// # Errors
    /// `LogRegressed` when the state that is to follow is not of the primary's history; what the stream or the log met.
    ///
    /// # Cancel safety
    /// Cancel safe: what was not acknowledged comes again.
    pub(super) async fn run(&self, record: &LeaderRecord, linked: impl Fn()) -> Result<Seq> {
        let mut wire = self.connect(record).await?;
        let token = match wire.next().await? {
            Answer::Term(term) => self.token(term)?,
            _ => return Err(unexpected("a term")),
        };
        if token.epoch < record.epoch {
            return Err(
                Error::new(ErrorKind::Unavailable, "follow the primary").context(format!(
                    "it is still in epoch {}, epoch {} was granted",
                    token.epoch, record.epoch
                )),
            );
        }
        let mut log = match self.place(&mut wire, &token).await? {
            Place::Open(log) => log,
            Place::Trimmed(floor) => return Ok(floor),
        };
        tracing::info!(primary = %token.holder, epoch = %token.epoch, tail = %log.tail(), "following");
        let mut floor = Seq(1);
        let mut told = log.tail();
        wire.send(Ask::Synced(position_to_wire(told))).await?;
        loop {
            match wire.next().await? {
                Answer::Batches(batches) => {
                    // First, for there may be no room for what came.
                    if Seq(batches.floor) > floor {
                        floor = Seq(batches.floor);
                        self.trim(&token, floor).await?;
                    }
                    self.take(&mut wire, &mut *log, batches).await?;
                    if told != log.tail() {
                        told = log.tail();
                        wire.send(Ask::Synced(position_to_wire(told))).await?;
                    }
                    linked();
                }
                Answer::Trimmed(trimmed) => return Ok(Seq(trimmed.floor)),
                _ => return Err(unexpected("batches")),
            }
        }
    }

    async fn connect(&self, record: &LeaderRecord) -> Result<Wire> {
        let hello = SyncHello {
            node: self.stream.node.to_string(),
            fingerprint: self.stream.cluster.bytes().to_vec(),
            log_id: self.stream.log.log_id().await?.0.to_be_bytes().to_vec(),
        };
        Wire::connect(&record.candidate.endpoint, hello).await
    }

    fn token(&self, term: SyncTerm) -> Result<FenceToken> {
        let nonce = term.nonce.try_into();
        let nonce = nonce.map_err(|_bytes: Vec<u8>| unexpected("a nonce of 16 bytes"))?;
        Ok(FenceToken {
            cluster: self.stream.cluster,
            epoch: Epoch(term.epoch),
            holder: NodeId::new(term.holder)?,
            nonce: u128::from_be_bytes(nonce),
            proof: String::new(),
        })
    }

    /// Opens the log where the primary's goes on.
    async fn place(&self, wire: &mut Wire, token: &FenceToken) -> Result<Place> {
        if !self.holds_the_state().await? {
            return self.place_anew(wire, token).await;
        }
        let mut log = self.stream.log.open_follower(token).await?;
        let tail = log.tail();
        wire.ask_place(tail, &[]).await?;
        let from = match wire.next().await? {
            Answer::From(from) => position_from_wire(Some(&from))?,
            Answer::Trimmed(trimmed) => return Ok(Place::Trimmed(Seq(trimmed.floor))),
            Answer::Diverged(_) => {
                let mut ends = epoch_ends(&*self.stream.log).await?;
                add_end(&mut ends, tail);
                wire.ask_place(tail, &ends).await?;
                match wire.next_after_a_search().await? {
                    Answer::From(from) => position_from_wire(Some(&from))?,
                    Answer::Trimmed(trimmed) => return Ok(Place::Trimmed(Seq(trimmed.floor))),
                    _ => return Err(self.astray(token, "no part of this node's log is")),
                }
            }
            _ => return Err(unexpected("a place")),
        };
        if from == tail {
            // What an earlier process left may be in memory alone.
            log.sync().await?;
        } else {
            self.cut(&mut *log, token, from).await?;
        }
        Ok(Place::Open(log))
    }

    async fn cut(
        &self,
        log: &mut dyn FollowerWriter,
        token: &FenceToken,
        from: Position,
    ) -> Result<()> {
        if from.seq < self.after.seq {
            let what = format!("this node's log is up to {from}, and its state");
            return Err(self.astray(token, &what));
        }
        let tail = log.tail();
        let saved = log.cut_after(from, from.seq).await;
        let saved = saved.map_err(|error| match error.kind() {
            ErrorKind::Invalid => below_committed(from, error),
            _ => error,
        })?;
        metrics::counter!("standfast_log_cuts_total").increment(1);
        tracing::warn!(
            %tail, %from, saved = saved.as_deref().unwrap_or("nowhere"),
            "the log has entries that were never committed; they are cut when the primary's next batch comes"
        );
        Ok(())
    }

    /// The state is of a snapshot that the log does not reach: the log begins there, if the primary's history holds it.
    async fn place_anew(&self, wire: &mut Wire, token: &FenceToken) -> Result<Place> {
        wire.ask_place(self.after, &[]).await?;
        match wire.next().await? {
            Answer::From(_) => {}
            Answer::Trimmed(trimmed) => return Ok(Place::Trimmed(Seq(trimmed.floor))),
            _ => return Err(self.astray(token, "this node's state")),
        }
        self.stream.log.begin_at(token, self.after).await?;
        let log = self.stream.log.open_follower(token).await?;
        tracing::info!(position = %self.after, "the log begins anew behind the state");
        Ok(Place::Open(log))
    }

    async fn holds_the_state(&self) -> Result<bool> {
        match self.stream.log.read(self.after, ReadLimit::ONE).await {
            Ok(_) => Ok(true),
            Err(error) => match error.kind() {
                ErrorKind::LogRegressed | ErrorKind::Trimmed { .. } => Ok(false),
                _ => Err(error),
            },
        }
    }

    fn astray(&self, token: &FenceToken, what: &str) -> Error {
        Error::new(ErrorKind::LogRegressed, "follow the primary").context(format!(
            "{what}, which stands at {}, is not of the history of {}, which leads epoch {}",
            self.after, token.holder, token.epoch
        ))
    }

    async fn take(
        &self,
        wire: &mut Wire,
        log: &mut dyn FollowerWriter,
        batches: SyncBatches,
    ) -> Result<()> {
        let committed = position_from_wire(batches.committed.as_ref())?;
        self.known.commit(committed.seq);
        let frames = batches.frames.into_iter();
        let received: Result<Vec<_>> = frames
            .map(|frame| Batch::decode(Bytes::from(frame)))
            .collect();
        log.append_verbatim(&received?).await?;
        // Between batches the next one says the same.
        if log.tail() == committed && !wire.has_more().await? {
            log.mark_committed().await?;
        }
        Ok(())
    }

    /// Follows the primary's trims, as far as what is gone was handed out here.
    async fn trim(&self, token: &FenceToken, floor: Seq) -> Result<()> {
        let guard = Guard {
            token,
            needed: self.known.delivered().seq.next(),
        };
        let through = Seq(floor.0.saturating_sub(1));
        let trimmed = self.stream.log.trim(through, &guard).await?;
        tracing::debug!(floor = %trimmed, "trimmed as the primary's log");
        Ok(())
    }
}

/// A loss was accepted elsewhere, or this is the past of something else.
fn below_committed(from: Position, source: Error) -> Error {
    Error::new(ErrorKind::LogRegressed, "follow the primary")
        .context(format!(
            "the primary has nothing of what this node's log holds behind {from}, and some of it was committed: if it is to \
             be given up, empty [oplog] dir and run `standfast cluster init --config F`"
        ))
        .source(source)
}

/// What is handed out already may go.
#[derive(Debug)]
struct Guard<'a> {
    token: &'a FenceToken,
    needed: Seq,
}

#[async_trait]
impl TrimGuard for Guard<'_> {
    fn token(&self) -> &FenceToken {
        self.token
    }

    async fn lowest_needed(&self) -> Result<Option<Seq>> {
        Ok(Some(self.needed))
    }
}
