use standfast_core::{DecideContext, Decision, Refusal, Reply, Section};

use super::decide::committed;
use super::machine::MetadataService;
use crate::config::millis;
use crate::names::{ClientId, SegmentId};
use crate::op::{Op, Remounting};
use crate::request::SegmentInfo;
use crate::state::SegmentStatus;
use crate::v1::ErrorCode;

/// The longest name, endpoint or protocol, in bytes.
const TEXT_LIMIT: usize = 1024;

impl MetadataService {
    pub(super) fn decide_join(
        &mut self,
        context: &mut DecideContext<'_>,
        client: ClientId,
    ) -> Result<Decision, Refusal> {
        check_client(client)?;
        if self.known(context, client).is_ok() {
            return Ok(Decision::unchanged(Reply::default()));
        }
        Ok(committed(None, &Op::Join))
    }

    /// Mounts a segment. The beginning of it is reserved at once, so that the first put need not wait.
    ///
    /// One that was forgotten a while ago is mounted as its client mounts it again that has nothing to say of it: its memory is
    /// held back until nobody can be using it any more.
    pub(super) fn decide_mount(
        &mut self,
        context: &mut DecideContext<'_>,
        client: ClientId,
        info: &SegmentInfo,
    ) -> Result<Decision, Refusal> {
        check_client(client)?;
        check_segment(info)?;
        self.check_mountable(context, info)?;
        let owner = self.known(context, client).ok();
        if let Some(mounted) = self.tables.segment_by_id(info.id) {
            if *mounted.info == *info && owner == Some(mounted.owner) {
                return Ok(Decision::unchanged(Reply::default()));
            }
            if mounted.info.incarnation == info.incarnation {
                return Err(ErrorCode::SegmentAlreadyExists.refuse(format!(
                    "incarnation {} of segment {} is mounted by another client or with other particulars",
                    info.incarnation, info.id
                )));
            }
        }
        let until_ms = self.tables.forgotten(info.id, info.incarnation);
        let left_ms = until_ms.map_or(0, |until_ms| until_ms.saturating_sub(context.now_ms()));
        let op = if left_ms > 0 {
            self.check_not_replaced(info, owner)?;
            Op::ReMount(Remounting {
                segment: info.clone(),
                last: true,
                hold_ms: left_ms,
                lease_ms: 0,
                claims: Vec::new(),
            })
        } else {
            Op::Mount {
                segment: info.clone(),
                reserved: self.window(info.size),
            }
        };
        Ok(committed(None, &op))
    }

    /// For how long somebody may still be reading or writing in a segment that is forgotten.
    pub(super) fn remember_ms(&self) -> u64 {
        let release_ms = millis(self.config.put_start_release);
        release_ms.max(millis(self.config.lease_ttl))
    }

    pub(super) fn decide_unmount(
        &mut self,
        context: &mut DecideContext<'_>,
        client: ClientId,
        id: SegmentId,
    ) -> Result<Decision, Refusal> {
        let owner = self.known(context, client)?;
        context.look(Section::GLOBALS);
        match self.tables.segment_by_id(id) {
            None => Err(ErrorCode::SegmentNotFound.refuse(format!("segment {id} is not mounted"))),
            Some(mounted) if mounted.owner != owner => Err(ErrorCode::IllegalClient
                .refuse(format!("segment {id} was mounted by another client"))),
            Some(_) => {
                let remember_ms = self.remember_ms();
                Ok(committed(None, &Op::Unmount { id, remember_ms }))
            }
        }
    }

    /// Has a segment unmounted when its time of grace is over, by upkeep.
    pub(super) fn decide_graceful_unmount(
        &mut self,
        context: &mut DecideContext<'_>,
        client: ClientId,
        (id, grace_ms): (SegmentId, u64),
        force: bool,
    ) -> Result<Decision, Refusal> {
        let owner = if client == ClientId::NONE && force {
            None
        } else {
            Some(self.known(context, client)?)
        };
        context.look(Section::GLOBALS);
        let mounted = self.tables.segment_by_id(id).ok_or_else(|| {
            ErrorCode::SegmentNotFound.refuse(format!("segment {id} is not mounted"))
        })?;
        let dismissed = owner != Some(mounted.owner);
        if dismissed && !force {
            return Err(ErrorCode::IllegalClient
                .refuse(format!("segment {id} was mounted by another client")));
        }
        let op = Op::GracefulUnmount {
            id,
            grace_ms,
            dismissed,
            remember_ms: self.remember_ms(),
        };
        Ok(committed(None, &op))
    }

    /// Whether a segment may be mounted, by itself.
    pub(super) fn check_mountable(
        &self,
        context: &mut DecideContext<'_>,
        info: &SegmentInfo,
    ) -> Result<(), Refusal> {
        context.look(Section::GLOBALS);
        let dismissed = self.tables.dismissed(info.id);
        if dismissed.is_some_and(|dismissed| dismissed.incarnation == info.incarnation) {
            return Err(ErrorCode::SegmentNotFound.refuse(format!(
                "segment {} was taken back by an operator: lend it as a new incarnation",
                info.id
            )));
        }
        let mounted = self.tables.segment_by_id(info.id);
        let leaving = mounted.is_some_and(|mounted| {
            let unmounting = matches!(mounted.status, SegmentStatus::Unmounting { .. });
            unmounting && mounted.info.incarnation == info.incarnation
        });
        if leaving {
            return Err(ErrorCode::SegmentAlreadyExists.refuse(format!(
                "segment {} is being unmounted: wait, or lend it as a new incarnation",
                info.id
            )));
        }
        Ok(())
    }
}

pub(super) fn check_client(client: ClientId) -> Result<(), Refusal> {
    if client == ClientId::NONE {
        return Err(ErrorCode::InvalidParams.refuse("the request names no client"));
    }
    Ok(())
}

pub(super) fn check_segment(info: &SegmentInfo) -> Result<(), Refusal> {
    let invalid = |text: String| Err(ErrorCode::InvalidParams.refuse(text));
    if info.size == 0 || info.base.checked_add(info.size).is_none() {
        return invalid(format!(
            "segment {} of {} bytes at {:#x}: want at least 1, none of them beyond 2^64",
            info.id, info.size, info.base
        ));
    }
    for (what, text) in [
        ("name", &info.name),
        ("endpoint", &info.endpoint),
        ("protocol", &info.protocol),
    ] {
        if text.len() > TEXT_LIMIT {
            return invalid(format!(
                "a {what} of {} bytes, the limit is {TEXT_LIMIT}",
                text.len()
            ));
        }
    }
    Ok(())
}
