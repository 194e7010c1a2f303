use standfast_core::{ApplyContext, Reply, Result, Section};

use super::apply::Subject;
use super::object::{Lease, Progress, Replicas};
use super::tables::Tables;
use crate::error::corrupt;
use crate::names::ClientId;
use crate::op::Start;
use crate::request::{Traits, write_places};

impl Tables {
    pub(super) fn apply_upsert(
        &mut self,
        context: &mut ApplyContext<'_>,
        subject: Subject,
        client: ClientId,
        start: Start,
    ) -> Result<Reply> {
        self.check_complete(&subject)?;
        self.start_put(context, subject, client, start)
    }

    pub(super) fn apply_upsert_in_place(
        &mut self,
        context: &mut ApplyContext<'_>,
        subject: &Subject,
        client: ClientId,
        traits: Traits,
    ) -> Result<Reply> {
        self.check_complete(subject)?;
        let writer = self.writer(client)?;
        let old = self.object(subject.bucket, &subject.key);
        let (size, places) = old.map_or((0, Vec::new()), |old| {
            (old.size, old.replicas.iter().collect())
        });
        let mut mounted = places.iter().map(|place| &place.segment);
        if !mounted.all(|number| self.segments().contains_key(number)) {
            return Err(corrupt(format!(
                "{:?} is written again where it was, in a segment that is gone",
                subject.key
            )));
        }
        let reply = write_places(size, places.iter().copied());
        self.end_transfer(context, &subject.key);
        let now_ms = context.now_ms();
        context.touch(Section::of_bucket(subject.bucket));
        self.change_object(subject.bucket, &subject.key, |object| {
            object.progress = Progress::Processing(now_ms);
            object.writer = writer;
            object.replicas = Replicas::new(places, traits);
            object.lease = Lease::default();
        });
        Ok(reply)
    }

    fn check_complete(&self, subject: &Subject) -> Result<()> {
        match self.existing(subject)? {
            (Progress::Complete(_), _) => Ok(()),
            (Progress::Processing(_), _) => Err(corrupt(format!(
                "{:?} is written again, but was not yet written",
                subject.key
            ))),
        }
    }
}
