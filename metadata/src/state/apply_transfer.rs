use standfast_core::{ApplyContext, Reply, Result, Section};

use super::apply::Subject;
use super::global_row::GlobalRow;
use super::object::Progress;
use super::tables::Tables;
use super::tenants::Usage;
use super::transfer::UnderWay;
use crate::error::corrupt;
use crate::key::ObjectKey;
use crate::names::{ClientId, ClientNumber, SegmentNumber};
use crate::op::{Range, Transfer};
use crate::request::{Place, TransferKind, write_places};

impl Tables {
    /// Replies with the source and the targets.
    pub(super) fn apply_transfer_start(
        &mut self,
        context: &mut ApplyContext<'_>,
        subject: &Subject,
        client: ClientId,
        transfer: Transfer,
    ) -> Result<Reply> {
        let (size, source) = self.check_transfer(subject, &transfer)?;
        let client = self.writer(client)?;
        self.end_transfer(context, &subject.key);
        self.reserve(context, &transfer.reserve);
        for place in &transfer.targets {
            if let Some(segment) = self.segments.get_mut(&place.segment) {
                segment.space.place(place.offset, size);
            }
        }
        let under_way = UnderWay {
            kind: transfer.kind,
            client,
            since_ms: context.now_ms(),
            hold_ms: transfer.hold_ms,
            size,
            source,
            targets: transfer.targets,
        };
        let places: Vec<_> = under_way.places().collect();
        self.add_global(&GlobalRow::transfer(&subject.key, &under_way));
        let tenant = subject.key.tenant();
        self.tenants.add(tenant, Usage::under_way(&under_way));
        self.transfers.insert(subject.key.clone(), under_way);
        context.touch(Section::GLOBALS);
        Ok(write_places(size, places.into_iter()))
    }

    /// The size of the object, and where the replica lies that is read.
    fn check_transfer(&self, subject: &Subject, transfer: &Transfer) -> Result<(u64, Place)> {
        let complete = matches!(self.existing(subject)?, (Progress::Complete(_), _));
        let object = self.object(subject.bucket, &subject.key);
        let (size, places) = object.map_or((0, Vec::new()), |object| {
            (object.size, object.replicas.iter().collect())
        });
        let source = places.iter().find(|place| place.segment == transfer.source);
        let mounted = self.segments().contains_key(&transfer.source);
        let count = transfer.targets.len();
        let counts = count == 1 || (count > 1 && transfer.kind == TransferKind::Copy);
        let Some(source) = source.filter(|_| complete && mounted && counts) else {
            return Err(corrupt(format!(
                "{:?} cannot be copied or moved from segment {}",
                subject.key, transfer.source
            )));
        };
        self.check_reserve(&transfer.reserve)?;
        for (index, place) in transfer.targets.iter().enumerate() {
            self.check_place(*place, size, &transfer.reserve)?;
            let before = transfer.targets.iter().take(index);
            if before
                .chain(&places)
                .any(|other| other.segment == place.segment)
            {
                return Err(corrupt(format!(
                    "two replicas in segment {}",
                    place.segment
                )));
            }
        }
        Ok((size, *source))
    }

    pub(super) fn apply_transfer_end(
        &mut self,
        context: &mut ApplyContext<'_>,
        subject: &Subject,
        client: ClientId,
        (kind, hold_ms): (TransferKind, u64),
    ) -> Result<Reply> {
        let client = self.writer(client)?;
        let under_way = self.transfers.get(&subject.key);
        let Some(ended) = under_way
            .filter(|t| t.kind == kind && t.client == client)
            .cloned()
        else {
            return Err(corrupt(format!(
                "a copy or move of {:?} ends that is not under way",
                subject.key
            )));
        };
        self.forget_transfer(&subject.key);
        let moved = |place: &Place| kind == TransferKind::Move && *place == ended.source;
        self.change_object(subject.bucket, &subject.key, |object| {
            let stay = object.replicas.iter().filter(|place| !moved(place));
            let places = stay.chain(ended.targets.iter().copied()).collect();
            object.replicas = object.replicas.with_places(places);
        });
        context.touch(Section::of_bucket(subject.bucket));
        context.touch(Section::GLOBALS);
        if kind == TransferKind::Move {
            self.free_place(context, ended.source, ended.size, hold_ms);
        }
        Ok(Reply::default())
    }

