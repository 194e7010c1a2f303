use standfast_core::{ApplyContext, Bucket, Reply, Result};

use super::apply::Subject;
use super::global_row::GlobalRow;
use super::tables::Tables;
use crate::error::corrupt;
use crate::names::{ClientId, SegmentNumber};

impl Tables {
    pub(super) fn apply_expire(
        &mut self,
        context: &mut ApplyContext<'_>,
        id: ClientId,
        (hold_ms, remember_ms): (u64, u64),
    ) -> Result<Reply> {
        let Some(client) = self.client(id) else {
            return Err(corrupt(format!("client {id} expires but is not known")));
        };
        let owned: Vec<SegmentNumber> = self
            .segments()
            .iter()
            .filter(|(_, segment)| segment.owner == client.number)
            .map(|(number, _)| *number)
            .collect();
        for number in owned {
            self.forget_segment(context, number, remember_ms);
        }
        self.end_transfers_of(context, client.number);
        let unfinished: Vec<_> = self
            .processing
            .iter()
            .map(|(_, key)| (key.clone(), Bucket::of_key(&key.qualified())))
            .filter(|(key, bucket)| {
                self.object(*bucket, key)
                    .is_some_and(|object| object.writer == client.number)
            })
            .collect();
        for (key, bucket) in unfinished {
            self.drop_object(context, &Subject { key, bucket }, hold_ms);
        }
        self.undismiss(|_, dismissed| dismissed.owner == client.number);
        self.clients.remove(&id);
        self.remove_global(&GlobalRow::Client(client.number, id));
        self.membership_changed(context);
        context.end_session(id.session());
        Ok(Reply::default())
    }
}
