//! What shuts a writer out.

use std::fs;

use standfast_backends::FileOpLog;
use standfast_core::{ByteSize, Epoch, OpLogStore, Store};

use crate::disk::{Loss, PowerDisk};
use crate::words::{cluster, token};

/// On a shared file system the power of the server goes, and not that of the hosts: a writer that is shut out lives on, and
/// looks for the name that shuts it out.
#[tokio::test(flavor = "multi_thread")]
async fn the_name_that_a_writer_looks_for_before_it_acknowledges_survives_a_cut() {
    let mut disk = PowerDisk::mount();
    let dir = disk.path().join("log");
    let log = FileOpLog::open(&dir, ByteSize::mib(1)).unwrap();
    log.init(cluster()).await.unwrap();
    let writer = log.open_writer(&token(Epoch(7))).await.unwrap();
    drop((writer, log));
    disk.cut(Loss::Everything);
    let names = fs::read_dir(dir.join("gate")).unwrap();
    let names: Vec<_> = names.map(|name| name.unwrap().file_name()).collect();
    assert_eq!(names, [format!("{:020}", 7).as_str()]);
}
