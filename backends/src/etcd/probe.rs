use etcd_client::{AlarmAction, AlarmType, Txn};

use super::connection::Connection;
use super::error::error;
use super::layout::Layout;
use super::transaction::{is_absent, put};
use standfast_core::{ErrorKind, Result};

const OPERATION: &str = "probe";

/// The oldest server whose answers this backend was tried with.
const OLDEST: (u32, u32) = (3, 4);

/// Looks at the server's version and alarms, then proves that a second create loses.
///
/// # Errors
/// `Version`, `Quota`, `Config`, `Auth`, `Unavailable`.
///
/// # Cancel safety
/// Cancel safe; a key that nobody reads may stay.
pub(super) async fn probe(connection: &Connection, layout: &Layout) -> Result<()> {
    check_version(connection).await?;
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

async fn check_version(connection: &Connection) -> Result<()> {
    let status = connection.call(OPERATION, |mut clients| async move {
        clients.maintenance.status().await
    });
    let status = status.await?;
    let version = status.version();
    let numbers: Vec<u32> = version
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect();
    match numbers.as_slice() {
        [major, minor, ..] if (*major, *minor) >= OLDEST => Ok(()),
        _ => Err(error(ErrorKind::Version, OPERATION).context(format!(
            "etcd {version}, at least {}.{} is needed: upgrade the servers",
            OLDEST.0, OLDEST.1
        ))),
    }
}

async fn check_alarms(connection: &Connection) -> Result<()> {
    let alarms = connection.call(OPERATION, |mut clients| async move {
        clients
            .maintenance
            .alarm(AlarmAction::Get, AlarmType::None, None)
            .await
    });
    for alarm in alarms.await?.alarms() {
        let (kind, what) = match alarm.alarm() {
            AlarmType::Nospace => (
                ErrorKind::Quota,
                "is full: compact and defragment it, then `etcdctl alarm disarm`",
            ),
            AlarmType::Corrupt => (
                ErrorKind::Corrupt,
                "says that its data are damaged: replace the member, then `etcdctl alarm disarm`",
            ),
            AlarmType::None => continue,
        };
        let member = alarm.member_id();
        return Err(error(kind, OPERATION).context(format!("member {member:x} {what}")));
    }
    Ok(())
}
