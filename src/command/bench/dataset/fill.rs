use std::borrow::Cow;

use indicatif::ProgressBar;
use standfast_core::{
    BatchBuilder, BatchEnd, Entry, EntryId, Epoch, MANIFEST_FORMAT, Machine, Manifest, Position,
    RequestId, Section, Seq, SnapshotId,
};
use standfast_metadata::{
    ClientId, Op, Place, Range, SegmentId, SegmentInfo, SegmentNumber, Start, Target, Traits,
};
use standfast_standby::Sources;

use crate::command::Failure;

/// Bytes of an object.
pub(in crate::command::bench) const SIZE: u64 = 4096;
/// Objects a batch.
const BATCH: u64 = 1024;
/// When all this happened: stamps never fall, and this is long ago.
const STAMP_MS: u64 = 1_700_000_000_000;

/// The key of the object with this number: 32 hex digits, spread as a hash would spread them.
pub(in crate::command::bench) fn key(number: u64) -> String {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        "{:016x}{mixed:016x}",
        mixed ^ mixed.rotate_left(31) ^ number
    )
}

/// Where it lies.
const fn offset_of(number: u64) -> u64 {
    number * SIZE
}

/// A state at genesis that holds so many objects.
pub(super) fn filled(
    sources: &Sources,
    client: ClientId,
    objects: u64,
    progress: &ProgressBar,
) -> Result<Machine, Failure> {
    let mut maker = Maker {
        machine: sources.genesis(),
        client,
    };
    maker.batch(0, |push| push(None, &mount()))?;
    for first in (0..objects).step_by(usize::try_from(BATCH)?) {
        let after = objects.min(first + BATCH);
        maker.batch(first + 1, |push| {
            for number in first..after {
                let target = Target::new(b"", key(number).as_bytes());
                let reserve = if number == first { after - first } else { 0 };
                push(Some(&target), &start(number, reserve))?;
                push(Some(&target), &Op::PutEnd { checksum: None })?;
            }
            Ok(())
        })?;
        progress.inc(after - first);
    }
    progress.finish_and_clear();
    // Reservations name the entries that made them, and these are in no log.
    let forget = Op::Retire {
        through: maker.machine.applied(),
        hold_ms: 0,
    };
    maker.batch(objects + 1, |push| push(None, &forget))?;
    at_genesis(sources, maker.machine)
}

fn mount() -> Op {
    Op::Mount {
        segment: SegmentInfo {
            id: SegmentId::random(),
            incarnation: 1,
            name: "bench".to_owned(),
            endpoint: "bench.invalid:1".to_owned(),
            base: 1 << 32,
            size: 1 << 50,
            protocol: "none".to_owned(),
        },
        reserved: 0,
    }
}

/// The put of an object, which reserves memory for so many.
fn start(number: u64, reserve: u64) -> Op {
    let segment = SegmentNumber(0);
    let range = Range {
        segment,
        offset: offset_of(number),
        length: offset_of(reserve),
    };
    Op::PutStart(Start {
        size: SIZE,
        hold_ms: 0,
        places: vec![Place {
            segment,
            offset: offset_of(number),
        }],
        reserve: (reserve > 0).then_some(range).into_iter().collect(),
        traits: Traits::default(),
    })
}

struct Maker {
    machine: Machine,
    client: ClientId,
}

impl Maker {
    /// Forms one batch and applies it.
    fn batch(
        &mut self,
        request: u64,
        form: impl FnOnce(
            &mut dyn FnMut(Option<&Target>, &Op) -> Result<(), Failure>,
        ) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let previous = self.machine.position();
        let mut builder = BatchBuilder::new(previous.seq.next());
        let mut item = 0;
        let client = self.client;
        form(&mut |target, op| {
            builder.push(&Entry {
                seq: builder.next_seq(),
                timestamp_ms: STAMP_MS,
                op_type: op.op_type(),
                id: EntryId {
                    session: client.session(),
                    request: RequestId(request + 1),
                    item,
                    answered: RequestId(request),
                },
                key: target.map_or(Cow::Borrowed(&[]), |target| target.qualified().into()),
                payload: op.encode().into(),
            })?;
            item += 1;
            Ok(())
        })?;
        let batch = builder.seal(&BatchEnd {
            epoch: Epoch(1),
            previous,
            committed: previous.seq,
            digest: None,
        })?;
        self.machine.apply_batch(&batch)?;
        Ok(())
    }
}

/// The same rows, in a state that stands at the beginning of a log.
fn at_genesis(sources: &Sources, mut machine: Machine) -> Result<Machine, Failure> {
    let captured = machine.capture()?;
    let mut sections = Vec::new();
    for section in Section::all() {
        let mut rows = Vec::new();
        machine.read_section(captured.id, section, &mut rows)?;
        sections.push((section, rows));
    }
    drop(machine);
    let mut restore = sources.genesis().begin_restore();
    for (section, rows) in sections {
        restore.load(section, &rows)?;
    }
    Ok(restore.finish(&Manifest {
        format: MANIFEST_FORMAT,
        cluster: captured.cluster,
        id: SnapshotId::new(Seq::ZERO, 0),
        position: Position::genesis(captured.cluster),
        producer: sources.candidate.node.clone(),
        created_ms: STAMP_MS,
        stamp_ms: STAMP_MS,
        digest: captured.digest,
        versions: captured.versions,
        parts: Vec::new(),
        base: None,
        layers: Vec::new(),
    })?)
}
