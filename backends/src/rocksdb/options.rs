use rocksdb::statistics::StatsLevel;
use rocksdb::{
    BlockBasedOptions, Cache, DBCompressionType, DBRecoveryMode, LogLevel, Options, WriteOptions,
};

const MIB: usize = 1 << 20;
/// Most bytes of write-ahead log: what the next one to open it has to read.
pub(super) const MAX_WAL: u64 = 32 << 20;
/// How much is gathered in memory before it becomes a file.
const BUFFER: usize = 16 * MIB;

/// How the database is opened, tuned for a log: appended in order, synced each time, read in order, trimmed from the front.
pub(super) struct Tuning {
    /// Of the database. Its statistics live as long as this.
    pub(super) database: Options,
}

impl Tuning {
    pub(super) fn new() -> Self {
        let mut options = Options::default();
        for_safety(&mut options);
        for_appending(&mut options);
        for_trimming(&mut options);
        for_quiet(&mut options);
        options.enable_statistics();
        // Without timers: they would be read around every sync.
        options.set_statistics_level(StatsLevel::ExceptHistogramOrTimers);
        Self { database: options }
    }

    /// Of the database, to open it all the same where its write-ahead log ends with a write that was cut.
    pub(super) fn upto_the_cut(&self) -> Options {
        let mut options = self.database.clone();
        options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
        options
    }

    /// Of the database, for one of its readers.
    pub(super) fn following(&self) -> Options {
        let mut options = self.database.clone();
        // A reader that catches up opens what is new with so many threads, which it starts each time, new or not: with the
        // sixteen of the default it does little else.
        options.set_max_file_opening_threads(1);
        options
    }

    /// Of each family.
    pub(super) fn family() -> Options {
        let mut options = Options::default();
        options.set_write_buffer_size(BUFFER);
        // The next buffer fills while one is written out.
        options.set_max_write_buffer_number(3);
        for_trimming(&mut options);
        // Batches are stored as they come, and lz4 costs less time than the bytes that it saves.
        options.set_compression_type(DBCompressionType::Lz4);
        let mut table = BlockBasedOptions::default();
        // Reading is in order: large blocks, and no use in keeping them.
        table.set_block_size(64 << 10);
        table.set_block_cache(&Cache::new_lru_cache(4 * MIB));
        options.set_block_based_table_factory(&table);
        options
    }
}

fn for_safety(options: &mut Options) {
    // A record that was being written when the process died was never acknowledged. Any other damage is told: the default
    // mode drops, without a word, every acknowledged entry behind a damaged record.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    // A file of the write-ahead log that is missing or too short is told as well.
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_paranoid_checks(true);
}

fn for_appending(options: &mut Options) {
    // Opening reads all of it: a third of a second or less.
    options.set_max_total_wal_size(MAX_WAL);
    options.set_write_buffer_size(BUFFER);
    // One thread writes.
    options.set_allow_concurrent_memtable_write(false);
    // Files are pushed out as they are written: a sync of the log does not wait behind megabytes of them.
    options.set_bytes_per_sync(1 << 20);
    options.set_max_background_jobs(2);
}

fn for_trimming(options: &mut Options) {
    // A trim drops whole files.
    options.set_target_file_size_base(BUFFER as u64);
    options.set_level_zero_file_num_compaction_trigger(4);
}

fn for_quiet(options: &mut Options) {
    options.set_log_level(LogLevel::Warn);
    options.set_keep_log_file_num(2);
    options.set_max_log_file_size(MIB);
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    // Opening is on the way into a term.
    options.set_skip_stats_update_on_db_open(true);
    // Of four megabytes nearly all would stay empty.
    options.set_manifest_preallocation_size(64 << 10);
}

/// A write that is durable when it returns.
pub(super) fn synced() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    options
}