    pub(super) fn apply_transfer_revoke(
        &mut self,
        context: &mut ApplyContext<'_>,
        subject: &Subject,
    ) -> Result<Reply> {
        if !self.transfers.contains_key(&subject.key) {
            return Err(corrupt(format!(
                "a copy or move of {:?} is given up that is not under way",
                subject.key
            )));
        }
        self.end_transfer(context, &subject.key);
        Ok(Reply::default())
    }

    fn forget_transfer(&mut self, key: &ObjectKey) -> Option<UnderWay> {
        let ended = self.transfers.remove(key)?;
        self.remove_global(&GlobalRow::transfer(key, &ended));
        self.tenants
            .subtract(key.tenant(), Usage::under_way(&ended), self.marks.applied);
        Some(ended)
    }

    /// Gives up what is under way with an object, if anything; its writer may still be writing.
    pub(super) fn end_transfer(&mut self, context: &mut ApplyContext<'_>, key: &ObjectKey) {
        let Some(ended) = self.forget_transfer(key) else {
            return;
        };
        context.touch(Section::GLOBALS);
        for target in &ended.targets {
            self.free_place(context, *target, ended.size, ended.hold_ms);
        }
    }

    /// Gives up what is under way between segments of which one will be gone.
    pub(super) fn end_transfers_at(
        &mut self,
        context: &mut ApplyContext<'_>,
        number: SegmentNumber,
    ) {
        self.end_transfers(context, |t| t.places().any(|place| place.segment == number));
    }

    /// Gives up what a client has under way.
    pub(super) fn end_transfers_of(
        &mut self,
        context: &mut ApplyContext<'_>,
        client: ClientNumber,
    ) {
        self.end_transfers(context, |transfer| transfer.client == client);
    }

    fn end_transfers(&mut self, context: &mut ApplyContext<'_>, which: impl Fn(&UnderWay) -> bool) {
        let transfers = self.transfers.iter();
        let ended: Vec<_> = transfers
            .filter(|(_, transfer)| which(transfer))
            .map(|(key, _)| key.clone())
            .collect();
        for key in ended {
            self.end_transfer(context, &key);
        }
    }

    /// The memory of a replica is free at once, or held back for `hold_ms`.
    pub(super) fn free_place(
        &mut self,
        context: &mut ApplyContext<'_>,
        place: Place,
        size: u64,
        hold_ms: u64,
    ) {
        let Some(segment) = self.segments.get_mut(&place.segment) else {
            return;
        };
        let change = if hold_ms == 0 {
            segment.space.free(place.offset, size)
        } else {
            segment.space.hold(place.offset, size)
        };
        if hold_ms > 0 {
            let range = Range {
                segment: place.segment,
                offset: place.offset,
                length: size,
            };
            self.hold_back(context.now_ms().saturating_add(hold_ms), range);
        }
        if hold_ms > 0 || !change.is_empty() {
            self.reservations_changed(place.segment, &change);
            context.touch(Section::GLOBALS);
        }
    }

    /// Copies and moves under way since `before_ms` or earlier.
    pub(crate) fn transfers_since(&self, before_ms: u64) -> impl Iterator<Item = &ObjectKey> {
        let old = self
            .transfers
            .iter()
            .filter(move |(_, t)| t.since_ms <= before_ms);
        old.map(|(key, _)| key)
    }

    /// What is under way with an object.
    pub(crate) fn transfer(&self, key: &ObjectKey) -> Option<&UnderWay> {
        self.transfers.get(key)
    }
}
