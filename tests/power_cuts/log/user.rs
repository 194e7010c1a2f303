use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use standfast_core::{
    Epoch, ErrorKind, FenceToken, OpLogStore, OpLogWriter, Position, Result, Seq, Skip, TrimGuard,
};

use super::logs::OpenLog;
use super::promises::Promises;
use crate::words::{batch, cluster, epoch_start, node, token};

/// What a node does with its log.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    Open,
    Init,
    /// Takes over under a higher epoch and begins a term.
    Lead,
    /// So many bytes.
    Append(usize),
    Mark,
    Close,
    /// The writer dies without a word.
    Leave,
    /// All but so many entries.
    Trim(u64),
    Skip,
    BeginAnew,
}

/// Uses a log as a node does, and remembers what it was promised.
pub(super) struct User {
    open: OpenLog,
    dir: PathBuf,
    log: Option<Arc<dyn OpLogStore>>,
    writer: Option<Box<dyn OpLogWriter>>,
    epoch: Epoch,
    /// Of the newest term.
    token: Option<FenceToken>,
    pub(super) promises: Promises,
}

struct NeedsNothing(FenceToken);

#[async_trait]
impl TrimGuard for NeedsNothing {
    fn token(&self) -> &FenceToken {
        &self.0
    }

    async fn lowest_needed(&self) -> Result<Option<Seq>> {
        Ok(None)
    }
}

impl User {
    pub(super) fn new(open: OpenLog, dir: &Path) -> Self {
        Self {
            open,
            dir: dir.to_owned(),
            log: None,
            writer: None,
            epoch: Epoch::ZERO,
            token: None,
            promises: Promises::default(),
        }
    }

    /// The process ends: nothing of it is left but what it was promised.
    pub(super) fn die(&mut self) {
        self.writer = None;
        self.log = None;
    }

    pub(super) async fn call(&mut self, call: Call) -> Result<()> {
        match call {
            Call::Open => {
                self.die();
                self.log = Some((self.open)(self.dir.clone()).await?);
                Ok(())
            }
            Call::Init => {
                self.log().await?.init(cluster()).await?;
                self.promises.initialised = true;
                Ok(())
            }
            Call::Lead => self.lead().await,
            Call::Append(bytes) => self.append(bytes).await,
            Call::Mark => self.writer().await?.mark_committed().await,
            Call::Close => match self.writer.take() {
                Some(writer) => writer.close().await,
                None => Ok(()),
            },
            Call::Leave => {
                self.writer = None;
                Ok(())
            }
            Call::Trim(left) => self.trim(left).await,
            Call::Skip => self.skip().await,
            Call::BeginAnew => self.begin_anew().await,
        }
    }

    /// Makes the call until it is done, as a node does: a call that failed is made again, under a higher epoch.
    pub(super) async fn insist(&mut self, call: Call) {
        for _ in 0..4 {
            match self.call(call).await {
                Ok(()) => return,
                Err(error) => println!("{call:?}: {error}"),
            }
            if !matches!(call, Call::Open | Call::Init) {
                self.writer = None;
            }
        }
        panic!("{call:?} fails for ever");
    }

    /// Compares what it was promised with the log.
    pub(super) async fn check(&mut self) {
        let log = self.log().await.unwrap();
        self.promises.check(&*log).await;
    }

    /// The size of the log.
    pub(super) async fn bytes(&mut self) -> Option<u64> {
        let usage = self.log().await.unwrap().usage().await.unwrap();
        usage.map(|usage| usage.bytes)
    }

    async fn log(&mut self) -> Result<Arc<dyn OpLogStore>> {
        if self.log.is_none() {
            self.log = Some((self.open)(self.dir.clone()).await?);
        }
        Ok(Arc::clone(self.log.as_ref().unwrap()))
    }

    async fn writer(&mut self) -> Result<&mut Box<dyn OpLogWriter>> {
        if self.writer.is_none() {
            self.lead().await?;
        }
        Ok(self.writer.as_mut().unwrap())
    }

    /// The next epoch, above all the log knows.
    async fn next_token(&mut self) -> Result<FenceToken> {
        self.writer = None;
        let known = self.log().await?.bounds().await?.epoch;
        self.epoch = self.epoch.max(known).next();
        let token = token(self.epoch);
        self.token = Some(token.clone());
        Ok(token)
    }

    async fn lead(&mut self) -> Result<()> {
        let token = self.next_token().await?;
        let mut writer = self.log().await?.open_writer(&token).await?;
        // Settled: durable on return.
        self.promises.epoch = token.epoch;
        if writer.tail().seq > Seq::ZERO {
            self.promises.ends.push(writer.tail());
        }
        let start = epoch_start(token.epoch, writer.tail());
        self.promises.ends.push(writer.append(&start).await?);
        self.writer = Some(writer);
        Ok(())
    }

    async fn append(&mut self, bytes: usize) -> Result<()> {
        let writer = self.writer().await?;
        // Not zeros, which is what a hole reads as.
        let next = batch(writer.epoch(), writer.tail(), &vec![b'x'; bytes]);
        let appended = writer.append(&next).await;
        match &appended {
            Ok(end) => self.promises.ends.push(*end),
            Err(error) if *error.kind() == ErrorKind::Quota => {}
            Err(error) => {
                // OW-3: it takes nothing more, and says the same each time.
                let again = writer.append(&next).await.unwrap_err();
                assert_eq!(again.kind(), error.kind(), "{again}");
                assert!(writer.mark_committed().await.is_err());
            }
        }
        appended.map(drop)
    }

    async fn trim(&mut self, left: u64) -> Result<()> {
        self.writer().await?;
        let through = Seq(self.tail().seq.0.saturating_sub(left));
        self.promises.trimmed = self.promises.trimmed.max(through);
        let guard = NeedsNothing(self.token.clone().unwrap());
        let trimmed = self.log().await?.trim(through, &guard).await;
        trimmed.map(drop)
    }

    fn tail(&self) -> Position {
        self.promises.ends.last().copied().unwrap_or_default()
    }

    async fn skip(&mut self) -> Result<()> {
        let token = self.next_token().await?;
        let tail = self.tail();
        let skip = Skip {
            seq: tail.seq,
            batch: tail,
            through: tail.seq,
            epoch: token.epoch,
            node: node(),
            reason: "nobody can apply it".into(),
        };
        self.log().await?.skip(&token, &skip).await?;
        self.promises.epoch = token.epoch;
        self.promises.skips.push(skip);
        Ok(())
    }

    /// Behind all that was acknowledged: nothing is given up.
    async fn begin_anew(&mut self) -> Result<()> {
        self.writer().await?.mark_committed().await?;
        let token = self.next_token().await?;
        let position = self.log().await?.bounds().await?.tail;
        self.promises.maybe_begun = Some(position);
        self.log().await?.begin_at(&token, position).await?;
        self.promises.epoch = token.epoch;
        self.promises.begun = position;
        Ok(())
    }
}
