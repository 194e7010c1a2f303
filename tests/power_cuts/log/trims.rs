//! A trim is there whole, or not at all.

use std::fs;

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

/// As in a copy by a tool that leaves empty folders out.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_trim_puts_into_a_folder_that_was_missing_survives_a_cut() {
    let log = LOGS.iter().find(|log| log.name == "file").unwrap();
    let mut disk = PowerDisk::mount();
    let dir = disk.path().join("log");
    let mut user = User::new(log.open, &dir);
    for call in [
        Call::Init,
        Call::Lead,
        Call::Append(5000),
        Call::Append(5000),
    ] {
        user.call(call).await.unwrap();
    }
    user.die();
    fs::remove_dir(dir.join("floors")).unwrap();
    fs::File::open(&dir).unwrap().sync_all().unwrap();
    for call in [
        Call::Open,
        Call::Lead,
        Call::Append(5000),
        Call::Mark,
        Call::Trim(0),
    ] {
        user.call(call).await.unwrap();
    }
    user.die();
    disk.cut(Loss::Everything);
    assert!(fs::read_dir(dir.join("floors")).unwrap().next().is_some());
    for call in [Call::Lead, Call::Mark] {
        user.call(call).await.unwrap();
    }
    user.check().await;
}
