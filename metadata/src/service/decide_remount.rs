use standfast_core::{DecideContext, Decision, Refusal, Section};

use super::decide::committed;
use super::decide_segment::{check_client, check_segment};
use super::machine::MetadataService;
use crate::config::millis;
use crate::names::{ClientId, ClientNumber, SegmentNumber};
use crate::op::{Op, Remounting};
use crate::request::{ReMount, ReMounted, SegmentInfo, check_claims};
use crate::state::{Claimed, SegmentStatus};
use crate::v1::ErrorCode;

impl MetadataService {
    /// Mounts a segment that was forgotten, with objects that lie in it.
    ///
    /// Its client may have much to say, so that it takes several operations; until the last nothing is allocated. A
    /// segment that is mounted stays as it is, whatever is said of it: what is not in it any more was removed.
    pub(super) fn decide_remount(
        &mut self,
        context: &mut DecideContext<'_>,
        client: ClientId,
        call: &ReMount,
    ) -> Result<Decision, Refusal> {
        check_client(client)?;
        check_segment(&call.segment)?;
        check_claims(call.segment.size, &call.claims)?;
        self.check_mountable(context, &call.segment)?;
        for claim in &call.claims {
            context.look(Section::of_bucket(claim.target.bucket()));
        }
        let number = self.remountable(context, client, call)?;
        let status = number.and_then(|number| self.tables.segments().get(&number));
        if status.is_some_and(|segment| segment.status != SegmentStatus::Remounting) {
            return Ok(Decision::unchanged(self.told(number, call).to_reply()));
        }
        let claims = call.claims.iter();
        let mut conflicts = claims.filter(|c| self.tables.claimed(number, c) == Claimed::Conflicts);
        if let Some(claim) = conflicts.next() {
            return Err(ErrorCode::InvalidParams.refuse(format!(
                "object {:?} overlaps one that was named in segment {} before: unmount it, and begin again",
                claim.target, call.segment.id
            )));
        }
        let op = Op::ReMount(Remounting {
            segment: call.segment.clone(),
            last: call.last,
            hold_ms: self.remember_ms(),
            lease_ms: millis(self.config.lease_ttl),
            claims: call.claims.clone(),
        });
        Ok(committed(None, &op))
    }

    /// The number of the segment if this very incarnation is known; an error when it cannot be mounted again.
    fn remountable(
        &mut self,
        context: &mut DecideContext<'_>,
        client: ClientId,
        call: &ReMount,
    ) -> Result<Option<SegmentNumber>, Refusal> {
        let info = &call.segment;
        let owner = self.known(context, client).ok();
        let mounted = self.tables.segment_by_id(info.id);
        match mounted.filter(|mounted| mounted.info.incarnation == info.incarnation) {
            Some(known) if *known.info == *info && owner == Some(known.owner) => {
                Ok(Some(known.number))
            }
            Some(_) => Err(ErrorCode::SegmentAlreadyExists.refuse(format!(
                "incarnation {} of segment {} is mounted by another client or with other particulars",
                info.incarnation, info.id
            ))),
            None if call.first => {
                self.check_not_replaced(info, owner)?;
                Ok(None)
            }
            None => Err(ErrorCode::SegmentNotFound.refuse(format!(
                "segment {} was forgotten again meanwhile: mount it again from the beginning",
                info.id
            ))),
        }
    }

    /// Refuses to mount a segment again that would replace another client's. Who mounts for the first time came later than all
    /// that are there; who mounts again was there before, and may be a process that stood still meanwhile.
    ///
    /// The other one is perhaps long gone, and the state of before it was replaced: as long as nothing was heard of it in
    /// this term, nobody is told that for good. It is expired by then, or heard.
    pub(super) fn check_not_replaced(
        &self,
        info: &SegmentInfo,
        owner: Option<ClientNumber>,
    ) -> Result<(), Refusal> {
        let replaced = self.tables.replaced_by(info, owner);
        let mut others = replaced
            .iter()
            .filter_map(|number| self.tables.segments().get(number))
            .filter(|other| Some(other.owner) != owner);
        let Some(other) = others.next() else {
            return Ok(());
        };
        let mut clients = self.tables.clients().iter();
        let holder = clients.find(|(_, client)| client.number == other.owner);
        let holder = holder.map_or(ClientId::NONE, |(id, _)| *id);
        let there = format!(
            "client {holder} lends segment {} as `{}` at {}",
            other.info.id, other.info.name, other.info.endpoint
        );
        Err(if self.soft.has_heard(other.owner) {
            ErrorCode::SegmentAlreadyExists.refuse(format!(
                "segment {} was replaced: {there}; give each process a name or an endpoint of its own",
                info.id
            ))
        } else {
            ErrorCode::SegmentNotFound.refuse(format!(
                "segment {} is not mounted again yet: {there}, and was not heard of in this term; ask again",
                info.id
            ))
        })
    }

    fn told(&self, number: Option<SegmentNumber>, call: &ReMount) -> ReMounted {
        let there = call
            .claims
            .iter()
            .filter(|claim| self.tables.claimed(number, claim) == Claimed::There)
            .count();
        ReMounted {
            restored: there as u64,
            superseded: (call.claims.len() - there) as u64,
        }
    }
}
