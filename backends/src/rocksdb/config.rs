use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use super::RocksDbOpLog;
use super::error::{NAME, error, io_error};
use crate::durable_dir::create_dir_durably;
use crate::mount;
use crate::off_thread::off_thread;
use crate::scratch;
use crate::settings::{self, Settings};
use standfast_core::{
    ByteSize, ErrorKind, Factory, OpLogStore, OpenContext, Reach, Result, Scratch,
};

/// Below this a trim could not bring the log down again: so much is in the write-ahead log and in files that are not full.
const LEAST: ByteSize = ByteSize::mib(128);
/// Where readers keep their notes, in the node's own directory.
const SCRATCHES: &str = "rocksdb-readers";

/// `[oplog]` of type `rocksdb`: a log in a RocksDB that the nodes of one host share.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RocksDbOpLogConfig {
    /// The directory, on a local file system. Default: `log`.
    dir: PathBuf,
    /// At this size of all its files the primary refuses writes until the log was trimmed to three quarters of it.
    /// Default `0B`: no limit.
    max_bytes: ByteSize,
}

impl Default for RocksDbOpLogConfig {
    fn default() -> Self {
        Self {
            dir: "log".into(),
            max_bytes: ByteSize(0),
        }
    }
}

impl Settings for RocksDbOpLogConfig {
    const KEYS: &'static [&'static str] = &["dir", "max_bytes"];

    fn problems(&self) -> Vec<String> {
        if self.max_bytes.0 == 0 || self.max_bytes >= LEAST {
            return Vec::new();
        }
        vec![format!(
            "`max_bytes = \"{}\"` is too small: want at least \"{LEAST}\", or \"0B\" for no limit",
            self.max_bytes
        )]
    }
}

/// Opens [`RocksDbOpLog`]s.
#[derive(Debug)]
pub(crate) struct RocksDbOpLogFactory;

#[async_trait]
impl Factory<dyn OpLogStore> for RocksDbOpLogFactory {
    fn keys(&self) -> &'static [&'static str] {
        RocksDbOpLogConfig::KEYS
    }

    fn check(&self, table: &toml::Table) -> Vec<String> {
        settings::check::<RocksDbOpLogConfig>(table)
    }

    async fn open(
        &self,
        table: &toml::Table,
        context: &OpenContext,
    ) -> Result<Arc<dyn OpLogStore>> {
        let config: RocksDbOpLogConfig = settings::load(table)?;
        let dir = context.resolve(&config.dir);
        if context.make {
            create_dir_durably(&dir).map_err(|source| io_error("open store", &dir, source))?;
        } else if !dir.is_dir() {
            let missing = format!("there is no directory {}", dir.display());
            return Err(error(ErrorKind::NotFound, "open store").context(missing));
        }
        check_local(&dir, mount::reach(&dir))?;
        let log = RocksDbOpLog::open(&dir, &context.data_dir.join(SCRATCHES));
        Ok(Arc::new(log.with_max_bytes(config.max_bytes)))
    }

    fn scratch(&self, table: &toml::Table, context: &OpenContext, name: &str) -> Result<Scratch> {
        let config: RocksDbOpLogConfig = settings::load(table)?;
        let mut scratch = scratch::inside(&config.dir, table, context, name)?;
        let place = folder(&scratch)?;
        // The readers' notes are in it as well, beside the database.
        let dir = place.join("log").display().to_string();
        scratch.table.insert("dir".to_owned(), dir.into());
        scratch.context.data_dir = place;
        Ok(scratch)
    }

    async fn remove_scratch(&self, scratch: &Scratch) -> Result<()> {
        let dir = folder(scratch)?;
        let place = dir.parent().unwrap_or(&dir).to_owned();
        off_thread("remove scratch place", move || {
            scratch::remove_folder(&place)
        })
        .await
    }
}

/// Refuses what is not known as local: a reader on another host would see files that its host remembers.
fn check_local(dir: &Path, reach: Result<Reach>) -> Result<()> {
    let refused = error(ErrorKind::Config, "open store").context(format!(
        "{} is not on a file system that is known as local: put it on ext4, xfs, btrfs, zfs or tmpfs, or take `type = \"file\"` \
         where several hosts share it",
        dir.display()
    ));
    match reach {
        Ok(Reach::Host) => Ok(()),
        Ok(_) => Err(refused),
        Err(error) if *error.kind() == ErrorKind::Config => Err(refused.source(error)),
        Err(error) => Err(error.backend(NAME)),
    }
}

/// The directory that a scratch place names.
fn folder(scratch: &Scratch) -> Result<PathBuf> {
    let config: RocksDbOpLogConfig = settings::load(&scratch.table)?;
    Ok(scratch.context.resolve(&config.dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_that_is_not_local_is_refused_with_the_way_out() {
        let dir = Path::new("/srv/log");
        let stale = error(ErrorKind::Config, "open store").context("listings may be stale");
        for reach in [Ok(Reach::Cluster), Err(stale)] {
            let error = check_local(dir, reach).unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(r#"type = "file""#), "{error}");
        }
        check_local(dir, Ok(Reach::Host)).unwrap();
    }
}
