use std::ffi::OsStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, Errno, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use parking_lot::Mutex;

use super::gate::Gate;
use super::image::{At, Image};
use super::inode::{Ino, now};

/// How long the kernel may remember names and attributes when nobody changes them behind its back.
const TTL: Duration = Duration::from_hours(1);
const GENERATION: Generation = Generation(0);
const HANDLE: FileHandle = FileHandle(0);

const KEEP_CACHE: FopenFlags = FopenFlags::FOPEN_KEEP_CACHE;

const KEEP_SIZE: i32 = 1;
const PUNCH_HOLE: i32 = 2;
const ZERO_RANGE: i32 = 16;

/// Translates what the kernel asks. Locks and mappings are the kernel's own affair; it hands every write on at once.
pub(super) struct Served {
    image: Arc<Mutex<Image>>,
    /// What calls pass, where several ways lead to the disk.
    gate: Option<Arc<Gate>>,
}

const fn at(parent: INodeNo, name: &OsStr) -> At<'_> {
    At {
        dir: Ino(parent.0),
        name,
    }
}

impl Served {
    /// The only way to the disk.
    pub(super) fn alone(image: &Arc<Mutex<Image>>) -> Self {
        Self {
            image: Arc::clone(image),
            gate: None,
        }
    }

    /// One of several ways, behind a gate.
    pub(super) fn behind(image: &Arc<Mutex<Image>>, gate: &Arc<Gate>) -> Self {
        Self {
            image: Arc::clone(image),
            gate: Some(Arc::clone(gate)),
        }
    }

    /// Through the gate; an answer that is lost is an error, whatever was done.
    fn pass(&self) -> Result<(), Errno> {
        match &self.gate {
            Some(gate) if gate.pass() => Err(Errno::EIO),
            _ => Ok(()),
        }
    }

    /// How long the kernel may remember names and attributes.
    fn ttl(&self) -> Duration {
        self.gate.as_ref().map_or(TTL, |_| Duration::ZERO)
    }

    /// Whether the kernel may remember what is in files.
    fn caching(&self) -> FopenFlags {
        let shared = FopenFlags::FOPEN_DIRECT_IO;
        self.gate.as_ref().map_or(KEEP_CACHE, |_| shared)
    }

    fn entry(&self, reply: ReplyEntry, found: impl FnOnce(&mut Image) -> Result<Ino, Errno>) {
        let mut image = self.image.lock();
        let attributes = found(&mut image).and_then(|ino| Ok(image.inode(ino)?.attributes(ino)));
        match attributes {
            Ok(attributes) => reply.entry(&self.ttl(), &attributes, GENERATION),
            Err(error) => reply.error(error),
        }
    }

    /// A change, through the gate.
    fn change(&self, reply: ReplyEmpty, done: impl FnOnce(&mut Image) -> Result<(), Errno>) {
        let told = self.pass();
        self.empty(reply, |image| done(image).and(told));
    }

    /// A change that makes a name, through the gate.
    fn make(&self, reply: ReplyEntry, made: impl FnOnce(&mut Image) -> Result<Ino, Errno>) {
        let told = self.pass();
        self.entry(reply, |image| {
            let made = made(image)?;
            told.map(|()| made)
        });
    }

    fn empty(&self, reply: ReplyEmpty, done: impl FnOnce(&mut Image) -> Result<(), Errno>) {
        let done = done(&mut self.image.lock());
        match done {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        }
    }
}

