use std::collections::{BTreeMap, BTreeSet};

use standfast_core::{Bucket, CapturedMap, Digest, DigestTable, Fingerprint, Section, Seq};

use super::global_row::{Counters, Held};
use super::object::{Object, Progress};
use super::object_row;
use super::segment::{Client, Dismissed, Segment, SegmentStatus};
use super::tenants::{Tenants, Usage};
use super::transfer::UnderWay;
use crate::key::{ObjectKey, Target};
use crate::names::{ClientId, SegmentId, SegmentNumber};

/// Everything that is in the digest, and what follows from it.
///
/// A replica lies in a segment by number. A segment that is unmounted is gone from `segments` at once, and with it
/// every replica in it: a replica whose number is not there does not exist, and an object without any other
/// is absent for every rule that asks. The rows of such objects are dropped later, bucket by bucket
/// ([`crate::Op::Sweep`]), because finding them in the entry that unmounts would stop the thread that decides
/// for seconds, and an index by segment would cost each of millions of objects some 30 bytes.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(super) cluster: Fingerprint,
    pub(super) digest: DigestTable,
    pub(super) objects: CapturedMap<ObjectKey, Object>,
    pub(super) clients: BTreeMap<ClientId, Client>,
    pub(super) segments: BTreeMap<SegmentNumber, Segment>,
    /// Their numbers, for picking one by index.
    pub(super) numbers: Vec<SegmentNumber>,
    pub(super) by_id: BTreeMap<SegmentId, SegmentNumber>,
    pub(super) dismissed: BTreeMap<SegmentId, Dismissed>,
    /// Incarnations whose memory may still be in use, each until when.
    pub(super) forgotten: BTreeMap<(SegmentId, u64), u64>,
    /// Copies and moves under way.
    pub(super) transfers: BTreeMap<ObjectKey, UnderWay>,
    pub(super) held: BTreeSet<Held>,
    pub(super) counters: Counters,
    pub(super) tenants: Tenants,
    /// Puts that are under way, the oldest first: follows from the objects.
    pub(super) processing: BTreeSet<(u64, ObjectKey)>,
    pub(super) marks: Marks,
    pub(super) row: Vec<u8>,
}

/// Which entries answers depend on, more exactly than by section. Zero after a restore: whatever came from a
/// snapshot is committed.
#[derive(Debug)]
pub(super) struct Marks {
    /// Last entry after which a key of the bucket was absent.
    pub(super) removed: Vec<Seq>,
    /// Last entry that changed which segments and clients there are.
    pub(super) membership: Seq,
    /// Last entry applied.
    pub(super) applied: Seq,
    /// The key that was decided on last, and its bucket: it is the next to be applied.
    pub(super) hint: (Vec<u8>, Bucket),
}

impl Tables {
    pub(crate) fn new(cluster: Fingerprint) -> Self {
        Self {
            cluster,
            digest: DigestTable::new(),
            objects: CapturedMap::new(),
            clients: BTreeMap::new(),
            segments: BTreeMap::new(),
            numbers: Vec::new(),
            by_id: BTreeMap::new(),
            dismissed: BTreeMap::new(),
            forgotten: BTreeMap::new(),
            transfers: BTreeMap::new(),
            held: BTreeSet::new(),
            counters: Counters::default(),
            tenants: Tenants::default(),
            processing: BTreeSet::new(),
            marks: Marks {
                removed: vec![Seq::ZERO; Bucket::COUNT],
                membership: Seq::ZERO,
                applied: Seq::ZERO,
                hint: (Vec::new(), Bucket::at(0)),
            },
            row: Vec::new(),
        }
    }

    pub(crate) const fn cluster(&self) -> Fingerprint {
        self.cluster
    }

    pub(crate) const fn digest(&self) -> Digest {
        self.digest.total()
    }

    pub(crate) fn section_digest(&self, section: Section) -> Digest {
        self.digest.section(section)
    }

    /// Number of rows of all kinds.
    pub(crate) fn rows(&self) -> u64 {
        let of_segment = |segment: &Segment| {
            let status = usize::from(segment.status != SegmentStatus::Mounted);
            segment.space.reservations().count() + status
        };
        let of_segments: usize = self.segments.values().map(of_segment).sum();
        let counters = usize::from(self.counters != Counters::default());
        (self.objects.len()
            + self.clients.len()
            + self.segments.len()
            + self.dismissed.len()
            + self.forgotten.len()
            + self.transfers.len()
            + self.held.len()
            + of_segments
            + self.tenants.rows().count()
            + counters) as u64
    }

    pub(crate) fn objects(&self) -> usize {
        self.objects.len()
    }

    pub(crate) fn object(&self, bucket: Bucket, key: &ObjectKey) -> Option<&Object> {
        self.objects.get(bucket, key)
    }

    /// The objects of a bucket, in no order.
    pub(crate) fn bucket(&self, bucket: Bucket) -> impl Iterator<Item = (&ObjectKey, &Object)> {
        self.objects.iter(bucket)
    }

    pub(crate) fn object_soft(&mut self, bucket: Bucket, key: &ObjectKey) -> Option<&mut Object> {
        self.objects.get_soft(bucket, key)
    }

    /// Whether any replica of an object lies in a mounted segment.
    pub(crate) fn is_there(&self, object: &Object) -> bool {
        let mut replicas = object.replicas.iter();
        replicas.any(|place| self.segments.contains_key(&place.segment))
    }

    pub(crate) fn client(&self, id: ClientId) -> Option<Client> {
        self.clients.get(&id).copied()
    }

    pub(crate) const fn clients(&self) -> &BTreeMap<ClientId, Client> {
        &self.clients
    }

