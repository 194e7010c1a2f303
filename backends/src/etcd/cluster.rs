use etcd_client::Txn;

use super::connection::Connection;
use super::error::foreign;
use super::found::record;
use super::layout::Layout;
use super::records::ClusterRecord;
use super::transaction::{Answers, get, is_absent, put};
use crate::record::encode;
use standfast_core::{Fingerprint, Result};

/// The fingerprint that is kept, if there is one. Log and election under one root have it in common.
pub(super) async fn read(connection: &Connection, layout: &Layout) -> Result<Option<Fingerprint>> {
    let key = layout.fingerprint();
    let answer = connection.call("read fingerprint", |mut clients| {
        let key = key.as_str();
        async move { clients.kv.get(key, None).await }
    });
    let found = answer.await?.take_kvs().into_iter().next();
    let found = record::<ClusterRecord>(&key, found.map(|kv| kv.into_key_value().1))?;
    Ok(found.map(|found| found.is.fingerprint))
}

/// Makes the keys those of `cluster`, once (ST-1).
pub(super) async fn init(
    connection: &Connection,
    layout: &Layout,
    cluster: Fingerprint,
) -> Result<()> {
    let key = layout.fingerprint();
    let record = encode(&ClusterRecord {
        fingerprint: cluster,
    })?;
    let create = Txn::new()
        .when([is_absent(key.clone())])
        .and_then([put(key.clone(), &record)])
        .or_else([get(key.clone())]);
    let done = connection.call("init", |mut clients| {
        let create = create.clone();
        async move { clients.kv.txn(create).await }
    });
    let done = done.await?;
    if done.succeeded() {
        return Ok(());
    }
    let there = self::record::<ClusterRecord>(&key, Answers::of(&done).value())?;
    match there.map(|there| there.is.fingerprint) {
        Some(own) if own != cluster => Err(foreign("init", layout.root(), own, cluster)),
        _ => Ok(()),
    }
}

/// Removes everything below the root.
///
/// # Errors
/// `Auth`, `Unavailable`.
///
/// # Cancel safety
/// May or may not have happened.
pub(super) async fn remove(connection: &Connection, layout: &Layout) -> Result<()> {
    let (from, to) = layout.everything();
    let options = etcd_client::DeleteOptions::new().with_range(to);
    let removed = connection.call("remove", |mut clients| {
        let (from, options) = (from.as_str(), options.clone());
        async move { clients.kv.delete(from, Some(options)).await }
    });
    removed.await.map(drop)
}
