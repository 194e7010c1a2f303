use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;
use standfast_core::{Factories, Registry};
use standfast_master::{Ack, MasterConfig};
#[cfg(feature = "metadata")]
use standfast_metadata::MetadataConfig;
use standfast_snapshots::SnapshotPolicy;
use toml::{Table, Value};

use super::backend::{self, BackendTable};
use super::file::Config;
use super::problems::{Problem, Problems};
use super::replication::ReplicationSection;
use super::sections::{ClusterSection, DrillSection, Mode, NodeSection, RecoverySection};

const SECTIONS: &[&str] = &[
    "cluster",
    "node",
    "election",
    "oplog",
    "snapshots",
    "recovery",
    "replication",
    "drill",
    #[cfg(feature = "metadata")]
    "metadata",
];

/// The keys of `[replication]`.
const REPLICATION: [&str; 5] = [
    "mode",
    "founder",
    "min_acks",
    "on_too_few",
    "member_timeout",
];

/// Stands for a value that is missing or wrong while the others are looked at.
const STAND_IN: &str = "x";

/// Reads the sections of a configuration and collects everything that is wrong with them.
pub(super) struct Reader<'a> {
    table: Table,
    problems: Problems<'a>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(table: Table, problems: Problems<'a>) -> Self {
        Self { table, problems }
    }

    /// The configuration, or every problem of it.
    pub(super) fn read(
        mut self,
        base_dir: PathBuf,
        registry: &Registry,
    ) -> Result<Config, Vec<Problem>> {
        match self.config(base_dir, registry) {
            Some(config) if self.problems.is_empty() => Ok(config),
            _ => Err(self.problems.into_inner()),
        }
    }

    fn config(&mut self, base_dir: PathBuf, registry: &Registry) -> Option<Config> {
        let unknown: Vec<_> = self
            .table
            .keys()
            .filter(|key| !SECTIONS.contains(&key.as_str()))
            .cloned()
            .collect();
        for key in unknown {
            self.problems.unknown_key("", &key, SECTIONS);
        }
        let cluster: Option<ClusterSection> = self.required("cluster", &["id"], &["prefix"]);
        let node = self.node();
        let recovery: Option<RecoverySection> = self.with_defaults("recovery");
        let replication: Option<ReplicationSection> =
            self.required("replication", &[], &REPLICATION);
        let drill = self.drill();
        #[cfg(feature = "metadata")]
        let metadata = self.metadata();
        let election = self.backend("election", &[]);
        let election = self.checked("election", election, &[], &registry.elections);
        let mode = recovery.unwrap_or_default().mode;
        let oplog = if mode == Mode::Snapshot {
            self.no_oplog().map(|master| (None, master))
        } else {
            self.oplog(registry)
                .map(|(table, master)| (Some(table), master))
        };
        if let (Some(node), Some(replication)) = (&node, &replication) {
            let keeps_log = mode != Mode::Snapshot;
            let ack = oplog
                .as_ref()
                .map_or(Ack::Durable, |(_, master)| master.ack);
            for (section, key, problem) in replication.problems(node.failover, keeps_log, ack) {
                self.problems.add(section, key, problem);
            }
        }
        let snapshots = if self.wants_snapshots(mode) {
            self.snapshots(registry, mode).map(Some)
        } else {
            Some(None)
        };
        let (oplog, master) = oplog?;
        Some(Config {
            cluster: cluster?,
            node: node?,
            election: election?.0,
            oplog,
            master,
            snapshots: snapshots?,
            recovery: recovery?,
            replication: replication?,
            drill: drill?,
            #[cfg(feature = "metadata")]
            metadata: metadata?,
            base_dir,
        })
    }

    fn node(&mut self) -> Option<NodeSection> {
        let optional = ["listen", "advertise", "http", "failover"];
        let node: NodeSection = self.required("node", &["id", "data_dir"], &optional)?;
        self.problems.about("node", node.problems());
        Some(node)
    }

    fn drill(&mut self) -> Option<DrillSection> {
        let drill: DrillSection = self.with_defaults("drill")?;
        self.problems.about("drill", drill.problems());
        Some(drill)
    }

    #[cfg(feature = "metadata")]
    fn metadata(&mut self) -> Option<MetadataConfig> {
        let metadata: MetadataConfig = self.with_defaults("metadata")?;
        self.problems.about("metadata", metadata.problems());
        Some(metadata)
    }

    fn oplog(&mut self, registry: &Registry) -> Option<(BackendTable, MasterConfig)> {
        let keys = backend::keys_of(&MasterConfig::default());
        let found = self.backend("oplog", &keys);
        let (table, own) = self.checked("oplog", found, &keys, &registry.oplogs)?;
        let master: MasterConfig = self.typed("oplog", own, &[], &keys)?;
        self.problems.about("oplog", master.problems());
        Some((table, master))
    }

    /// `[oplog]` of a mode that keeps no log: how writes are taken, and nothing about where they would go.
    fn no_oplog(&mut self) -> Option<MasterConfig> {
        let table = self.section("oplog")?;
        let keys = backend::keys_of(&MasterConfig::default());
        let (mut own, other): (Table, Table) =
            table.into_iter().partition(|(key, _)| keys.contains(key));
        if !other.is_empty() {
            let named: Vec<_> = other.keys().map(String::as_str).collect();
            let message = format!(
                "[oplog] {} with [recovery] mode = \"snapshot\", which keeps no log: remove it, or set mode = \"hybrid\"",
                named.join(", ")
            );
            self.problems
                .add("oplog", named.first().unwrap_or(&"type"), message);
        }
        for key in ["max_unflushed", "max_unflushed_age"] {
            if own.remove(key).is_some() {
                let message = format!(
                    "[oplog] {key} with [recovery] mode = \"snapshot\" bounds nothing: what a crash loses is bounded by \
                     [snapshots] every, every_entries and every_bytes while the bucket can be written; remove it"
                );
                self.problems.add("oplog", key, message);
            }
        }
        let master: MasterConfig = self.typed("oplog", own, &[], &keys)?;
        self.problems.about("oplog", master.problems());
        if master.ack.is_committed() {
            let named = match master.ack {
                Ack::Durable => "\"durable\", the default,",
                _ => "\"replicated\"",
            };
            let message = format!(
                "[oplog] ack = {named} cannot hold with [recovery] mode = \"snapshot\": a crash loses every write since the \
                 newest snapshot; set ack = \"async\" to accept that, or mode = \"hybrid\""
            );
            self.problems.add("oplog", "ack", message);
        }
        Some(master)
    }

    /// Whether the mode has snapshots.
    fn wants_snapshots(&mut self, mode: Mode) -> bool {
        let wants = mode != Mode::Log;
        if !wants && self.table.contains_key("snapshots") {
            self.problems.add(
                "snapshots",
                "",
                "[snapshots] with [recovery] mode = \"log\", which never reads them: remove the section, \
                 or set mode = \"hybrid\"",
            );
        }
        wants
    }

    fn snapshots(
        &mut self,
        registry: &Registry,
        mode: Mode,
    ) -> Option<(BackendTable, SnapshotPolicy)> {
        let keys = backend::keys_of(&SnapshotPolicy::default());
        let found = self.backend("snapshots", &keys);
        let (table, mut own) = self.checked("snapshots", found, &keys, &registry.snapshots)?;
        if mode == Mode::Snapshot && own.remove("trim_delay").is_some() {
            let message = "[snapshots] trim_delay with [recovery] mode = \"snapshot\", which keeps no log to trim: remove it";
            self.problems.add("snapshots", "trim_delay", message);
        }
        let policy: SnapshotPolicy = self.typed("snapshots", own, &[], &keys)?;
        self.problems.about("snapshots", policy.problems());
        Some((table, policy))
    }

    fn section(&mut self, name: &str) -> Option<Table> {
        match self.table.remove(name) {
            Some(Value::Table(table)) => Some(table),
            Some(_) => {
                self.problems.add(
                    "",
                    name,
                    format!("`{name}` is not a section: write [{name}]"),
                );
                None
            }
            None => Some(Table::new()),
        }
    }

    /// A section that has keys without a default; their values are text.
    fn required<T: DeserializeOwned>(
        &mut self,
        name: &str,
        required: &[&str],
        optional: &[&str],
    ) -> Option<T> {
        let is_there = self.table.contains_key(name);
        let mut table = self.section(name)?;
        let mut missing = Vec::new();
        for key in required.iter().filter(|key| !table.contains_key(**key)) {
            missing.push(format!("`{key} = \"..\"`"));
        }
        if !missing.is_empty() {
            let missing = missing.join(" and ");
            let message = if is_there {
                format!("[{name}] {missing} is missing: it has no default")
            } else {
                format!("[{name}] is missing: it needs at least {missing}")
            };
            self.problems.add(name, "", message);
        }
        // So that the values that are there can be looked at.
        for key in required {
            table
                .entry(*key)
                .or_insert_with(|| Value::String(STAND_IN.to_owned()));
        }
        let read = self.typed(name, table, required, &[required, optional].concat());
        read.filter(|_| missing.is_empty())
    }

    fn with_defaults<T: DeserializeOwned + Serialize + Default>(
        &mut self,
        name: &str,
    ) -> Option<T> {
        let table = self.section(name)?;
        self.typed(name, table, &[], &backend::keys_of(&T::default()))
    }

    /// Unknown keys first, each with its line; then the types.
    fn typed<T: DeserializeOwned>(
        &mut self,
        name: &str,
        mut table: Table,
        required: &[&str],
        keys: &[impl AsRef<str>],
    ) -> Option<T> {
        self.take_unknown(name, &mut table, keys, &[]);
        let mut good = true;
        while let Some(error) = failure::<T>(&table) {
            good = false;
            // The value without which the section is read, or fails otherwise.
            let is_culprit = |table: &mut Table, key: &str| {
                if required.contains(&key) {
                    table.insert(key.to_owned(), Value::String(STAND_IN.to_owned()));
                } else {
                    table.remove(key);
                }
                failure::<T>(table).as_ref() != Some(&error)
            };
            let found = table.iter().find_map(|(key, value)| {
                let mut without = table.clone();
                is_culprit(&mut without, key).then(|| (key.clone(), value.clone(), without))
            });
            let Some((key, value, without)) = found else {
                self.problems.add(name, "", format!("[{name}] {error}"));
                return None;
            };
            let message = format!("[{name}] {key} = {value}: {error}");
            self.problems.add(name, &key, message);
            table = without;
        }
        table.try_into().ok().filter(|_| good)
    }

    /// Takes out what is not in `keys`. Who misspelt one may have meant one of `others` as well.
    fn take_unknown(
        &mut self,
        name: &str,
        table: &mut Table,
        keys: &[impl AsRef<str>],
        others: &[String],
    ) {
        let known: Vec<_> = keys.iter().map(AsRef::as_ref).collect();
        let others = others.iter().map(String::as_str);
        let all: Vec<_> = known.iter().copied().chain(others).collect();
        table.retain(|key, _| {
            let is_known = known.contains(&key);
            if !is_known {
                self.problems.unknown_key(name, key, &all);
            }
            is_known
        });
    }

    fn backend(&mut self, name: &str, own: &[String]) -> Option<(BackendTable, Table)> {
        let table = self.section(name)?;
        if table.is_empty() {
            let or = if name == "snapshots" {
                ", or set [recovery] mode = \"log\""
            } else {
                ""
            };
            self.problems.add(
                name,
                "",
                format!("[{name}] is missing: it needs at least `type = \"..\"`{or}"),
            );
            return None;
        }
        match backend::split(table, own) {
            Ok(split) => Some(split),
            Err(message) => {
                self.problems
                    .add(name, "type", format!("[{name}] {message}"));
                None
            }
        }
    }

    fn checked<S: ?Sized + 'static>(
        &mut self,
        name: &str,
        found: Option<(BackendTable, Table)>,
        own_keys: &[String],
        factories: &Factories<S>,
    ) -> Option<(BackendTable, Table)> {
        let (backend, own) = found?;
        let Ok(factory) = factories.get(&backend.kind) else {
            let known: Vec<_> = factories.types().collect();
            self.problems.unknown_type(name, &backend.kind, &known);
            return Some((backend, own));
        };
        let mut known = backend.table.clone();
        self.take_unknown(name, &mut known, factory.keys(), own_keys);
        self.problems.about(name, factory.check(&known));
        Some((backend, own))
    }
}

/// Why a table cannot be read as a `T`.
fn failure<T: DeserializeOwned>(table: &Table) -> Option<String> {
    let read: Result<T, _> = table.clone().try_into();
    read.err().map(|error| error.message().trim().to_owned())
}
