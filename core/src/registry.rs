//! Which implementation a `type = ".."` in the configuration names.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Clock;
use crate::election::ElectionBackend;
use crate::error::{Error, ErrorKind, Result};
use crate::oplog::OpLogStore;
use crate::snapshot::SnapshotStore;
use crate::words::{ClusterId, NodeId};

/// What a backend is told when it is opened.
#[derive(Clone, Debug)]
pub struct OpenContext {
    /// `[cluster] id`.
    pub cluster: ClusterId,
    /// `[cluster] prefix`.
    pub prefix: String,
    /// `[node] id`.
    pub node: NodeId,
    /// `[node] data_dir`, absolute.
    pub data_dir: PathBuf,
    /// Where relative paths of the configuration begin: the folder of its file.
    pub base_dir: PathBuf,
    /// Time for leases.
    pub clock: Clock,
    /// Whether directories that are missing are made, as `cluster init` does. Otherwise `open` answers `NotFound`, so
    /// that a mistyped path never leaves anything behind.
    pub make: bool,
}

impl OpenContext {
    /// A path of the configuration, made absolute.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.base_dir.join(path)
    }
}

/// What a factory opens in place of the configured store: a place of its own, to try things out.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// The table that leads there.
    pub table: toml::Table,
    /// The context that leads there; what is missing is made.
    pub context: OpenContext,
}

/// Makes stores of one type out of the rest of their configuration table (without `type` and without the keys
/// that belong to Standfast itself).
#[async_trait]
pub trait Factory<S: ?Sized + 'static>: Send + Sync {
    /// The keys it understands, for "did you mean". The ttl of an election's leases is `ttl`, a text with its unit
    /// (`"15s"`), and 5 s in a table without it: the conformance suite goes by that, and shortens a long one if it is
    /// among these keys.
    fn keys(&self) -> &'static [&'static str];

    /// Every problem of the table, each a sentence with the key, the value and the way out. Looks at nothing
    /// outside the table.
    fn check(&self, table: &toml::Table) -> Vec<String>;

    /// Opens the store. Creates what it needs locally (directories), but no fingerprint.
    ///
    /// # Errors
    /// `Config`, `Auth`, `Foreign`, `Version`, `Unavailable`, each with the way out.
    ///
    /// # Cancel safety
    /// Cancel safe: an empty directory may stay.
    async fn open(&self, table: &toml::Table, context: &OpenContext) -> Result<Arc<S>>;

    /// The scratch place called `name` (lower case letters, digits and `-`) beside the configured store: apart from it and
    /// from every scratch place of another name, and on the same medium (the same file system, server or bucket), so that
    /// what holds there holds for the configured one. A folder inside a configured folder, another prefix of the same
    /// server. What takes much to fill, as a segment, may be smaller there. Makes nothing: [`Self::open`] does. The
    /// configured store need not be there.
    ///
    /// # Errors
    /// `Config` when the table has problems, or leads where no table can; `AlreadyExists` when something is there, as far as
    /// that can be seen without opening it.
    fn scratch(&self, table: &toml::Table, context: &OpenContext, name: &str) -> Result<Scratch>;

    /// Removes a place that [`Self::scratch`] gave, with everything in it; does nothing when it is not there. No handle on
    /// it is used any more. Never touches anything else: refuses what `scratch` cannot have given.
    ///
    /// # Errors
    /// `Config` when this is no scratch place; `Auth`, `Unavailable` with what could not be removed.
    ///
    /// # Cancel safety
    /// What was not removed stays; call again.
    async fn remove_scratch(&self, scratch: &Scratch) -> Result<()>;
}

/// The factories of one kind of store, by type.
pub struct Factories<S: ?Sized + 'static> {
    what: &'static str,
    by_type: BTreeMap<String, Arc<dyn Factory<S>>>,
}

impl<S: ?Sized + 'static> Factories<S> {
    fn new(what: &'static str) -> Self {
        Self {
            what,
            by_type: BTreeMap::new(),
        }
    }

    /// Adds or replaces the factory of a type.
    pub fn register(&mut self, name: impl Into<String>, factory: impl Factory<S> + 'static) {
        self.by_type.insert(name.into(), Arc::new(factory));
    }

    /// The types known, in order.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.by_type.keys().map(String::as_str)
    }

    /// The factory of a type.
    ///
    /// # Errors
    /// `Config` naming the types there are.
    pub fn get(&self, name: &str) -> Result<&Arc<dyn Factory<S>>> {
        self.by_type.get(name).ok_or_else(|| {
            let known: Vec<_> = self.types().collect();
            Error::new(ErrorKind::Config, "look up backend").context(format!(
                "unknown {} type `{name}`: this build has {}",
                self.what,
                known.join(", ")
            ))
        })
    }
}

impl<S: ?Sized + 'static> Clone for Factories<S> {
    fn clone(&self) -> Self {
        Self {
            what: self.what,
            by_type: self.by_type.clone(),
        }
    }
}

impl<S: ?Sized + 'static> fmt::Debug for Factories<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.types()).finish()
    }
}

/// All implementations that a configuration may name.
#[derive(Clone, Debug)]
pub struct Registry {
    /// `[oplog] type`.
    pub oplogs: Factories<dyn OpLogStore>,
    /// `[snapshots] type`.
    pub snapshots: Factories<dyn SnapshotStore>,
    /// `[election] type`.
    pub elections: Factories<dyn ElectionBackend>,
}

impl Registry {
    /// No implementation at all.
    pub fn empty() -> Self {
        Self {
            oplogs: Factories::new("oplog"),
            snapshots: Factories::new("snapshots"),
            elections: Factories::new("election"),
        }
    }
}
