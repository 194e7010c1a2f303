use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use parking_lot::Mutex;
use serde::Deserialize;

use super::{MemoryElection, MemoryElectionSpace, MemoryLogSpace, MemoryOpLog};
use crate::lease::Terms;
use crate::settings::{self, Settings};
use crate::{max_bytes, scratch};
use standfast_core::{
    ByteSize, ElectionBackend, Factory, OpLogStore, OpenContext, Result, Scratch, Span,
};

/// The spaces that configurations name, for the life of the process: nodes of one process that name the same
/// space share it.
static LOGS: LazyLock<Mutex<BTreeMap<String, MemoryLogSpace>>> = LazyLock::new(Mutex::default);
static ELECTIONS: LazyLock<Mutex<BTreeMap<String, MemoryElectionSpace>>> =
    LazyLock::new(Mutex::default);

/// `[oplog]` of type `memory`: nodes of one process share it, and it ends with the process.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MemoryOpLogConfig {
    /// Which space to share. Default: the cluster's id.
    name: Option<String>,
    /// At this size the primary refuses writes until the log was trimmed to three quarters of it. Default `0B`: no limit.
    max_bytes: ByteSize,
}

impl Default for MemoryOpLogConfig {
    fn default() -> Self {
        Self {
            name: None,
            max_bytes: ByteSize(0),
        }
    }
}

impl Settings for MemoryOpLogConfig {
    const KEYS: &'static [&'static str] = &["name", "max_bytes"];

    fn problems(&self) -> Vec<String> {
        max_bytes::problems(self.max_bytes)
    }
}

/// `[election]` of type `memory`: among nodes of one process.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MemoryElectionConfig {
    /// Which space to share. Default: the cluster's id.
    name: Option<String>,
    /// After this time without a renewal others take over. Default: `5s`.
    ttl: Option<Span>,
    /// The holder stops believing this much earlier. Default: a tenth of `ttl`.
    margin: Option<Span>,
}

impl Settings for MemoryElectionConfig {
    const KEYS: &'static [&'static str] = &["name", "ttl", "margin"];

    fn problems(&self) -> Vec<String> {
        Terms::problems(self.ttl, self.margin)
    }
}

/// Opens [`MemoryOpLog`]s.
#[derive(Debug)]
pub(crate) struct MemoryOpLogFactory;

#[async_trait]
impl Factory<dyn OpLogStore> for MemoryOpLogFactory {
    fn keys(&self) -> &'static [&'static str] {
        MemoryOpLogConfig::KEYS
    }

    fn check(&self, table: &toml::Table) -> Vec<String> {
        settings::check::<MemoryOpLogConfig>(table)
    }

    async fn open(
        &self,
        table: &toml::Table,
        context: &OpenContext,
    ) -> Result<Arc<dyn OpLogStore>> {
        let config: MemoryOpLogConfig = settings::load(table)?;
        let name = space(config.name, context);
        let space = LOGS.lock().entry(name).or_default().clone();
        let log = MemoryOpLog::open(&space);
        Ok(Arc::new(log.with_max_bytes(config.max_bytes)))
    }

    fn scratch(&self, table: &toml::Table, context: &OpenContext, name: &str) -> Result<Scratch> {
        let config: MemoryOpLogConfig = settings::load(table)?;
        Ok(beside(&space(config.name, context), table, context, name))
    }

    async fn remove_scratch(&self, scratch: &Scratch) -> Result<()> {
        let config: MemoryOpLogConfig = settings::load(&scratch.table)?;
        let name = scratch_space(config.name)?;
        LOGS.lock().remove(&name);
        Ok(())
    }
}

/// Opens [`MemoryElection`]s.
#[derive(Debug)]
pub(crate) struct MemoryElectionFactory;

#[async_trait]
impl Factory<dyn ElectionBackend> for MemoryElectionFactory {
    fn keys(&self) -> &'static [&'static str] {
        MemoryElectionConfig::KEYS
    }

    fn check(&self, table: &toml::Table) -> Vec<String> {
        settings::check::<MemoryElectionConfig>(table)
    }

    async fn open(
        &self,
        table: &toml::Table,
        context: &OpenContext,
    ) -> Result<Arc<dyn ElectionBackend>> {
        let config: MemoryElectionConfig = settings::load(table)?;
        let name = space(config.name, context);
        let space = ELECTIONS.lock().entry(name).or_default().clone();
        let terms = Terms::new(config.ttl, config.margin);
        Ok(Arc::new(
            MemoryElection::open(&space, context.clock.clone()).with_terms(terms),
        ))
    }

    fn scratch(&self, table: &toml::Table, context: &OpenContext, name: &str) -> Result<Scratch> {
        let config: MemoryElectionConfig = settings::load(table)?;
        Ok(beside(&space(config.name, context), table, context, name))
    }

    async fn remove_scratch(&self, scratch: &Scratch) -> Result<()> {
        let config: MemoryElectionConfig = settings::load(&scratch.table)?;
        let name = scratch_space(config.name)?;
        ELECTIONS.lock().remove(&name);
        Ok(())
    }
}

/// The space that is meant.
fn space(name: Option<String>, context: &OpenContext) -> String {
    name.unwrap_or_else(|| context.cluster.to_string())
}

/// The same table, but for a space whose name is that of `space` and a scratch word.
fn beside(space: &str, table: &toml::Table, context: &OpenContext, name: &str) -> Scratch {
    let mut table = table.clone();
    table.insert(
        "name".into(),
        format!("{space}/{}", scratch::word(name)).into(),
    );
    Scratch {
        table,
        context: scratch::context(context),
    }
}

/// The name that [`beside`] gave.
fn scratch_space(name: Option<String>) -> Result<String> {
    let name = name.unwrap_or_default();
    let last = name.rsplit_once('/').map_or("", |(_, last)| last);
    if scratch::is_word(last) {
        return Ok(name);
    }
    Err(scratch::no_scratch(&name))
}
