use rocksdb::statistics::Ticker;

use super::options::Tuning;

/// Hands RocksDB's own counters on. They count since the process began, over all of its terms.
pub(super) fn publish(tuning: &Tuning) {
    let count = |ticker| tuning.database.get_ticker_count(ticker);
    metrics::counter!("standfast_rocksdb_wal_syncs_total").absolute(count(Ticker::WalFileSynced));
    metrics::counter!("standfast_rocksdb_wal_bytes_total").absolute(count(Ticker::WalFileBytes));
    metrics::counter!("standfast_rocksdb_flushed_bytes_total")
        .absolute(count(Ticker::FlushWriteBytes));
    metrics::counter!("standfast_rocksdb_compacted_bytes_total")
        .absolute(count(Ticker::CompactWriteBytes));
    metrics::counter!("standfast_rocksdb_stalled_us_total").absolute(count(Ticker::StallMicros));
}
