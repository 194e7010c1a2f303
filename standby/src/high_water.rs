use std::fs::{self, File};
use std::io::{ErrorKind as IoKind, Write};
use std::path::{Path, PathBuf};

use standfast_core::{Error, ErrorKind, Fingerprint, Position, Result};

/// The first line of the file.
const MAGIC: &str = "standfast high-water 1";

/// The highest committed Position this node has seen, in `data_dir/high-water`: what tells a log that went
/// backwards.
///
/// ```text
///   standfast high-water 1
///   cluster 0123..
///   position 7:4711:89ab..
///   check 01234567                CRC-32C of the lines above
/// ```
///
/// Replaced whole (write, sync, rename, sync the directory), so it is always one version or the other.
#[derive(Debug)]
pub struct HighWater {
    path: PathBuf,
    cluster: Fingerprint,
    position: Option<Position>,
}

impl HighWater {
    /// Reads the file of `data_dir`, if there is one.
    ///
    /// # Errors
    /// `Foreign` when it is of another cluster, `Version` when of a newer format, `Corrupt` when damaged.
    pub fn open(data_dir: &Path, cluster: Fingerprint) -> Result<Self> {
        let path = data_dir.join("high-water");
        let position = match fs::read_to_string(&path) {
            Ok(text) => {
                Some(parse(&text, cluster).map_err(|e| e.context(path.display().to_string()))?)
            }
            Err(error) if error.kind() == IoKind::NotFound => None,
            Err(error) => return Err(failed("read", &path, error)),
        };
        Ok(Self {
            path,
            cluster,
            position,
        })
    }

    /// The Position kept; `None` on a node that never saw one.
    pub const fn position(&self) -> Option<Position> {
        self.position
    }

    /// Keeps `position` if its Seq is higher than what is kept; a later epoch with a lower Seq is another history,
    /// and no reason to forget this one (R7).
    ///
    /// # Errors
    /// `Quota` or `Unavailable` when the file cannot be written; the old one is still there.
    pub fn raise(&mut self, position: Position) -> Result<()> {
        if self.position.is_some_and(|kept| kept.seq >= position.seq) {
            return Ok(());
        }
        let body = format!("{MAGIC}\ncluster {}\nposition {position}\n", self.cluster);
        let text = format!("{body}check {:08x}\n", checksum(&body));
        let fresh = self.path.with_extension("new");
        let written = File::create(&fresh)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())
                    .and_then(|()| file.sync_all())
            })
            .and_then(|()| fs::rename(&fresh, &self.path))
            .and_then(|()| File::open(self.path.parent().unwrap_or_else(|| Path::new("."))))
            .and_then(|directory| directory.sync_all());
        written.map_err(|error| failed("write", &self.path, error))?;
        self.position = Some(position);
        Ok(())
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

#[cfg(test)]
mod tests {
    use standfast_core::{Chain, ClusterId, Epoch, Seq};

    use super::*;

    fn cluster(byte: u8) -> Fingerprint {
        Fingerprint::draw(&ClusterId::new("c").unwrap(), [byte; 16])
    }

    fn at(epoch: u64, seq: u64) -> Position {
        Position {
            epoch: Epoch(epoch),
            seq: Seq(seq),
            chain: Chain::of(&seq.to_le_bytes()),
        }
    }

    #[test]
    fn the_highest_position_is_kept_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut water = HighWater::open(dir.path(), cluster(1)).unwrap();
        assert_eq!(water.position(), None);
        water.raise(at(1, 7)).unwrap();
        water.raise(at(1, 5)).unwrap();
        let again = HighWater::open(dir.path(), cluster(1)).unwrap();
        assert_eq!(again.position(), Some(at(1, 7)));
    }

    #[test]
    fn a_later_epoch_with_a_lower_seq_does_not_wipe_out_what_was_seen() {
        let dir = tempfile::tempdir().unwrap();
        let mut water = HighWater::open(dir.path(), cluster(1)).unwrap();
        water.raise(at(1, 100)).unwrap();
        water.raise(at(2, 60)).unwrap();
        assert_eq!(water.position(), Some(at(1, 100)));
    }

    #[test]
    fn another_clusters_file_a_newer_one_and_a_damaged_one_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        HighWater::open(dir.path(), cluster(1))
            .unwrap()
            .raise(at(1, 7))
            .unwrap();
        let error = HighWater::open(dir.path(), cluster(2)).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Foreign);
        let path = dir.path().join("high-water");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("high-water 1", "high-water 2")).unwrap();
        let error = HighWater::open(dir.path(), cluster(1)).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Version);
        fs::write(&path, text.replace("1:7:", "1:8:")).unwrap();
        let error = HighWater::open(dir.path(), cluster(1)).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Corrupt);
    }
}
