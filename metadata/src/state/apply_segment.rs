use std::sync::Arc;

use standfast_core::{ApplyContext, Reply, Result, Section};

use super::global_row::{Counters, GlobalRow};
use super::segment::{Client, Segment, SegmentStatus};
use super::tables::Tables;
use crate::error::corrupt;
use crate::names::{ClientId, ClientNumber, SegmentNumber};
use crate::request::SegmentInfo;
use crate::space::SegmentSpace;

impl Tables {
    pub(super) fn apply_join(
        &mut self,
        context: &mut ApplyContext<'_>,
        client: ClientId,
    ) -> Result<Reply> {
        self.join(context, client)?;
        Ok(Reply::default())
    }

    /// Makes a client known, if it is not.
    fn join(&mut self, context: &mut ApplyContext<'_>, id: ClientId) -> Result<ClientNumber> {
        if id == ClientId::NONE {
            return Err(corrupt("nobody joins"));
        }
        if let Some(client) = self.client(id) {
            return Ok(client.number);
        }
        let counters = self.counters();
        let number = ClientNumber(counters.next_client);
        self.set_counters(Counters {
            next_client: counters
                .next_client
                .checked_add(1)
                .ok_or_else(|| corrupt("2^32 clients have joined"))?,
            ..counters
        });
        let joined = context.seq();
        self.clients.insert(id, Client { number, joined });
        self.add_global(&GlobalRow::Client(number, id));
        self.membership_changed(context);
        Ok(number)
    }

    pub(super) fn apply_mount(
        &mut self,
        context: &mut ApplyContext<'_>,
        client: ClientId,
        info: SegmentInfo,
        reserved: u64,
    ) -> Result<Reply> {
        if reserved > info.size {
            return Err(corrupt(format!("segment {} is not so large", info.id)));
        }
        let number = self.mount(context, client, info)?;
        if reserved > 0
            && let Some(segment) = self.segments.get_mut(&number)
        {
            let change = segment.space.reserve(&[(0, reserved)], context.seq());
            self.reservations_changed(number, &change);
        }
        Ok(Reply::default())
    }

    /// Mounts a segment, all of it free, in place of those that it replaces.
    pub(super) fn mount(
        &mut self,
        context: &mut ApplyContext<'_>,
        client: ClientId,
        info: SegmentInfo,
    ) -> Result<SegmentNumber> {
        let counters = self.counters();
        let mounted = self.segment_by_id(info.id);
        if mounted.is_some_and(|old| old.info.incarnation == info.incarnation) {
            return Err(corrupt(format!("segment {} is mounted twice", info.id)));
        }
        if info.size == 0 || info.base.checked_add(info.size).is_none() {
            return Err(corrupt(format!("segment {} cannot be so large", info.id)));
        }
        let next = counters.next_segment.checked_add(1);
        let next = next.ok_or_else(|| corrupt("2^32 segments were mounted"))?;
        let owner = self.join(context, client)?;
        for old in self.replaced_by(&info, Some(owner)) {
            self.drop_segment(context, old);
        }
        let number = SegmentNumber(counters.next_segment);
        self.set_counters(Counters {
            next_segment: next,
            ..self.counters()
        });
        self.undismiss(|id, _| *id == info.id);
        self.mounted_again(info.id, info.incarnation);
        self.by_id.insert(info.id, number);
        let segment = Segment {
            number,
            space: SegmentSpace::new(info.size),
            info: Arc::new(info),
            owner,
            status: SegmentStatus::Mounted,
        };
        self.add_global(&Self::segment_row(&segment));
        self.segments.insert(number, segment);
        self.numbers.push(number);
        self.membership_changed(context);
        Ok(number)
    }

    /// The segments that cannot be there any more once `info` is: an earlier incarnation of itself, and those
    /// that another client lent under the same name at the same host and port, because two processes cannot
    /// hold one port: the client was restarted. A name alone says nothing.
    pub(crate) fn replaced_by(
        &self,
        info: &SegmentInfo,
        owner: Option<ClientNumber>,
    ) -> Vec<SegmentNumber> {
        self.segments
            .iter()
            .filter(|(_, old)| {
                let place = !info.endpoint.is_empty() && old.info.endpoint == info.endpoint;
                let restarted = Some(old.owner) != owner && place && old.info.name == info.name;
                old.info.id == info.id || restarted
            })
            .map(|(number, _)| *number)
            .collect()
    }

    pub(super) fn membership_changed(&mut self, context: &mut ApplyContext<'_>) {
        self.marks.membership = context.seq();
        context.touch(Section::GLOBALS);
    }
}
