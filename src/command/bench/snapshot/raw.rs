use tokio::time::Instant;

use crate::command::Failure;
use crate::command::bench::dataset::rows::{Row, decode, encode};

/// Parts are compressed at this level, as by default.
const LEVEL: i32 = 1;

/// What no snapshot of the same rows can do without, in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Of one thread.
    pub(super) serialise: f64,
    /// Of one thread.
    pub(super) zstd: f64,
    /// Moving the same compressed bytes to where the bucket is; 0 until it was measured.
    pub(super) put: f64,
    /// Before compression.
    pub(super) bytes: u64,
}

impl Limits {
    /// Two threads that share the work and never wait, or the disk or the server where that is slower.
    pub(super) fn seconds(&self) -> f64 {
        f64::midpoint(self.serialise, self.zstd).max(self.put)
    }
}

/// Does it bare, with the rows of stored parts, in as many; also the compressed bytes of these.
pub(super) fn limits(parts: &[Vec<u8>]) -> Result<(Limits, Vec<Vec<u8>>), Failure> {
    let (rows, size) = rows(parts)?;
    let begun = Instant::now();
    let mut raw: Vec<Vec<u8>> = Vec::new();
    for row in &rows {
        if raw.last().is_none_or(|part| part.len() >= size) {
            raw.push(Vec::with_capacity(size + 100));
        }
        if let Some(part) = raw.last_mut() {
            encode(row, part);
        }
    }
    let serialise = begun.elapsed().as_secs_f64();
    drop(rows);
    let begun = Instant::now();
    let stored: Result<Vec<_>, _> = raw
        .iter()
        .map(|part| zstd::bulk::compress(part, LEVEL))
        .collect();
    let stored = stored?;
    let zstd = begun.elapsed().as_secs_f64();
    let limits = Limits {
        serialise,
        zstd,
        put: 0.0,
        bytes: raw.iter().map(|part| part.len() as u64).sum(),
    };
    Ok((limits, stored))
}

/// The rows, and of how many bytes a part is before compression.
fn rows(parts: &[Vec<u8>]) -> Result<(Vec<Row>, usize), Failure> {
    let (mut rows, mut bytes) = (Vec::new(), 0);
    for part in parts {
        let size = zstd::zstd_safe::get_frame_content_size(part).ok().flatten();
        let size = size.ok_or("a part does not say how large it is")?;
        let raw = zstd::bulk::decompress(part, usize::try_from(size)?)?;
        decode(&raw, |row| rows.push(row))?;
        bytes += raw.len();
    }
    Ok((rows, bytes.div_ceil(parts.len().max(1))))
}
