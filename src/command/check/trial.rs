use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use standfast::config::{BackendTable, Config};
use standfast_core::{
    Batch, BatchBuilder, BatchEnd, Clock, Entry, EntryId, Epoch, ErrorKind, Factory, FenceToken,
    Fingerprint, NodeId, OpLogStore, OpLogWriter, OpType, Position, Registry, Result,
};
use tokio::time::Instant;

/// How many reads are timed, and how many writes.
const TIMES: usize = 20;
const PAYLOAD: [u8; 200] = [b'x'; 200];

/// What a log that is kept by servers did when it was tried, in a scratch place beside the configured one.
#[derive(Debug, Serialize)]
pub(super) struct Trial {
    /// Looks at the ends of the log, which are what all members agree on.
    pub(super) read: Latency,
    /// Appends of one entry.
    pub(super) write: Latency,
    /// Whether an append of a writer that was replaced was refused.
    pub(super) fencing_proved: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Latency {
    pub(super) median_ms: f64,
    pub(super) max_ms: f64,
}

impl Trial {
    /// Tries the configured log; none when there is none.
    ///
    /// # Errors
    /// Those of the log, as `Auth` where the scratch place may not be written.
    ///
    /// # Cancel safety
    /// The scratch place may stay.
    pub(super) async fn run(config: &Config, registry: &Registry) -> Result<Option<Self>> {
        let Some(backend) = &config.oplog else {
            return Ok(None);
        };
        let factory = registry.oplogs.get(&backend.kind)?;
        let place = Place::new(config, backend, factory)?;
        let tried = place.try_out().await;
        let removed = place.factory.remove_scratch(&place.scratch).await;
        let tried = tried?;
        removed.map(|()| Some(tried))
    }
}

/// A scratch place that nobody else has.
struct Place<'a> {
    factory: &'a Arc<dyn Factory<dyn OpLogStore>>,
    scratch: standfast_core::Scratch,
    cluster: Fingerprint,
}

impl<'a> Place<'a> {
    fn new(
        config: &Config,
        backend: &BackendTable,
        factory: &'a Arc<dyn Factory<dyn OpLogStore>>,
    ) -> Result<Self> {
        let context = config.open_context(&Clock::system());
        let name = format!("check-{:08x}", rand::random::<u32>());
        Ok(Self {
            factory,
            scratch: factory.scratch(&backend.table, &context, &name)?,
            cluster: Fingerprint::draw(&config.cluster.id, rand::random()),
        })
    }

    async fn open(&self) -> Result<Arc<dyn OpLogStore>> {
        self.factory
            .open(&self.scratch.table, &self.scratch.context)
            .await
    }

    /// A writer of this epoch, over connections of its own, as another node has it.
    async fn lead(&self, epoch: Epoch) -> Result<Box<dyn OpLogWriter>> {
        let token = FenceToken {
            cluster: self.cluster,
            epoch,
            holder: NodeId::new("check")?,
            nonce: rand::random(),
            proof: String::new(),
        };
        self.open().await?.open_writer(&token).await
    }

    async fn try_out(&self) -> Result<Trial> {
        let log = self.open().await?;
        log.init(self.cluster).await?;
        let mut writer = self.lead(Epoch(1)).await?;
        let mut reads = Vec::new();
        let mut writes = Vec::new();
        for _ in 0..TIMES {
            let next = batch(Epoch(1), writer.tail())?;
            let begun = Instant::now();
            writer.append(&next).await?;
            writes.push(begun.elapsed());
            let begun = Instant::now();
            log.bounds().await?;
            reads.push(begun.elapsed());
        }
        let late = batch(Epoch(1), writer.tail())?;
        let successor = self.lead(Epoch(2)).await?;
        let refused = writer.append(&late).await;
        let fencing_proved = matches!(refused, Err(error) if *error.kind() == ErrorKind::Fenced);
        drop(successor);
        Ok(Trial {
            read: Latency::of(reads),
            write: Latency::of(writes),
            fencing_proved,
        })
    }
}

fn batch(epoch: Epoch, previous: Position) -> Result<Batch> {
    let mut builder = BatchBuilder::new(previous.seq.next());
    builder.push(&Entry {
        seq: builder.next_seq(),
        timestamp_ms: 1,
        op_type: OpType::FIRST_OF_SERVICE,
        id: EntryId::default(),
        key: Cow::Borrowed(b"check\0key"),
        payload: Cow::Borrowed(&PAYLOAD),
    })?;
    builder.seal(&BatchEnd {
        epoch,
        previous,
        committed: previous.seq,
        digest: None,
    })
}

impl Latency {
    /// Of these times; the lower one of two middle ones.
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        let ms = |time: Option<&Duration>| {
            let micros = time.map_or(0.0, |time| time.as_secs_f64() * 1e6);
            micros.round() / 1e3
        };
        Self {
            median_ms: ms(times.get(times.len().saturating_sub(1) / 2)),
            max_ms: ms(times.last()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_longest_time_are_told() {
        let times = [5, 1, 900, 3].map(Duration::from_millis);
        let told = Latency::of(times.into());
        assert_eq!((told.median_ms, told.max_ms), (3.0, 900.0));
    }

    /// A memory log fences as all do, whoever keeps it.
    #[tokio::test]
    async fn a_writer_that_was_replaced_is_refused_and_nothing_stays() {
        let text = r#"
            cluster = { id = "c" }
            node = { id = "a", data_dir = "a" }
            election = { type = "memory" }
            oplog = { type = "memory", ack = "async" }
            recovery = { mode = "log" }
            "#;
        let registry = standfast_backends::builtin();
        let config = Config::from_text(text, "/nowhere".into(), &registry).unwrap();
        let tried = Trial::run(&config, &registry).await.unwrap().unwrap();
        assert!(tried.fencing_proved, "{tried:?}");
        assert!(tried.write.max_ms >= tried.write.median_ms);
    }
}
