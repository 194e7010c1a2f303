//! h25: a full disk.

use std::path::Path;
use std::process::Command;

use super::{fresh, lead, open};
use crate::log_words::{Guard, append, payloads, read_all, token};
use standfast_core::{ErrorKind, OpLogStore, OpLogWriter, Seq};

/// A file system of its own of a few MiB.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", size, "tmpfs"])
            .arg(dir.path())
            .status();
        assert!(
            done.as_ref().is_ok_and(std::process::ExitStatus::success),
            "this story needs the right to mount a tmpfs: {done:?}"
        );
        Self(dir)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let done = Command::new("umount").arg(self.0.path()).status();
        assert!(done.is_ok_and(|status| status.success()), "umount");
    }
}

#[tokio::test]
async fn a_full_disk_makes_the_log_read_only_until_it_is_trimmed() {
    let disk = SmallDisk::mount("size=12m");
    let log = fresh(disk.path()).await;
    let mut writer = lead(&log, 1).await;
    let mut acknowledged = Vec::new();
    let full = loop {
        let payload = vec![u8::try_from(acknowledged.len()).unwrap(); 50_000];
        match append(&mut writer, &payload).await {
            Ok(_) => acknowledged.push(payload),
            Err(error) => break error,
        }
    };
    assert_eq!(*full.kind(), ErrorKind::Quota, "{full}");
    assert!(acknowledged.len() > 50, "{}", acknowledged.len());
    let error = append(&mut writer, &vec![1; 50_000]).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Quota, "{error}");
    writer.mark_committed().await.unwrap();
    let read = read_all(&open(disk.path())).await.unwrap();
    assert_eq!(payloads(&read), acknowledged, "and nothing of the others");

    // The reserve lets a new term begin, and trim.
    drop(writer);
    let mut writer = lead(&open(disk.path()), 2).await;
    writer.mark_committed().await.unwrap();
    let error = append(&mut writer, &vec![1; 500_000]).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Quota, "{error}");
    let guard = Guard {
        token: token(2),
        needed: None,
    };
    let through = Seq(acknowledged.len() as u64 - 10);
    log.trim(through, &guard).await.unwrap();
    for n in 0..50 {
        append(&mut writer, &vec![n; 50_000]).await.unwrap();
    }
}
