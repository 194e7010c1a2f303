use std::borrow::Cow;

use standfast_core::{
    AnswerWhen, Command, Considered, Decision, Entry, EntryId, Error, ErrorKind, MAX_KEY,
    MAX_PAYLOAD, Machine, Op, Outcome, Refusal, Reply, Seq,
};
use tokio::sync::OwnedSemaphorePermit;

use super::{Sequencer, too_late};
use crate::commit::{Pending, forget_if_gone};
use crate::job::{Job, Proposal};
use crate::queue::Queued;

/// The code of a refusal that Standfast itself gives: the operation is larger than an entry may be.
pub(super) const TOO_LARGE: u32 = u32::MAX;

/// The code of a refusal that hides a defect: the service decided on what it cannot apply.
const INAPPLICABLE: u32 = u32::MAX - 1;

impl Sequencer {
    /// Decides a command item by item, each on the state that the one before left. Gives it back when the next item must
    /// wait until the batch in hand may grow again.
    pub(super) fn decide(
        &mut self,
        state: &mut Machine,
        mut proposal: Box<Proposal>,
        room: Option<OwnedSemaphorePermit>,
    ) -> Option<Queued> {
        if proposal.outcomes.is_empty()
            && let Err(refusal) = self.admits(&proposal)
        {
            forget_if_gone(proposal.answer.send(Err(refusal)));
            return None;
        }
        let mut failed = None;
        while let Some(item) = proposal.next_item()
            && failed.is_none()
        {
            if self.stuck() {
                let error = Error::new(ErrorKind::Unknown, "propose")
                    .context("the log failed, or has no room, in the middle of the request");
                forget_if_gone(proposal.answer.send(Err(error)));
                return None;
            }
            if !self.has_room(state) {
                let job = Job::Propose(proposal);
                return Some(Queued { job, room });
            }
            failed = self.decide_item(state, &mut proposal, item).err();
        }
        let Proposal {
            answer,
            outcomes,
            wait,
            reveals,
            ..
        } = *proposal;
        let pending = Pending::Proposed {
            answer,
            result: failed.map_or(Ok(outcomes), Err),
            reveals,
        };
        self.answer_at(wait, pending, room);
        None
    }

    /// Whether a command may begin.
    fn admits(&self, proposal: &Proposal) -> Result<(), Error> {
        if self.clock.now() >= proposal.deadline {
            return Err(too_late());
        }
        self.log.read_only().refusal().map_or(Ok(()), Err)
    }

    fn decide_item(
        &mut self,
        state: &mut Machine,
        proposal: &mut Proposal,
        item: u32,
    ) -> Result<(), Error> {
        let now_ms = state.now_ms();
        let command = &proposal.command;
        let (outcome, wait) = match state.consider(command, item, now_ms) {
            Considered::TooOld => {
                // It reveals how far the session has come: that must be committed first.
                proposal.reveals = true;
                if self.config.ack.is_committed() {
                    proposal.wait = state.applied();
                }
                let command = &proposal.command;
                return Err(
                    Error::new(ErrorKind::RequestTooOld, "propose").context(format!(
                        "request {} of session {}",
                        command.header.request, command.header.session
                    )),
                );
            }
            Considered::Remembered { reply, seq } => {
                // With `async` it may never have reached the log.
                proposal.reveals |= !self.config.ack.is_committed();
                (Ok(reply), seq)
            }
            Considered::Refused { refusal, looked } => {
                proposal.reveals = true;
                (Err(refusal), looked)
            }
            Considered::Decided { decision, looked } if decision.ops.is_empty() => {
                proposal.reveals = true;
                (Ok(decision.unchanged), looked)
            }
            Considered::Decided { decision, looked } => {
                let at = (entry_id(command, item), now_ms);
                self.log_decision(state, (decision, looked), at, &mut proposal.reveals)
            }
        };
        // With `async` no answer waits: that is its stated window.
        if self.config.ack.is_committed() {
            proposal.wait = proposal.wait.max(wait);
        }
        proposal.outcomes.push(outcome);
        Ok(())
    }

    /// Applies and logs what was decided; gives the outcome and what it waits for.
    fn log_decision(
        &mut self,
        state: &mut Machine,
        decided: (Decision, Seq),
        at: (EntryId, u64),
        reveals: &mut bool,
    ) -> (Outcome, Seq) {
        let (decision, looked) = decided;
        if let Some(refusal) = too_large(&decision.ops) {
            return (Err(refusal), Seq::ZERO);
        }
        let mut reply = Reply::default();
        for op in &decision.ops {
            match self.log_op(state, op, at) {
                Ok(applied) => reply = applied,
                Err(error) => return (Err(inapplicable(&error)), state.applied()),
            }
        }
        let at_once = decision.answer == AnswerWhen::Looked;
        // Answered ahead of its commit: only while the term is valid.
        *reveals |= at_once || !self.config.ack.is_committed();
        (
            Ok(reply),
            if at_once {
                looked
            } else {
                looked.max(state.applied())
            },
        )
    }

    /// Applies an operation and adds it to the batch in hand.
    ///
    /// An operation that cannot be applied leaves the state as it was (SM-5) and is not logged: a defect of the
    /// service costs the request that met it, not the term, and not every later term in turn.
    pub(super) fn log_op(
        &mut self,
        state: &mut Machine,
        op: &Op,
        (id, now_ms): (EntryId, u64),
    ) -> Result<Reply, Error> {
        let entry = Entry {
            seq: self.builder.next_seq(),
            timestamp_ms: now_ms,
            op_type: op.op_type,
            id,
            key: Cow::Borrowed(&op.key),
            payload: Cow::Borrowed(&op.payload),
        };
        if let Some(refusal) = too_large(std::slice::from_ref(op)) {
            return Err(Error::new(ErrorKind::Invalid, "log").context(refusal.message));
        }
        let reply = state.apply(&entry).inspect_err(|error| {
            metrics::counter!("standfast_inapplicable_decisions_total").increment(1);
            tracing::error!(%error, "the service decided on an operation that it cannot apply");
        })?;
        if self.builder.is_empty() {
            self.linger.begin(entry.seq, self.clock.now());
        }
        self.builder.push(&entry).expect("its size was checked");
        Ok(reply)
    }
}

fn inapplicable(error: &Error) -> Refusal {
    Refusal {
        code: INAPPLICABLE,
        message: Cow::Owned(error.to_string()),
    }
}

fn entry_id(command: &Command, item: u32) -> EntryId {
    EntryId {
        session: command.header.session,
        request: command.header.request,
        item: command.header.first_item + item,
        answered: command.header.answered,
    }
}

fn too_large(ops: &[Op]) -> Option<Refusal> {
    ops.iter().find(|op| op.key.len() > MAX_KEY || op.payload.len() > MAX_PAYLOAD).map(|op| Refusal {
        code: TOO_LARGE,
        message: Cow::Owned(format!(
            "an operation with a key of {} and a payload of {} bytes: the limits are {MAX_KEY} and \
             {MAX_PAYLOAD}",
            op.key.len(),
            op.payload.len()
        )),
    })
}
