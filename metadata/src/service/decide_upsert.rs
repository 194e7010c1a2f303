use standfast_core::{DecideContext, Decision, Refusal, Section};

use super::decide::committed;
use super::decide_put::check_put;
use super::machine::MetadataService;
use crate::key::Target;
use crate::names::ClientId;
use crate::op::{Op, Start};
use crate::request::Placement;
use crate::state::{Object, Progress};

impl MetadataService {
    /// Starts a put of a key that may be there already.
    ///
    /// An object that is complete is written again where it is, if it has the same shape and nobody reads it. Else it gets
    /// new replicas, and the old memory is held back until the last lease is over. Either way it cannot be read until
    /// its put has ended.
    ///
    /// Unlike the start of a put of an absent key this is answered when it is committed. Were it lost in a failover, the
    /// successor would show the old object as complete while its writer writes over it, and would take the end of
    /// this put for that of the one before.
    pub(super) fn decide_upsert_start(
        &mut self,
        context: &mut DecideContext<'_>,
        client: ClientId,
        (target, size): (&Target, u64),
        placement: &Placement,
    ) -> Result<Decision, Refusal> {
        let key = target.check()?;
        let old = self.tables.object(target.bucket(), &key);
        let complete = |old: &&Object| matches!(old.progress, Progress::Complete(_));
        let there = |old: &&Object| self.tables.is_there(old);
        let Some(old) = old.filter(complete).filter(there).cloned() else {
            return self.decide_put_start(context, client, (target, size), placement);
        };
        check_put(size, placement)?;
        let writer = self.known(context, client)?;
        self.tables.hint(target);
        context.look(Section::of_bucket(target.bucket()));
        let traits = placement.traits();
        let hold_ms = self.lease_left(&key, &old, context.now_ms());
        if hold_ms == 0 && self.fits(&old, size, placement) {
            return Ok(committed(Some(target), &Op::UpsertInPlace { traits }));
        }
        self.check_quota(context, (target, &key), size, placement.replicas as usize)?;
        let allocation = self.room(context, writer, size, placement)?;
        let op = Op::Upsert(Start {
            size,
            hold_ms,
            places: allocation.places,
            reserve: allocation.reserve,
            traits,
        });
        Ok(committed(Some(target), &op))
    }

    /// Whether the replicas of an object are those that a put of `size` would have, wherever they lie.
    fn fits(&self, object: &Object, size: u64, placement: &Placement) -> bool {
        let segments = self.tables.segments();
        let mut places = object.replicas.iter();
        object.size == size
            && object.replicas.len() == placement.replicas as usize
            && places.all(|place| segments.contains_key(&place.segment))
    }
}
