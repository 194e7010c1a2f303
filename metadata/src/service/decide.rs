use standfast_core::{DecideContext, Decision, Op as LoggedOp, Refusal, Section};

use super::machine::MetadataService;
use crate::key::{ObjectKey, Target};
use crate::names::{ClientId, ClientNumber};
use crate::op::Op;
use crate::request::Call;
use crate::state::Object;
use crate::v1::ErrorCode;

/// One operation, about `target`'s key or about none.
pub(super) fn logged(target: Option<&Target>, op: &Op) -> LoggedOp {
    LoggedOp {
        op_type: op.op_type(),
        key: target.map_or_else(Vec::new, |target| target.qualified().to_vec()),
        payload: op.encode(),
    }
}

/// One operation, answered when it is committed.
pub(super) fn committed(target: Option<&Target>, op: &Op) -> Decision {
    Decision::committed(vec![logged(target, op)])
}

impl MetadataService {
    /// Decides one item.
    ///
    /// Every decision is one operation: two could be torn apart by a failover between them.
    pub(super) fn decide_call(
        &mut self,
        context: &mut DecideContext<'_>,
        client: ClientId,
        call: &Call,
        item: u32,
    ) -> Result<Decision, Refusal> {
        let at = item as usize;
        let none = || ErrorCode::InvalidParams.refuse(format!("no item {item} in the request"));
        match call {
            Call::Join => self.decide_join(context, client),
            Call::Mount(segments) => {
                self.decide_mount(context, client, segments.get(at).ok_or_else(none)?)
            }
            Call::ReMount(call) => self.decide_remount(context, client, call),
            Call::Unmount(ids) => {
                self.decide_unmount(context, client, *ids.get(at).ok_or_else(none)?)
            }
            Call::GracefulUnmount {
                ids,
                grace_ms,
                force,
            } => {
                let id = *ids.get(at).ok_or_else(none)?;
                self.decide_graceful_unmount(context, client, (id, *grace_ms), *force)
            }
            Call::PutStart { objects, placement } => {
                let (target, size) = objects.get(at).ok_or_else(none)?;
                self.decide_put_start(context, client, (target, *size), placement)
            }
            Call::UpsertStart { objects, placement } => {
                let (target, size) = objects.get(at).ok_or_else(none)?;
                self.decide_upsert_start(context, client, (target, *size), placement)
            }
            Call::PutEnd(ends) => {
                let (target, checksum) = ends.get(at).ok_or_else(none)?;
                self.decide_put_end(context, client, target, *checksum)
            }
            Call::PutRevoke(targets) => {
                self.decide_put_revoke(context, client, targets.get(at).ok_or_else(none)?)
            }
            Call::TransferStart(start) => {
                let target = start.targets.get(at).ok_or_else(none)?;
                self.decide_transfer_start(context, client, target, start)
            }
            Call::TransferEnd { kind, targets } => {
                let target = targets.get(at).ok_or_else(none)?;
                self.decide_transfer_end(context, client, target, *kind)
            }
            Call::TransferRevoke { kind, targets } => {
                let target = targets.get(at).ok_or_else(none)?;
                self.decide_transfer_revoke(context, client, target, *kind)
            }
            Call::Remove { targets, force } => {
                self.decide_remove(context, client, targets.get(at).ok_or_else(none)?, *force)
            }
            Call::RemoveMany(call) => self.decide_remove_many(context, client, call),
            Call::SetQuota { tenant, quota } => {
                self.decide_set_quota(context, client, tenant, *quota)
            }
        }
    }

    /// The number of a client, which must be known: only a known client is ever expired, and with it its session.
    pub(super) fn known(
        &mut self,
        context: &mut DecideContext<'_>,
        id: ClientId,
    ) -> Result<ClientNumber, Refusal> {
        if let Some(client) = self.tables.client(id) {
            context.wait_for(client.joined);
            self.soft.hear(client.number, context.now_ms());
            return Ok(client.number);
        }
        context.wait_for(self.tables.membership());
        Err(ErrorCode::ClientNotFound.refuse(if id == ClientId::NONE {
            "the request names no client".into()
        } else {
            std::borrow::Cow::from(format!("client {id} is not known (any more): mount again"))
        }))
    }

    /// The object of a key, if there is one for anybody who asks; reports what was looked at.
    pub(super) fn find(
        &mut self,
        context: &mut DecideContext<'_>,
        target: &Target,
        key: &ObjectKey,
    ) -> Result<&Object, Refusal> {
        self.tables.hint(target);
        context.look(Section::of_bucket(target.bucket()));
        context.wait_for(self.tables.membership());
        self.tables
            .object(target.bucket(), key)
            .filter(|object| self.tables.is_there(object))
            .ok_or_else(|| ErrorCode::ObjectNotFound.refuse("no such object"))
    }
}
