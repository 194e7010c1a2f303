use std::path::PathBuf;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use standfast_backends::FileOpLog;
use standfast_core::{ByteSize, OpLogStore};

use super::user::{Call, OpenLog, User};
use crate::disk::{Loss, PowerDisk};
use crate::seeds::seeds;

/// Every log that has to survive a power cut, opened with segments as small as they get.
const LOGS: &[(&str, OpenLog)] = &[("file", |dir| Box::pin(async { file(dir) }))];

#[expect(clippy::needless_pass_by_value, reason = "a future owns it")]
fn file(dir: PathBuf) -> standfast_core::Result<Arc<dyn OpLogStore>> {
    Ok(Arc::new(FileOpLog::open(&dir, ByteSize(64 << 10))?))
}

/// Nearly half a segment.
const BIG: usize = 28 << 10;

/// All that a log is asked for, each at least once, and twice what a cut makes different the second time.
const LIFE: &[Call] = &[
    Call::Open,
    Call::Init,
    Call::Lead,
    Call::Append(100),
    Call::Append(BIG),
    Call::Append(BIG),
    Call::Mark,
    Call::Append(BIG),
    Call::Append(100),
    Call::Leave,
    Call::Open,
    Call::Lead,
    Call::Append(BIG),
    Call::Append(BIG),
    Call::Append(BIG),
    Call::Mark,
    Call::Trim(2),
    Call::Append(100),
    Call::Close,
    Call::Skip,
    Call::Lead,
    Call::Append(100),
    Call::Skip,
    Call::BeginAnew,
    Call::Lead,
    Call::Append(100),
    Call::Mark,
    Call::BeginAnew,
    Call::Append(100),
];

/// The directory of the log: several levels of it are the log's to make.
fn dir(disk: &PowerDisk) -> PathBuf {
    disk.path().join("data/log")
}

/// Opens the log after a cut and compares it, when a new term has settled it; then once more after another cut: what was
/// settled is acknowledged as well.
async fn check(disk: &mut PowerDisk, user: &mut User) {
    if !user.promises.initialised {
        user.call(Call::Init).await.unwrap();
    }
    for call in [Call::Lead, Call::Append(100), Call::Mark] {
        user.call(call).await.unwrap();
    }
    user.check().await;
    user.die();
    disk.cut(Loss::Everything);
    for call in [Call::Lead, Call::Mark] {
        user.call(call).await.unwrap();
    }
    user.check().await;
    user.die();
}

