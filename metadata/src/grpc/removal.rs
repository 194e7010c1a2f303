use bytes::Bytes;
use regex::bytes::Regex;
use standfast_core::{BootInstant, Bucket};
use tonic::Status;

use super::calls::asked;
use super::listing::{PAGE, start_of};
use super::master::{Master, count_items};
use super::status::status;
use super::wire;
use crate::key::Target;
use crate::request::{
    Answer, Call, Cursor, ListObjects, ObjectPage, Question, RemoveMany, RemovedPage,
};
use crate::v1;
use crate::v1::ErrorCode;

/// The keys of a page hold about so many bytes at most: they go into one entry of the log.
const KEYS: usize = 256 << 10;

/// A page of objects to remove.
pub(super) struct Removal {
    pub(super) header: Option<v1::RequestHeader>,
    pub(super) tenant: String,
    /// Which keys; `None` for all.
    pub(super) pattern: Option<Regex>,
    pub(super) force: bool,
    pub(super) cursor: Bytes,
}

impl Master {
    /// Finds the keys of a page as a listing does, and has them removed by one command of one item.
    ///
    /// Matching is done here, not on the thread that decides. The command is proposed even if nothing was found: asked again
    /// with the same header, the objects are gone and its session remembers how many they were.
    pub(super) async fn remove_page(
        &self,
        removal: Removal,
        deadline: BootInstant,
    ) -> Result<v1::RemovedPage, Status> {
        let asked = asked(removal.header.as_ref(), deadline)?;
        let prefix = Target::new(removal.tenant.as_bytes(), b"");
        prefix
            .check_prefix()
            .map_err(|refusal| Status::invalid_argument(refusal.message))?;
        let question = Question::ListObjects(ListObjects {
            prefix,
            from: start_of(&removal.cursor)?,
            limit: PAGE,
        });
        let answer = self.ask(question, deadline).await.map_err(|e| status(&e))?;
        let Answer::Objects(page) = answer else {
            return Err(Status::internal("an answer to another question"));
        };
        let tenant = removal.tenant.as_bytes();
        let found = self
            .searches()
            .matching(tenant, page, removal.pattern, deadline);
        let ObjectPage { objects, next } = found.await?;
        let found = objects.into_iter().map(|row| row.key).collect();
        let (targets, next) = first(&removal.tenant, found, next);
        let call = Call::RemoveMany(RemoveMany {
            targets,
            force: removal.force,
            next,
        });
        let outcomes = self.propose_piece(asked, 0..1, &|_| call.clone()).await;
        match wire::single(outcomes.map_err(|error| status(&error))?)? {
            Ok(reply) => RemovedPage::of_reply(&reply)
                .map(|page| told(&page))
                .ok_or_else(|| Status::internal("a reply to another request")),
            Err(refusal) => Ok(v1::RemovedPage {
                result: Some(wire::item(Err(refusal))),
                ..v1::RemovedPage::default()
            }),
        }
    }
}

/// As many of the keys as one entry takes, and where the next page begins then.
fn first(tenant: &str, keys: Vec<Vec<u8>>, next: Option<Cursor>) -> (Vec<Target>, Option<Cursor>) {
    let (mut targets, mut bytes) = (Vec::<Target>::with_capacity(keys.len()), 0);
    for key in keys {
        let target = Target::new(tenant.as_bytes(), &key);
        bytes += target.qualified().len();
        if bytes > KEYS
            && let Some(last) = targets.last()
        {
            let next = Cursor::after(last.bucket(), last.qualified().to_vec());
            return (targets, Some(next));
        }
        targets.push(target);
    }
    (targets, next)
}

fn told(page: &RemovedPage) -> v1::RemovedPage {
    let counts = [
        (ErrorCode::Ok, page.removed),
        (ErrorCode::ObjectHasLease, page.leased),
        (ErrorCode::ReplicaIsNotReady, page.processing),
    ];
    for (code, count) in counts {
        count_items("remove", code, count);
    }
    let skipped = counts.iter().skip(1).filter(|(_, count)| *count > 0);
    let skipped = skipped.map(|(reason, count)| v1::SkippedObjects {
        reason: *reason as i32,
        count: *count,
    });
    v1::RemovedPage {
        result: Some(v1::ItemResult::default()),
        removed: page.removed,
        skipped: skipped.collect(),
        done_permille: done_permille(page.next.as_ref()),
        next: Cursor::next_to_bytes(page.next.as_ref()).into(),
    }
}

/// Buckets hold about as many objects each.
fn done_permille(next: Option<&Cursor>) -> u32 {
    let done = next.map_or(Bucket::COUNT, |next| next.bucket().index());
    u32::try_from(done * 1000 / Bucket::COUNT).expect("at most 1000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_long_keys_ends_where_an_entry_does_and_goes_on_behind_its_last_key() {
        let keys = |count: u32| -> Vec<_> {
            let long = |n: u32| format!("{n:0>4000}").into_bytes();
            (0..count).map(long).collect()
        };
        let end = Cursor::of_bucket(Bucket::at(9));
        let (few, next) = first("t", keys(65), Some(end.clone()));
        assert_eq!((few.len(), next), (65, Some(end)));
        let (many, next) = first("t", keys(1000), None);
        assert_eq!(many.len(), 65);
        let last = many.last().unwrap();
        assert_eq!(
            next,
            Some(Cursor::after(last.bucket(), last.qualified().to_vec()))
        );
    }
}
