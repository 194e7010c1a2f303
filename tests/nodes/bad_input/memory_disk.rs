use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system in memory, of 16 MiB unless it is told otherwise, for as long as it lives.
pub(crate) struct MemoryDisk(PathBuf);

impl MemoryDisk {
    pub(crate) fn mount(path: &Path) -> Self {
        Self::mount_of("16m", path)
    }

    /// One of another size, as `mount` takes it.
    pub(crate) fn mount_of(size: &str, path: &Path) -> Self {
        fs::create_dir_all(path).unwrap();
        mount(&format!("size={size}"), path);
        Self(path.to_owned())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// From now on nobody writes on it, root included.
    pub(crate) fn make_read_only(&self) {
        mount("remount,ro", &self.0);
    }
}

fn mount(options: &str, path: &Path) {
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", options, "standfast-test"])
        .arg(path)
        .status()
        .expect("`mount` is installed");
    assert!(
        mounted.success(),
        "a disk of its own for a test: run the tests as root, or in a container with CAP_SYS_ADMIN"
    );
}

impl Drop for MemoryDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()));
    }
}
