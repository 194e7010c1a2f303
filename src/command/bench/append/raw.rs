//! The raw loop of a store in files, written as code that wants to win: the yardstick of `append`.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use crate::command::Failure;

/// Zeros are written ahead in pieces of this size.
const PIECE: usize = 1 << 20;
/// Syncs in a second that no disk we know exceeds.
const MOST_SYNCS: u64 = 20_000;

/// Writes `bytes` and syncs, over and over for `span`, into a file that is zero-filled ahead of use; syncs a second.
pub(super) fn preallocated(dir: &Path, bytes: &[u8], span: Duration) -> Result<f64, Failure> {
    let path = dir.join("raw-preallocated");
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&path)?;
    let room = room(bytes.len(), span);
    let zeros = vec![0; PIECE];
    for at in (0..room).step_by(PIECE) {
        file.write_all_at(&zeros, at)?;
    }
    file.sync_all()?;
    let rate = rate(&file, bytes, span, room)?;
    std::fs::remove_file(path)?;
    Ok(rate)
}

/// More than can be written in the time there is, within reason: behind its end the loop begins again.
fn room(bytes: usize, span: Duration) -> u64 {
    let each_second = bytes as u64 * MOST_SYNCS;
    let wanted = each_second.saturating_mul(span.as_secs() + 1);
    wanted.next_multiple_of(PIECE as u64).min(256 << 20)
}

/// The same into a file that grows.
pub(super) fn growing(dir: &Path, bytes: &[u8], span: Duration) -> Result<f64, Failure> {
    let path = dir.join("raw-growing");
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&path)?;
    let rate = rate(&file, bytes, span, u64::MAX)?;
    std::fs::remove_file(path)?;
    Ok(rate)
}

fn rate(file: &File, bytes: &[u8], span: Duration, room: u64) -> Result<f64, Failure> {
    let begun = Instant::now();
    let (mut at, mut syncs) = (0, 0_u32);
    while begun.elapsed() < span {
        if at + bytes.len() as u64 > room {
            at = 0;
        }
        file.write_all_at(bytes, at)?;
        file.sync_data()?;
        at += bytes.len() as u64;
        syncs += 1;
    }
    Ok(f64::from(syncs) / begun.elapsed().as_secs_f64())
}
