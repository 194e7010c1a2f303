use std::any::Any;

use super::Machine;
use crate::state::command::{Command, Decision, Op, Refusal, Reply};
use crate::state::context::DecideContext;
use crate::state::sessions::Recall;
use crate::words::Seq;

/// What became of an item that was considered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Considered {
    /// Decide on these changes; apply and log them in order.
    Decided {
        /// The service's decision.
        decision: Decision,
        /// What the decision looked at.
        looked: Seq,
    },
    /// Done before.
    Remembered {
        /// The same answer.
        reply: Reply,
        /// What it waits for.
        seq: Seq,
    },
    /// Refused; the refusal waits for what it looked at.
    Refused {
        /// Why.
        refusal: Refusal,
        /// What the decision looked at.
        looked: Seq,
    },
    /// Below the session's window.
    TooOld,
}

/// What only a primary does.
impl Machine {
    /// A term begins here: soft state gets its grace.
    pub fn term_begins(&mut self) {
        let now_ms = self.now_ms();
        self.service.term_begins(now_ms);
    }

    /// What was acknowledged after this state may be lost: told after [`Self::term_begins`].
    pub fn suffix_lost(&mut self) {
        self.service.suffix_lost();
    }

    /// Looks at one item of a command: done before, refused, or to be changed so.
    pub fn consider(&mut self, command: &Command, item: u32, now_ms: u64) -> Considered {
        let header = command.header;
        let number = header.first_item + item;
        match self.sessions.recall(header.session, header.request, number) {
            Recall::Remembered { reply, seq } => return Considered::Remembered { reply, seq },
            Recall::TooOld => return Considered::TooOld,
            Recall::New => {}
        }
        let mut context = DecideContext {
            now_ms,
            touched: &self.touched,
            wait: Seq::ZERO,
        };
        match self.service.decide(&mut context, command, item) {
            Ok(decision) => Considered::Decided {
                decision,
                looked: context.wait,
            },
            Err(refusal) => Considered::Refused {
                refusal,
                looked: context.wait,
            },
        }
    }

    /// Answers a question, and says what the answer waits for.
    pub fn query(&mut self, question: &(dyn Any + Send + Sync)) -> (Box<dyn Any + Send>, Seq) {
        let now_ms = self.now_ms();
        let mut context = DecideContext {
            now_ms,
            touched: &self.touched,
            wait: Seq::ZERO,
        };
        let answer = self.service.query(&mut context, question);
        (answer, context.wait)
    }

    /// The leader's own housekeeping, as operations to log.
    pub fn upkeep(&mut self, now_ms: u64) -> Vec<Op> {
        let mut context = DecideContext {
            now_ms,
            touched: &self.touched,
            wait: Seq::ZERO,
        };
        self.service.upkeep(&mut context)
    }
}
