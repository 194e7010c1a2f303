use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use super::layout::Layout;
use super::{FileElection, FileOpLog, election, log_dir};
use crate::lease::Terms;
use crate::off_thread::off_thread;
use crate::settings::{self, Settings};
use crate::{max_bytes, scratch};
use standfast_core::{
    ByteSize, ElectionBackend, Factory, OpLogStore, OpenContext, Result, Scratch, Span,
};

/// The smallest `segment_size`.
const LEAST_SEGMENT: ByteSize = ByteSize(64 << 10);

/// `[oplog]` of type `file`: a log in a directory that all nodes share.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FileOpLogConfig {
    /// The directory. Default: `log`.
    dir: PathBuf,
    /// When the log goes on in a new file; trim removes whole files. Default: `64MiB`.
    segment_size: ByteSize,
    /// At this size of all its files the primary refuses writes until the log was trimmed to three quarters of it.
    /// Default `0B`: no limit.
    max_bytes: ByteSize,
}

impl Default for FileOpLogConfig {
    fn default() -> Self {
        Self {
            dir: "log".into(),
            segment_size: FileOpLog::SEGMENT_SIZE,
            max_bytes: ByteSize(0),
        }
    }
}

impl Settings for FileOpLogConfig {
    const KEYS: &'static [&'static str] = &["dir", "segment_size", "max_bytes"];

    fn problems(&self) -> Vec<String> {
        let mut found = max_bytes::problems(self.max_bytes);
        let (least, most) = (LEAST_SEGMENT, ByteSize::mib(4096));
        if self.segment_size < least || self.segment_size > most {
            found.push(format!(
                "`segment_size = \"{}\"` is out of range: want \"{least}\" to \"{most}\"",
                self.segment_size
            ));
        }
        // The file that is written stays when the log is trimmed.
        if self.max_bytes.0 > 0 && self.max_bytes.0 < 2 * self.segment_size.0 {
            found.push(format!(
                "`max_bytes = \"{}\"` with `segment_size = \"{}\"`: want at least twice the segment, or no trim \
                 makes room",
                self.max_bytes, self.segment_size
            ));
        }
        found
    }
}

/// Opens [`FileOpLog`]s.
#[derive(Debug)]
pub(crate) struct FileOpLogFactory;

#[async_trait]
impl Factory<dyn OpLogStore> for FileOpLogFactory {
    fn keys(&self) -> &'static [&'static str] {
        FileOpLogConfig::KEYS
    }

    fn check(&self, table: &toml::Table) -> Vec<String> {
        settings::check::<FileOpLogConfig>(table)
    }

    async fn open(
        &self,
        table: &toml::Table,
        context: &OpenContext,
    ) -> Result<Arc<dyn OpLogStore>> {
        let config: FileOpLogConfig = settings::load(table)?;
        let dir = context.resolve(&config.dir);
        if !context.make {
            Layout::new(dir.clone()).check(log_dir::FOLDERS)?;
        }
        let log = FileOpLog::open(&dir, config.segment_size)?;
        Ok(Arc::new(log.with_max_bytes(config.max_bytes)))
    }

    fn scratch(&self, table: &toml::Table, context: &OpenContext, name: &str) -> Result<Scratch> {
        let config: FileOpLogConfig = settings::load(table)?;
        let mut scratch = scratch::inside(&config.dir, table, context, name)?;
        // Trim removes whole segments: small ones are soon full.
        let least = LEAST_SEGMENT.to_string().into();
        scratch.table.insert("segment_size".into(), least);
        Ok(scratch)
    }

    async fn remove_scratch(&self, scratch: &Scratch) -> Result<()> {
        let config: FileOpLogConfig = settings::load(&scratch.table)?;
        let dir = scratch.context.resolve(&config.dir);
        off_thread("remove scratch place", move || scratch::remove_folder(&dir)).await
    }
}

/// `[election]` of type `file`: files in a directory that all nodes share decide who leads.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FileElectionConfig {
    /// The directory. Default: `election`.
    dir: PathBuf,
    /// After this time without a renewal others take over. Default: `5s`.
    ttl: Option<Span>,
    /// The holder stops believing this much earlier. Default: a tenth of `ttl`.
    margin: Option<Span>,
}

impl Default for FileElectionConfig {
    fn default() -> Self {
        Self {
            dir: "election".into(),
            ttl: None,
            margin: None,
        }
    }
}

impl Settings for FileElectionConfig {
    const KEYS: &'static [&'static str] = &["dir", "ttl", "margin"];

    fn problems(&self) -> Vec<String> {
        Terms::problems(self.ttl, self.margin)
    }
}

/// Opens [`FileElection`]s.
#[derive(Debug)]
pub(crate) struct FileElectionFactory;

#[async_trait]
impl Factory<dyn ElectionBackend> for FileElectionFactory {
    fn keys(&self) -> &'static [&'static str] {
        FileElectionConfig::KEYS
    }

    fn check(&self, table: &toml::Table) -> Vec<String> {
        settings::check::<FileElectionConfig>(table)
    }

    async fn open(
        &self,
        table: &toml::Table,
        context: &OpenContext,
    ) -> Result<Arc<dyn ElectionBackend>> {
        let config: FileElectionConfig = settings::load(table)?;
        let dir = context.resolve(&config.dir);
        if !context.make {
            Layout::new(dir.clone()).check(election::FOLDERS)?;
        }
        let terms = Terms::new(config.ttl, config.margin);
        Ok(Arc::new(FileElection::open_with(
            &dir,
            context.clock.clone(),
            terms,
        )?))
    }

    fn scratch(&self, table: &toml::Table, context: &OpenContext, name: &str) -> Result<Scratch> {
        let config: FileElectionConfig = settings::load(table)?;
        scratch::inside(&config.dir, table, context, name)
    }

    async fn remove_scratch(&self, scratch: &Scratch) -> Result<()> {
        let config: FileElectionConfig = settings::load(&scratch.table)?;
        let dir = scratch.context.resolve(&config.dir);
        off_thread("remove scratch place", move || scratch::remove_folder(&dir)).await
    }
}
