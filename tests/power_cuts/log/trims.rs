//! A trim is there whole, or not at all.

use super::logs::{LOGS, Log};
use super::user::{Call, User};
use crate::disk::{Loss, PowerDisk};

/// A trim before the one that is cut: what it leaves lies in files that the next one drops whole.
const BEFORE: &[Call] = &[
    Call::Init,
    Call::Lead,
    Call::Append(5000),
    Call::Append(5000),
    Call::Append(5000),
    Call::Trim(2),
    Call::Append(100),
];

async fn before(log: &Log, disk: &PowerDisk) -> User {
    let mut user = User::new(log.open, &disk.path().join("log"));
    for call in BEFORE {
        user.call(*call).await.unwrap();
    }
    user
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trim_that_is_cut_before_any_of_its_syncs_loses_nothing_above_its_floor() {
    for log in LOGS {
        let disk = PowerDisk::mount();
        let mut user = before(log, &disk).await;
        let begun = disk.syncs();
        user.call(Call::Trim(0)).await.unwrap();
        let syncs = disk.syncs() - begun;
        drop(user);
        for sync in 1..=syncs {
            println!("{}: the power goes before sync {sync} of {syncs}", log.name);
            let mut disk = PowerDisk::mount();
            let mut user = before(log, &disk).await;
            disk.stop_before_sync(disk.syncs() + sync);
            // The trim itself is done when only giving room back fails.
            println!("{:?}", user.call(Call::Trim(0)).await);
            user.die();
            disk.cut(Loss::Everything);
            for call in [Call::Lead, Call::Mark] {
                user.call(call).await.unwrap();
            }
            user.check().await;
        }
    }
}
