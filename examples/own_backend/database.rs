use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use standfast::{ErrorKind, Result};

use super::error::{error, sqlite_error};

/// What SQLite keeps as `application_id`: "SFSL".
const MAGIC: i32 = 0x5346_534c;
/// What SQLite keeps as `user_version`: the format that this program writes, and the only one that it reads.
const VERSION: i32 = 1;

/// Format 1 of the file.
///
/// ```text
///   log      one row    cluster, fence (epoch, nonce, generation, appended), base (epoch, seq, chain)
///   batches  a row each first seq -> last seq, frame
/// ```
///
/// `base` is the end of what was trimmed. What is in `batches` is committed: the fence is compared in the transaction that
/// inserts.
const SCHEMA: &str = "
    CREATE TABLE log (
        id INTEGER PRIMARY KEY CHECK (id = 0),
        cluster TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        nonce TEXT NOT NULL,
        generation INTEGER NOT NULL,
        appended INTEGER NOT NULL,
        base TEXT NOT NULL
    ) STRICT;
    CREATE TABLE batches (
        first INTEGER PRIMARY KEY,
        last INTEGER NOT NULL UNIQUE,
        frame BLOB NOT NULL
    ) STRICT;
";

/// How often a transaction that waits for another process's looks again. SQLite's own waiting looks less and less often, and
/// loses against a leader that writes without a pause: a new one could not shut it out.
const PACE: Duration = Duration::from_millis(1);
/// How often it looks before it gives up.
const PATIENCE: i32 = 10_000;

/// One connection. SQLite does its work on the thread of its caller.
#[derive(Clone, Debug)]
pub(crate) struct Database(Arc<Mutex<Connection>>);

impl Database {
    /// Opens the file, and makes it if `make` says so.
    pub(crate) fn open(path: &Path, make: bool) -> Result<Self> {
        let failed = |source| sqlite_error("open store", source);
        if !make && !path.exists() {
            return Err(error(ErrorKind::NotFound, "open store").context(format!(
                "{} is not there: run `cluster init`, or correct `path`",
                path.display()
            )));
        }
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, make);
        let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_handler(Some(wait)).map_err(failed)?;
        let database = Self(Arc::new(Mutex::new(connection)));
        // Looked at before anything is changed: it may be another program's.
        let made = database.look("open store", has_our_format)?;
        // Readers go on beside a writer, and every commit is synced before it is answered.
        let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";
        database.0.lock().execute_batch(pragmas).map_err(failed)?;
        if !made {
            database.change("open store", make_tables)?;
        }
        Ok(database)
    }

    /// Reads, in one transaction.
    pub(crate) fn look<T>(
        &self,
        operation: &'static str,
        look: impl FnOnce(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut connection = self.0.lock();
        let transaction = connection
            .transaction()
            .map_err(|source| sqlite_error(operation, source))?;
        look(&transaction)
    }

    /// Changes something, in one transaction: all of it or nothing. Durable on `Ok`.
    ///
    /// # Errors
    /// `Indeterminate` when the commit itself failed; with any other, nothing was changed.
    pub(crate) fn change<T>(
        &self,
        operation: &'static str,
        change: impl FnOnce(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut connection = self.0.lock();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|source| sqlite_error(operation, source))?;
        let answer = change(&transaction)?;
        transaction
            .commit()
            .map_err(|source| error(ErrorKind::Indeterminate, operation).source(source))?;
        Ok(answer)
    }

    /// Does `work` away from the runtime's threads: a disk that hangs must not stop them.
    pub(crate) async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let database = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&database)).await;
        done.unwrap_or_else(|panic| Err(error(ErrorKind::Closed, "wait for SQLite").source(panic)))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "on the thread of a caller that may block"
)]
fn wait(tries: i32) -> bool {
    std::thread::sleep(PACE);
    tries < PATIENCE
}

/// Whether it is a log of this format; false in an empty file.
fn has_our_format(transaction: &Transaction<'_>) -> Result<bool> {
    let failed = |source| sqlite_error("open store", source);
    let pragma = |name| transaction.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let magic = pragma("application_id").map_err(failed)?;
    let version = pragma("user_version").map_err(failed)?;
    let tables: i64 = transaction
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(failed)?;
    match (magic, version) {
        (MAGIC, VERSION) => Ok(true),
        (MAGIC, newer) => Err(error(ErrorKind::Version, "open store")
            .context(format!("format {newer}, this program knows {VERSION}"))),
        _ if tables == 0 => Ok(false),
        _ => Err(error(ErrorKind::Foreign, "open store")
            .context("the file is another program's database: choose another `path`")),
    }
}

/// Makes the tables of a new file, unless another process has made them meanwhile.
fn make_tables(transaction: &Transaction<'_>) -> Result<()> {
    if has_our_format(transaction)? {
        return Ok(());
    }
    let failed = |source| sqlite_error("open store", source);
    transaction.execute_batch(SCHEMA).map_err(failed)?;
    for (name, value) in [("application_id", MAGIC), ("user_version", VERSION)] {
        transaction
            .pragma_update(None, name, value)
            .map_err(failed)?;
    }
    Ok(())
}
