use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::batch::OpType;
use crate::words::{RequestId, SessionId};

/// Which request a command is: what makes asking again safe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestHeader {
    /// Who asks.
    pub session: SessionId,
    /// Number in the session; the same when it asks again.
    pub request: RequestId,
    /// The client has the answers of all requests up to and including this one.
    pub answered: RequestId,
    /// Number of the command's first item in the request: a large request may be cut into several commands.
    pub first_item: u32,
}

/// A request to change the state: one or more items, decided one by one in order, each with an outcome of its
/// own.
#[derive(Clone)]
pub struct Command {
    /// Which request it is.
    pub header: RequestHeader,
    /// Number of items, at least 1.
    pub items: u32,
    /// What is asked, in the service's own type. It never leaves the process.
    pub body: Arc<dyn Any + Send + Sync>,
}

impl Command {
    /// A command of `items` items.
    pub fn new<T: Any + Send + Sync>(header: RequestHeader, items: u32, body: T) -> Self {
        Self {
            header,
            items,
            body: Arc::new(body),
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({:?}, {} items)", self.header, self.items)
    }
}

/// One deterministic change, as the service encodes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// [`OpType::FIRST_OF_SERVICE`] or above.
    #[expect(clippy::struct_field_names, reason = "the same name as in an entry")]
    pub op_type: OpType,
    /// What it is about: `tenant 0x00 key`, or empty.
    pub key: Vec<u8>,
    /// The rest.
    pub payload: Vec<u8>,
}

/// The answer to an item that went through, in the service's encoding. It is remembered in the session, so it
/// must follow from the operation and the state alone: a successor gives the same one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reply(pub Vec<u8>);

/// Why an item was refused. Refusals change nothing and are not remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The service's number for it.
    pub code: u32,
    /// For people, with the values and the limit they broke.
    pub message: Cow<'static, str>,
}

/// What became of one item.
pub type Outcome = Result<Reply, Refusal>;

/// When the answer of an item may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerWhen {
    /// When its operations are committed: the rule.
    Committed,
    /// At once, or as soon as what the decision looked at is committed: for an answer that promises nothing a
    /// failover can lose.
    Looked,
}

/// What the service makes of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The changes, applied and logged in this order. The reply is that of the last one.
    pub ops: Vec<Op>,
    /// When to answer.
    pub answer: AnswerWhen,
    /// The reply where there is nothing to change (the item was done already).
    pub unchanged: Reply,
}

impl Decision {
    /// These changes; answered when they are committed.
    pub fn committed(ops: Vec<Op>) -> Self {
        Self {
            ops,
            answer: AnswerWhen::Committed,
            unchanged: Reply::default(),
        }
    }

    /// Nothing to change; this reply, when what was looked at is committed.
    pub fn unchanged(reply: Reply) -> Self {
        Self {
            ops: Vec::new(),
            answer: AnswerWhen::Looked,
            unchanged: reply,
        }
    }
}
