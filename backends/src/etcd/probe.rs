use etcd_client::{ResponseHeader, Txn};

use super::connection::Connection;
use super::error::error;
use super::layout::Layout;
use super::members;
use super::transaction::{is_absent, put};
use standfast_core::{ErrorKind, Result};

const OPERATION: &str = "probe";

/// Looks at the members' versions and alarms, and that they are of one etcd, then proves that a second create loses.
///
/// # Errors
/// `Version`, `Quota`, `Config`, `Auth`, `Unavailable`.
///
/// # Cancel safety
/// Cancel safe; a key that nobody reads may stay.
pub(super) async fn probe(connection: &Connection, layout: &Layout) -> Result<()> {
    check_members(connection).await?;
    check_alarms(connection).await?;
    let key = layout.probe();
    let created = create(connection, &key).await;
    let again = match created {
        Ok(_) => create(connection, &key).await,
        failed => failed,
    };
    let removed = connection.call(OPERATION, |mut clients| {
        let key = key.as_str();
        async move { clients.kv.delete(key, None).await }
    });
    let removed = removed.await;
    if again? {
        return Err(error(ErrorKind::Config, OPERATION).context(format!(
            "two creates of {key} won: this is no etcd that keeps to its transactions"
        )));
    }
    removed.map(|_| ())
}

/// Whether a key was made; the same after a lost answer is no proof either way, and asks again under another try.
async fn create(connection: &Connection, key: &str) -> Result<bool> {
    let create = Txn::new()
        .when([is_absent(key.to_owned())])
        .and_then([put(key.to_owned(), b"probe")]);
    let done = connection.call(OPERATION, |mut clients| {
        let create = create.clone();
        async move { clients.kv.txn(create).await }
    });
    Ok(done.await?.succeeded())
}

/// Every member that answers is one of the same etcd, and not too old. Those that do not answer are left out: one of them
/// being down is no reason not to start.
async fn check_members(connection: &Connection) -> Result<()> {
    // Waits for one of them, as every call does.
    let one = connection.call(OPERATION, |mut clients| async move {
        clients.maintenance.status().await
    });
    one.await?;
    let mut first: Option<(&str, u64)> = None;
    for (url, answer) in members::ask(connection, OPERATION).await {
        let status = match answer {
            Ok(status) => status,
            Err(error) => {
                tracing::warn!(%error, "a member of etcd is left out");
                continue;
            }
        };
        members::check_version(OPERATION, url, &status)?;
        let cluster = status.header().map_or(0, ResponseHeader::cluster_id);
        match first {
            Some((other, its)) if its != cluster => {
                return Err(error(ErrorKind::Config, OPERATION).context(format!(
                    "{other} is of the etcd {its:x}, and {url} of another, {cluster:x}: `endpoints` must name members of one"
                )));
            }
            Some(_) => {}
            None => first = Some((url, cluster)),
        }
    }
    Ok(())
}

async fn check_alarms(connection: &Connection) -> Result<()> {
    for alarm in members::alarms(connection, OPERATION).await? {
        let Some((kind, what)) = members::judge(alarm.alarm()) else {
            continue;
        };
        let member = alarm.member_id();
        return Err(error(kind, OPERATION).context(format!("member {member:x} {what}")));
    }
    Ok(())
}
