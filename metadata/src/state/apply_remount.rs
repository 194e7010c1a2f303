use standfast_core::{ApplyContext, Reply, Result, Section};

use super::apply::Subject;
use super::object::{Lease, Object, Progress, Replicas};
use super::segment::SegmentStatus;
use super::tables::Tables;
use crate::error::corrupt;
use crate::key::ObjectKey;
use crate::names::{ClientId, ClientNumber, SegmentNumber};
use crate::op::{Range, Remounting};
use crate::request::{Claim, Place, ReMounted, check_claims};

/// What becomes of an object that a client names in a segment of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claimed {
    /// It was named before.
    There,
    /// It is there again.
    Back,
    /// The same object is there elsewhere, and has one more replica.
    Joins,
    /// Its key was put again meanwhile.
    Superseded,
    /// Its bytes belong to another object of the segment.
    Conflicts,
}

impl Tables {
    pub(super) fn apply_remount(
        &mut self,
        context: &mut ApplyContext<'_>,
        client: ClientId,
        remounting: Remounting,
    ) -> Result<Reply> {
        let Remounting {
            segment, claims, ..
        } = remounting;
        if check_claims(segment.size, &claims).is_err() {
            return Err(corrupt(format!(
                "objects that cannot be in segment {}",
                segment.id
            )));
        }
        let number = match self.segment_by_id(segment.id) {
            Some(known) if known.info.incarnation == segment.incarnation => {
                if known.status != SegmentStatus::Remounting || *known.info != segment {
                    return Err(corrupt(format!("segment {} is mounted", segment.id)));
                }
                Some(known.number)
            }
            _ => None,
        };
        let becomes: Vec<_> = claims.iter().map(|c| self.claimed(number, c)).collect();
        if becomes.contains(&Claimed::Conflicts) {
            return Err(corrupt("objects of a segment overlap others in it"));
        }
        let number = match number {
            Some(number) => number,
            None => self.mount(context, client, segment)?,
        };
        let owner = self.writer(client)?;
        self.set_status(number, SegmentStatus::Remounting);
        let mut told = ReMounted::default();
        for (claim, becomes) in claims.iter().zip(becomes) {
            match becomes {
                Claimed::There => told.restored += 1,
                Claimed::Superseded | Claimed::Conflicts => told.superseded += 1,
                Claimed::Back => {
                    told.restored += 1;
                    self.bring_back(context, number, claim, owner, remounting.lease_ms);
                }
                Claimed::Joins => {
                    told.restored += 1;
                    self.add_replica(context, number, claim);
                }
            }
        }
        if remounting.last {
            self.end_remount(context, number, remounting.hold_ms);
        }
        context.touch(Section::GLOBALS);
        Ok(told.to_reply())
    }

    /// What becomes of an object that is named in a segment: one of this number that is being mounted again, or one that is
    /// not mounted yet.
    pub(crate) fn claimed(&self, number: Option<SegmentNumber>, claim: &Claim) -> Claimed {
        let (bucket, key) = (
            claim.target.bucket(),
            ObjectKey::of(claim.target.qualified()),
        );
        let segment = number.and_then(|number| self.segments().get(&number));
        let free = segment.is_none_or(|segment| segment.space.is_free(claim.offset, claim.size));
        let becomes = match self
            .object(bucket, &key)
            .filter(|object| self.is_there(object))
        {
            None => Claimed::Back,
            Some(object) => {
                let mut here = object.replicas.iter();
                let here = here.find(|place| Some(place.segment) == number);
                let same =
                    matches!(object.progress, Progress::Complete(_)) && object.size == claim.size;
                let sum = matches!(object.progress, Progress::Complete(Some(sum)) if Some(sum) == claim.checksum);
                match here {
                    Some(place) if same && place.offset == claim.offset => return Claimed::There,
                    None if same && sum => Claimed::Joins,
                    _ => return Claimed::Superseded,
                }
            }
        };
        if free { becomes } else { Claimed::Conflicts }
    }

    fn bring_back(
        &mut self,
        context: &mut ApplyContext<'_>,
        number: SegmentNumber,
        claim: &Claim,
        writer: ClientNumber,
        lease_ms: u64,
    ) {
        let key = ObjectKey::of(claim.target.qualified());
        let bucket = claim.target.bucket();
        let subject = Subject { key, bucket };
        // What is left of it lies in segments that are gone.
        self.drop_object(context, &subject, 0);
        let place = self.claim(number, claim);
        let mut object = Object {
            replicas: Replicas::new(vec![place], claim.traits.clone()),
            progress: Progress::Complete(claim.checksum),
            size: claim.size,
            writer,
            lease: Lease::default(),
        };
        object.read(context.now_ms(), lease_ms);
        context.touch(Section::of_bucket(bucket));
        self.insert_object(bucket, subject.key, object);
    }

    fn add_replica(
        &mut self,
        context: &mut ApplyContext<'_>,
        number: SegmentNumber,
        claim: &Claim,
    ) {
        let (bucket, key) = (
            claim.target.bucket(),
            ObjectKey::of(claim.target.qualified()),
        );
        let place = self.claim(number, claim);
        context.touch(Section::of_bucket(bucket));
        self.change_object(bucket, &key, |object| {
            let places = object.replicas.iter().chain([place]).collect();
            object.replicas = object.replicas.with_places(places);
        });
    }

    fn claim(&mut self, number: SegmentNumber, claim: &Claim) -> Place {
        if let Some(segment) = self.segments.get_mut(&number) {
            segment.space.claim(claim.offset, claim.size);
        }
        Place {
            segment: number,
            offset: claim.offset,
        }
    }

    /// All was said: what is free is held back, because writers from before it was forgotten may still be writing there.
    fn end_remount(&mut self, context: &mut ApplyContext<'_>, number: SegmentNumber, hold_ms: u64) {
        let until_ms = context.now_ms().saturating_add(hold_ms);
        let segment = self.segments.get_mut(&number);
        let free = segment.map_or_else(Vec::new, |segment| segment.space.hold_free());
        for (offset, length) in free {
            let range = Range {
                segment: number,
                offset,
                length,
            };
            self.hold_back(until_ms, range);
        }
        self.set_status(number, SegmentStatus::Mounted);
        self.membership_changed(context);
    }
}
