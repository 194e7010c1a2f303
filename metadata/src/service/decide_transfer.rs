use standfast_core::{DecideContext, Decision, Refusal, Span};

use super::allocate::Allocation;
use super::decide::committed;
use super::machine::MetadataService;
use crate::config::millis;
use crate::key::{ObjectKey, Target};
use crate::names::{ClientId, SegmentId, SegmentNumber};
use crate::op::{Op, Transfer};
use crate::request::{Place, TransferKind, TransferStart};
use crate::state::{Object, Progress};
use crate::v1::ErrorCode;

impl MetadataService {
    /// Starts a copy or a move. Answered when it is committed, so that the object is protected whoever leads.
    pub(super) fn decide_transfer_start(
        &mut self,
        context: &mut DecideContext<'_>,
        client: ClientId,
        target: &Target,
        start: &TransferStart,
    ) -> Result<Decision, Refusal> {
        let key = target.check()?;
        self.known(context, client)?;
        let object = self.find(context, target, &key)?.clone();
        if matches!(object.progress, Progress::Processing(_)) {
            return Err(ErrorCode::ReplicaIsNotReady.refuse("the object is being written"));
        }
        if self.transfer_left(&key, context.now_ms(), self.config.put_start_discard) > 0 {
            let what = "the object is being copied or moved";
            return Err(ErrorCode::ObjectAlreadyExists.refuse(what));
        }
        let source = self.source(&object, start.from)?;
        let segments = self.destinations(&object, start)?;
        if start.kind == TransferKind::Copy {
            let replicas = object.replicas.iter().count() + segments.len();
            self.check_quota(context, (target, &key), object.size, replicas)?;
        }
        let allocation = self.allocate_in(&segments, object.size).inspect_err(|_| {
            context.look_everywhere();
            self.want_room(object.size, segments.len());
        })?;
        let op = Op::TransferStart(Transfer {
            kind: start.kind,
            hold_ms: millis(self.config.put_start_release),
            source: source.segment,
            targets: allocation.places,
            reserve: allocation.reserve,
        });
        Ok(committed(Some(target), &op))
    }

    /// The replica that is read.
    fn source(&self, object: &Object, from: Option<SegmentId>) -> Result<Place, Refusal> {
        let segments = self.tables.segments();
        let wanted = |place: &Place| {
            let segment = segments.get(&place.segment);
            segment.is_some_and(|segment| from.is_none_or(|from| segment.info.id == from))
        };
        let mut places = object.replicas.iter();
        places.find(wanted).ok_or_else(|| {
            let from = from.unwrap_or_default();
            ErrorCode::SegmentNotFound.refuse(format!("no replica in a segment {from}"))
        })
    }

    /// The segments that are to be written to.
    fn destinations(
        &self,
        object: &Object,
        start: &TransferStart,
    ) -> Result<Vec<SegmentNumber>, Refusal> {
        let invalid = |what: String| Err(ErrorCode::InvalidParams.refuse(what));
        let count = start.to.len();
        if count == 0 || (count > 1 && start.kind == TransferKind::Move) {
            return invalid(format!(
                "{count} segments to write to: want one, or several of a copy"
            ));
        }
        let mut numbers: Vec<_> = object.replicas.iter().map(|place| place.segment).collect();
        let replicas = numbers.len();
        for id in &start.to {
            let Some(segment) = self.tables.segment_by_id(*id) else {
                let what = format!("segment {id} is not mounted");
                return Err(ErrorCode::SegmentNotFound.refuse(what));
            };
            if numbers.contains(&segment.number) {
                return invalid(format!(
                    "segment {id} has, or is to have, a replica already"
                ));
            }
            numbers.push(segment.number);
        }
        Ok(numbers.split_off(replicas))
    }

    /// Room for an object in each of these segments.
    fn allocate_in(
        &mut self,
        segments: &[SegmentNumber],
        size: u64,
    ) -> Result<Allocation, Refusal> {
        let mut allocation = Allocation::default();
        for number in segments {
            self.try_segment(*number, size, segments.len(), &mut allocation);
        }
        if allocation.places.len() == segments.len() {
            return Ok(allocation);
        }
        Err(ErrorCode::NoAvailableHandle.refuse(format!(
            "{} of the {} segments have room for {size} bytes and are not being unmounted",
            allocation.places.len(),
            segments.len()
        )))
    }

    /// Ends a copy or a move. The memory that a move frees is held back until the last lease is over.
    pub(super) fn decide_transfer_end(
        &mut self,
        context: &mut DecideContext<'_>,
        client: ClientId,
        target: &Target,
        kind: TransferKind,
    ) -> Result<Decision, Refusal> {
        let key = self.check_under_way(context, client, target, kind)?;
        let now_ms = context.now_ms();
        let object = self.find(context, target, &key)?.clone();
        let hold_ms = match kind {
            TransferKind::Copy => 0,
            TransferKind::Move => self.soft.lease_left(&key, &object, now_ms, &self.config),
        };
        Ok(committed(Some(target), &Op::TransferEnd { kind, hold_ms }))
    }

    /// Gives a copy or a move up.
    pub(super) fn decide_transfer_revoke(
        &mut self,
        context: &mut DecideContext<'_>,
        client: ClientId,
        target: &Target,
        kind: TransferKind,
    ) -> Result<Decision, Refusal> {
        self.check_under_way(context, client, target, kind)?;
        Ok(committed(Some(target), &Op::TransferRevoke))
    }

    /// The key of an object that this client copies or moves.
    fn check_under_way(
        &mut self,
        context: &mut DecideContext<'_>,
        client: ClientId,
        target: &Target,
        kind: TransferKind,
    ) -> Result<ObjectKey, Refusal> {
        let key = target.check()?;
        let client = self.known(context, client)?;
        context.look(standfast_core::Section::GLOBALS);
        self.find(context, target, &key)?;
        match self.tables.transfer(&key) {
            Some(transfer) if transfer.client != client => {
                let what = "another client copies or moves the object";
                Err(ErrorCode::IllegalClient.refuse(what))
            }
            Some(transfer) if transfer.kind == kind => Ok(key),
            _ => Err(ErrorCode::InvalidWrite
                .refuse("the object is not being copied or moved, or that was given up")),
        }
    }

    /// How much is left of a time that began with the copy or move of an object; 0 when none is under way.
    fn transfer_left(&self, key: &ObjectKey, now_ms: u64, time: Span) -> u64 {
        self.tables.transfer(key).map_or(0, |transfer| {
            let until_ms = transfer.since_ms.saturating_add(millis(time));
            until_ms.saturating_sub(now_ms)
        })
    }

    /// How long somebody may still count on an object: a reader, or one who copies or moves it, until upkeep gives that up.
    pub(super) fn lease_left(&self, key: &ObjectKey, object: &Object, now_ms: u64) -> u64 {
        let readers = self.soft.lease_left(key, object, now_ms, &self.config);
        readers.max(self.transfer_left(key, now_ms, self.config.put_start_release))
    }
}
