//! What the members say of themselves.

use etcd_client::{AlarmAction, AlarmMember, AlarmType, ResponseHeader, StatusResponse};

use super::connection::Connection;
use super::error::error;
use standfast_core::{ErrorKind, Result, Server};

/// The oldest server whose answers this backend was tried with.
const OLDEST: (u32, u32) = (3, 4);

/// What each member says of itself, or why it says nothing. Each answers for itself, without the others.
pub(super) async fn ask<'a>(
    connection: &'a Connection,
    operation: &'static str,
) -> Vec<(&'a str, Result<StatusResponse>)> {
    let asked = connection.ask_each(operation, |mut clients| async move {
        clients.maintenance.status().await
    });
    asked.await
}

/// # Errors
/// `Version`.
pub(super) fn check_version(
    operation: &'static str,
    url: &str,
    status: &StatusResponse,
) -> Result<()> {
    let version = status.version();
    let numbers: Vec<u32> = version
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect();
    match numbers.as_slice() {
        [major, minor, ..] if (*major, *minor) >= OLDEST => Ok(()),
        _ => Err(error(ErrorKind::Version, operation).context(format!(
            "etcd {version} at {url} is too old: {}.{} or later is needed: upgrade it",
            OLDEST.0, OLDEST.1
        ))),
    }
}

/// The alarms that are raised. None where our user may not ask: what alarms forbid is told by what they forbid.
///
/// # Errors
/// `Unavailable`.
pub(super) async fn alarms(
    connection: &Connection,
    operation: &'static str,
) -> Result<Vec<AlarmMember>> {
    let raised = connection.call(operation, |mut clients| async move {
        clients
            .maintenance
            .alarm(AlarmAction::Get, AlarmType::None, None)
            .await
    });
    match raised.await {
        Ok(raised) => Ok(raised.alarms().to_vec()),
        Err(error) if *error.kind() == ErrorKind::Auth => {
            tracing::debug!(%error, "alarms are not told");
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

/// What an alarm of a member says of it.
pub(super) const fn judge(alarm: AlarmType) -> Option<(ErrorKind, &'static str)> {
    match alarm {
        AlarmType::Nospace => Some((
            ErrorKind::Quota,
            "is full: compact and defragment it, then `etcdctl alarm disarm`",
        )),
        AlarmType::Corrupt => Some((
            ErrorKind::Corrupt,
            "says that its data are damaged: replace the member, then `etcdctl alarm disarm`",
        )),
        AlarmType::None => None,
    }
}

/// Every member that was named to us, for people.
pub(super) async fn servers(connection: &Connection) -> Result<Vec<Server>> {
    let operation = "look at members";
    let alarms = alarms(connection, operation).await?;
    let asked = ask(connection, operation).await.into_iter();
    let described = asked.map(|(url, answer)| match answer {
        Ok(status) => describe(operation, url, &status, &alarms),
        Err(error) => Server {
            endpoint: url.to_owned(),
            problem: Some(error.to_string()),
            ..Server::default()
        },
    });
    Ok(described.collect())
}

fn describe(
    operation: &'static str,
    url: &str,
    status: &StatusResponse,
    alarms: &[AlarmMember],
) -> Server {
    let member = status.header().map_or(0, ResponseHeader::member_id);
    let mut alarms = alarms.iter().filter(|alarm| alarm.member_id() == member);
    let alarm = alarms.find_map(|alarm| judge(alarm.alarm()));
    let problem = match check_version(operation, url, status) {
        Err(error) => Some(error.to_string()),
        Ok(()) => alarm.map(|(_, what)| what.to_owned()),
    };
    // Before 3.6 it does not tell what it may take.
    let limit = u64::try_from(status.db_size_quota()).ok();
    Server {
        endpoint: url.to_owned(),
        version: format!("etcd {}", status.version()),
        size_bytes: u64::try_from(status.db_size()).ok(),
        limit_bytes: limit.filter(|limit| *limit > 0),
        problem,
    }
}
