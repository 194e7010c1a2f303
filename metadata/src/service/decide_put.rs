use standfast_core::{AnswerWhen, DecideContext, Decision, Refusal, Reply, Section};

use super::allocate::Allocation;
use super::decide::{committed, logged};
use super::machine::MetadataService;
use crate::config::millis;
use crate::key::{ObjectKey, Target};
use crate::names::{ClientId, ClientNumber};
use crate::op::{Op, Start};
use crate::request::{GROUP_LIMIT, Placement};
use crate::state::Progress;
use crate::v1::ErrorCode;

/// The most replicas an object can have.
const REPLICAS_LIMIT: u32 = 64;

impl MetadataService {
    /// Starts a put.
    ///
    /// Answered without waiting for its own commit. What a failover can lose is an allocation inside a committed
    /// reservation, and the successor holds those back before it allocates from them (`Op::Retire`), so nobody
    /// else is ever given the same bytes. The answer waits for what it depends on and nothing more: the
    /// reservation it lies in, the last removal in the key's bucket (else two complete objects of one key
    /// could each have been seen by somebody), and the entry that made the client known. All of these are
    /// older than a commit under load.
    pub(super) fn decide_put_start(
        &mut self,
        context: &mut DecideContext<'_>,
        client: ClientId,
        (target, size): (&Target, u64),
        placement: &Placement,
    ) -> Result<Decision, Refusal> {
        let key = target.check()?;
        check_put(size, placement)?;
        let writer = self.known(context, client)?;
        self.tables.hint(target);
        let hold_ms = self.check_absent(context, target, &key)?;
        self.check_quota(context, (target, &key), size, placement.replicas as usize)?;
        let allocation = self.room(context, writer, size, placement)?;
        context.wait_for(allocation.reserved);
        let answer = if allocation.fresh {
            AnswerWhen::Committed
        } else {
            AnswerWhen::Looked
        };
        let op = Op::PutStart(Start {
            size,
            hold_ms,
            places: allocation.places,
            reserve: allocation.reserve,
            traits: placement.traits(),
        });
        Ok(Decision {
            ops: vec![logged(Some(target), &op)],
            answer,
            unchanged: Reply::default(),
        })
    }

    /// Room for an object; asks for an eviction when there is none.
    pub(super) fn room(
        &mut self,
        context: &mut DecideContext<'_>,
        writer: ClientNumber,
        size: u64,
        placement: &Placement,
    ) -> Result<Allocation, Refusal> {
        self.allocate(writer, size, placement).inspect_err(|_| {
            context.look_everywhere();
            self.want_room(size, placement.replicas as usize);
        })
    }

    /// Whether the key may be put. Returns for how long the memory of a put that is given up for it must be held
    /// back.
    fn check_absent(
        &self,
        context: &mut DecideContext<'_>,
        target: &Target,
        key: &ObjectKey,
    ) -> Result<u64, Refusal> {
        let bucket = target.bucket();
        let Some(object) = self.tables.object(bucket, key) else {
            context.wait_for(self.tables.removed(bucket));
            return Ok(0);
        };
        if !self.tables.is_there(object) {
            context.wait_for(self.tables.membership());
            return Ok(0);
        }
        context.look(Section::of_bucket(bucket));
        let exists = |what| Err(ErrorCode::ObjectAlreadyExists.refuse(what));
        match object.progress {
            Progress::Complete(_) => exists("the object is complete"),
            Progress::Processing(since) => {
                let discard = since.saturating_add(millis(self.config.put_start_discard));
                if context.now_ms() < discard {
                    return exists("the object is being written");
                }
                Ok(millis(self.config.put_start_release))
            }
        }
    }

    /// Ends a put.
    pub(super) fn decide_put_end(
        &mut self,
        context: &mut DecideContext<'_>,
        client: ClientId,
        target: &Target,
        checksum: Option<u64>,
    ) -> Result<Decision, Refusal> {
        let key = target.check()?;
        let writer = self.known(context, client)?;
        let object = self.find(context, target, &key)?;
        if object.writer != writer {
            return Err(ErrorCode::IllegalClient.refuse("another client writes the object"));
        }
        match object.progress {
            Progress::Complete(_) => Ok(Decision::unchanged(Reply::default())),
            Progress::Processing(_) => Ok(committed(Some(target), &Op::PutEnd { checksum })),
        }
    }

    /// Gives a put up. Its memory is held back although its own writer says so: a transfer that it has given up
    /// (a time-out, a crash of its peer) may still be in flight.
    pub(super) fn decide_put_revoke(
        &mut self,
        context: &mut DecideContext<'_>,
        client: ClientId,
        target: &Target,
    ) -> Result<Decision, Refusal> {
        let key = target.check()?;
        let writer = self.known(context, client)?;
        let hold_ms = millis(self.config.put_start_release);
        let object = self.find(context, target, &key)?;
        if object.writer != writer {
            return Err(ErrorCode::IllegalClient.refuse("another client writes the object"));
        }
        match object.progress {
            Progress::Complete(_) => Err(ErrorCode::InvalidWrite.refuse("the object is complete")),
            Progress::Processing(_) => Ok(committed(Some(target), &Op::PutRevoke { hold_ms })),
        }
    }
}

pub(super) fn check_put(size: u64, placement: &Placement) -> Result<(), Refusal> {
    if size == 0 {
        return Err(ErrorCode::InvalidParams.refuse("an object of 0 bytes"));
    }
    if placement.replicas == 0 || placement.replicas > REPLICAS_LIMIT {
        return Err(ErrorCode::InvalidParams.refuse(format!(
            "{} replicas: want 1 to {REPLICAS_LIMIT}",
            placement.replicas
        )));
    }
    if placement.group.len() > GROUP_LIMIT {
        return Err(ErrorCode::InvalidParams.refuse(format!(
            "a group of {} bytes, the limit is {GROUP_LIMIT}",
            placement.group.len()
        )));
    }
    Ok(())
}
