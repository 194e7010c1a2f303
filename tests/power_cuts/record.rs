//! A story of the record that a load keeps of what was acknowledged.

use std::fs::File;

use standfast::replay::{BlockKey, Record};
use standfast_core::Clock;

use crate::disk::{Loss, PowerDisk};

#[test]
fn a_record_of_acknowledgements_that_was_synced_survives() {
    let mut disk = PowerDisk::mount();
    let path = disk.path().join("record");
    let record = Record::create(&path, Clock::system()).unwrap();
    File::open(disk.path()).unwrap().sync_all().unwrap();
    record
        .add(&[BlockKey::of(1, 0), BlockKey::of(2, 0)])
        .unwrap();
    record.sync().unwrap();
    disk.cut(Loss::Everything);
    assert_eq!(Record::read(&path).unwrap().len(), 2);
}
