use std::fmt::Debug;
use std::hash::Hash;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Rows, RowsMut};
use crate::batch::Versions;
use crate::state::{AnswerWhen, Refusal};

/// A service whose whole state is one map of rows.
///
/// Give it to [`super::Typed`], and logging, standbys, digests, snapshots and sessions follow:
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use standfast_core::{Application, Change, Refusal, Rows, RowsMut};
///
/// #[derive(Debug)]
/// struct Counters;
///
/// #[derive(Debug, Serialize, Deserialize)]
/// struct Add(u64);
///
/// impl Application for Counters {
///     type Key = String;
///     type Row = u64;
///     type Op = Add;
///     type Command = (String, u64);
///     type Reply = u64;
///     type Query = String;
///     type Answer = Option<u64>;
///
///     fn decide(
///         &self,
///         _rows: &Rows<'_, Self>,
///         _now_ms: u64,
///         (name, by): &(String, u64),
///     ) -> Result<Change<Self>, Refusal> {
///         Ok(Change::commit(name.clone(), Add(*by)))
///     }
///
///     fn apply(rows: &mut RowsMut<'_, '_, Self>, _now_ms: u64, name: String, op: Add) -> u64 {
///         let sum = rows.get(&name).copied().unwrap_or(0) + op.0;
///         rows.insert(name, sum);
///         sum
///     }
///
///     fn query(&self, rows: &Rows<'_, Self>, _now_ms: u64, name: &String) -> Option<u64> {
///         rows.get(name).copied()
///     }
/// }
/// ```
pub trait Application: Send + Debug + Sized + 'static {
    /// Names a row.
    type Key: Serialize + DeserializeOwned + Hash + Eq + Clone + Debug + Send;
    /// A row.
    type Row: Serialize + DeserializeOwned + Clone + Debug + Send;
    /// A change. Never reorder or remove variants: they are in the log. Add new ones at the end.
    type Op: Serialize + DeserializeOwned + Debug;
    /// What callers ask for.
    type Command: Send + Sync + 'static;
    /// What they get.
    type Reply: Serialize + DeserializeOwned;
    /// What they may look up.
    type Query: Send + Sync + 'static;
    /// What a look-up gives.
    type Answer: Send + 'static;

    /// Format versions of operations, rows and digest. Raise `written` when you add an operation, and
    /// `lowest_reader` with it when older programs cannot apply it.
    const VERSIONS: Versions = Versions {
        written: 1,
        lowest_reader: 1,
        digest: 1,
    };

    /// Validates a command and turns it into changes. Runs on the primary only, so it may use clocks and
    /// randomness; what it decides is in the changes.
    ///
    /// # Errors
    /// The refusal, which changes nothing.
    fn decide(
        &self,
        rows: &Rows<'_, Self>,
        now_ms: u64,
        command: &Self::Command,
    ) -> Result<Change<Self>, Refusal>;

    /// Applies one change, on every node. No clock, no randomness, no I/O: `now_ms` is the leader's stamp.
    fn apply(
        rows: &mut RowsMut<'_, '_, Self>,
        now_ms: u64,
        key: Self::Key,
        op: Self::Op,
    ) -> Self::Reply;

    /// Looks something up. Runs on the primary only.
    fn query(&self, rows: &Rows<'_, Self>, now_ms: u64, query: &Self::Query) -> Self::Answer;
}

/// What a command comes to.
#[derive(Debug)]
pub struct Change<A: Application> {
    pub(super) ops: Vec<(A::Key, A::Op)>,
    pub(super) answer: AnswerWhen,
    pub(super) unchanged: Option<A::Reply>,
}

impl<A: Application> Change<A> {
    /// One change; the reply is what applying it gives, sent when it is committed.
    pub fn commit(key: A::Key, op: A::Op) -> Self {
        Self {
            ops: vec![(key, op)],
            answer: AnswerWhen::Committed,
            unchanged: None,
        }
    }

    /// Nothing to change; this reply, when everything looked at is committed.
    pub fn nothing(reply: A::Reply) -> Self {
        Self {
            ops: Vec::new(),
            answer: AnswerWhen::Looked,
            unchanged: Some(reply),
        }
    }

    /// One more change, applied after the others; the reply is what applying the last one gives.
    #[must_use]
    pub fn and(mut self, key: A::Key, op: A::Op) -> Self {
        self.ops.push((key, op));
        self
    }
}
