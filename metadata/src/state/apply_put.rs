use standfast_core::{ApplyContext, Reply, Result, Section};

use super::apply::Subject;
use super::object::{Lease, Object, Progress, Replicas};
use super::tables::Tables;
use crate::error::corrupt;
use crate::names::{ClientId, ClientNumber};
use crate::op::{Range, Start};
use crate::request::{Place, write_places};

impl Tables {
    pub(super) fn apply_put_start(
        &mut self,
        context: &mut ApplyContext<'_>,
        subject: Subject,
        client: ClientId,
        start: Start,
    ) -> Result<Reply> {
        self.check_absent(&subject, start.hold_ms)?;
        self.start_put(context, subject, client, start)
    }

    /// Allocates the replicas of an object in place of those that it has.
    pub(super) fn start_put(
        &mut self,
        context: &mut ApplyContext<'_>,
        subject: Subject,
        client: ClientId,
        start: Start,
    ) -> Result<Reply> {
        let writer = self.writer(client)?;
        self.check_start(&start)?;
        self.reserve(context, &start.reserve);
        self.drop_object(context, &subject, start.hold_ms);
        for place in &start.places {
            if let Some(segment) = self.segments.get_mut(&place.segment) {
                segment.space.place(place.offset, start.size);
            }
        }
        let reply = write_places(start.size, start.places.iter().copied());
        let object = Object {
            replicas: Replicas::new(start.places, start.traits),
            progress: Progress::Processing(context.now_ms()),
            size: start.size,
            writer,
            lease: Lease::default(),
        };
        context.touch(Section::of_bucket(subject.bucket));
        self.insert_object(subject.bucket, subject.key, object);
        Ok(reply)
    }

    /// Whether a key is absent, or being written by somebody whose memory is to be held back.
    fn check_absent(&self, subject: &Subject, hold_ms: u64) -> Result<()> {
        let old = self.object(subject.bucket, &subject.key);
        if let Some(old) = old.filter(|old| self.is_there(old))
            && (matches!(old.progress, Progress::Complete(_)) || hold_ms == 0)
        {
            return Err(corrupt(format!(
                "a put of {:?}, which is there",
                subject.key
            )));
        }
        Ok(())
    }

    /// The number of a client that puts.
    pub(super) fn writer(&self, id: ClientId) -> Result<ClientNumber> {
        let client = self.client(id);
        client
            .map(|client| client.number)
            .ok_or_else(|| corrupt(format!("client {id} puts but is not known")))
    }

    fn check_start(&self, start: &Start) -> Result<()> {
        if start.places.is_empty() || start.size == 0 {
            return Err(corrupt("a put of nothing"));
        }
        self.check_reserve(&start.reserve)?;
        for (index, place) in start.places.iter().enumerate() {
            self.check_place(*place, start.size, &start.reserve)?;
            let mut before = start.places.iter().take(index);
            if before.any(|other| other.segment == place.segment) {
                return Err(corrupt(format!(
                    "two replicas in segment {}",
                    place.segment
                )));
            }
        }
        Ok(())
    }

    pub(super) fn check_place(&self, place: Place, size: u64, reserve: &[Range]) -> Result<()> {
        let reserving: Vec<_> = reserve
            .iter()
            .filter(|range| range.segment == place.segment)
            .map(|range| (range.offset, range.length))
            .collect();
        let may = self
            .segments
            .get(&place.segment)
            .is_some_and(|segment| segment.space.may_place(place.offset, size, &reserving));
        if may {
            return Ok(());
        }
        Err(corrupt(format!(
            "range {}+{} of segment {} is not reserved and unallocated",
            place.offset, size, place.segment
        )))
    }

    pub(super) fn apply_put_end(
        &mut self,
        context: &mut ApplyContext<'_>,
        subject: &Subject,
        client: ClientId,
        checksum: Option<u64>,
    ) -> Result<Reply> {
        let (progress, writer) = self.existing(subject)?;
        let is_writer = self.client(client).is_some_and(|c| c.number == writer);
        if !is_writer || !matches!(progress, Progress::Processing(_)) {
            return Err(corrupt(format!(
                "client {client} ends a put of {:?} that it has not under way",
                subject.key
            )));
        }
        context.touch(Section::of_bucket(subject.bucket));
        let now_ms = context.now_ms();
        self.change_object(subject.bucket, &subject.key, |object| {
            object.complete(checksum, now_ms);
        });
        Ok(Reply::default())
    }

    pub(super) fn apply_put_revoke(
        &mut self,
        context: &mut ApplyContext<'_>,
        subject: &Subject,
        hold_ms: u64,
    ) -> Result<Reply> {
        let (progress, _) = self.existing(subject)?;
        if !matches!(progress, Progress::Processing(_)) {
            return Err(corrupt(format!(
                "a put of {:?} is given up that is not under way",
                subject.key
            )));
        }
        self.drop_object(context, subject, hold_ms);
        Ok(Reply::default())
    }
}
