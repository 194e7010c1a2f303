use std::any::Any;
use std::cell::RefCell;
use std::collections::HashSet;

use serde::de::DeserializeOwned;

use super::rows::{bucket_of, encode, row_bytes, row_digest};
use super::{Application, Rows, RowsMut};
use crate::batch::{Entry, OpType, Versions};
use crate::error::{Error, ErrorKind, Result};
use crate::state::{
    ApplyContext, CaptureId, CapturedMap, Command, DecideContext, Decision, DigestTable,
    EachChange, Op, Refusal, Reply, Service, ShadowState, StateMachine,
};
use crate::words::{Bucket, Digest, Fingerprint, Section};

/// A [`Service`] made of an [`Application`]. Rows, keys and operations are encoded with postcard.
#[derive(Debug)]
pub struct Typed<A: Application> {
    application: fn() -> A,
    logic: A,
    cluster: Option<Fingerprint>,
    map: CapturedMap<A::Key, A::Row>,
    digests: DigestTable,
    captures: u64,
    /// While it is restored from changes: the keys known to be gone.
    gone: Option<HashSet<A::Key>>,
}

/// The keys that went and the rows that changed in a section.
type ChangedRows<A> = (
    Vec<<A as Application>::Key>,
    Vec<(<A as Application>::Key, <A as Application>::Row)>,
);

impl<A: Application> Typed<A> {
    /// An empty state of the application that `application` makes.
    pub fn new(application: fn() -> A) -> Self {
        Self {
            logic: application(),
            application,
            cluster: None,
            map: CapturedMap::new(),
            digests: DigestTable::new(),
            captures: 0,
            gone: None,
        }
    }

    /// Adds a row that comes from a snapshot, unless something later is known of its key.
    fn load_row(&mut self, section: Section, key: A::Key, row: A::Row) -> Result<()> {
        let Some(cluster) = self.cluster else {
            return Ok(());
        };
        let bucket = bucket_in::<A>(section, &key)?;
        if let Some(gone) = &self.gone
            && (gone.contains(&key) || self.map.get(bucket, &key).is_some())
        {
            return Ok(());
        }
        self.digests
            .add(section, row_digest::<A>(cluster, &key, &row));
        self.map.insert(bucket, key, row);
        Ok(())
    }

    /// Reads a reply that came back from a proposal.
    ///
    /// # Errors
    /// `Corrupt` when it is not one of this application's.
    pub fn read_reply(reply: &Reply) -> Result<A::Reply> {
        decode(&reply.0, "reply")
    }
}

fn decode<T: DeserializeOwned>(bytes: &[u8], what: &'static str) -> Result<T> {
    postcard::from_bytes(bytes).map_err(|source| {
        Error::new(ErrorKind::Corrupt, "decode")
            .context(format!("not a {what}"))
            .source(source)
    })
}

/// The bucket of a key, which is that of the section it was found in.
fn bucket_in<A: Application>(section: Section, key: &A::Key) -> Result<Bucket> {
    let bucket = bucket_of(key);
    if Section::of_bucket(bucket) == section {
        return Ok(bucket);
    }
    Err(Error::new(ErrorKind::Corrupt, "restore")
        .context(format!("row {key:?} lies in section {}", section.number())))
}

impl<A: Application> StateMachine for Typed<A> {
    fn apply(&mut self, context: &mut ApplyContext<'_>, entry: &Entry<'_>) -> Result<Reply> {
        let key: A::Key = decode(&entry.key, "key")?;
        let op: A::Op = decode(&entry.payload, "operation")?;
        let now_ms = context.now_ms();
        let mut rows = RowsMut {
            map: &mut self.map,
            digests: &mut self.digests,
            context,
        };
        Ok(Reply(encode(&A::apply(&mut rows, now_ms, key, op))))
    }

    fn digest(&self) -> Digest {
        self.digests.total()
    }

    fn section_digest(&self, section: Section) -> Digest {
        self.digests.section(section)
    }

    fn rows(&self) -> u64 {
        self.map.len() as u64
    }

    fn capture(&mut self) -> CaptureId {
        self.map.capture();
        self.captures += 1;
        CaptureId(self.captures)
    }

    fn read_section(&mut self, _capture: CaptureId, section: Section, out: &mut Vec<u8>) -> u64 {
        let Some(bucket) = section.bucket() else {
            return 0;
        };
        let mut rows = Vec::new();
        self.map
            .read(bucket, |key, row| rows.push((key.clone(), row.clone())));
        if !rows.is_empty() {
            out.extend_from_slice(&encode(&rows));
        }
        rows.len() as u64
    }

    fn changed(&self) -> Option<u64> {
        self.map.changed().map(|keys| keys as u64)
    }

