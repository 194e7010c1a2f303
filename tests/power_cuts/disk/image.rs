use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::ops::Range;

use fuser::{Errno, FileType};

use super::content::{Content, PAGE};
use super::faults::Faults;
use super::inode::{Ino, Inode, now};
use super::loss::Loss;
use super::names::{Listed, Names};

type Result<T> = std::result::Result<T, Errno>;

/// All that is on the disk, and all that is not there yet.
#[derive(Debug)]
pub(super) struct Image {
    inodes: BTreeMap<Ino, Inode>,
    names: Names,
    next: u64,
    pub(super) faults: Faults,
}

/// Where a name is.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) dir: Ino,
    pub(super) name: &'a OsStr,
}

impl At<'_> {
    fn key(self) -> (Ino, std::ffi::OsString) {
        (self.dir, self.name.to_owned())
    }
}

impl Image {
    pub(super) fn empty() -> Self {
        let root = Inode::new(FileType::Directory, 0o755);
        Self {
            inodes: BTreeMap::from([(Ino::ROOT, root)]),
            names: Names::default(),
            next: Ino::ROOT.0 + 1,
            faults: Faults::default(),
        }
    }

    /// What is there when the power comes back.
    pub(super) fn cut(self, loss: Loss) -> Self {
        let mut dice = loss.dice();
        let names = self.names.cut(&mut dice);
        let mut links = names.links();
        links.insert(Ino::ROOT, 1);
        let survivors = self.inodes.into_iter().filter_map(|(ino, inode)| {
            let content = inode.content.cut(&mut dice);
            let mut inode = inode.after_cut(content);
            inode.links = *links.get(&ino)?;
            Some((ino, inode))
        });
        Self {
            inodes: survivors.collect(),
            names,
            next: self.next,
            faults: Faults::default(),
        }
    }

    pub(super) fn inode(&self, ino: Ino) -> Result<&Inode> {
        self.inodes.get(&ino).ok_or(Errno::ENOENT)
    }

    pub(super) fn inode_mut(&mut self, ino: Ino) -> Result<&mut Inode> {
        self.inodes.get_mut(&ino).ok_or(Errno::ENOENT)
    }

    pub(super) fn find(&self, at: At<'_>) -> Result<Ino> {
        self.names.find(at.dir, at.name).ok_or(Errno::ENOENT)
    }

    pub(super) fn list(&self, dir: Ino, place: u64) -> Vec<Listed> {
        self.names.list(dir, place)
    }

    pub(super) fn make(&mut self, at: At<'_>, kind: FileType, mode: u32) -> Result<Ino> {
        self.faults.change()?;
        if self.find(at).is_ok() {
            return Err(Errno::EEXIST);
        }
        let ino = Ino(self.next);
        self.next += 1;
        let mut inode = Inode::new(kind, mode);
        inode.links = 1;
        self.inodes.insert(ino, inode);
        self.names.change(vec![(at.key(), Some(ino))]);
        Ok(ino)
    }

    pub(super) fn link(&mut self, ino: Ino, at: At<'_>) -> Result<()> {
        self.faults.change()?;
        if self.find(at).is_ok() {
            return Err(Errno::EEXIST);
        }
        self.inode_mut(ino)?.links += 1;
        self.names.change(vec![(at.key(), Some(ino))]);
        Ok(())
    }

    pub(super) fn remove(&mut self, at: At<'_>) -> Result<()> {
        self.faults.change()?;
        let ino = self.find(at)?;
        if !self.names.is_empty(ino) {
            return Err(Errno::ENOTEMPTY);
        }
        self.names.change(vec![(at.key(), None)]);
        self.unlinked(ino)
    }

    pub(super) fn rename(&mut self, from: At<'_>, to: At<'_>, may_replace: bool) -> Result<()> {
        self.faults.change()?;
        let ino = self.find(from)?;
        let replaced = self.find(to).ok();
        if replaced.is_some() && !may_replace {
            return Err(Errno::EEXIST);
        }
        if replaced == Some(ino) {
            return Ok(());
        }
        if replaced.is_some_and(|replaced| !self.names.is_empty(replaced)) {
            return Err(Errno::ENOTEMPTY);
        }
        self.names
            .change(vec![(from.key(), None), (to.key(), Some(ino))]);
        replaced.map_or(Ok(()), |replaced| self.unlinked(replaced))
    }

    fn unlinked(&mut self, ino: Ino) -> Result<()> {
        let inode = self.inode_mut(ino)?;
        inode.links -= 1;
        Ok(())
    }

    pub(super) fn opened(&mut self, ino: Ino) -> Result<()> {
        self.inode_mut(ino)?.opened += 1;
        Ok(())
    }

    pub(super) fn closed(&mut self, ino: Ino) -> Result<()> {
        self.inode_mut(ino)?.opened -= 1;
        Ok(())
    }

    pub(super) fn write(&mut self, ino: Ino, offset: u64, bytes: &[u8]) -> Result<()> {
        self.faults.write()?;
        self.room(ino, &(offset..offset + bytes.len() as u64))?;
        let inode = self.inode_mut(ino)?;
        inode.content.write(offset, bytes);
        inode.mtime = now();
        Ok(())
    }

    pub(super) fn truncate(&mut self, ino: Ino, size: u64) -> Result<()> {
        self.faults.change()?;
        let inode = self.inode_mut(ino)?;
        inode.content.truncate(size);
        inode.mtime = now();
        Ok(())
    }

    pub(super) fn allocate(&mut self, ino: Ino, range: Range<u64>, keep_size: bool) -> Result<()> {
        self.faults.write()?;
        self.room(ino, &range)?;
        self.inode_mut(ino)?.content.allocate(range, keep_size);
        Ok(())
    }

    pub(super) fn punch(&mut self, ino: Ino, range: Range<u64>) -> Result<()> {
        self.faults.change()?;
        self.inode_mut(ino)?.content.punch(range);
        Ok(())
    }

    fn room(&self, ino: Ino, range: &Range<u64>) -> Result<()> {
        let Some(capacity) = self.faults.capacity else {
            return Ok(());
        };
        let growth = self.inode(ino)?.content.growth(range);
        if growth > 0 && self.used() + growth > capacity {
            return Err(Errno::ENOSPC);
        }
        Ok(())
    }

    /// In pages.
    pub(super) fn used(&self) -> u64 {
        let alive = self
            .inodes
            .values()
            .filter(|inode| inode.links > 0 || inode.opened > 0);
        alive.map(|inode| inode.content.pages()).sum()
    }

    /// How many pages of all files were written and not synced.
    pub(super) fn dirty(&self) -> usize {
        let contents = self.inodes.values().map(|inode| &inode.content);
        contents.map(Content::dirty).sum()
    }

    /// A sync of a file, with its length or with all there is to it: what it leaves out are time stamps.
    pub(super) fn sync_file(&mut self, ino: Ino) -> Result<()> {
        let fails = self.faults.sync()?;
        let content = &mut self.inode_mut(ino)?.content;
        if fails {
            content.fail_sync();
            return Err(Errno::EIO);
        }
        content.sync();
        Ok(())
    }

    pub(super) fn sync_dir(&mut self, dir: Ino) -> Result<()> {
        if self.faults.sync()? {
            return Err(Errno::EIO);
        }
        self.names.sync(dir);
        Ok(())
    }

    /// Bytes per page and pages in all, for `statfs`.
    pub(super) fn capacity(&self) -> (u64, u64) {
        (PAGE, self.faults.capacity.unwrap_or(1 << 28))
    }
}
