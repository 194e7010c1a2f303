use std::time::Duration;

use standfast_core::{
    Batch, Error, ErrorKind, FenceToken, LogId, NodeId, Position, ReadLimit, Result, Seq,
    common_end, epoch_ends,
};
use standfast_wire::v1::sync_op_log_request::Body as Ask;
use standfast_wire::v1::sync_op_log_response::Body as Answer;
use standfast_wire::v1::{
    SyncBatches, SyncDiverged, SyncHello, SyncOpLogRequest, SyncOpLogResponse, SyncPlace, SyncTerm,
    SyncTrimmed,
};
use standfast_wire::{position_from_wire, position_to_wire};
use tokio::sync::{mpsc, watch};
use tokio_stream::{Stream, StreamExt};
use tonic::Status;

use super::followers::Follower;
use super::newest::Newest;
use super::outlet::Outlet;

/// How often a standby hears from the primary when there is nothing to send.
const BEAT: Duration = Duration::from_millis(100);
/// How long a standby that comes before the term begins is kept waiting.
const BEFORE: Duration = Duration::from_millis(500);
/// What is read at once for a standby that is behind.
const CHUNK: ReadLimit = ReadLimit {
    batches: 4096,
    bytes: 4 << 20,
};

type Sent = std::result::Result<SyncOpLogResponse, Status>;

/// Sends the log of the term that is led to one standby, until that leaves, the term ends, or what it needs is trimmed.
///
/// `answers` bounds what is on its way; a standby that reads slower is read for slower.
///
/// # Cancel safety
/// Cancel safe: the standby begins again.
pub(super) async fn feed(
    outlet: Outlet,
    fingerprint: [u8; 16],
    mut asks: impl Stream<Item = std::result::Result<SyncOpLogRequest, Status>> + Unpin,
    answers: mpsc::Sender<Sent>,
) {
    if let Err(status) = feed_one(&outlet, fingerprint, &mut asks, &answers).await {
        tracing::debug!(%status, "a standby's stream ended");
        drop(answers.send(Err(status)).await);
    }
}

async fn feed_one(
    outlet: &Outlet,
    fingerprint: [u8; 16],
    asks: &mut (impl Stream<Item = std::result::Result<SyncOpLogRequest, Status>> + Unpin),
    answers: &mpsc::Sender<Sent>,
) -> std::result::Result<(), Status> {
    let (node, log_id) = hello(next(asks).await?, fingerprint)?;
    let mut newest = outlet.newest();
    let token = begun(&mut newest).await.ok_or_else(does_not_lead)?;
    let stream = outlet.number_stream();
    let mut feeder = Feeder {
        outlet,
        token,
        newest,
        answers,
    };
    feeder.answer(term(&feeder.token)).await?;
    let Some(from) = feeder.agree(asks).await? else {
        return Ok(());
    };
    // It may have taken a while.
    feeder.still_leads()?;
    feeder.answer(Answer::From(position_to_wire(from))).await?;
    tracing::info!(%node, %from, "a standby is sent the log");
    let epoch = feeder.token.epoch;
    let listening = async {
        while let Some(ask) = asks.next().await {
            if let Some(Ask::Synced(synced)) = ask?.body {
                let synced = position_from_wire(Some(&synced)).map_err(invalid)?;
                let follower = Follower {
                    log_id,
                    synced,
                    stream,
                };
                outlet.synced(epoch, &node, follower);
            }
        }
        Ok(())
    };
    let over = feeder.over();
    let _connected = Connected {
        outlet,
        node: &node,
        stream,
    };
    // Whichever ends first ends the stream; none is awaited again. A standby that reads nothing does not outlast the term.
    tokio::select! {
        ended = listening => ended,
        ended = feeder.send_from(from) => ended,
        ended = over => Err(ended),
    }
}

/// A standby's stream: what it said counts until this is dropped, with the call or in it.
struct Connected<'a> {
    outlet: &'a Outlet,
    node: &'a NodeId,
    stream: u64,
}

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.outlet.left(self.node, self.stream);
    }
}

