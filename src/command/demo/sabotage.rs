use std::fs;
use std::path::Path;

use standfast_core::{FrameHeader, MAGIC};

use crate::command::Failure;

/// Cuts one batch, the one in the middle of the newest segment that has several, out of a log in files: what the
/// verdict must find.
pub(super) fn cut_one_batch(log: &Path) -> Result<String, Failure> {
    let mut segments: Vec<_> = fs::read_dir(log.join("segments"))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "wal"))
        .collect();
    segments.sort();
    for path in segments.iter().rev() {
        let mut bytes = fs::read(path)?;
        let frames = frames(&bytes);
        if let Some(&(at, length)) = frames.get(frames.len() / 2).filter(|_| frames.len() > 4) {
            bytes.drain(at..at + length);
            bytes.resize(bytes.len() + length, 0);
            fs::write(path, &bytes)?;
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            return Ok(format!("{length} bytes at offset {at} of {name}"));
        }
    }
    Err("no segment of the log has enough batches to cut one out".into())
}

/// Where the batches of a segment lie.
fn frames(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..) {
        let Some(next) = rest.windows(4).position(|four| four == MAGIC) else {
            break;
        };
        at += next;
        let frame = bytes.get(at..).unwrap_or_default();
        match FrameHeader::peek_length(frame) {
            Some(length)
                if frame
                    .get(..length)
                    .is_some_and(|one| FrameHeader::open(one).is_ok()) =>
            {
                let padded = length.next_multiple_of(8);
                found.push((at, padded));
                at += padded;
            }
            _ => at += 4,
        }
    }
    found
}
