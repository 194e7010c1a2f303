use std::path::PathBuf;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use standfast_core::ErrorKind;

use super::logs::{LOGS, Log};
use super::user::{Call, User};
use crate::disk::{Loss, PowerDisk};
use crate::seeds::seeds;

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

/// The power goes: what the process does when it ends reaches the disk no more.
fn cut(disk: &mut PowerDisk, user: &mut User, loss: Loss) {
    disk.stop_at(0);
    user.die();
    disk.cut(loss);
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
    cut(disk, user, Loss::Everything);
    for call in [Call::Lead, Call::Mark] {
        user.call(call).await.unwrap();
    }
    user.check().await;
    user.die();
}

/// How many syncs a whole life takes.
async fn syncs_of_a_life(log: &Log) -> u64 {
    let disk = PowerDisk::mount();
    let mut user = User::new(log.open, &dir(&disk));
    for call in LIFE {
        user.call(*call).await.unwrap();
    }
    user.die();
    disk.syncs()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_keeps_what_it_acknowledged_when_the_power_goes_after_any_of_its_calls() {
    for log in LOGS {
        for calls in 1..=LIFE.len() {
            let life = &LIFE[..calls];
            println!("{}: the power goes after {:?}", log.name, life.last());
            let mut disk = PowerDisk::mount();
            let mut user = User::new(log.open, &dir(&disk));
            for call in life {
                user.call(*call).await.unwrap();
            }
            cut(&mut disk, &mut user, Loss::Everything);
            check(&mut disk, &mut user).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_keeps_what_it_acknowledged_when_the_power_goes_before_any_of_its_syncs() {
    for log in LOGS {
        let name = log.name;
        let syncs = syncs_of_a_life(log).await;
        for sync in log.places(syncs + 1) {
            println!("{name}: the power goes before sync {sync} of {syncs}");
            let mut disk = PowerDisk::mount();
            let mut user = User::new(log.open, &dir(&disk));
            disk.stop_before_sync(sync);
            for call in LIFE {
                if user.call(*call).await.is_err() {
                    break;
                }
            }
            cut(&mut disk, &mut user, Loss::Everything);
            check(&mut disk, &mut user).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_whose_sync_fails_poisons_its_writer_and_keeps_what_it_acknowledged() {
    for log in LOGS {
        let name = log.name;
        let syncs = syncs_of_a_life(log).await;
        for sync in log.places(syncs) {
            println!("{name}: sync {sync} of {syncs} fails");
            let mut disk = PowerDisk::mount();
            let mut user = User::new(log.open, &dir(&disk));
            disk.fail_sync(sync);
            for call in LIFE {
                user.insist(*call).await;
            }
            user.insist(Call::Mark).await;
            user.check().await;
            cut(&mut disk, &mut user, Loss::Everything);
            check(&mut disk, &mut user).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_on_a_disk_that_syncs_no_more_acknowledges_nothing() {
    for log in LOGS {
        let name = log.name;
        let syncs = syncs_of_a_life(log).await;
        for sync in log.places(syncs).step_by(5) {
            println!("{name}: sync {sync} of {syncs} fails and all after it");
            let mut disk = PowerDisk::mount();
            let mut user = User::new(log.open, &dir(&disk));
            disk.fail_syncs_from(sync);
            for call in LIFE {
                if let Err(error) = user.call(*call).await {
                    println!("{call:?}: {error}");
                    user.die();
                }
            }
            cut(&mut disk, &mut user, Loss::Everything);
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
    for log in LOGS {
        let name = log.name;
        for seed in seeds() {
            println!("{name}: seed {seed}");
            let mut random = StdRng::seed_from_u64(seed);
            let mut disk = PowerDisk::mount();
            let mut user = User::new(log.open, &dir(&disk));
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
                let loss = (log.loss)(random.random());
                cut(&mut disk, &mut user, loss);
                println!("cut, {loss:?}");
                check(&mut disk, &mut user).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_of_a_log_whose_disk_syncs_no_more_says_so() {
    for log in LOGS {
        let name = log.name;
        let disk = PowerDisk::mount();
        let log = (log.open)(dir(&disk)).await.unwrap();
        log.init(crate::words::cluster()).await.unwrap();
        log.probe().await.unwrap();
        disk.fail_syncs_from(disk.syncs() + 1);
        assert!(log.probe().await.is_err(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_log_has_trimmed_does_not_come_back_to_fill_the_disk() {
    for log in LOGS {
        let mut disk = PowerDisk::mount();
        let mut user = User::new(log.open, &dir(&disk));
        let trimmed = LIFE.iter().position(|call| matches!(call, Call::Trim(_)));
        for call in LIFE.iter().take(trimmed.unwrap() + 1) {
            user.call(*call).await.unwrap();
        }
        let before = user.bytes().await.unwrap();
        cut(&mut disk, &mut user, Loss::Everything);
        if log.sweeps_when_it_leads {
            user.call(Call::Lead).await.unwrap();
        }
        let after = user.bytes().await.unwrap();
        // What was trimmed is more than one of these, and a term that begins takes less.
        assert!(after < before + BIG as u64, "{}: {after}", log.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_begin_on_a_disk_that_the_log_has_filled() {
    for log in LOGS {
        let mut disk = PowerDisk::mount();
        let mut user = User::new(log.open, &dir(&disk));
        for call in [Call::Init, Call::Lead, Call::Append(100)] {
            user.call(call).await.unwrap();
        }
        disk.limit(disk.used() + log.keeps_free + (1 << 20));
        let full = loop {
            if let Err(error) = user.call(Call::Append(BIG)).await {
                break error;
            }
        };
        assert_eq!(*full.kind(), ErrorKind::Quota, "{full}");
        for term in 1..=3 {
            println!("{}: term {term}", log.name);
            user.call(Call::Lead).await.unwrap();
            user.call(Call::Leave).await.unwrap();
        }
        cut(&mut disk, &mut user, Loss::Everything);
        check(&mut disk, &mut user).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_whose_disk_turns_read_only_says_so_and_keeps_what_it_acknowledged() {
    for log in LOGS {
        println!("{}", log.name);
        let mut disk = PowerDisk::mount();
        let mut user = User::new(log.open, &dir(&disk));
        for call in [Call::Init, Call::Lead, Call::Append(100)] {
            user.call(call).await.unwrap();
        }
        disk.make_read_only();
        for call in [Call::Append(100), Call::Lead] {
            let error = user.call(call).await.unwrap_err();
            assert!(error.to_string().contains("Read-only"), "{error}");
        }
        cut(&mut disk, &mut user, Loss::Everything);
        check(&mut disk, &mut user).await;
    }
}
