//! Stories of a node's own files.

use standfast::node::DataDirLock;
use standfast_core::{Chain, Epoch, Position, Seq};
use standfast_standby::HighWater;

use crate::disk::{Loss, PowerDisk};
use crate::words::cluster;

fn at(seq: u64) -> Position {
    Position {
        epoch: Epoch(1),
        seq: Seq(seq),
        chain: Chain::of(&seq.to_le_bytes()),
    }
}

fn kept(disk: &PowerDisk) -> Option<Position> {
    let known = HighWater::look(disk.path(), cluster());
    known.expect("one version or the other").position()
}

/// Dropping it waits until it is written.
fn raise(disk: &PowerDisk, seq: u64) {
    let mut water = HighWater::open(disk.path(), cluster()).unwrap();
    water.raise(at(seq));
}

#[test]
fn a_high_water_mark_that_was_written_survives_a_cut_before_any_later_sync() {
    for sync in 1..=5 {
        let mut disk = PowerDisk::mount();
        disk.stop_before_sync(sync);
        for seq in 1..=2 {
            raise(&disk, seq);
        }
        disk.cut(Loss::Everything);
        // Two syncs each: the file, then its name.
        let whole = (sync - 1) / 2;
        assert_eq!(kept(&disk), (whole > 0).then(|| at(whole)), "sync {sync}");
    }
}

#[test]
fn a_high_water_mark_is_one_version_or_the_other_after_any_cut() {
    for seed in crate::seeds::seeds().flat_map(|seed| seed * 100..seed * 100 + 10) {
        println!("seed {seed}");
        let mut disk = PowerDisk::mount();
        raise(&disk, 1);
        disk.stop_at(disk.steps() + 1 + seed % 6);
        raise(&disk, 2);
        disk.cut(Loss::Random(seed));
        assert!([Some(at(1)), Some(at(2))].contains(&kept(&disk)));
    }
}

/// Several levels of it are the node's to make.
#[test]
fn the_directory_of_a_node_survives_a_cut_with_what_is_kept_in_it() {
    let mut disk = PowerDisk::mount();
    let dir = disk.path().join("data/a");
    let lock = DataDirLock::take(&dir).unwrap();
    let mut water = HighWater::open(&dir, cluster()).unwrap();
    water.raise(at(7));
    drop((water, lock));
    disk.cut(Loss::Everything);
    let known = HighWater::look(&dir, cluster()).unwrap();
    assert_eq!(known.position(), Some(at(7)));
}

#[test]
fn a_mark_that_was_given_up_does_not_come_back() {
    let mut disk = PowerDisk::mount();
    raise(&disk, 7);
    let mut water = HighWater::open(disk.path(), cluster()).unwrap();
    water.give_up(Epoch(2));
    drop(water);
    disk.cut(Loss::Everything);
    assert_eq!(kept(&disk), None);
    assert!(disk.path().join("high-water.lost-2").exists());
}
