use std::fs::{self, File};
use std::io::{ErrorKind as IoKind, Write};
use std::path::{Path, PathBuf};

use standfast_core::{Epoch, Error, ErrorKind, Fingerprint, Position, Result};

/// The first line of the file.
const MAGIC: &str = "standfast high-water 1";

/// The file `data_dir/high-water`.
///
/// ```text
///   standfast high-water 1
///   cluster 0123..
///   position 7:4711:89ab..
///   check 01234567                CRC-32C of the lines above
/// ```
///
/// Replaced whole (write, sync, rename, sync the directory), so it is always one version or the other.
#[derive(Clone, Debug)]
pub(super) struct HighWaterFile {
    path: PathBuf,
    cluster: Fingerprint,
}

impl HighWaterFile {
    pub(super) fn new(data_dir: &Path, cluster: Fingerprint) -> Self {
        Self {
            path: data_dir.join("high-water"),
            cluster,
        }
    }

    /// What is kept; `None` when there is no file.
    pub(super) fn read(&self) -> Result<Option<Position>> {
        match fs::read_to_string(&self.path) {
            Ok(text) => parse(&text, self.cluster)
                .map(Some)
                .map_err(|e| e.context(self.path.display().to_string())),
            Err(error) if error.kind() == IoKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &self.path, error)),
        }
    }

    /// Gives it another name, `high-water.lost-{epoch}`, for people; durable on return.
    pub(super) fn put_aside(&self, epoch: Epoch) -> Result<()> {
        let aside = self.path.with_extension(format!("lost-{epoch}"));
        match fs::rename(&self.path, &aside) {
            Err(error) if error.kind() == IoKind::NotFound => Ok(()),
            renamed => renamed.and_then(|()| self.sync_dir()),
        }
        .map_err(|error| failed("rename", &self.path, error))
    }

    fn sync_dir(&self) -> std::io::Result<()> {
        let directory = self.path.parent().unwrap_or_else(|| Path::new("."));
        File::open(directory)?.sync_all()
    }

    /// Replaces it; durable on return.
    pub(super) fn write(&self, position: Position) -> Result<()> {
        let body = format!("{MAGIC}\ncluster {}\nposition {position}\n", self.cluster);
        let text = format!("{body}check {:08x}\n", checksum(&body));
        let fresh = self.path.with_extension("new");
        let written = File::create(&fresh)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())
                    .and_then(|()| file.sync_all())
            })
            .and_then(|()| fs::rename(&fresh, &self.path))
            .and_then(|()| self.sync_dir());
        written.map_err(|error| failed("write", &self.path, error))
    }
}

fn checksum(text: &str) -> u32 {
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, text.as_bytes());
    u32::try_from(crc).expect("32 bits wide")
}

fn parse(text: &str, cluster: Fingerprint) -> Result<Position> {
    let damaged = || Error::new(ErrorKind::Corrupt, "read high-water");
    let first = text.lines().next().unwrap_or_default();
    if first != MAGIC {
        if first.starts_with("standfast high-water ") {
            return Err(Error::new(ErrorKind::Version, "read high-water")
                .context(format!("`{first}`, this version reads `{MAGIC}`: upgrade")));
        }
        return Err(damaged().context("it does not begin with the magic"));
    }
    let (body, check) = text.rsplit_once("check ").ok_or_else(damaged)?;
    let expected = u32::from_str_radix(check.trim_end(), 16);
    if expected != Ok(checksum(body)) {
        return Err(damaged().context("its checksum does not match"));
    }
    let field = |name: &str| {
        body.lines()
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim)
            .ok_or_else(damaged)
    };
    let found = field("cluster ")?;
    if found != cluster.to_string() {
        return Err(Error::new(ErrorKind::Foreign, "read high-water").context(format!(
            "this data_dir belongs to cluster {found}, the stores to {cluster}: point data_dir elsewhere"
        )));
    }
    Position::parse(field("position ")?).ok_or_else(damaged)
}

fn failed(what: &str, path: &Path, error: std::io::Error) -> Error {
    let kind = match error.kind() {
        IoKind::StorageFull | IoKind::QuotaExceeded => ErrorKind::Quota,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, "keep high-water")
        .context(format!(
            "cannot {what} {}: is data_dir writable?",
            path.display()
        ))
        .source(error)
}