/// The term that is led, which may be about to begin.
async fn begun(newest: &mut watch::Receiver<Newest>) -> Option<FenceToken> {
    let leads = newest.wait_for(|newest| newest.token.is_some());
    let newest = tokio::time::timeout(BEFORE, leads).await.ok()?.ok()?;
    newest.token.clone()
}

/// One standby that is sent the log.
struct Feeder<'a> {
    outlet: &'a Outlet,
    token: FenceToken,
    newest: watch::Receiver<Newest>,
    answers: &'a mpsc::Sender<Sent>,
}

impl Feeder<'_> {
    fn still_leads(&self) -> std::result::Result<(), Status> {
        if self.newest.borrow().token.as_ref() == Some(&self.token) {
            return Ok(());
        }
        Err(does_not_lead())
    }

    /// Waits for the end of the term.
    fn over(&self) -> impl Future<Output = Status> + Send + use<> {
        let (mut newest, token) = (self.newest.clone(), self.token.clone());
        async move {
            let is_another = |newest: &Newest| newest.token.as_ref() != Some(&token);
            drop(newest.wait_for(is_another).await);
            does_not_lead()
        }
    }

    async fn answer(&self, body: Answer) -> std::result::Result<(), Status> {
        let answer = SyncOpLogResponse { body: Some(body) };
        let gone = |_gone| Status::cancelled("the standby is gone");
        self.answers.send(Ok(answer)).await.map_err(gone)
    }

    /// Finds where the standby goes on; `None` when it cannot.
    async fn agree(
        &self,
        asks: &mut (impl Stream<Item = std::result::Result<SyncOpLogRequest, Status>> + Unpin),
    ) -> std::result::Result<Option<Position>, Status> {
        loop {
            let Ask::Place(SyncPlace { tail, ends }) = next(asks).await? else {
                return Err(Status::invalid_argument(
                    "want the place where the log ends",
                ));
            };
            let tail = position_from_wire(tail.as_ref()).map_err(invalid)?;
            let ends: Result<Vec<_>> = ends
                .iter()
                .map(|end| position_from_wire(Some(end)))
                .collect();
            let ends = ends.map_err(invalid)?;
            let answer = match self.place(tail, &ends).await {
                Ok(Some(from)) => return Ok(Some(from)),
                Ok(None) => Answer::Diverged(SyncDiverged {}),
                Err(error) => match error.kind() {
                    ErrorKind::Trimmed { floor } => {
                        self.answer(trimmed(*floor)).await?;
                        return Ok(None);
                    }
                    _ => return Err(unavailable(&error)),
                },
            };
            self.answer(answer).await?;
        }
    }

    /// Where a standby goes on whose log ends at `tail`, and whose epochs end at `ends`; `None` when its log is another.
    async fn place(&self, tail: Position, ends: &[Position]) -> Result<Option<Position>> {
        let log = self.outlet.log();
        // The last batches are perhaps not shown by the log yet.
        if self.newest.borrow().reaches(tail) {
            return Ok(Some(tail));
        }
        match log.read(tail, ReadLimit::ONE).await {
            Ok(_) => return Ok(Some(tail)),
            Err(error) if *error.kind() == ErrorKind::LogRegressed => {}
            Err(error) => return Err(error),
        }
        if ends.is_empty() {
            return Ok(None);
        }
        let mut ours = epoch_ends(log).await?;
        self.newest.borrow().add_ends(&mut ours);
        let Some(common) = common_end(&ours, ends) else {
            return Ok(None);
        };
        if self.newest.borrow().reaches(common) {
            return Ok(Some(common));
        }
        match log.read(common, ReadLimit::ONE).await {
            Ok(_) => Ok(Some(common)),
            // Two nodes have written in one epoch: nothing of what follows from that can be relied on.
            Err(error) if *error.kind() == ErrorKind::LogRegressed => Ok(None),
            // It may be below the floor.
            Err(error) => Err(error),
        }
    }

    async fn send_from(&mut self, from: Position) -> std::result::Result<(), Status> {
        let (mut sent, mut told) = (from, Position::default());
        let mut beats = tokio::time::interval(BEAT);
        loop {
            let mut look = self.look(sent)?;
            if look.batches.is_empty() && sent != look.end {
                look.batches = match self.outlet.log().read(sent, CHUNK).await {
                    Ok(batches) => batches,
                    Err(error) => match error.kind() {
                        ErrorKind::Trimmed { floor } => return self.answer(trimmed(*floor)).await,
                        _ => return Err(unavailable(&error)),
                    },
                };
            }
            if let Some(last) = look.batches.last() {
                (sent, told) = (last.end(), look.committed);
                self.answer(self.batches(&look)).await?;
                continue;
            }
            if look.told.seq > told.seq {
                told = look.committed;
                self.answer(self.batches(&look)).await?;
                continue;
            }
            // All arms are cancel safe, and what they tell is looked at again.
            tokio::select! {
                changed = self.newest.changed() => changed.map_err(|_gone| does_not_lead())?,
                _ = beats.tick() => self.answer(self.batches(&look)).await?,
            }
        }
    }

    /// What there is behind `sent`.
    fn look(&mut self, sent: Position) -> std::result::Result<Look, Status> {
        let newest = self.newest.borrow_and_update();
        if newest.token.as_ref() != Some(&self.token) {
            return Err(does_not_lead());
        }
        Ok(Look {
            batches: newest.behind(sent),
            end: newest.end(),
            committed: newest.committed,
            told: newest.told,
        })
    }

    fn batches(&self, look: &Look) -> Answer {
        let frames = look.batches.iter().map(|batch| batch.frame().to_vec());
        Answer::Batches(SyncBatches {
            frames: frames.collect(),
            committed: Some(position_to_wire(look.committed)),
            floor: self.outlet.floor().0,
        })
    }
}

