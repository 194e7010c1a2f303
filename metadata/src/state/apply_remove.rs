use std::collections::BTreeSet;

use bytes::Bytes;
use standfast_core::{ApplyContext, Reply, Result};

use super::apply::Subject;
use super::object::Progress;
use super::tables::Tables;
use crate::error::corrupt;
use crate::request::RemovedPage;

impl Tables {
    pub(super) fn apply_remove(
        &mut self,
        context: &mut ApplyContext<'_>,
        subject: &Subject,
        hold_ms: u64,
    ) -> Result<Reply> {
        self.existing(subject)?;
        self.drop_object(context, subject, hold_ms);
        Ok(Reply::default())
    }

    pub(super) fn apply_remove_many(
        &mut self,
        context: &mut ApplyContext<'_>,
        objects: &[(Vec<u8>, u64)],
        page: &RemovedPage,
    ) -> Result<Reply> {
        let mut distinct = BTreeSet::new();
        let mut subjects = Vec::with_capacity(objects.len());
        for (key, hold_ms) in objects {
            let subject = self.subject_of(key)?;
            self.existing(&subject)?;
            if !distinct.insert(key) {
                return Err(corrupt(format!(
                    "object {:?} is removed twice",
                    subject.key
                )));
            }
            subjects.push((subject, *hold_ms));
        }
        for (subject, hold_ms) in subjects {
            self.drop_object(context, &subject, hold_ms);
        }
        Ok(page.to_reply())
    }

    pub(super) fn apply_evict(
        &mut self,
        context: &mut ApplyContext<'_>,
        keys: &[Bytes],
    ) -> Result<Reply> {
        let mut distinct = BTreeSet::new();
        let mut subjects = Vec::with_capacity(keys.len());
        for key in keys {
            let subject = self.subject_of(key)?;
            let object = self.object(subject.bucket, &subject.key);
            let may = object.is_some_and(|object| {
                let complete = matches!(object.progress, Progress::Complete(_));
                complete && !object.replicas.traits().hard_pin && self.is_there(object)
            });
            if !may || !distinct.insert(key) {
                return Err(corrupt(format!(
                    "object {:?} is evicted, which is not complete, hard pinned, or evicted twice",
                    subject.key
                )));
            }
            subjects.push(subject);
        }
        for subject in subjects {
            self.drop_object(context, &subject, 0);
        }
        Ok(Reply::default())
    }
}
