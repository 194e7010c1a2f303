use std::path::{Path, PathBuf};
use std::sync::Arc;

use fuser::{BackgroundSession, Config, MountOption, Session};
use parking_lot::Mutex;
use rustix::mount::{UnmountFlags, unmount};
use standfast_core::conformance::Wire;

use super::fuse::Served;
use super::gate::Gate;
use super::image::Image;
use super::janitor::Janitor;

/// A disk in a directory, whose every call can be held or lose its answer. Nothing is remembered on the way: what was done
/// through another door is seen at once, as two hosts see a coherent file system.
#[derive(Debug)]
pub(crate) struct Door {
    session: Option<BackgroundSession>,
    gate: Arc<Gate>,
    mount: PathBuf,
    _janitor: Janitor,
    _dir: tempfile::TempDir,
}

impl Door {
    pub(super) fn open(image: &Arc<Mutex<Image>>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mount = dir.path().join("door");
        std::fs::create_dir(&mount).unwrap();
        let janitor = Janitor::watch(&mount);
        let gate = Arc::<Gate>::default();
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("standfast-test".to_owned())];
        let served = Served::behind(image, &gate);
        let session = Session::new(served, &mount, &config);
        let session = session.expect("/dev/fuse: run the tests as root, with CAP_SYS_ADMIN");
        Self {
            session: Some(session.spawn().unwrap()),
            gate,
            mount,
            _janitor: janitor,
            _dir: dir,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.mount
    }

    pub(crate) const fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        // What is held would hold the unmounting.
        self.gate.release();
        if let Some(session) = self.session.take() {
            unmount(&self.mount, UnmountFlags::FORCE | UnmountFlags::DETACH).unwrap();
            drop(session.guard.join());
        }
    }
}
