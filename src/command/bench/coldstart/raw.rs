use hashbrown::HashMap;
use tokio::time::Instant;

use crate::command::Failure;
use crate::command::bench::dataset::rows::{Row, decode};

/// Seconds of one thread for each stage that no cold start can do without.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stages {
    pub(super) zstd: f64,
    pub(super) decode: f64,
    pub(super) insert: f64,
    /// By the clock, of the same bytes.
    pub(super) download: f64,
}

impl Stages {
    /// If two threads shared the work and never waited, or the download where that is slower.
    pub(super) fn seconds(&self) -> f64 {
        ((self.zstd + self.decode + self.insert) / 2.0).max(self.download)
    }
}

/// Does the stages one after the other, on stored parts whose download took so long.
pub(super) fn stages(parts: &[Vec<u8>], download: f64) -> Result<Stages, Failure> {
    let begun = Instant::now();
    let mut raw = Vec::new();
    for part in parts {
        let size = zstd::zstd_safe::get_frame_content_size(part).ok().flatten();
        let size = size.ok_or("a part does not say how large it is")?;
        raw.push(zstd::bulk::decompress(part, usize::try_from(size)?)?);
    }
    let zstd = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let mut rows: Vec<Row> = Vec::new();
    for part in &raw {
        decode(part, |row| rows.push(row))?;
    }
    let decode = begun.elapsed().as_secs_f64();
    drop(raw);
    let begun = Instant::now();
    let mut tables = Vec::new();
    for bucket in rows.chunk_by(|a, b| a.bucket == b.bucket) {
        let mut table = HashMap::with_capacity(bucket.len());
        for row in bucket {
            table.insert(row.key, *row);
        }
        tables.push(table);
    }
    let insert = begun.elapsed().as_secs_f64();
    if tables.iter().map(HashMap::len).sum::<usize>() != rows.len() {
        return Err("a key is there twice".into());
    }
    Ok(Stages {
        zstd,
        decode,
        insert,
        download,
    })
}
