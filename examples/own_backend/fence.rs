use rusqlite::{OptionalExtension, Transaction};
use standfast::standfast_core::{Chain, Epoch, FenceToken, Fingerprint, Position};
use standfast::{Error, ErrorKind, Result};

use super::error::{error, sqlite_error};

/// The one row of `log`: whose log it is, who may write, and where it begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fence {
    pub(crate) cluster: Fingerprint,
    pub(crate) epoch: Epoch,
    nonce: u128,
    /// Counts the writers that were let in: of two with one token, only the last one writes.
    pub(crate) generation: i64,
    appended: bool,
    /// End of what was trimmed; genesis in a fresh log.
    pub(crate) base: Position,
}

impl Fence {
    /// The fence; `None` in a file that belongs to no cluster yet.
    pub(crate) fn find(transaction: &Transaction<'_>) -> Result<Option<Self>> {
        let row = transaction
            .query_row(
                "SELECT cluster, epoch, nonce, generation, appended, base FROM log",
                [],
                |row| {
                    Ok((
                        row.get::<_, String>(0)?,
                        row.get::<_, u64>(1)?,
                        row.get::<_, String>(2)?,
                        row.get::<_, i64>(3)?,
                        row.get::<_, bool>(4)?,
                        row.get::<_, String>(5)?,
                    ))
                },
            )
            .optional()
            .map_err(|source| sqlite_error("read fence", source))?;
        let Some((cluster, epoch, nonce, generation, appended, base)) = row else {
            return Ok(None);
        };
        let damaged = || error(ErrorKind::Corrupt, "read fence").context("the row of table `log`");
        Ok(Some(Self {
            cluster: Fingerprint::from_chain(Chain::parse(&cluster).ok_or_else(damaged)?),
            epoch: Epoch(epoch),
            nonce: u128::from_str_radix(&nonce, 16).map_err(|source| damaged().source(source))?,
            generation,
            appended,
            base: Position::parse(&base).ok_or_else(damaged)?,
        }))
    }

    /// The fence of a log that belongs to a cluster.
    pub(crate) fn get(transaction: &Transaction<'_>) -> Result<Self> {
        Self::find(transaction)?.ok_or_else(|| {
            error(ErrorKind::NotFound, "read fence")
                .context("the log belongs to no cluster yet: run `cluster init`")
        })
    }

    /// Makes the log one of `cluster`.
    pub(crate) fn init(transaction: &Transaction<'_>, cluster: Fingerprint) -> Result<()> {
        match Self::find(transaction)? {
            Some(own) => own.owned_by(cluster, "init"),
            None => Self {
                cluster,
                epoch: Epoch::ZERO,
                nonce: 0,
                generation: 0,
                appended: false,
                base: Position::genesis(cluster),
            }
            .put(transaction),
        }
    }

    fn put(&self, transaction: &Transaction<'_>) -> Result<()> {
        transaction
            .execute(
                "INSERT OR REPLACE INTO log VALUES (0, ?1, ?2, ?3, ?4, ?5, ?6)",
                (
                    self.cluster.to_string(),
                    self.epoch.0,
                    format!("{:x}", self.nonce),
                    self.generation,
                    self.appended,
                    self.base.to_string(),
                ),
            )
            .map_err(|source| sqlite_error("write fence", source))?;
        Ok(())
    }

    /// Shuts out every lower epoch (OL-4).
    pub(crate) fn let_in(transaction: &Transaction<'_>, token: &FenceToken) -> Result<Self> {
        let own = Self::get(transaction)?;
        own.owned_by(token.cluster, "open writer")?;
        let again = (own.epoch, own.nonce) == (token.epoch, token.nonce) && !own.appended;
        if token.epoch <= own.epoch && !again {
            return Err(fenced("open writer", own.epoch));
        }
        let next = Self {
            epoch: token.epoch,
            nonce: token.nonce,
            generation: own.generation + 1,
            appended: false,
            ..own
        };
        next.put(transaction)?;
        Ok(next)
    }

    /// Whether the writer of this generation was the last to be let in.
    pub(crate) fn is_held(transaction: &Transaction<'_>, generation: i64) -> Result<()> {
        let own = Self::get(transaction)?;
        if own.generation == generation {
            return Ok(());
        }
        Err(fenced("write", own.epoch))
    }

    /// Whether the writer of this generation may still write; from now on its epoch has appended something.
    pub(crate) fn check(transaction: &Transaction<'_>, generation: i64) -> Result<()> {
        Self::is_held(transaction, generation)?;
        let own = Self::get(transaction)?;
        if own.appended {
            return Ok(());
        }
        let next = Self {
            appended: true,
            ..own
        };
        next.put(transaction)
    }

    /// Whether the holder of `token` leads.
    pub(crate) fn held_by(transaction: &Transaction<'_>, token: &FenceToken) -> Result<Self> {
        let own = Self::get(transaction)?;
        own.owned_by(token.cluster, "trim")?;
        if (own.epoch, own.nonce) == (token.epoch, token.nonce) {
            return Ok(own);
        }
        Err(fenced("trim", own.epoch))
    }

    /// From now on the log begins behind `base`.
    pub(crate) fn begin_behind(self, transaction: &Transaction<'_>, base: Position) -> Result<()> {
        Self { base, ..self }.put(transaction)
    }

    fn owned_by(&self, cluster: Fingerprint, operation: &'static str) -> Result<()> {
        if self.cluster == cluster {
            return Ok(());
        }
        Err(error(ErrorKind::Foreign, operation).context(format!(
            "the log belongs to the cluster with fingerprint {}, this is {cluster}",
            self.cluster
        )))
    }
}

fn fenced(operation: &'static str, epoch: Epoch) -> Error {
    error(ErrorKind::Fenced, operation).context(format!("epoch {epoch} was let in"))
}
