use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use standfast_core::{
    BootInstant, Candidate, CatalogEntry, Clock, ClusterId, Epoch, Error, ErrorKind, FenceToken,
    Manifest, NodeId, OpenContext, PartRef, Position, Result, Section, TermRecord, UploadId,
};

/// The store that a process opens: its first line.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::conformance) struct Address {
    pub(in crate::conformance) which: Which,
    /// `type` of the configuration.
    pub(in crate::conformance) backend: String,
    pub(in crate::conformance) table: toml::Table,
    pub(in crate::conformance) place: Whereabouts,
}

/// Of what kind it is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(in crate::conformance) enum Which {
    Log,
    Snapshots,
    Election,
}

/// [`OpenContext`], but for its clock: that of a process is the system's.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::conformance) struct Whereabouts {
    cluster: ClusterId,
    prefix: String,
    node: NodeId,
    data_dir: PathBuf,
    base_dir: PathBuf,
    make: bool,
}

impl Whereabouts {
    pub(in crate::conformance) fn of(context: &OpenContext) -> Self {
        Self {
            cluster: context.cluster.clone(),
            prefix: context.prefix.clone(),
            node: context.node.clone(),
            data_dir: context.data_dir.clone(),
            base_dir: context.base_dir.clone(),
            make: context.make,
        }
    }

    pub(super) fn context(self) -> OpenContext {
        OpenContext {
            cluster: self.cluster,
            prefix: self.prefix,
            node: self.node,
            data_dir: self.data_dir,
            base_dir: self.base_dir,
            clock: Clock::system(),
            make: self.make,
        }
    }
}

/// What a process is asked to do. It has one writer, one upload or one term at a time.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    OpenWriter(FenceToken),
    /// After a Position, so many batches and bytes at most.
    Settled(Position, usize, usize),
    /// A frame.
    Append(Vec<u8>),
    MarkCommitted,
    Close,
    Begin,
    /// The bytes of a part, its rows, and its first and last section.
    PutPart(Vec<u8>, u64, (Section, Section)),
    Propose(Box<Manifest>),
    WinEntry(FenceToken, Box<CatalogEntry>),
    Collect(Box<CatalogEntry>),
    Campaign(Candidate, Epoch),
    Confirm,
    Announce,
    Publish(TermRecord),
    Reopen(Epoch),
    Resign(Option<NodeId>),
    /// Drops the writer, the upload or the term.
    LetGo,
}

/// What a process says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Told {
    /// Until when it believes that it leads, in nanoseconds since boot.
    Validity(u64),
    /// To the oldest request that has no answer.
    Answer(std::result::Result<Answer, Refused>),
}

/// What comes of a request.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Done,
    /// A writer's tail, and whether it is complete.
    Writer(Position, bool),
    /// Frames.
    Batches(Vec<Vec<u8>>),
    Tail(Position),
    Upload(UploadId),
    Part(Box<PartRef>),
    /// An entry, if it was won.
    Entry(Option<Box<CatalogEntry>>),
    /// How many were removed.
    Collected(u64),
    Term(FenceToken),
}

/// An error, on its way to another process.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Refused {
    kind: ErrorKind,
    why: String,
}

impl Refused {
    pub(super) fn new(error: &Error) -> Self {
        Self {
            kind: error.kind().clone(),
            why: error.to_string(),
        }
    }

    pub(super) fn error(self) -> Error {
        Error::new(self.kind, "ask process").context(self.why)
    }
}

impl Told {
    pub(super) fn validity(until: BootInstant) -> Self {
        Self::Validity(until.nanos())
    }

    pub(super) fn answer(answer: Result<Answer>) -> Self {
        Self::Answer(answer.map_err(|error| Refused::new(&error)))
    }
}

/// A value as a line, with its end.
pub(super) fn line(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)
        .map_err(|source| Error::new(ErrorKind::Invalid, "write line").source(source))?;
    line.push(b'\n');
    Ok(line)
}

/// The value that a line is.
pub(super) fn parse<T: for<'a> Deserialize<'a>>(line: &str) -> Result<T> {
    serde_json::from_str(line)
        .map_err(|source| Error::new(ErrorKind::Invalid, "read line").source(source))
}