    fn read_changes(
        &mut self,
        _capture: CaptureId,
        section: Section,
        out: &mut Vec<u8>,
    ) -> Option<u64> {
        let (mut gone, mut rows) = (Vec::new(), Vec::new());
        self.map
            .read_changes(section.bucket()?, |key, row| match row {
                Some(row) => rows.push((key.clone(), row.clone())),
                None => gone.push(key.clone()),
            });
        let changed = (gone.len() + rows.len()) as u64;
        if changed > 0 {
            let changes: ChangedRows<A> = (gone, rows);
            out.extend_from_slice(&encode(&changes));
        }
        Some(changed)
    }

    fn rebase(&mut self, _capture: CaptureId) {
        self.map.rebase();
    }

    fn end_capture(&mut self, _capture: CaptureId) {
        self.map.end_capture();
    }

    fn begin_restore(&self) -> Box<dyn ShadowState> {
        let mut empty = Self::new(self.application);
        empty.cluster = self.cluster;
        Box::new(empty)
    }

    fn versions(&self) -> Versions {
        A::VERSIONS
    }
}

impl<A: Application> ShadowState for Typed<A> {
    fn load(&mut self, section: Section, rows: &[u8]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        for (key, row) in decode::<Vec<(A::Key, A::Row)>>(rows, "section of rows")? {
            self.load_row(section, key, row)?;
        }
        Ok(())
    }

    fn load_changes(&mut self, section: Section, changes: &[u8]) -> Result<()> {
        let (gone, rows) = decode::<ChangedRows<A>>(changes, "section of changes")?;
        self.gone.get_or_insert_default().extend(gone);
        for (key, row) in rows {
            self.load_row(section, key, row)?;
        }
        Ok(())
    }

    fn digest_rows(&self, section: Section, rows: &[u8]) -> Result<Option<Digest>> {
        let Some(cluster) = self.cluster else {
            return Ok(None);
        };
        let mut sum = Digest::default();
        if !rows.is_empty() {
            self.each_row(section, rows, &mut |_, row| {
                sum = sum.with(Digest::of_row(cluster, row));
            })?;
        }
        Ok(Some(sum))
    }

    fn each_row(
        &self,
        section: Section,
        rows: &[u8],
        each: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<bool> {
        for (key, row) in decode::<Vec<(A::Key, A::Row)>>(rows, "section of rows")? {
            bucket_in::<A>(section, &key)?;
            each(&encode(&key), &row_bytes::<A>(&key, &row));
        }
        Ok(true)
    }

    fn each_change(
        &self,
        _section: Section,
        changes: &[u8],
        each: &mut EachChange<'_>,
    ) -> Result<bool> {
        let (gone, rows) = decode::<ChangedRows<A>>(changes, "section of changes")?;
        for key in gone {
            each(&encode(&key), None);
        }
        for (key, row) in rows {
            each(&encode(&key), Some(&row_bytes::<A>(&key, &row)));
        }
        Ok(true)
    }

    fn finish(mut self: Box<Self>) -> Result<Box<dyn Service>> {
        self.gone = None;
        Ok(self)
    }
}

impl<A: Application> Service for Typed<A> {
    fn open(&mut self, cluster: Fingerprint) {
        self.cluster = Some(cluster);
    }

    /// Every item is decided on the same body: a request of several commands is several requests.
    fn decide(
        &mut self,
        context: &mut DecideContext<'_>,
        command: &Command,
        _item: u32,
    ) -> Result<Decision, Refusal> {
        let Some(body) = command.body.downcast_ref::<A::Command>() else {
            return Err(Refusal {
                code: u32::MAX,
                message: "not a command of this service".into(),
            });
        };
        let now_ms = context.now_ms();
        let rows = Rows {
            map: &self.map,
            context: RefCell::new(context.fork()),
        };
        let decided = self.logic.decide(&rows, now_ms, body);
        let looked = rows.context.into_inner();
        context.join(&looked);
        let change = decided?;
        let ops = change.ops.iter().map(|(key, op)| Op {
            op_type: OpType::FIRST_OF_SERVICE,
            key: encode(key),
            payload: encode(op),
        });
        Ok(Decision {
            ops: ops.collect(),
            answer: change.answer,
            unchanged: change
                .unchanged
                .map_or_else(Reply::default, |reply| Reply(encode(&reply))),
        })
    }

    fn query(
        &mut self,
        context: &mut DecideContext<'_>,
        question: &(dyn Any + Send + Sync),
    ) -> Box<dyn Any + Send> {
        let now_ms = context.now_ms();
        let rows = Rows {
            map: &self.map,
            context: RefCell::new(context.fork()),
        };
        let answer = question
            .downcast_ref::<A::Query>()
            .map(|query| self.logic.query(&rows, now_ms, query));
        let looked = rows.context.into_inner();
        context.join(&looked);
        Box::new(answer)
    }

    fn upkeep(&mut self, _context: &mut DecideContext<'_>) -> Vec<Op> {
        Vec::new()
    }

    fn term_begins(&mut self, _now_ms: u64) {}
}
