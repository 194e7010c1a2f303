use std::path::PathBuf;

/// A store that the suite tries, and where.
#[derive(Clone, Debug)]
pub struct TriedStore {
    /// `log`, `snapshots` or `election`, as in the rows.
    pub kind: &'static str,
    /// `type` of the configuration.
    pub backend: String,
    /// Its first scratch place, as the table has it that leads there: a folder, a prefix, a name.
    pub place: String,
    /// The configured folder, when it is not there: what is above it may be another file system than is meant.
    pub missing: Option<PathBuf>,
}

/// What a store is called in rows and in configurations.
#[derive(Clone, Copy)]
pub(super) struct Called {
    pub(super) kind: &'static str,
    pub(super) section: &'static str,
}

impl Called {
    pub(super) const LOG: Self = Self {
        kind: "log",
        section: "[oplog]",
    };
    pub(super) const SNAPSHOTS: Self = Self {
        kind: "snapshots",
        section: "[snapshots]",
    };
    pub(super) const ELECTION: Self = Self {
        kind: "election",
        section: "[election]",
    };
}
