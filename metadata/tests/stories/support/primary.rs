use std::borrow::Cow;
use std::time::Duration;

use standfast_core::{
    AnswerWhen, Batch, BatchBuilder, BatchEnd, Clock, ClusterId, Command, Considered, Digest,
    Entry, EntryId, Epoch, Fingerprint, Machine, Outcome, Reply, RequestHeader, RequestId, Section,
    Seq,
};
use standfast_metadata::{
    Answer, Call, ClientId, MetadataConfig, MetadataService, Placement, Question, SegmentInfo,
};

use super::key;

/// What became of an item, and what its answer waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) outcome: Outcome,
    pub(crate) waits_for: Seq,
}

/// A primary without a store: what it seals is committed, what it has not sealed is lost with it.
#[derive(Debug)]
pub(crate) struct Primary {
    pub(crate) machine: Machine,
    pub(crate) clock: Clock,
    pub(crate) epoch: Epoch,
    pub(crate) log: Vec<Batch>,
    open: BatchBuilder,
}

/// A client as the primary sees it.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) id: ClientId,
    pub(crate) request: u64,
}

impl Caller {
    pub(crate) const fn new(id: u128) -> Self {
        Self {
            id: ClientId(id),
            request: 0,
        }
    }

    /// The header of the next request; all before it are answered.
    pub(crate) fn next(&mut self) -> RequestHeader {
        self.request += 1;
        self.header()
    }

    /// The header of the last request once more.
    pub(crate) const fn header(&self) -> RequestHeader {
        RequestHeader {
            session: self.id.session(),
            request: RequestId(self.request),
            answered: RequestId(self.request - 1),
            first_item: 0,
        }
    }
}

pub(crate) fn cluster() -> Fingerprint {
    Fingerprint::draw(&ClusterId::new("stories").unwrap(), [7; 16])
}

impl Primary {
    pub(crate) fn new() -> Self {
        Self::with(MetadataConfig::default())
    }

    pub(crate) fn with(config: MetadataConfig) -> Self {
        let clock = Clock::manual();
        let machine = Self::follower(config, &clock);
        Self::lead(machine, clock, Epoch(1), Vec::new())
    }

    pub(crate) fn follower(config: MetadataConfig, clock: &Clock) -> Machine {
        let service = Box::new(MetadataService::new(config));
        Machine::genesis(cluster(), service, clock.clone())
    }

    fn lead(mut machine: Machine, clock: Clock, epoch: Epoch, log: Vec<Batch>) -> Self {
        machine.term_begins();
        Self {
            open: BatchBuilder::new(machine.applied().next()),
            machine,
            clock,
            epoch,
            log,
        }
    }

    /// A follower that has applied everything committed leads from here on; what this one had not sealed is lost.
    pub(crate) fn fail_over(self) -> Self {
        let mut machine = Self::follower(MetadataConfig::default(), &self.clock);
        for batch in &self.log {
            machine.apply_batch(batch).expect("follows");
        }
        Self::lead(machine, self.clock, self.epoch.next(), self.log)
    }

    /// As [`Self::fail_over`], in place.
    pub(crate) fn change_leader(&mut self) {
        let old = std::mem::replace(self, Self::new());
        *self = old.fail_over();
    }

    /// A machine that was made elsewhere leads from here on.
    pub(crate) fn continue_with(self, machine: Machine) -> Self {
        Self::lead(machine, self.clock, self.epoch.next(), self.log)
    }

    pub(crate) fn pass(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
    }

    /// Decides and applies all items of a command.
    pub(crate) fn propose(&mut self, command: &Command) -> Vec<Answered> {
        let items = 0..command.items;
        items.map(|item| self.item(command, item)).collect()
    }

    fn item(&mut self, command: &Command, item: u32) -> Answered {
        let now_ms = self.machine.now_ms();
        let header = command.header;
        match self.machine.consider(command, item, now_ms) {
            Considered::Decided { decision, looked } => {
                let mut reply = decision.unchanged.clone();
                for op in &decision.ops {
                    let id = EntryId {
                        session: header.session,
                        request: header.request,
                        item: header.first_item + item,
                        answered: header.answered,
                    };
                    reply = self.log(op, id, now_ms);
                }
                let committed = decision.answer == AnswerWhen::Committed;
                Answered {
                    outcome: Ok(reply),
                    waits_for: if committed && !decision.ops.is_empty() {
                        self.machine.applied()
                    } else {
                        looked
                    },
                }
            }
            Considered::Remembered { reply, seq } => Answered {
                outcome: Ok(reply),
                waits_for: seq,
            },
            Considered::Refused { refusal, looked } => Answered {
                outcome: Err(refusal),
                waits_for: looked,
            },
            Considered::TooOld => panic!("below the session's window"),
        }
    }

