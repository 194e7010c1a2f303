//! The bare loop beside `lag`: one thread writes and syncs, another is woken by inotify and reads.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use inotify::{Inotify, WatchMask};
use tokio::time::Instant;

use crate::command::Failure;

/// What is written each time.
const WRITE: [u8; 200] = [7; 200];
/// Bytes that are read at a time.
const READ: usize = 64 << 10;

/// Appends and syncs for `span`; from the beginning of each write to its bytes having been read by the watcher, in ms.
pub(super) async fn put_to_watch(dir: &Path, span: Duration) -> Result<Vec<f64>, Failure> {
    let path = dir.join("raw-watched");
    tokio::task::spawn_blocking(move || measure(&path, span)).await?
}

fn measure(path: &PathBuf, span: Duration) -> Result<Vec<f64>, Failure> {
    let file = File::create(path)?;
    let inotify = Inotify::init()?;
    inotify.watches().add(path, WatchMask::MODIFY)?;
    let over = AtomicBool::new(false);
    let (begun, seen) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(inotify, path, &over));
        let begun = write(&file, span);
        over.store(true, Ordering::Release);
        // Wakes the watcher once more.
        let woken = file
            .metadata()
            .and_then(|found| file.set_len(found.len() + 1));
        (woken.and(begun), watcher.join())
    });
    let seen = seen.map_err(|_panic| "the watcher broke off")??;
    std::fs::remove_file(path)?;
    let lags = begun?.into_iter().zip(1..).filter_map(|(begun, count)| {
        let wanted = count * WRITE.len() as u64;
        let first = seen.partition_point(|(end, _)| *end < wanted);
        let (_, at) = seen.get(first)?;
        Some(at.saturating_duration_since(begun).as_secs_f64() * 1e3)
    });
    Ok(lags.collect())
}

/// When each write began.
fn write(file: &File, span: Duration) -> std::io::Result<Vec<Instant>> {
    let first = Instant::now();
    let mut begun = Vec::new();
    let mut at = 0;
    while first.elapsed() < span {
        begun.push(Instant::now());
        file.write_all_at(&WRITE, at)?;
        file.sync_data()?;
        at += WRITE.len() as u64;
    }
    Ok(begun)
}

/// How far the file could be read, and when, until nothing more will come.
fn watch(
    mut inotify: Inotify,
    path: &Path,
    over: &AtomicBool,
) -> std::io::Result<Vec<(u64, Instant)>> {
    let file = File::open(path)?;
    let mut seen = Vec::new();
    let mut end = 0;
    let (mut events, mut bytes) = ([0; 4096], vec![0; READ]);
    loop {
        let is_over = over.load(Ordering::Acquire);
        let read = file.read_at(&mut bytes, end)?;
        if read > 0 {
            end += read as u64;
            seen.push((end, Instant::now()));
        } else if is_over {
            return Ok(seen);
        } else {
            inotify.read_events_blocking(&mut events)?;
        }
    }
}
