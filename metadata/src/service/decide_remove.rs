use standfast_core::{DecideContext, Decision, Refusal};

use super::decide::committed;
use super::machine::MetadataService;
use crate::config::millis;
use crate::key::Target;
use crate::names::ClientId;
use crate::op::Op;
use crate::request::{RemoveMany, RemovedPage};
use crate::state::Progress;
use crate::v1::ErrorCode;

impl MetadataService {
    /// Removes an object.
    pub(super) fn decide_remove(
        &mut self,
        context: &mut DecideContext<'_>,
        client: ClientId,
        target: &Target,
        force: bool,
    ) -> Result<Decision, Refusal> {
        if client != ClientId::NONE {
            self.known(context, client)?;
        }
        let hold_ms = self.removable(context, target, force)?;
        Ok(committed(Some(target), &Op::Remove { hold_ms }))
    }

    /// Removes a page of objects, each by the rules for one.
    ///
    /// It is one operation whatever the size of the page, so that the answer is remembered as a whole: asked again
    /// after a failover it tells the same counts and the same cursor, though a listing would by then find other objects.
    pub(super) fn decide_remove_many(
        &mut self,
        context: &mut DecideContext<'_>,
        client: ClientId,
        call: &RemoveMany,
    ) -> Result<Decision, Refusal> {
        if client != ClientId::NONE {
            self.known(context, client)?;
        }
        let mut objects = Vec::new();
        let (mut leased, mut processing) = (0, 0);
        for target in &call.targets {
            match self.removable(context, target, call.force) {
                Ok(hold_ms) => objects.push((target.qualified().to_vec(), hold_ms)),
                Err(refusal) => match ErrorCode::of(&refusal) {
                    ErrorCode::ObjectNotFound => {}
                    ErrorCode::ObjectHasLease => leased += 1,
                    ErrorCode::ReplicaIsNotReady => processing += 1,
                    _ => return Err(refusal),
                },
            }
        }
        let next = call.next.clone();
        if objects.is_empty() {
            let page = RemovedPage {
                removed: 0,
                leased,
                processing,
                next,
            };
            return Ok(Decision::unchanged(page.to_reply()));
        }
        let op = Op::RemoveMany {
            objects,
            leased,
            processing,
            next,
        };
        Ok(committed(None, &op))
    }

    /// Whether an object may be removed, and for how long its memory must be held back then.
    ///
    /// The memory of a complete object nobody reads is free at once: its writer is done, and a reader without
    /// a lease was told so. When a removal is forced, it is held back until the last lease is over, or, for
    /// a put under way, as long as its writer may still be writing.
    fn removable(
        &mut self,
        context: &mut DecideContext<'_>,
        target: &Target,
        force: bool,
    ) -> Result<u64, Refusal> {
        let key = target.check()?;
        let now_ms = context.now_ms();
        let object = self.find(context, target, &key)?.clone();
        let hold_ms = match object.progress {
            Progress::Processing(_) if force => millis(self.config.put_start_release),
            Progress::Processing(_) => {
                return Err(ErrorCode::ReplicaIsNotReady.refuse("the object is being written"));
            }
            Progress::Complete(_) => self.lease_left(&key, &object, now_ms),
        };
        if hold_ms > 0 && !force {
            return Err(ErrorCode::ObjectHasLease.refuse(format!(
                "the object is leased to readers for {hold_ms} ms more"
            )));
        }
        Ok(hold_ms)
    }
}
