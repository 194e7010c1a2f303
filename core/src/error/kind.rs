use std::fmt;

use serde::{Deserialize, Serialize};

use crate::words::Seq;

/// What the caller does next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// A higher epoch owns the store. Give the term up.
    Fenced,
    /// Provably not written. Send the same batch again, never another under the same Seq.
    NotWritten,
    /// Written or not, nobody knows. The writer is poisoned: reopen under a higher epoch.
    Indeterminate,
    /// To clients: the outcome is in doubt. Ask again with the same request id.
    Unknown,
    /// The log no longer has what was asked for. Bootstrap from a snapshot.
    Trimmed {
        /// The first entry that is still there.
        floor: Seq,
    },
    /// Entries are missing. Fail closed.
    Gap,
    /// Bytes are damaged. Fail closed.
    Corrupt,
    /// The log is shorter than what is known to be committed, or another history. Nobody serves until the lost part is
    /// put back.
    LogRegressed,
    /// It is not there. The caller's logic decides; never retried by a layer.
    NotFound,
    /// It is there already. The caller's logic decides; never retried by a layer.
    AlreadyExists,
    /// The configuration cannot work. Fatal at start; the message says what to change.
    Config,
    /// Credentials were refused. Fatal at start.
    Auth,
    /// The backend declares that it cannot do this, or the request breaks a declared limit.
    Unsupported,
    /// The data belong to another cluster. Fatal at start.
    Foreign,
    /// The data are of a format this version does not know. Fatal at start.
    Version,
    /// Out of space or over budget. The leader goes read-only until there is room.
    Quota,
    /// A queue is full, or the deadline passed before anything was done. Not executed; try again later.
    Busy,
    /// This node does not lead. Ask the primary.
    NotPrimary {
        /// Where it is, when known.
        address: Option<String>,
    },
    /// The request number is below the session's window. It was not executed and never will be.
    RequestTooOld,
    /// The store asks for fewer requests. Back off.
    Throttled,
    /// The store cannot be reached, or is held by another process. Back off.
    Unavailable,
    /// No answer in time to something that changes nothing. Back off. (On a write it is
    /// [`Self::Indeterminate`].)
    Timeout,
    /// The component was shut down.
    Closed,
    /// The caller went away.
    Cancelled,
    /// The request itself is malformed. Correct it.
    Invalid,
}

impl ErrorKind {
    /// Whether the same call may simply be made again after a pause.
    pub const fn retry(&self) -> bool {
        matches!(
            self,
            Self::NotWritten
                | Self::Unknown
                | Self::Busy
                | Self::Throttled
                | Self::Unavailable
                | Self::Timeout
        )
    }

    /// The stable name, as in metrics and JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Fenced => "fenced",
            Self::NotWritten => "not_written",
            Self::Indeterminate => "indeterminate",
            Self::Unknown => "unknown",
            Self::Trimmed { .. } => "trimmed",
            Self::Gap => "gap",
            Self::Corrupt => "corrupt",
            Self::LogRegressed => "log_regressed",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::Config => "config",
            Self::Auth => "auth",
            Self::Unsupported => "unsupported",
            Self::Foreign => "foreign",
            Self::Version => "version",
            Self::Quota => "quota",
            Self::Busy => "busy",
            Self::NotPrimary { .. } => "not_primary",
            Self::RequestTooOld => "request_too_old",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
            Self::Invalid => "invalid",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fenced => f.write_str("fenced by a higher epoch"),
            Self::NotWritten => f.write_str("not written"),
            Self::Indeterminate => f.write_str("written or not, in doubt"),
            Self::Unknown => f.write_str("outcome unknown, ask again with the same request id"),
            Self::Trimmed { floor } => write!(f, "trimmed, the log begins at seq {floor}"),
            Self::Gap => f.write_str("entries missing"),
            Self::Corrupt => f.write_str("corrupt data"),
            Self::LogRegressed => f.write_str("the log went backwards"),
            Self::NotFound => f.write_str("not found"),
            Self::AlreadyExists => f.write_str("exists already"),
            Self::Config => f.write_str("bad configuration"),
            Self::Auth => f.write_str("access refused"),
            Self::Unsupported => f.write_str("not supported"),
            Self::Foreign => f.write_str("another cluster's data"),
            Self::Version => f.write_str("unknown format version"),
            Self::Quota => f.write_str("out of space"),
            Self::Busy => f.write_str("busy"),
            Self::NotPrimary {
                address: Some(address),
            } => {
                write!(f, "not the primary, which is at {address}")
            }
            Self::NotPrimary { address: None } => f.write_str("not the primary, none is known"),
            Self::RequestTooOld => f.write_str("request id below the session's window"),
            Self::Throttled => f.write_str("throttled"),
            Self::Unavailable => f.write_str("unavailable"),
            Self::Timeout => f.write_str("timed out"),
            Self::Closed => f.write_str("closed"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Invalid => f.write_str("invalid request"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    const OWN_SOURCE: &str = include_str!("kind.rs");
    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors.md");

    /// The names that `name` gives.
    fn names() -> BTreeSet<&'static str> {
        let (_, from) = OWN_SOURCE.split_once("fn name(").unwrap();
        let (own, _) = from.split_once("impl fmt::Display").unwrap();
        own.split('"').skip(1).step_by(2).collect()
    }

    #[test]
    fn operators_are_told_what_to_do_about_every_kind() {
        let page = std::fs::read_to_string(PAGE).unwrap();
        let (_, kinds) = page.split_once("## Kinds").unwrap();
        let (kinds, _) = kinds.split_once("\n## ").unwrap();
        let rows = kinds.lines().filter_map(|line| line.strip_prefix("| `"));
        let listed: BTreeSet<_> = rows.filter_map(|row| row.split('`').next()).collect();
        assert_eq!(listed, names());
    }
}
