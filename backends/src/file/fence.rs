use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::cluster::decode;
use super::error::{error, io_error};
use super::exclusive;
use super::log_dir::LogDir;
use super::numbered::{self, NumberedDir};
use crate::durable_dir::sync_dir;
use standfast_core::{Epoch, ErrorKind, FenceToken, Fingerprint, NodeId, Result};

const FORMAT: &str = "standfast-fence";
const VERSION: u32 = 1;

/// Who was let in: `{dir}/fences/{epoch:020}`, JSON, version 1. The largest name is the fence; none is ever deleted
/// (R7), or a writer that slept could find itself let in again.
///
/// A writer looks after every sync, and listing a thousand terms takes five times as long as the sync. So every fence
/// has a second name in `{dir}/gate/`, and there only the newest are kept. Three other ways were thought of and are
/// wrong: probing for the next name, because epochs are skipped; the directory's time stamps, because their grain is
/// coarse; inotify, because events of another host never come.
///
/// ```text
///   claim E    create fences/E; link gate/E; list fences: nothing higher; THEN unlink gate/D for D < E, ascending
///   look       list gate: ours is the largest; THEN gate/ours is still there
/// ```
///
/// A look cannot miss a higher fence that was there before it. A listing may pass over a name only when it is unlinked
/// meanwhile, by a still higher epoch, and that one has unlinked ours before: lower names go first.
///
/// ```text
///   {"format": "standfast-fence", "version": 1, "cluster": "<32 hex digits>", "epoch": 7, "holder": "node-a",
///    "nonce": "<32 hex digits>"}
/// ```
#[derive(Debug, Serialize, Deserialize)]
struct FenceRecord {
    format: String,
    version: u32,
    cluster: Fingerprint,
    epoch: Epoch,
    holder: NodeId,
    nonce: String,
}

impl FenceRecord {
    fn of(token: &FenceToken) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            cluster: token.cluster,
            epoch: token.epoch,
            holder: token.holder.clone(),
            nonce: nonce(token),
        }
    }
}

fn nonce(token: &FenceToken) -> String {
    format!("{:032x}", token.nonce)
}

/// Shuts out every epoch below the token's.
///
/// # Errors
/// `Fenced` when its epoch was let in with another nonce, or a higher one was.
pub(super) fn claim(dir: &LogDir, token: &FenceToken) -> Result<()> {
    let operation = "open writer";
    // Looked at first, so that a hopeless claim leaves nothing behind; what counts is the look after it.
    refuse_higher(dir, token.epoch, operation)?;
    let bytes = serde_json::to_vec(&FenceRecord::of(token))
        .map_err(|source| error(ErrorKind::Invalid, operation).source(source))?;
    let (tmp, fences) = (dir.layout().tmp(), dir.layout().at("fences"));
    let name = numbered::name(token.epoch.0);
    let create = || exclusive::create(&tmp, &fences, &name, &bytes);
    let created = dir
        .reserve()
        .with(create)
        .map_err(|source| io_error(operation, &fences, source))?;
    if !created {
        check_owner(dir, token, operation)?;
    }
    let gate = dir.layout().at("gate");
    open_gate(dir, &fences.join(&name), &gate, &name)
        .map_err(|source| io_error(operation, &gate, source))?;
    refuse_higher(dir, token.epoch, operation)?;
    tidy_gate(&gate, token.epoch).map_err(|source| io_error(operation, &gate, source))
}

fn open_gate(dir: &LogDir, fence: &Path, gate: &Path, name: &str) -> io::Result<()> {
    let link = || match fs::hard_link(fence, gate.join(name)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_dir(gate),
    };
    dir.reserve().with(link)
}

/// Unlinks the names below `epoch`, the lowest first. Their fences stay.
fn tidy_gate(gate: &Path, epoch: Epoch) -> io::Result<()> {
    let mut lower = NumberedDir::open(gate)?.above(0)?;
    lower.retain(|number| *number < epoch.0);
    lower.sort_unstable();
    for number in lower {
        match fs::remove_file(gate.join(numbered::name(number))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The look of the writer of `epoch` after each sync: whether nobody was let in after it.
pub(super) fn is_open(gate: &mut NumberedDir, epoch: Epoch) -> io::Result<bool> {
    Ok(gate.largest()? == Some(epoch.0) && gate.has(epoch.0)?)
}

/// Whether `token` is the one that holds the fence.
///
/// # Errors
/// `Fenced` when it does not.
pub(super) fn check_holder(
    dir: &LogDir,
    token: &FenceToken,
    operation: &'static str,
) -> Result<()> {
    refuse_higher(dir, token.epoch, operation)?;
    if dir.fence()? != token.epoch {
        return Err(error(ErrorKind::Fenced, operation)
            .context(format!("epoch {} was never let in", token.epoch)));
    }
    check_owner(dir, token, operation)
}

fn check_owner(dir: &LogDir, token: &FenceToken, operation: &'static str) -> Result<()> {
    let record = read(dir, token.epoch, operation)?;
    if record.nonce == nonce(token) {
        return Ok(());
    }
    Err(error(ErrorKind::Fenced, operation).context(format!(
        "epoch {} was let in for another term of {}",
        record.epoch, record.holder
    )))
}

fn read(dir: &LogDir, epoch: Epoch, operation: &'static str) -> Result<FenceRecord> {
    let path = dir.layout().at("fences").join(numbered::name(epoch.0));
    let bytes = fs::read(&path).map_err(|source| io_error(operation, &path, source))?;
    decode(&bytes, FORMAT, VERSION).map_err(|error| error.context(path.display().to_string()))
}

/// Whether this program knows the format of the fence: who was let in last may be a newer one.
///
/// # Errors
/// `Version`, `Corrupt`.
pub(super) fn check_readable(dir: &LogDir) -> Result<()> {
    let fence = dir.fence()?;
    if fence > Epoch::ZERO {
        read(dir, fence, "bounds")?;
    }
    Ok(())
}

fn refuse_higher(dir: &LogDir, epoch: Epoch, operation: &'static str) -> Result<()> {
    let fence = dir.fence()?;
    if fence <= epoch {
        return Ok(());
    }
    Err(error(ErrorKind::Fenced, operation)
        .context(format!("epoch {fence} was let in, {epoch} is not higher")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_words::token;

    #[test]
    fn the_golden_fence_is_read_and_written_to_the_byte() {
        let bytes = serde_json::to_vec(&FenceRecord::of(&token(7))).unwrap();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/fence-v1.json");
        if std::env::var_os("STANDFAST_WRITE_GOLDEN").is_some() {
            fs::write(path, &bytes).unwrap();
        }
        let golden = fs::read(path).unwrap();
        assert_eq!(bytes, golden);
        let record: FenceRecord = decode(&golden, FORMAT, VERSION).unwrap();
        assert_eq!(record.nonce, nonce(&token(7)));
    }
}