    pub(crate) const fn segments(&self) -> &BTreeMap<SegmentNumber, Segment> {
        &self.segments
    }

    /// The numbers of the mounted segments, in order.
    pub(crate) fn numbers(&self) -> &[SegmentNumber] {
        &self.numbers
    }

    pub(crate) fn segment_by_id(&self, id: SegmentId) -> Option<&Segment> {
        self.segments.get(self.by_id.get(&id)?)
    }

    /// What an operator took back from a client that lives.
    pub(crate) fn dismissed(&self, id: SegmentId) -> Option<Dismissed> {
        self.dismissed.get(&id).copied()
    }

    /// When the first range that is held back may be released, or the first forgotten incarnation dropped.
    pub(crate) fn held_until(&self) -> Option<u64> {
        let held = self.held.first().map(|held| held.until_ms);
        let forgotten = self.forgotten.values().copied().min();
        held.into_iter().chain(forgotten).min()
    }

    pub(crate) const fn counters(&self) -> Counters {
        self.counters
    }

    /// Puts under way since `before_ms` or earlier, the oldest first.
    pub(crate) fn processing_since(
        &self,
        before_ms: u64,
    ) -> impl Iterator<Item = &ObjectKey> + use<'_> {
        self.processing
            .iter()
            .take_while(move |(since, _)| *since <= before_ms)
            .map(|(_, key)| key)
            .filter(|key| {
                let bucket = Bucket::of_key(&key.qualified());
                self.object(bucket, key)
                    .is_some_and(|object| self.is_there(object))
            })
    }

    /// The last entry after which a key of the bucket was absent.
    pub(crate) fn removed(&self, bucket: Bucket) -> Seq {
        let removed = self.marks.removed.get(bucket.index());
        removed.copied().unwrap_or(self.marks.applied)
    }

    /// The last entry that changed which segments and clients there are.
    pub(crate) const fn membership(&self) -> Seq {
        self.marks.membership
    }

    /// The last entry applied.
    pub(crate) const fn applied(&self) -> Seq {
        self.marks.applied
    }

    /// Remembers the bucket of a key that is about to be applied.
    pub(crate) fn hint(&mut self, target: &Target) {
        let (key, bucket) = &mut self.marks.hint;
        key.clear();
        key.extend_from_slice(target.qualified());
        *bucket = target.bucket();
    }

    pub(crate) fn capture(&mut self) {
        self.objects.capture();
    }

    /// Gives objects of a bucket as they were when the capture began, at most `most`; whether there may be more.
    pub(crate) fn read_some(
        &mut self,
        bucket: Bucket,
        most: usize,
        each: impl FnMut(&ObjectKey, &Object),
    ) -> bool {
        self.objects.read_some(bucket, most, each)
    }

    pub(crate) fn end_capture(&mut self) {
        self.objects.end_capture();
    }

    pub(super) fn bucket_of(&self, qualified: &[u8]) -> Bucket {
        let (key, bucket) = &self.marks.hint;
        if key == qualified {
            return *bucket;
        }
        Bucket::of_key(qualified)
    }

    /// Sets an object's row.
    pub(super) fn insert_object(&mut self, bucket: Bucket, key: ObjectKey, object: Object) {
        if let Progress::Processing(since) = object.progress {
            self.processing.insert((since, key.clone()));
        }
        self.tenants.add(key.tenant(), Usage::of(&object));
        let section = Section::of_bucket(bucket);
        let new = self.hash(&key, &object);
        self.digest.add(section, new);
        if let Some(old) = self.objects.insert(bucket, key, object) {
            // Whoever replaces a row has removed the old one before.
            debug_assert!(false, "{old:?} was replaced in place");
        }
    }

    /// Drops an object's row.
    pub(super) fn remove_object(&mut self, bucket: Bucket, key: &ObjectKey) -> Option<Object> {
        let old = self.objects.remove(bucket, key)?;
        if let Progress::Processing(since) = old.progress {
            self.processing.remove(&(since, key.clone()));
        }
        self.tenants
            .subtract(key.tenant(), Usage::of(&old), self.marks.applied);
        let hash = self.hash(key, &old);
        self.digest.remove(Section::of_bucket(bucket), hash);
        if let Some(removed) = self.marks.removed.get_mut(bucket.index()) {
            *removed = self.marks.applied;
        }
        Some(old)
    }

    /// Changes an object's row.
    pub(super) fn change_object(
        &mut self,
        bucket: Bucket,
        key: &ObjectKey,
        change: impl FnOnce(&mut Object),
    ) {
        let (cluster, row) = (self.cluster, &mut self.row);
        let Some(object) = self.objects.get_mut(bucket, key) else {
            return;
        };
        if let Progress::Processing(since) = object.progress {
            self.processing.remove(&(since, key.clone()));
        }
        let (old, used) = (hash(cluster, row, key, object), Usage::of(object));
        change(object);
        let (new, uses) = (hash(cluster, row, key, object), Usage::of(object));
        if let Progress::Processing(since) = object.progress {
            self.processing.insert((since, key.clone()));
        }
        if uses != used {
            self.tenants.add(key.tenant(), uses);
            self.tenants
                .subtract(key.tenant(), used, self.marks.applied);
        }
        self.digest.replace(Section::of_bucket(bucket), old, new);
    }

    fn hash(&mut self, key: &ObjectKey, object: &Object) -> Digest {
        hash(self.cluster, &mut self.row, key, object)
    }
}

fn hash(cluster: Fingerprint, row: &mut Vec<u8>, key: &ObjectKey, object: &Object) -> Digest {
    row.clear();
    object_row::write(key, object, row);
    Digest::of_row(cluster, row)
}
