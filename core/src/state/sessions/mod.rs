mod codec;
mod session;

use std::collections::BTreeSet;

use crate::batch::EntryId;
use crate::error::Result;
use crate::state::{CapturedMap, Portion, Reply};
use crate::words::{Bucket, Digest, Fingerprint, RequestId, Seq, SessionId};

use self::session::Session;

/// How many requests of a session are remembered at most.
pub const SESSION_WINDOW: u64 = 256;

/// What a session knows of a request item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recall {
    /// Never seen: decide it.
    New,
    /// Done already, by the entry `seq` or before: answer the same, when that is committed.
    Remembered {
        /// The answer.
        reply: Reply,
        /// What it waits for.
        seq: Seq,
    },
    /// Below the window: not executed, and never will be.
    TooOld,
}

/// The answers that clients may ask for again.
///
/// Per session the answers of requests above the client's own "answered up to" mark, of at most the last
/// [`SESSION_WINDOW`] requests. Part of the digest and of snapshots.
#[derive(Debug)]
pub struct Sessions {
    cluster: Fingerprint,
    map: CapturedMap<SessionId, Session>,
    digest: Digest,
    /// While they are loaded: those that a later snapshot knows to be gone.
    gone: BTreeSet<SessionId>,
    /// Whose answer was kept last, and its bucket: the items of a request are entries one behind the other.
    last: (SessionId, Bucket),
}

fn bucket(session: SessionId) -> Bucket {
    Bucket::of_key(&session.0.to_le_bytes())
}

impl Sessions {
    /// No session.
    pub fn new(cluster: Fingerprint) -> Self {
        Self {
            cluster,
            map: CapturedMap::new(),
            digest: Digest::default(),
            gone: BTreeSet::new(),
            last: (SessionId::NONE, Bucket::at(0)),
        }
    }

    /// Number of sessions.
    pub const fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Digest over all sessions.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// What is known of an item of a request.
    pub fn recall(&self, session: SessionId, request: RequestId, item: u32) -> Recall {
        if session == SessionId::NONE {
            return Recall::New;
        }
        self.map
            .get(bucket(session), &session)
            .map_or(Recall::New, |s| s.recall(request, item))
    }

    /// Keeps the answer of an entry. Of several entries of one item the last one's counts.
    pub(super) fn remember(&mut self, id: &EntryId, seq: Seq, reply: Reply) {
        if id.session == SessionId::NONE {
            return;
        }
        if id.session != self.last.0 {
            self.last = (id.session, bucket(id.session));
        }
        let (_, at) = self.last;
        if self.map.get(at, &id.session).is_none() {
            self.map.insert(at, id.session, Session::new());
        }
        if let Some(session) = self.map.get_mut(at, &id.session) {
            let mut change = session::Change::new(self.cluster, id.session);
            session.remember(id, seq, reply, &mut change);
            self.digest = self.digest.with(change.sum());
        }
    }

    /// Forgets a session.
    pub(super) fn end(&mut self, session: SessionId) {
        if let Some(gone) = self.map.remove(bucket(session), &session) {
            self.digest = self.digest.without(gone.digest(self.cluster, session));
        }
    }

    pub(super) fn capture(&mut self) {
        self.map.capture();
    }

    pub(super) fn end_capture(&mut self) {
        self.map.end_capture();
    }

    pub(super) fn read_some(&mut self, at: Bucket, most: usize, out: &mut Vec<u8>) -> Portion {
        let mut rows = 0;
        let more = self.map.read_some(at, most, |id, session| {
            codec::write(*id, session, out);
            rows += 1;
        });
        Portion { rows, more }
    }

    pub(super) fn rebase(&mut self) {
        self.map.rebase();
    }

    /// Appends the sessions that changed, and those that ended as such.
    pub(super) fn read_changes(&mut self, at: Bucket, out: &mut Vec<u8>) -> Option<u64> {
        self.map.changed()?;
        let (mut rows, mut gone) = (Vec::new(), Vec::new());
        let mut changed = 0;
        self.map.read_changes(at, |id, session| {
            changed += 1;
            match session {
                Some(session) => codec::write(*id, session, &mut rows),
                None => gone.push(*id),
            }
        });
        if changed > 0 {
            codec::write_gone(&gone, out);
            out.extend_from_slice(&rows);
        }
        Some(changed)
    }

    /// Adds what [`Self::read_changes`] appended, if nothing later is known of it.
    pub(super) fn load_changes(&mut self, mut changes: &[u8]) -> Result<()> {
        self.gone.extend(codec::read_gone(&mut changes)?);
        self.load(changes)
    }

    /// All are loaded.
    pub(super) fn loaded(&mut self) {
        self.gone = BTreeSet::new();
    }

    pub(super) fn digest_rows(cluster: Fingerprint, rows: &[u8]) -> Result<Digest> {
        let mut sum = Digest::default();
        Self::digest_each(cluster, rows, &mut |_, digest| sum = sum.with(digest))?;
        Ok(sum)
    }

    /// Gives the id of every session, as its bytes, and its digest.
    pub(super) fn digest_each(
        cluster: Fingerprint,
        mut rows: &[u8],
        each: &mut dyn FnMut(&[u8], Digest),
    ) -> Result<()> {
        while !rows.is_empty() {
            let (id, session) = codec::read(&mut rows)?;
            each(&id.0.to_le_bytes(), session.digest(cluster, id));
        }
        Ok(())
    }

    /// The same for what [`Self::read_changes`] appended; `None` for a session that ended.
    pub(super) fn digest_changes(
        cluster: Fingerprint,
        mut changes: &[u8],
        each: &mut dyn FnMut(&[u8], Option<Digest>),
    ) -> Result<()> {
        for gone in codec::read_gone(&mut changes)? {
            each(&gone.0.to_le_bytes(), None);
        }
        Self::digest_each(cluster, changes, &mut |id, digest| each(id, Some(digest)))
    }

    pub(super) fn load(&mut self, mut rows: &[u8]) -> Result<()> {
        while !rows.is_empty() {
            let (id, session) = codec::read(&mut rows)?;
            if self.gone.contains(&id) || self.map.get(bucket(id), &id).is_some() {
                continue;
            }
            self.digest = self.digest.with(session.digest(self.cluster, id));
            self.map.insert(bucket(id), id, session);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
