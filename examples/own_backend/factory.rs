use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use standfast::standfast_core::{Factory, OpLogStore, OpenContext, Scratch};
use standfast::{Error, ErrorKind, Result};

use super::database::Database;
use super::error::error;
use super::oplog::SqliteOpLog;

/// What tells a scratch place from a log that somebody needs.
const SCRATCH: &str = ".scratch-";

/// `[oplog]` of type `sqlite`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SqliteConfig {
    /// The file. All nodes of the cluster run on one host and name the same one.
    path: PathBuf,
}

impl SqliteConfig {
    fn load(table: &toml::Table) -> Result<Self, toml::de::Error> {
        table.clone().try_into()
    }

    fn file(table: &toml::Table, context: &OpenContext) -> Result<PathBuf> {
        let config = Self::load(table)
            .map_err(|problem| error(ErrorKind::Config, "open store").context(problem.message()))?;
        Ok(context.resolve(&config.path))
    }
}

/// What `type = "sqlite"` stands for.
#[derive(Debug)]
pub(crate) struct SqliteFactory;

#[async_trait]
impl Factory<dyn OpLogStore> for SqliteFactory {
    fn keys(&self) -> &'static [&'static str] {
        &["path"]
    }

    fn check(&self, table: &toml::Table) -> Vec<String> {
        let problem = SqliteConfig::load(table).err();
        problem
            .iter()
            .map(|problem| problem.message().to_owned())
            .collect()
    }

    async fn open(
        &self,
        table: &toml::Table,
        context: &OpenContext,
    ) -> Result<Arc<dyn OpLogStore>> {
        let (file, make) = (SqliteConfig::file(table, context)?, context.make);
        if let Some(folder) = file.parent().filter(|_| make) {
            make_durably(folder).map_err(|source| at("open store", folder, source))?;
        }
        Ok(Arc::new(SqliteOpLog::new(Database::open(&file, make)?)))
    }

    fn scratch(&self, table: &toml::Table, context: &OpenContext, name: &str) -> Result<Scratch> {
        let file = SqliteConfig::file(table, context)?;
        // In the nearest folder that is there, so that nothing but this file is made and removed.
        let there = file.ancestors().skip(1).find(|path| path.is_dir());
        let there = there.unwrap_or_else(|| Path::new(""));
        let missing = file.strip_prefix(there).unwrap_or(&file);
        let parts: Vec<_> = missing.iter().map(|part| part.to_string_lossy()).collect();
        let place = there.join(format!("{}{SCRATCH}{name}", parts.join("-")));
        let path = place.display().to_string();
        let table = toml::Table::from_iter([("path".to_owned(), path.into())]);
        let context = OpenContext {
            make: true,
            ..context.clone()
        };
        Ok(Scratch { table, context })
    }

    async fn remove_scratch(&self, scratch: &Scratch) -> Result<()> {
        let file = SqliteConfig::file(&scratch.table, &scratch.context)?;
        if !file.to_string_lossy().contains(SCRATCH) {
            return Err(error(ErrorKind::Config, "remove scratch")
                .context(format!("{} is no scratch place", file.display())));
        }
        for suffix in ["", "-wal", "-shm"] {
            let mut name = file.clone().into_os_string();
            name.push(suffix);
            let name = PathBuf::from(name);
            match fs::remove_file(&name) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(at("remove scratch", &name, source));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Makes a folder and those above it. A power cut takes a folder whose entry in the one above it was not synced.
fn make_durably(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for above in folder.ancestors().skip(1) {
        // The last one of a relative path is empty.
        match File::open(Path::new(".").join(above)).and_then(|above| above.sync_all()) {
            // An operator's, which we did not make and may not read.
            Err(source) if source.kind() == io::ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
    }
    Ok(())
}

fn at(operation: &'static str, path: &Path, source: io::Error) -> Error {
    error(ErrorKind::Unavailable, operation)
        .context(path.display().to_string())
        .source(source)
}
