use std::time::Duration;

use crate::batch::{Batch, BatchBuilder, BatchEnd, Entry, EntryId};
use crate::clock::Clock;
use crate::snapshot::{MANIFEST_COMPLETE, Manifest, SnapshotId};
use crate::state::{Command, Considered, Machine, Op, Refusal, Reply, Service};
use crate::words::{ClusterId, Digest, Epoch, Fingerprint, NodeId, Section};

/// Passes between two commands.
const PAUSE: Duration = Duration::from_millis(70);

/// One instance of the service.
pub(super) struct Trial {
    /// For people.
    name: &'static str,
    machine: Machine,
    clock: Clock,
    /// Why the last command was refused that was.
    refused: Option<Refusal>,
}

/// What the primary logged in one batch, and what became of it there.
pub(super) struct Step {
    batch: Batch,
    replies: Vec<Reply>,
    digest: Digest,
    rows: u64,
}

impl Trial {
    pub(super) fn new(name: &'static str, service: Box<dyn Service>) -> Self {
        let id = ClusterId::new("trial").expect("a good name");
        let cluster = Fingerprint::draw(&id, [0; 16]);
        let clock = Clock::manual();
        let mut machine = Machine::genesis(cluster, service, clock.clone());
        machine.term_begins();
        Self {
            name,
            machine,
            clock,
            refused: None,
        }
    }

    /// Decides and applies the items of a command, then the upkeep that is due; a batch each.
    pub(super) fn run(&mut self, command: &Command) -> Vec<Step> {
        let header = command.header;
        let mut steps = Vec::new();
        for item in 0..command.items {
            let now_ms = self.machine.now_ms();
            match self.machine.consider(command, item, now_ms) {
                Considered::Decided { decision, .. } => {
                    let id = EntryId {
                        session: header.session,
                        request: header.request,
                        item: header.first_item + item,
                        answered: header.answered,
                    };
                    steps.extend(self.log(decision.ops, id, now_ms));
                }
                Considered::Refused { refusal, .. } => self.refused = Some(refusal),
                Considered::Remembered { .. } | Considered::TooOld => {}
            }
        }
        self.clock.advance(PAUSE);
        let now_ms = self.machine.now_ms();
        let upkeep = self.machine.upkeep(now_ms);
        steps.extend(self.log(upkeep, EntryId::default(), now_ms));
        steps
    }

    /// Why the last command was refused that was.
    pub(super) const fn refused(&self) -> Option<&Refusal> {
        self.refused.as_ref()
    }

    fn log(&mut self, ops: Vec<Op>, id: EntryId, timestamp_ms: u64) -> Option<Step> {
        let mut batch = BatchBuilder::new(self.machine.applied().next());
        let mut replies = Vec::new();
        for op in ops {
            let entry = Entry {
                seq: batch.next_seq(),
                timestamp_ms,
                op_type: op.op_type,
                id,
                key: op.key.into(),
                payload: op.payload.into(),
            };
            batch
                .push(&entry)
                .expect("an operation is within the limits");
            replies.push(self.apply(&entry));
        }
        if batch.is_empty() {
            return None;
        }
        let previous = self.machine.position();
        let end = BatchEnd {
            epoch: Epoch(1),
            previous,
            committed: previous.seq,
            digest: None,
        };
        let batch = batch.seal(&end).expect("it has entries");
        self.machine.batch_ends(&batch);
        Some(Step {
            batch,
            replies,
            digest: self.machine.digest(),
            rows: self.machine.rows(),
        })
    }

    fn apply(&mut self, entry: &Entry<'_>) -> Reply {
        let applied = self.machine.apply(entry);
        applied.expect("what was decided can be applied")
    }

    /// Applies what the primary logged, and compares.
    pub(super) fn follow(&mut self, step: &Step) {
        let mut replies = Vec::new();
        for entry in step.batch.entries() {
            let entry = entry.expect("it was sealed here");
            // An instance's own clock must not matter.
            self.clock.advance(PAUSE * 1000);
            replies.push(self.apply(&entry));
        }
        self.machine.batch_ends(&step.batch);
        let name = self.name;
        let (first, last) = (step.batch.first(), step.batch.last());
        assert_eq!(
            replies, step.replies,
            "{name} replied (left) to entries {first} to {last} other than the primary (right) did"
        );
        assert_eq!(
            (self.machine.digest(), self.machine.rows()),
            (step.digest, step.rows),
            "digest and rows of {name} (left) differ from the primary's (right) after entries {first} to {last}"
        );
    }

    /// Another instance, made of this one's rows.
    pub(super) fn restored(&mut self, name: &'static str) -> Self {
        let captured = self.machine.capture().expect("no other is in progress");
        let manifest = Manifest {
            format: MANIFEST_COMPLETE,
            cluster: captured.cluster,
            id: SnapshotId::new(captured.position.seq, 0),
            position: captured.position,
            producer: NodeId::new("trial").expect("a good name"),
            created_ms: 0,
            stamp_ms: captured.stamp_ms,
            digest: captured.digest,
            versions: captured.versions,
            parts: Vec::new(),
            base: None,
            layers: Vec::new(),
        };
        let mut sections = Vec::new();
        for section in Section::all() {
            let mut rows = Vec::new();
            let mut read = || {
                let read = self.machine.read_some(captured.id, section, 3, &mut rows);
                read.expect("the capture is in progress")
            };
            while read().more {}
            sections.push((section, rows));
        }
        self.machine.end_capture(captured.id);
        let mut shadow = self.machine.begin_restore();
        let sections: Vec<_> = sections
            .iter()
            .map(|(section, rows)| (*section, &**rows))
            .collect();
        let loaded = shadow.load_all(&sections);
        loaded.expect("rows that were captured can be loaded");
        let restored = shadow.finish(&manifest);
        Self {
            name,
            machine: restored.expect("the rows of a capture restore to its digest"),
            clock: self.clock.clone(),
            refused: None,
        }
    }
}
