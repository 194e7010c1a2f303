use std::path::{Path, PathBuf};
use std::sync::Arc;

use fuser::{BackgroundSession, Config, MountOption, Session};
use parking_lot::Mutex;
use rustix::mount::{UnmountFlags, unmount};

use super::content::PAGE;
use super::door::Door;
use super::faults::Faults;
use super::fuse::Served;
use super::image::Image;
use super::janitor::Janitor;
use super::loss::Loss;

/// A disk in a directory of its own, for as long as it lives.
#[derive(Debug)]
pub(crate) struct PowerDisk {
    served: Option<(BackgroundSession, Arc<Mutex<Image>>)>,
    mount: PathBuf,
    _janitor: Janitor,
    _dir: tempfile::TempDir,
}

impl PowerDisk {
    pub(crate) fn mount() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mount = dir.path().join("disk");
        std::fs::create_dir(&mount).unwrap();
        let mut disk = Self {
            _janitor: Janitor::watch(&mount),
            served: None,
            mount,
            _dir: dir,
        };
        disk.serve(Image::empty());
        disk
    }

    /// What lies in it is on the disk.
    pub(crate) fn path(&self) -> &Path {
        &self.mount
    }

    /// Another way to it, of which every call is in the test's hand. Only what goes through such doors is seen through others,
    /// and no power is cut while one is open.
    pub(crate) fn door(&self) -> Door {
        Door::open(&self.served.as_ref().unwrap().1)
    }

    /// Cuts the power, and gives it back: whatever was open works no more, faults are gone, counts begin anew.
    pub(crate) fn cut(&mut self, loss: Loss) {
        let image = self.take_down().unwrap();
        self.serve(image.cut(loss));
    }

    /// How many pages of all files were written and not synced.
    pub(crate) fn dirty(&self) -> usize {
        self.served.as_ref().unwrap().1.lock().dirty()
    }

    /// How many bytes all files take.
    pub(crate) fn used(&self) -> u64 {
        self.served.as_ref().unwrap().1.lock().used() * PAGE
    }

    /// How many syncs there were, of files and directories.
    pub(crate) fn syncs(&self) -> u64 {
        self.with(|faults| faults.syncs)
    }

    /// How many changes and syncs.
    pub(crate) fn steps(&self) -> u64 {
        self.with(|faults| faults.steps)
    }

    /// From the step of this number on nothing reaches the disk, and whoever tries is told of an error.
    pub(crate) fn stop_at(&self, step: u64) {
        self.with(|faults| faults.stop_at = Some(step));
    }

    /// The same, from the sync of this number on.
    pub(crate) fn stop_before_sync(&self, number: u64) {
        self.with(|faults| faults.stop_before_sync = Some(number));
    }

    /// The sync of this number fails; the others do not.
    pub(crate) fn fail_sync(&self, number: u64) {
        self.with(|faults| faults.fail_sync = Some(number));
    }

    /// The sync of this number fails, and all after it.
    pub(crate) fn fail_syncs_from(&self, number: u64) {
        self.with(|faults| {
            faults.fail_sync = Some(number);
            faults.all_syncs = true;
        });
    }

    /// The write of this number finds no room; the others do.
    pub(crate) fn fail_write(&self, number: u64) {
        self.with(|faults| faults.fail_write = Some(number));
    }

    /// From now on there is room for so many bytes in all.
    pub(crate) fn limit(&self, bytes: u64) {
        self.with(|faults| faults.capacity = Some(bytes / PAGE));
    }

    pub(crate) fn make_read_only(&self) {
        self.with(|faults| faults.read_only = true);
    }

    fn with<T>(&self, look: impl FnOnce(&mut Faults) -> T) -> T {
        let (_, image) = self.served.as_ref().unwrap();
        look(&mut image.lock().faults)
    }

    fn serve(&mut self, image: Image) {
        let image = Arc::new(Mutex::new(image));
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("standfast-test".to_owned())];
        let session = Session::new(Served::alone(&image), &self.mount, &config);
        let session = session.expect("/dev/fuse: run the tests as root, with CAP_SYS_ADMIN");
        self.served = Some((session.spawn().unwrap(), image));
    }

    /// Ends the mount whoever uses it: what they ask from now on is an error.
    fn take_down(&mut self) -> Option<Image> {
        let (session, image) = self.served.take()?;
        unmount(&self.mount, UnmountFlags::FORCE | UnmountFlags::DETACH).unwrap();
        // Not `umount_and_join`, which does not join what is unmounted already.
        drop(session.guard.join());
        Arc::into_inner(image).map(Mutex::into_inner)
    }
}

impl Drop for PowerDisk {
    fn drop(&mut self) {
        drop(self.take_down());
    }
}
