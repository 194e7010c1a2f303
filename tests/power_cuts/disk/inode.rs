use std::time::SystemTime;

use fuser::{FileAttr, FileType, INodeNo};

use super::content::{Content, PAGE};

/// The number of a file or directory. Never used twice on one disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Ino(pub(super) u64);

impl Ino {
    pub(super) const ROOT: Self = Self(1);
}

/// A file or a directory. Its attributes are kept as they are: what a cut does to them no story asks.
#[derive(Debug)]
pub(super) struct Inode {
    pub(super) kind: FileType,
    pub(super) perm: u16,
    pub(super) mtime: SystemTime,
    pub(super) content: Content,
    pub(super) links: u32,
    /// How often it is open: a file without a name lives as long as that.
    pub(super) opened: u32,
}

impl Inode {
    pub(super) fn new(kind: FileType, mode: u32) -> Self {
        Self {
            kind,
            perm: u16::try_from(mode & 0o7777).unwrap(),
            mtime: now(),
            content: Content::default(),
            links: 0,
            opened: 0,
        }
    }

    /// What survives of it.
    pub(super) fn after_cut(&self, content: Content) -> Self {
        Self {
            content,
            opened: 0,
            ..*self
        }
    }

    pub(super) fn attributes(&self, ino: Ino) -> FileAttr {
        FileAttr {
            ino: INodeNo(ino.0),
            size: self.content.size(),
            blocks: self.content.pages() * (PAGE / 512),
            atime: self.mtime,
            mtime: self.mtime,
            ctime: self.mtime,
            crtime: self.mtime,
            kind: self.kind,
            perm: self.perm,
            nlink: self.links.max(1),
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the time stamps of files are wall time"
)]
pub(super) fn now() -> SystemTime {
    SystemTime::now()
}
