use std::collections::BTreeSet;

use standfast_core::{ApplyContext, Reply, Result};

use super::apply::Subject;
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
}
