//! The raw loop of a RocksDB, written as code that wants to win: the yardstick of `append --backend rocksdb`.

use std::path::Path;
use std::time::Duration;

use rocksdb::{DB, Options, WriteBatch, WriteOptions};
use tokio::time::Instant;

use crate::command::Failure;

/// Writes `bytes` under ascending keys, a synced write each, over and over for `span`; syncs a second.
pub(super) fn synced(dir: &Path, bytes: &[u8], span: Duration) -> Result<f64, Failure> {
    let path = dir.join("raw-rocksdb");
    let db = DB::open(&options(), &path)?;
    let mut sync = WriteOptions::default();
    sync.set_sync(true);
    let begun = Instant::now();
    let mut syncs = 0_u32;
    while begun.elapsed() < span {
        let mut batch = WriteBatch::default();
        batch.put(syncs.to_be_bytes(), bytes);
        db.write_opt(batch, &sync)?;
        syncs += 1;
    }
    let rate = f64::from(syncs) / begun.elapsed().as_secs_f64();
    drop(db);
    std::fs::remove_dir_all(path)?;
    Ok(rate)
}

/// Nothing besides the write: buffers that are seldom written out, nothing compressed, nothing merged.
fn options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_write_buffer_size(64 << 20);
    options.set_compression_type(rocksdb::DBCompressionType::None);
    options.set_disable_auto_compactions(true);
    options.set_allow_concurrent_memtable_write(false);
    options.set_stats_dump_period_sec(0);
    options
}
