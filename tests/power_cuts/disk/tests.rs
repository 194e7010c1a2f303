use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::{Loss, PowerDisk};
use crate::seeds::seeds;

fn sync(path: &Path) {
    File::open(path).unwrap().sync_all().unwrap();
}

/// A file of these bytes, synced; its name is not.
fn write(path: &Path, bytes: &[u8]) -> File {
    let options = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .to_owned();
    let mut file = options.open(path).unwrap();
    file.write_all(bytes).unwrap();
    file.sync_data().unwrap();
    file
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn what_was_synced_survives_with_its_name_and_nothing_else_does() {
    let mut disk = PowerDisk::mount();
    let path = disk.path().join("file");
    let file = write(&path, b"synced");
    sync(disk.path());
    file.write_all_at(b"WRITTEN, and longer", 0).unwrap();
    write(&disk.path().join("nameless"), b"synced without its name");
    assert_eq!(names(disk.path()), ["file", "nameless"]);

    disk.cut(Loss::Everything);

    assert_eq!(names(disk.path()), ["file"]);
    assert_eq!(fs::read(&path).unwrap(), b"synced");
    assert!(file.write_all_at(b"x", 0).is_err(), "opened before the cut");
}

#[test]
fn links_renames_and_removals_are_durable_with_a_sync_of_their_directory() {
    let mut disk = PowerDisk::mount();
    let at = |name: &str| disk.path().join(name);
    for dir in ["a", "b"] {
        fs::create_dir(at(dir)).unwrap();
    }
    for name in ["a/linked", "a/moved", "a/removed", "a/replaced"] {
        write(&at(name), name.as_bytes());
    }
    for dir in ["", "a"] {
        sync(&at(dir));
    }
    fs::hard_link(at("a/linked"), at("b/link")).unwrap();
    fs::rename(at("a/moved"), at("b/moved")).unwrap();
    fs::remove_file(at("a/removed")).unwrap();
    let (a, b) = (at("a"), at("b"));
    let synced = write(&at("b/new"), b"new");
    fs::rename(at("b/new"), at("a/replaced")).unwrap();
    drop(synced);

    // What touched `b` is durable, a rename on both of its sides.
    sync(&b);
    disk.cut(Loss::Everything);
    assert_eq!(names(&a), ["linked", "removed", "replaced"]);
    assert_eq!(names(&b), ["link", "moved"]);
    assert_eq!(fs::read(a.join("replaced")).unwrap(), b"new");
    assert_eq!(fs::read(b.join("link")).unwrap(), b"a/linked");

    fs::remove_file(a.join("removed")).unwrap();
    sync(&a);
    disk.cut(Loss::Everything);
    assert_eq!(names(&a), ["linked", "replaced"]);
}

#[test]
fn a_directory_that_was_not_synced_into_its_parent_is_lost_with_all_in_it() {
    let mut disk = PowerDisk::mount();
    let dir = disk.path().join("dir");
    fs::create_dir(&dir).unwrap();
    write(&dir.join("file"), b"synced");
    sync(&dir);
    disk.cut(Loss::Everything);
    assert!(names(disk.path()).is_empty());
}

#[test]
fn unsynced_pages_survive_in_part_torn_and_out_of_order_as_the_seed_says() {
    const PAGES: usize = 64;
    let (mut old, mut new, mut torn) = (0, 0, 0);
    for seed in seeds() {
        println!("seed {seed}");
        let mut disk = PowerDisk::mount();
        let path = disk.path().join("file");
        let file = write(&path, &vec![1; PAGES * 4096]);
        sync(disk.path());
        file.write_all_at(&vec![2; PAGES * 4096], 0).unwrap();
        disk.cut(Loss::Random(seed));
        for page in fs::read(&path).unwrap().chunks(4096) {
            match (page.contains(&1), page.contains(&2)) {
                (true, false) => old += 1,
                (false, true) => new += 1,
                (true, true) => torn += 1,
                (false, false) => panic!("neither old nor new"),
            }
            assert!(page.chunks(512).all(|sector| sector == [sector[0]; 512]));
        }
    }
    assert!(old > 0 && new > 0 && torn > 0, "{old} {new} {torn}");
}

#[test]
fn after_a_failed_sync_the_next_says_fine_and_the_pages_are_lost_all_the_same() {
    let mut disk = PowerDisk::mount();
    let path = disk.path().join("file");
    let file = write(&path, b"synced");
    sync(disk.path());
    file.write_all_at(b"second", 0).unwrap();
    disk.fail_sync(disk.syncs() + 1);
    assert!(file.sync_data().is_err());
    file.sync_data().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"second", "the cache has it");
    disk.cut(Loss::Everything);
    assert_eq!(fs::read(&path).unwrap(), b"synced");

    let file = write(&path, b"third!");
    disk.fail_syncs_from(disk.syncs() + 2);
    file.sync_data().unwrap();
    assert!(file.sync_data().is_err() && file.sync_all().is_err());
    assert!(File::open(disk.path()).unwrap().sync_all().is_err());
}

#[test]
fn a_disk_that_is_full_or_read_only_or_without_power_says_so() {
    let mut disk = PowerDisk::mount();
    let path = disk.path().join("file");
    let file = write(&path, &[1; 8192]);
    sync(disk.path());
    disk.limit(16384);
    file.write_all_at(&[2; 8192], 8192).unwrap();
    let full = file.write_all_at(&[3; 4096], 16384).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    file.write_all_at(&[4; 8192], 0).unwrap();
    file.sync_all().unwrap();
    file.set_len(4096).unwrap();
    assert!(
        file.write_all_at(&[5; 4096], 16384).is_err(),
        "not free yet"
    );
    file.sync_all().unwrap();
    file.write_all_at(&[5; 4096], 16384).unwrap();

    disk.cut(Loss::Everything);
    let file = File::options().write(true).open(&path).unwrap();
    disk.fail_write(2);
    file.write_all_at(b"x", 0).unwrap();
    let full = file.write_all_at(b"x", 0).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    disk.stop_at(disk.steps() + 2);
    file.write_all_at(b"y", 0).unwrap();
    assert!(file.sync_all().is_err() && file.write_all_at(b"z", 0).is_err());

    disk.cut(Loss::Everything);
    assert_eq!(fs::read(&path).unwrap(), [4; 4096]);
    disk.make_read_only();
    let refused = File::create(disk.path().join("other")).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
}

#[test]
fn files_do_what_files_do() {
    let disk = PowerDisk::mount();
    let path = disk.path().join("file");
    let mut file = File::create_new(&path).unwrap();
    assert!(File::create_new(&path).is_err());
    file.try_lock().unwrap();
    assert!(File::open(&path).unwrap().try_lock().is_err(), "locked");
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, 10_000).unwrap();
    assert_eq!(file.metadata().unwrap().len(), 10_000);
    file.write_all(b"some").unwrap();
    file.write_all_at(b"more", 9_998).unwrap();
    file.set_len(10_000).unwrap();
    file.set_len(20_000).unwrap();
    let mut reader = File::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    assert_eq!((bytes.len(), &bytes[..4]), (20_000, &b"some"[..]));
    assert_eq!(&bytes[9_996..10_002], b"\0\0mo\0\0");
    for n in 0..500 {
        File::create(disk.path().join(format!("{n:0100}"))).unwrap();
    }
    assert_eq!(names(disk.path()).len(), 500);
    let space = rustix::fs::statvfs(disk.path()).unwrap();
    assert!(space.f_bavail > 0);
}