/// How many syncs a whole life takes.
async fn syncs_of_a_life(open: OpenLog) -> u64 {
    let disk = PowerDisk::mount();
    let mut user = User::new(open, &dir(&disk));
    for call in LIFE {
        user.call(*call).await.unwrap();
    }
    user.die();
    disk.syncs()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_keeps_what_it_acknowledged_when_the_power_goes_before_any_of_its_syncs() {
    for (name, open) in LOGS {
        let syncs = syncs_of_a_life(*open).await;
        for sync in 1..=syncs + 1 {
            println!("{name}: the power goes before sync {sync} of {syncs}");
            let mut disk = PowerDisk::mount();
            let mut user = User::new(*open, &dir(&disk));
            disk.stop_before_sync(sync);
            for call in LIFE {
                if user.call(*call).await.is_err() {
                    break;
                }
            }
            user.die();
            disk.cut(Loss::Everything);
            check(&mut disk, &mut user).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_whose_sync_fails_poisons_its_writer_and_keeps_what_it_acknowledged() {
    for (name, open) in LOGS {
        let syncs = syncs_of_a_life(*open).await;
        for sync in 1..=syncs {
            println!("{name}: sync {sync} of {syncs} fails");
            let mut disk = PowerDisk::mount();
            let mut user = User::new(*open, &dir(&disk));
            disk.fail_sync(sync);
            for call in LIFE {
                user.insist(*call).await;
            }
            user.insist(Call::Mark).await;
            user.check().await;
            user.die();
            disk.cut(Loss::Everything);
            check(&mut disk, &mut user).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_on_a_disk_that_syncs_no_more_acknowledges_nothing() {
    for (name, open) in LOGS {
        let syncs = syncs_of_a_life(*open).await;
        for sync in (1..=syncs).step_by(5) {
            println!("{name}: sync {sync} of {syncs} fails and all after it");
            let mut disk = PowerDisk::mount();
            let mut user = User::new(*open, &dir(&disk));
            disk.fail_syncs_from(sync);
            for call in LIFE {
                if let Err(error) = user.call(*call).await {
                    println!("{call:?}: {error}");
                    user.die();
                }
            }
            user.die();
            disk.cut(Loss::Everything);
            check(&mut disk, &mut user).await;
        }
    }
}

fn some_call(random: &mut StdRng) -> Call {
    let left = random.random_range(0..6);
    let calls = [
        Call::Open,
        Call::Lead,
        Call::Append(100),
        Call::Append(5000),
        Call::Append(BIG),
        Call::Append(BIG),
        Call::Mark,
        Call::Close,
        Call::Leave,
        Call::Trim(left),
        Call::Skip,
        Call::BeginAnew,
    ];
    *calls.choose(random).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_survives_cuts_at_random_steps_with_whatever_survives_of_the_rest() {
    for (name, open) in LOGS {
        for seed in seeds() {
            println!("{name}: seed {seed}");
            let mut random = StdRng::seed_from_u64(seed);
            let mut disk = PowerDisk::mount();
            let mut user = User::new(*open, &dir(&disk));
            user.call(Call::Init).await.unwrap();
            for _ in 0..8 {
                disk.stop_at(disk.steps() + random.random_range(1..200));
                for _ in 0..20 {
                    let call = some_call(&mut random);
                    if let Err(error) = user.call(call).await {
                        println!("{call:?}: {error}");
                        break;
                    }
                }
                user.die();
                let loss = Loss::Random(random.random());
                disk.cut(loss);
                println!("cut, {loss:?}");
                check(&mut disk, &mut user).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_of_a_log_whose_disk_syncs_no_more_says_so() {
    for (name, open) in LOGS {
        let disk = PowerDisk::mount();
        let log = open(dir(&disk)).await.unwrap();
        log.init(crate::words::cluster()).await.unwrap();
        log.probe().await.unwrap();
        disk.fail_syncs_from(disk.syncs() + 1);
        assert!(log.probe().await.is_err(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_log_has_trimmed_does_not_come_back_to_fill_the_disk() {
    for (name, open) in LOGS {
        let mut disk = PowerDisk::mount();
        let mut user = User::new(*open, &dir(&disk));
        let trimmed = LIFE.iter().position(|call| matches!(call, Call::Trim(_)));
        for call in LIFE.iter().take(trimmed.unwrap() + 1) {
            user.call(*call).await.unwrap();
        }
        let before = user.bytes().await;
        user.die();
        disk.cut(Loss::Everything);
        assert!(user.bytes().await <= before, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_term_begins_on_a_full_disk() {
    for (name, open) in LOGS {
        let disk = PowerDisk::mount();
        let mut user = User::new(*open, &dir(&disk));
        for call in [Call::Init, Call::Lead, Call::Append(100), Call::Leave] {
            user.call(call).await.unwrap();
        }
        disk.limit(disk.used());
        for term in 1..=3 {
            println!("{name}: term {term}");
            user.call(Call::Lead).await.unwrap();
        }
    }
}

/// An append pays for its own pages.
#[tokio::test(flavor = "multi_thread")]
async fn the_room_ahead_of_a_writer_of_files_is_synced_by_nobody_who_waits() {
    let disk = PowerDisk::mount();
    let mut user = User::new(
        |dir| Box::pin(async move { Ok(Arc::new(FileOpLog::open(&dir, ByteSize::mib(2))?) as _) }),
        &dir(&disk),
    );
    for call in [Call::Init, Call::Lead, Call::Append(100)] {
        user.call(call).await.unwrap();
    }
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(2));
    let synced = async {
        while disk.used() < 6 << 20 || disk.dirty() > 0 {
            ticks.tick().await;
        }
    };
    let patience = std::time::Duration::from_mins(1);
    assert!(
        tokio::time::timeout(patience, synced).await.is_ok(),
        "{} pages wait for the next append",
        disk.dirty()
    );
}
