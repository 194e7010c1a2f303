use serde::{Deserialize, Serialize};
use standfast_core::{ByteSize, Span};

/// When a write is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ack {
    /// When the log store has committed it.
    Durable,
    /// When it is synced in the logs of all members of the in-sync set, where each node has a log of its own.
    Replicated,
    /// Once queued for the log: at most `max_unflushed` entries or `max_unflushed_age` of writes can be lost.
    Async,
}

impl Ack {
    /// As the configuration has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Durable => "durable",
            Self::Replicated => "replicated",
            Self::Async => "async",
        }
    }

    /// Whether what is acknowledged is committed.
    pub const fn is_committed(self) -> bool {
        match self {
            Self::Durable | Self::Replicated => true,
            Self::Async => false,
        }
    }
}

/// `[oplog]`: how writes are taken, formed into batches and answered, whatever the `type`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MasterConfig {
    /// When a write is acknowledged: `durable`, when the log has it · `replicated`, when the logs of all members of the in-sync
    /// set have it, for `[replication] mode = "stream"` · `async`, at once. Must be `async` in mode `snapshot`. Default
    /// `durable`.
    pub ack: Ack,
    /// Most entries of a batch. Default 4096.
    pub batch_max_entries: usize,
    /// A batch is cut at this size. Default `1MiB`.
    pub batch_max_bytes: ByteSize,
    /// `async`: most acknowledged entries that are not committed. Not in mode `snapshot`. Default 100000.
    pub max_unflushed: u64,
    /// `async`: greatest age of an acknowledged entry that is not committed. Not in mode `snapshot`. Default `1s`.
    pub max_unflushed_age: Span,
    /// Most items (operations of all waiting requests) in the queue; beyond it requests wait, and get Busy at
    /// their deadline. Default 65536.
    pub queue: usize,
    /// How long intake may stay closed for a switchover before it opens again; in mode `snapshot` a snapshot is made and
    /// restored in this time. Default `2s`.
    pub switchover_timeout: Span,
}

impl Default for MasterConfig {
    fn default() -> Self {
        Self {
            ack: Ack::Durable,
            batch_max_entries: 4096,
            batch_max_bytes: ByteSize::mib(1),
            max_unflushed: 100_000,
            max_unflushed_age: Span::secs(1),
            queue: 65_536,
            switchover_timeout: Span::secs(2),
        }
    }
}

impl MasterConfig {
    /// Every problem of the values, each with the value and the way out.
    pub fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut at_least_one = |key: &str, value: u64| {
            if value == 0 {
                found.push(format!("{key} = 0: want at least 1"));
            }
        };
        at_least_one("batch_max_entries", self.batch_max_entries as u64);
        at_least_one("max_unflushed", self.max_unflushed);
        at_least_one("queue", self.queue as u64);
        if self.batch_max_bytes.0 < 64 << 10 {
            found.push(format!(
                "batch_max_bytes = {}: want at least 64KiB, so that every entry fits",
                self.batch_max_bytes
            ));
        }
        found
    }
}