/// What there is for a standby.
struct Look {
    /// What comes next, if it is in memory.
    batches: Vec<Batch>,
    /// End of the log.
    end: Position,
    committed: Position,
    /// What it is to be told of that.
    told: Position,
}

async fn next(
    asks: &mut (impl Stream<Item = std::result::Result<SyncOpLogRequest, Status>> + Unpin),
) -> std::result::Result<Ask, Status> {
    let ask = asks.next().await.transpose()?;
    ask.and_then(|ask| ask.body)
        .ok_or_else(|| Status::cancelled("the standby has left"))
}

fn hello(ask: Ask, fingerprint: [u8; 16]) -> std::result::Result<(NodeId, LogId), Status> {
    let Ask::Hello(SyncHello {
        node,
        fingerprint: theirs,
        log_id,
    }) = ask
    else {
        return Err(Status::invalid_argument("want a hello first"));
    };
    if theirs != fingerprint {
        return Err(Status::permission_denied(
            "the standby is of another cluster",
        ));
    }
    let log_id = log_id
        .try_into()
        .map_err(|_bytes| Status::invalid_argument("a log id is 16 bytes"))?;
    let node = NodeId::new(node).map_err(invalid)?;
    Ok((node, LogId(u128::from_be_bytes(log_id))))
}

fn term(token: &FenceToken) -> Answer {
    Answer::Term(SyncTerm {
        epoch: token.epoch.0,
        holder: token.holder.to_string(),
        nonce: token.nonce.to_be_bytes().to_vec(),
    })
}

const fn trimmed(floor: Seq) -> Answer {
    Answer::Trimmed(SyncTrimmed { floor: floor.0 })
}

fn does_not_lead() -> Status {
    Status::failed_precondition("this node does not lead")
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn invalid(error: Error) -> Status {
    Status::invalid_argument(error.to_string())
}

fn unavailable(error: &Error) -> Status {
    Status::unavailable(error.to_string())
}