    fn log(&mut self, op: &standfast_core::Op, id: EntryId, now_ms: u64) -> Reply {
        let entry = Entry {
            seq: self.machine.applied().next(),
            timestamp_ms: now_ms,
            op_type: op.op_type,
            id,
            key: Cow::Borrowed(&op.key),
            payload: Cow::Borrowed(&op.payload),
        };
        let reply = self.machine.apply(&entry).expect("our own decision");
        self.open.push(&entry).expect("within the limits");
        reply
    }

    /// One round of housekeeping; returns how many operations it took.
    pub(crate) fn upkeep(&mut self) -> usize {
        let now_ms = self.machine.now_ms();
        let ops = self.machine.upkeep(now_ms);
        for op in &ops {
            self.log(op, EntryId::default(), now_ms);
        }
        ops.len()
    }

    /// Housekeeping until nothing is left to do.
    pub(crate) fn settle(&mut self) {
        while self.upkeep() > 0 {}
    }

    /// Commits what is open.
    pub(crate) fn seal(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let next = BatchBuilder::new(self.open.next_seq());
        let end = BatchEnd {
            epoch: self.epoch,
            previous: self.machine.position(),
            committed: self.machine.position().seq,
            digest: self.machine.newest_digest(),
        };
        let batch = std::mem::replace(&mut self.open, next)
            .seal(&end)
            .expect("not empty");
        self.machine.batch_ends(&batch);
        self.log.push(batch);
    }

    pub(crate) const fn committed(&self) -> Seq {
        self.machine.position().seq
    }

    pub(crate) fn call(&mut self, caller: &mut Caller, call: Call) -> Vec<Answered> {
        let items = u32::try_from(call.items()).unwrap();
        self.propose(&Command::new(caller.next(), items, call))
    }

    pub(crate) fn one(&mut self, caller: &mut Caller, call: Call) -> Answered {
        self.call(caller, call).remove(0)
    }

    pub(crate) fn mount(&mut self, caller: &mut Caller, info: &SegmentInfo) -> Answered {
        self.one(caller, Call::Mount(vec![info.clone()]))
    }

    pub(crate) fn start(&mut self, caller: &mut Caller, name: &str, size: u64) -> Answered {
        let call = Call::PutStart {
            objects: vec![(key(name), size)],
            placement: Placement::default(),
        };
        self.one(caller, call)
    }

    pub(crate) fn end(&mut self, caller: &mut Caller, name: &str) -> Answered {
        self.one(caller, Call::PutEnd(vec![(key(name), None)]))
    }

    /// Starts and ends a put.
    pub(crate) fn put(&mut self, caller: &mut Caller, name: &str, size: u64) {
        self.start(caller, name, size).outcome.expect("started");
        self.end(caller, name).outcome.expect("ended");
    }

    /// Puts an object that is never evicted.
    pub(crate) fn pin(&mut self, caller: &mut Caller, name: &str, size: u64) {
        let placement = Placement {
            hard_pin: true,
            ..Placement::default()
        };
        let objects = vec![(key(name), size)];
        let start = self.one(caller, Call::PutStart { objects, placement });
        start.outcome.expect("started");
        self.end(caller, name).outcome.expect("ended");
    }

    pub(crate) fn revoke(&mut self, caller: &mut Caller, name: &str) -> Answered {
        self.one(caller, Call::PutRevoke(vec![key(name)]))
    }

    pub(crate) fn remove(&mut self, caller: &mut Caller, name: &str, force: bool) -> Answered {
        let targets = vec![key(name)];
        self.one(caller, Call::Remove { targets, force })
    }

    pub(crate) fn ask(&mut self, question: &Question) -> (Answer, Seq) {
        let (answer, seq) = self.machine.query(question);
        (*answer.downcast().expect("ours"), seq)
    }

    /// A sign of life; whether the client is known.
    pub(crate) fn ping(&mut self, caller: &Caller) -> bool {
        let question = Question::Ping {
            client: caller.id,
            mounted: Vec::new(),
        };
        matches!(self.ask(&question).0, Answer::Pong { known: true, .. })
    }

    pub(crate) fn rows(&self) -> u64 {
        self.machine.service().rows()
    }

    /// Digests of all sections of the service.
    pub(crate) fn digests(&self) -> Vec<Digest> {
        digests(&self.machine)
    }
}

pub(crate) fn digests(machine: &Machine) -> Vec<Digest> {
    let service = machine.service();
    Section::all()
        .filter(|section| section.sessions().is_none())
        .map(|section| service.section_digest(section))
        .collect()
}