impl Filesystem for Served {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        self.entry(reply, |image| image.find(at(parent, name)));
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let ino = Ino(ino.0);
        match self.image.lock().inode(ino) {
            Ok(inode) => reply.attr(&self.ttl(), &inode.attributes(ino)),
            Err(error) => reply.error(error),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let ino = Ino(ino.0);
        let told = self.pass();
        let mut image = self.image.lock();
        let mut set = || {
            if let Some(size) = size {
                image.truncate(ino, size)?;
            }
            let inode = image.inode_mut(ino)?;
            if let Some(mode) = mode {
                inode.perm = u16::try_from(mode & 0o7777).unwrap();
            }
            match mtime {
                Some(TimeOrNow::SpecificTime(time)) => inode.mtime = time,
                Some(TimeOrNow::Now) => inode.mtime = now(),
                None => {}
            }
            told.map(|()| inode.attributes(ino))
        };
        match set() {
            Ok(attributes) => reply.attr(&self.ttl(), &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn mkdir(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let mode = mode & !umask;
        self.make(reply, |image| {
            image.make(at(parent, name), FileType::Directory, mode)
        });
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.change(reply, |image| image.remove(at(parent, name)));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.change(reply, |image| image.remove(at(parent, name)));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !(flags - RenameFlags::RENAME_NOREPLACE).is_empty() {
            return reply.error(Errno::EINVAL);
        }
        let (from, to) = (at(parent, name), at(newparent, newname));
        self.change(reply, |image| image.rename(from, to, flags.is_empty()));
    }

    fn link(
        &self,
        _: &Request,
        ino: INodeNo,
        newparent: INodeNo,
        newname: &OsStr,
        reply: ReplyEntry,
    ) {
        let ino = Ino(ino.0);
        self.make(reply, |image| {
            image.link(ino, at(newparent, newname)).map(|()| ino)
        });
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let told = self.pass();
        let mut image = self.image.lock();
        let mut create = || {
            let ino = image.make(at(parent, name), FileType::RegularFile, mode & !umask)?;
            told?;
            image.opened(ino)?;
            Ok(image.inode(ino)?.attributes(ino))
        };
        match create() {
            Ok(attributes) => {
                reply.created(&self.ttl(), &attributes, GENERATION, HANDLE, self.caching());
            }
            Err(error) => reply.error(error),
        }
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let told = self.pass();
        let opened = told.and_then(|()| self.image.lock().opened(Ino(ino.0)));
        match opened {
            Ok(()) => reply.opened(HANDLE, self.caching()),
            Err(error) => reply.error(error),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        if let Err(error) = self.pass() {
            return reply.error(error);
        }
        match self.image.lock().inode(Ino(ino.0)) {
            Ok(inode) => reply.data(&inode.content.read(offset, u64::from(size))),
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let told = self.pass();
        let written = self.image.lock().write(Ino(ino.0), offset, data).and(told);
        match written {
            Ok(()) => reply.written(u32::try_from(data.len()).unwrap()),
            Err(error) => reply.error(error),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn release(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.empty(reply, |image| image.closed(Ino(ino.0)));
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.change(reply, |image| image.sync_file(Ino(ino.0)));
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.change(reply, |image| image.sync_dir(Ino(ino.0)));
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        if let Err(error) = self.pass() {
            return reply.error(error);
        }
        let image = self.image.lock();
        for listed in image.list(Ino(ino.0), offset) {
            let Ok(inode) = image.inode(listed.ino) else {
                return reply.error(Errno::EIO);
            };
            if reply.add(INodeNo(listed.ino.0), listed.place, inode.kind, listed.name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let image = self.image.lock();
        let (page, all) = image.capacity();
        let free = all.saturating_sub(image.used());
        let page = u32::try_from(page).unwrap();
        reply.statfs(all, free, free, 1 << 20, 1 << 20, page, 255, page);
    }

    fn fallocate(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let (ino, range) = (Ino(ino.0), offset..offset + length);
        self.change(reply, |image| match mode {
            0 | KEEP_SIZE => image.allocate(ino, range, mode == KEEP_SIZE),
            _ if mode & (PUNCH_HOLE | ZERO_RANGE) != 0 && mode & KEEP_SIZE != 0 => {
                image.punch(ino, range)
            }
            _ => Err(Errno::EOPNOTSUPP),
        });
    }
}
