//! h25: disks that are full or read-only.

use std::path::Path;
use std::process::Command;

use rand::distr::StandardUniform;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::handle;
use crate::log_words::{Guard, append, cluster, lead, payloads, read_all, refusal, token};
use standfast_core::{ErrorKind, OpLogStore, Seq, Store};

/// A file system of its own.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount(size: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", size, "tmpfs"])
            .arg(dir.path()));
        std::fs::create_dir(dir.path().join("log")).unwrap();
        Self(dir)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn remount(&self, how: &str) {
        let how = format!("remount,{how}");
        run(Command::new("mount").args(["-o", &how]).arg(self.path()));
    }
}

fn run(command: &mut Command) {
    let done = command.status();
    assert!(
        done.as_ref().is_ok_and(std::process::ExitStatus::success),
        "this story needs the right to mount a tmpfs: {done:?}"
    );
}

impl Drop for Disk {
    fn drop(&mut self) {
        let done = Command::new("umount").arg(self.0.path()).status();
        assert!(done.is_ok_and(|status| status.success()), "umount");
    }
}

#[tokio::test]
async fn a_full_disk_makes_the_log_read_only_until_it_is_trimmed() {
    let disk = Disk::mount("size=120m");
    let store = handle(disk.path());
    store.init(cluster()).await.unwrap();
    let mut writer = lead(&store, 1).await.unwrap();
    let mut acknowledged = Vec::new();
    let mut random = StdRng::seed_from_u64(1);
    let full = loop {
        // Nothing that compresses.
        let payload: Vec<u8> = (&mut random)
            .sample_iter(StandardUniform)
            .take(500_000)
            .collect();
        match append(&mut *writer, &payload).await {
            Ok(_) => acknowledged.push(payload),
            Err(error) => break error,
        }
    };
    assert_eq!(*full.kind(), ErrorKind::Quota, "{full}");
    assert!(acknowledged.len() > 30, "{}", acknowledged.len());
    writer.mark_committed().await.expect("the writer lives");
    let read = payloads(&read_all(&store).await.unwrap());
    assert!(read == acknowledged, "and nothing of the other");

    // There is room for a new term, and for its trim.
    drop(writer);
    let mut writer = lead(&store, 2).await.unwrap();
    writer.mark_committed().await.unwrap();
    let guard = Guard {
        token: token(2),
        needed: None,
    };
    let through = Seq(acknowledged.len() as u64 - 10);
    store.trim(through, &guard).await.unwrap();
    for n in 0..20 {
        drop(
            append(&mut *writer, &vec![n; 500_000])
                .await
                .expect("there is room"),
        );
    }
}

/// Others may fill the disk, whatever we keep free.
#[tokio::test]
async fn a_disk_that_others_filled_poisons_the_writer_and_takes_nothing_that_was_acknowledged() {
    let disk = Disk::mount("size=120m");
    let store = handle(disk.path());
    store.init(cluster()).await.unwrap();
    let mut writer = store.open_writer(&token(1)).await.unwrap();
    let others = disk.path().join("others");
    let free = rustix::fs::statvfs(disk.path()).unwrap();
    let bytes = usize::try_from(free.f_bavail * free.f_frsize).unwrap();
    std::fs::write(&others, vec![1; bytes]).unwrap();
    // The first batch of a term may use what is kept free, and there is nothing.
    let big = crate::log_words::batch(
        writer.epoch(),
        writer.tail(),
        &[vec![1; 1 << 20].as_slice(); 40],
    );
    let error = writer.append(&big).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Indeterminate, "{error}");
    let again = writer.append(&big).await.unwrap_err();
    assert_eq!(*again.kind(), ErrorKind::Indeterminate, "{again}");
    let error = writer.mark_committed().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Indeterminate, "{error}");

    std::fs::remove_file(others).unwrap();
    let mut writer = lead(&store, 3).await.unwrap();
    append(&mut *writer, b"on it goes").await.unwrap();
    writer.mark_committed().await.unwrap();
    let read = read_all(&store).await.unwrap();
    assert_eq!(payloads(&read).last().unwrap(), b"on it goes");
}

#[tokio::test]
async fn a_file_system_that_is_read_only_is_a_matter_of_configuration() {
    let disk = Disk::mount("size=120m");
    let store = handle(disk.path());
    store.init(cluster()).await.unwrap();
    store.probe().await.unwrap();
    disk.remount("ro");
    for error in [
        refusal(store.open_writer(&token(1)).await),
        refusal(store.probe().await),
    ] {
        assert_eq!(*error.kind(), ErrorKind::Config, "{error}");
        assert!(error.to_string().contains("read-only"), "{error}");
    }
}
