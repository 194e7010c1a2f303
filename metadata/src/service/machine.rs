use std::any::Any;

use standfast_core::{
    ApplyContext, CaptureId, Command, DecideContext, Decision, Digest, EachChange, Entry,
    Fingerprint, Op, Portion, Refusal, Reply, Result, Section, Service, ShadowState, StateMachine,
    Versions,
};

use super::soft::Soft;
use crate::config::{MetadataConfig, millis};
use crate::error::corrupt;
use crate::request::{Call, Question};
use crate::state::{Shadow, Tables, write_object};
use crate::v1::ErrorCode;

/// The metadata master's state: clients, segments, objects.
///
/// Commands carry a [`Call`], reads a [`Question`]; refusals are [`ErrorCode`]s.
#[derive(Debug)]
pub struct MetadataService {
    pub(super) config: MetadataConfig,
    pub(super) tables: Tables,
    pub(super) soft: Soft,
    captures: u64,
    globals: Option<(Vec<u8>, u64)>,
}

impl MetadataService {
    /// An empty state. The settings must have passed [`MetadataConfig::problems`].
    pub fn new(config: MetadataConfig) -> Self {
        Self::of(config, Tables::new(unknown_cluster()))
    }

    fn of(config: MetadataConfig, tables: Tables) -> Self {
        Self {
            config,
            tables,
            soft: Soft::new(),
            captures: 0,
            globals: None,
        }
    }
}

/// Stands in until [`Service::open`] tells.
fn unknown_cluster() -> Fingerprint {
    Fingerprint::from_chain(standfast_core::Chain::default())
}

impl StateMachine for MetadataService {
    fn apply(&mut self, context: &mut ApplyContext<'_>, entry: &Entry<'_>) -> Result<Reply> {
        self.tables.apply(context, entry)
    }

    fn digest(&self) -> Digest {
        self.tables.digest()
    }

    fn section_digest(&self, section: Section) -> Digest {
        self.tables.section_digest(section)
    }

    fn rows(&self) -> u64 {
        self.tables.rows()
    }

    fn capture(&mut self) -> CaptureId {
        let mut globals = Vec::new();
        let rows = self.tables.write_globals(&mut globals);
        self.globals = Some((globals, rows));
        self.tables.capture();
        self.captures += 1;
        CaptureId(self.captures)
    }

    fn read_section(&mut self, capture: CaptureId, section: Section, out: &mut Vec<u8>) -> u64 {
        self.read_some(capture, section, usize::MAX, out).rows
    }

    fn read_some(
        &mut self,
        capture: CaptureId,
        section: Section,
        most: usize,
        out: &mut Vec<u8>,
    ) -> Portion {
        debug_assert_eq!(capture.0, self.captures, "at most one capture at a time");
        let Some(bucket) = section.bucket() else {
            let (globals, rows) = self.globals.take().unwrap_or_default();
            out.extend_from_slice(&globals);
            return Portion { rows, more: false };
        };
        let mut rows = 0;
        let more = self.tables.read_some(bucket, most, |key, object| {
            write_object(key, object, out);
            rows += 1;
        });
        Portion { rows, more }
    }

    fn changed(&self) -> Option<u64> {
        self.tables.changed()
    }

    fn read_changes(
        &mut self,
        _capture: CaptureId,
        section: Section,
        out: &mut Vec<u8>,
    ) -> Option<u64> {
        let bucket = section.bucket()?;
        Some(self.tables.write_changes(bucket, out))
    }

    fn rebase(&mut self, _capture: CaptureId) {
        self.tables.rebase();
    }

    fn end_capture(&mut self, capture: CaptureId) {
        if capture.0 == self.captures {
            self.globals = None;
            self.tables.end_capture();
        }
    }

    fn begin_restore(&self) -> Box<dyn ShadowState> {
        Box::new(Restoring {
            config: self.config.clone(),
            shadow: Shadow::new(self.tables.cluster()),
        })
    }

    fn versions(&self) -> Versions {
        Versions {
            written: 8,
            lowest_reader: 8,
            digest: 1,
        }
    }
}

impl Service for MetadataService {
    fn open(&mut self, cluster: Fingerprint) {
        self.tables = Tables::new(cluster);
    }

    fn decide(
        &mut self,
        context: &mut DecideContext<'_>,
        command: &Command,
        item: u32,
    ) -> Result<Decision, Refusal> {
        let Some(call) = command.body.downcast_ref::<Call>() else {
            return Err(ErrorCode::InvalidParams.refuse("not a call of this service"));
        };
        self.decide_call(context, command.header.session.into(), call, item)
    }

    fn query(
        &mut self,
        context: &mut DecideContext<'_>,
        question: &(dyn Any + Send + Sync),
    ) -> Box<dyn Any + Send> {
        let question = question.downcast_ref().unwrap_or(&Question::Nothing);
        Box::new(self.answer(context, question))
    }

    fn upkeep(&mut self, context: &mut DecideContext<'_>) -> Vec<Op> {
        self.housekeeping(context.now_ms())
    }

    fn term_begins(&mut self, now_ms: u64) {
        let lease_ttl_ms = millis(self.config.lease_ttl);
        self.soft
            .term_begins(now_ms, self.tables.applied(), lease_ttl_ms);
    }

    /// Memory may have been given to other objects since, and writers may still be at it: only those who lend it know what
    /// is in it. They are forgotten, and mount it again with what they hold.
    fn suffix_lost(&mut self) {
        self.soft.forgets_clients = true;
    }
}

#[derive(Debug)]
struct Restoring {
    config: MetadataConfig,
    shadow: Shadow,
}

impl ShadowState for Restoring {
    fn load(&mut self, section: Section, rows: &[u8]) -> Result<()> {
        self.load_all(&[(section, rows)])
    }

    fn load_all(&mut self, sections: &[(Section, &[u8])]) -> Result<()> {
        let foreign = sections
            .iter()
            .find(|(section, _)| section.sessions().is_some());
        if let Some((section, _)) = foreign {
            return Err(corrupt(format!(
                "section {} is not the service's",
                section.number()
            )));
        }
        self.shadow.load_all(sections)
    }

    fn digest_rows(&self, section: Section, rows: &[u8]) -> Result<Option<Digest>> {
        self.shadow.digest_rows(section, rows).map(Some)
    }

    fn load_changes(&mut self, section: Section, changes: &[u8]) -> Result<()> {
        self.shadow.load_changes(section, changes)
    }

    fn each_change(
        &self,
        section: Section,
        changes: &[u8],
        each: &mut EachChange<'_>,
    ) -> Result<bool> {
        Shadow::each_change(section, changes, each)?;
        Ok(true)
    }

    fn each_row(
        &self,
        section: Section,
        rows: &[u8],
        each: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<bool> {
        Shadow::each_object(section, rows, each)?;
        Ok(true)
    }

    fn finish(self: Box<Self>) -> Result<Box<dyn Service>> {
        let tables = self.shadow.finish()?;
        Ok(Box::new(MetadataService::of(self.config, tables)))
    }
}
