//! h14: torn tail, damage in the middle, bit rot.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::{append_some, fresh, lead, next_batch, open};
use crate::file::segment::{Mark, SegmentHeader};
use crate::log_words::{cluster, read_all, refusal, token};
use standfast_core::{Batch, ErrorKind, OpLogStore, OpLogWriter, Position};

/// A log of two terms, its files, and what is in it.
struct Sample {
    template: tempfile::TempDir,
    segments: Vec<(PathBuf, Vec<u8>)>,
    history: Vec<Batch>,
    marked: bool,
    /// Where the last frame begins, and where everything ends, in the last segment.
    last_frame: usize,
    used: usize,
}

/// Memory instead of a disk: thousands of logs are opened.
fn memory_dir() -> tempfile::TempDir {
    let shm = Path::new("/dev/shm");
    if shm.is_dir() {
        tempfile::tempdir_in(shm).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}

async fn sample(marked: bool) -> Sample {
    let template = memory_dir();
    let log = fresh(template.path()).await;
    append_some(&mut lead(&log, 1).await, 3).await;
    let mut writer = lead(&log, 2).await;
    append_some(&mut writer, 1).await;
    writer.mark_committed().await.unwrap();
    append_some(&mut writer, 2).await;
    let last = log.dir().survey("test").unwrap();
    let used = usize::try_from(last.top().unwrap().1.offset).unwrap();
    writer.mark_committed().await.unwrap();
    let history = read_all(&log).await.unwrap();
    drop(writer);
    let length = history.last().unwrap().frame().len().next_multiple_of(8);
    let mut segments: Vec<_> = fs::read_dir(template.path().join("segments"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    segments.sort();
    let (path, bytes) = segments.last_mut().unwrap();
    if !marked {
        bytes[used..used + Mark::LEN].fill(0);
        fs::write(path, &bytes).unwrap();
    }
    Sample {
        template,
        segments,
        history,
        marked,
        last_frame: used - length,
        used: used + if marked { Mark::LEN } else { 0 },
    }
}

impl Sample {
    /// Where the frames of a segment end.
    fn used_of(&self, index: usize) -> usize {
        if index + 1 == self.segments.len() {
            return self.used;
        }
        let bytes = &self.segments[index].1;
        bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1
    }

    /// A log in which `change` has happened to segment `index`.
    fn damaged(&self, index: usize, change: impl FnOnce(&mut Vec<u8>)) -> tempfile::TempDir {
        let dir = memory_dir();
        fs::create_dir(dir.path().join("segments")).unwrap();
        let copy = |name: &str| {
            fs::copy(self.template.path().join(name), dir.path().join(name)).unwrap();
        };
        copy("cluster");
        for (at, (path, bytes)) in self.segments.iter().enumerate() {
            let to = dir.path().join("segments").join(path.file_name().unwrap());
            if at == index {
                let mut bytes = bytes.clone();
                return {
                    change(&mut bytes);
                    fs::write(to, bytes).unwrap();
                    self.copy_rest(&dir, at + 1);
                    dir
                };
            }
            fs::write(to, bytes).unwrap();
        }
        unreachable!("there is a segment {index}");
    }

    fn copy_rest(&self, dir: &tempfile::TempDir, from: usize) {
        for (path, bytes) in &self.segments[from..] {
            let to = dir.path().join("segments").join(path.file_name().unwrap());
            fs::write(to, bytes).unwrap();
        }
    }

    /// What readers may see: what is proved, all but the last batch where no mark stands behind it.
    fn visible(&self) -> &[Batch] {
        let proved = self.history.len() - usize::from(!self.marked);
        &self.history[..proved]
    }

    /// Reads and promotes on a damaged copy. `may_lose_last`: what is damaged is all that proved the last visible batch,
    /// the mark or the frame behind it. Then readers wait for another proof, and the next writer still finds that batch.
    async fn check(&self, dir: &tempfile::TempDir, may_lose_last: bool, what: &str) {
        let least = &self.visible()[..self.visible().len() - 1];
        match read_all(&open(dir.path())).await {
            Ok(read) => {
                let full = read == self.visible() || (may_lose_last && read == least);
                assert!(full, "{what}: read {} batches", read.len());
            }
            Err(error) => is_corrupt(&error, what),
        }
        let tip = self.history.last().unwrap().end();
        let before: Position = self.history[self.history.len() - 2].end();
        match open(dir.path()).open_writer(&token(9)).await {
            Ok(writer) => {
                let tail = writer.tail();
                let kept = tail == tip || (may_lose_last && !self.marked && tail == before);
                assert!(kept, "{what}: the writer stands at {tail}");
            }
            Err(error) => is_corrupt(&error, what),
        }
    }
}

fn is_corrupt(error: &standfast_core::Error, what: &str) {
    let text = error.to_string();
    assert_eq!(*error.kind(), ErrorKind::Corrupt, "{what}: {text}");
    assert!(
        text.contains(".wal") && text.contains("at byte"),
        "{what}: {text}"
    );
}

#[tokio::test]
async fn a_cut_at_any_byte_loses_nothing_silently() {
    for marked in [false, true] {
        let sample = sample(marked).await;
        for index in 0..sample.segments.len() {
            let used = sample.used_of(index);
            let length = sample.segments[index].1.len();
            let cuts = (0..used + 80).chain([length / 2, length - 1]);
            for cut in cuts {
                let what = format!("segment {index} cut at {cut}, marked {marked}");
                let dir = sample.damaged(index, |bytes| bytes.truncate(cut));
                sample.check(&dir, false, &what).await;
                // Of the older segment the last frame was copied on, and is needed no longer.
                if cut < used && index + 1 == sample.segments.len() {
                    let error = refusal(read_all(&open(dir.path())).await);
                    is_corrupt(&error, &what);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_flipped_bit_anywhere_loses_nothing_that_is_known_committed() {
    for marked in [false, true] {
        let sample = sample(marked).await;
        let last = sample.segments.len() - 1;
        for index in 0..=last {
            for at in 0..sample.used_of(index) + 80 {
                for bit in [at % 8, (at + 3) % 8] {
                    let what = format!("segment {index} byte {at} bit {bit}, marked {marked}");
                    let dir = sample.damaged(index, |bytes| bytes[at] ^= 1 << bit);
                    let in_last_frame = at >= sample.last_frame && at < sample.used;
                    let in_mark = marked && at >= sample.used - Mark::LEN;
                    // Behind a damaged last frame its mark still tells.
                    let may_lose_last = index == last && in_last_frame && (!marked || in_mark);
                    sample.check(&dir, may_lose_last, &what).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn any_sectors_of_a_frame_that_was_never_acknowledged_may_be_missing() {
    const SECTOR: usize = 512;
    let template = memory_dir();
    let log = fresh(template.path()).await;
    let mut writer = lead(&log, 1).await;
    append_some(&mut writer, 2).await;
    let tail = writer.tail();
    let torn = next_batch(&writer, &[7; 2000]);
    let start = log.dir().survey("test").unwrap().top().unwrap().1.offset;
    writer.write(&torn).unwrap();
    let start = usize::try_from(start).unwrap();
    let path = fs::read_dir(template.path().join("segments"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let whole = fs::read(&path).unwrap();
    drop(writer);
    let first = start / SECTOR;
    let count = (start + torn.frame().len()) / SECTOR - first + 1;
    for missing in 1_usize..1 << count {
        let mut bytes = whole.clone();
        for sector in (0..count).filter(|sector| missing >> sector & 1 == 1) {
            let from = ((first + sector) * SECTOR).max(start);
            bytes[from..(first + sector + 1) * SECTOR].fill(0);
        }
        fs::write(&path, &bytes).unwrap();
        let read = read_all(&open(template.path())).await.unwrap();
        assert!(read.len() >= 2, "missing {missing:b}");
        let epoch = 1 + missing as u64;
        let next = open(template.path()).open_writer(&token(epoch)).await;
        let next = next.unwrap_or_else(|error| panic!("missing {missing:b}: {error}"));
        assert_eq!(next.tail(), tail, "missing {missing:b}");
        drop(next);
        remove_segments_above(template.path(), 1);
    }
}

fn remove_segments_above(dir: &Path, epoch: u64) {
    let own = format!("-{epoch:020}.wal");
    for entry in fs::read_dir(dir.join("segments")).unwrap() {
        let path = entry.unwrap().path();
        if !path.to_str().unwrap().ends_with(&own) {
            fs::remove_file(path).unwrap();
        }
    }
}

#[tokio::test]
async fn a_mark_that_a_power_cut_took_is_not_missed() {
    let dir = tempfile::tempdir().unwrap();
    let log = fresh(dir.path()).await;
    let mut writer = lead(&log, 1).await;
    append_some(&mut writer, 1).await;
    let at = log.dir().survey("test").unwrap().top().unwrap().1.offset;
    writer.mark_committed().await.unwrap();
    let sent = append_some(&mut writer, 2).await;
    let survey = log.dir().survey("test").unwrap();
    let path = survey.top().unwrap().0.path().to_owned();
    drop(writer);
    let file = fs::File::options().write(true).open(path).unwrap();
    file.write_all_at(&[0; Mark::LEN], at).unwrap();
    let next = open(dir.path()).open_writer(&token(2)).await.unwrap();
    assert_eq!(next.tail(), sent[1].end());
    drop(next);
    let read = read_all(&open(dir.path())).await.unwrap();
    assert_eq!(read.len(), 3, "the last one waits for a proof");
}

#[tokio::test]
async fn damage_behind_ones_own_position_is_regressed_not_forgotten() {
    let sample = sample(false).await;
    let last = sample.segments.len() - 1;
    let at = sample.last_frame + 20;
    let dir = sample.damaged(last, |bytes| bytes[at] ^= 1);
    let known = sample.history.last().unwrap().end();
    let error = refusal(
        open(dir.path())
            .read(known, standfast_core::ReadLimit::default())
            .await,
    );
    assert_eq!(*error.kind(), ErrorKind::LogRegressed, "{error}");
}

/// Makes the checksum of a header or a frame fit what is in it.
pub(super) fn reseal(bytes: &mut [u8], length: usize) {
    let mut crc = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    crc.update(&bytes[..12]);
    crc.update(&bytes[16..length]);
    let crc = u32::try_from(crc.finalize()).unwrap();
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
}

#[tokio::test]
async fn a_newer_format_and_another_clusters_segment_are_refused_as_such() {
    let sample = sample(true).await;
    let newer_header = sample.damaged(0, |bytes| {
        bytes[4] = 3;
        reseal(bytes, SegmentHeader::LEN);
    });
    let foreign = sample.damaged(0, |bytes| {
        bytes[20] ^= 1;
        reseal(bytes, SegmentHeader::LEN);
    });
    let newer_frame = sample.damaged(0, |bytes| {
        let frame = &mut bytes[SegmentHeader::LEN..];
        frame[4] = 2;
        let length = u32::from_le_bytes(frame[8..12].try_into().unwrap());
        reseal(frame, usize::try_from(length).unwrap());
    });
    for (dir, kind) in [
        (newer_header, ErrorKind::Version),
        (newer_frame, ErrorKind::Version),
        (foreign, ErrorKind::Foreign),
    ] {
        let error = refusal(read_all(&open(dir.path())).await);
        assert_eq!(*error.kind(), kind, "{error}");
    }
    let other = tempfile::tempdir().unwrap();
    let log = open(other.path());
    standfast_core::Store::init(&log, crate::log_words::stranger())
        .await
        .unwrap();
    let error = refusal(log.open_writer(&token(1)).await);
    assert_eq!(*error.kind(), ErrorKind::Foreign, "{error}");
    assert_ne!(cluster(), crate::log_words::stranger());
}
