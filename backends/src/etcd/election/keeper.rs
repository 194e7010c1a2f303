use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::etcd::connection::Connection;
use crate::etcd::error::error;
use standfast_core::{ErrorKind, Result};

/// How long giving a lease back may take: it runs out by itself.
const GIVE_BACK: Duration = Duration::from_secs(2);

/// A lease of etcd, and what keeps it alive: a runtime and connections of its own, so that neither a blocked runtime nor a
/// connection that is full of batches starves it (EL-4).
///
/// All of this blocks. Dropping it gives the lease back, and with it goes what was put under it.
#[derive(Debug)]
pub(super) struct Keeper {
    runtime: Runtime,
    connection: Connection,
    lease: i64,
}

impl Keeper {
    /// Takes connections that nobody has used yet, and is granted a lease of at least `ttl`.
    ///
    /// # Errors
    /// `Quota`, `Auth`, `Unavailable`.
    pub(super) fn begin(
        connection: Connection,
        ttl: Duration,
        operation: &'static str,
    ) -> Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| error(ErrorKind::Unavailable, operation).source(source))?;
        let lease = runtime.block_on(grant(&connection, ttl, operation))?;
        Ok(Self {
            runtime,
            connection,
            lease,
        })
    }

    pub(super) const fn lease(&self) -> i64 {
        self.lease
    }

    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Waits for a call over its own connections.
    pub(super) fn wait<T>(&self, call: impl Future<Output = T>) -> T {
        self.runtime.block_on(call)
    }

    /// Renews the lease once, with each member at most.
    ///
    /// # Errors
    /// `NotFound` when the lease is over; `Timeout`, `Unavailable`.
    pub(super) async fn keep_alive(&self, operation: &'static str) -> Result<()> {
        let id = self.lease;
        let renewed = self
            .connection
            .once_each(operation, |mut clients| async move {
                // The first answer is awaited within, and is an error when the lease is not there.
                clients.lease.keep_alive(id).await.map(drop)
            });
        renewed.await
    }

    /// Another lease in the place of one that is over.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub(super) fn renew_lease(&mut self, ttl: Duration, operation: &'static str) -> Result<()> {
        self.lease = self
            .runtime
            .block_on(grant(&self.connection, ttl, operation))?;
        Ok(())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let id = self.lease;
        let revoked = self
            .connection
            .once_each("give lease back", |mut clients| async move {
                clients.lease.revoke(id).await.map(drop)
            });
        let given_back = self
            .runtime
            .block_on(async { tokio::time::timeout(GIVE_BACK, revoked).await });
        if let Ok(Err(error)) = given_back
            && *error.kind() != ErrorKind::NotFound
        {
            tracing::debug!(%error, "a lease was left to run out");
        }
    }
}

/// A lease whose answer is lost is left to run out.
async fn grant(connection: &Connection, ttl: Duration, operation: &'static str) -> Result<i64> {
    let seconds = i64::try_from(ttl.as_millis().div_ceil(1000)).unwrap_or(i64::MAX);
    let granted = connection.call(operation, |mut clients| async move {
        clients.lease.grant(seconds, None).await
    });
    Ok(granted.await?.id())
}
