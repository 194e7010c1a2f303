//! What a log held before it was begun anew is kept aside, also when the power goes.

use std::path::PathBuf;

use super::logs::LOGS;
use super::user::{Call, User};
use crate::disk::{Loss, PowerDisk};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rocksdb_held_before_it_was_begun_anew_survives_beside_it() {
    let log = LOGS.iter().find(|log| log.name == "rocksdb").unwrap();
    let mut disk = PowerDisk::mount();
    let dir = disk.path().join("data/log");
    let mut user = User::new(log.open, &dir);
    for call in [Call::Init, Call::Lead, Call::Append(100), Call::Append(100)] {
        user.call(call).await.unwrap();
    }
    let held = user.promises.clone();
    user.call(Call::BeginAnew).await.unwrap();
    let aside = format!("{}-before-{:020}", dir.display(), user.promises.epoch.0);
    disk.stop_at(0);
    user.die();
    disk.cut(Loss::Everything);
    let aside = (log.open)(PathBuf::from(aside)).await.unwrap();
    held.check(&*aside).await;
}
