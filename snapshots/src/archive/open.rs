use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use standfast_core::{Error, ErrorKind, PartRef, Result};
use tokio::task;

use super::header::{ArchiveHeader, PREAMBLE, Preamble, corrupt};
use crate::publish::joined;

/// An archive that is read. Its length is what its header says: none of it is missing.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    file: File,
    header: ArchiveHeader,
    /// Where the first part begins.
    parts_at: u64,
}

impl Archive {
    /// Opens an archive, and believes its header.
    ///
    /// # Errors
    /// `Corrupt` naming the place when the file is no archive, was cut short, or its header was altered; `Version` when a
    /// newer program wrote it; `NotFound`, `Unavailable` when it cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_file(path).map_err(|error| error.context(path.display().to_string()))
    }

    fn open_file(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        let mut first = [0; PREAMBLE];
        if length < PREAMBLE as u64 {
            return Err(corrupt(format!(
                "it has {length} bytes: an archive has at least {PREAMBLE}"
            )));
        }
        file.read_exact_at(&mut first, 0).map_err(unreadable)?;
        let preamble = Preamble::decode(&first)?;
        let parts_at = PREAMBLE as u64 + u64::from(preamble.length);
        if length < parts_at {
            return Err(corrupt(format!(
                "it ends at byte {length}, within its header, which ends at byte {parts_at}: it was cut short"
            )));
        }
        let mut json = vec![0; preamble.length as usize];
        file.read_exact_at(&mut json, PREAMBLE as u64)
            .map_err(unreadable)?;
        let archive = Self {
            path: path.to_owned(),
            file,
            header: ArchiveHeader::decode(&preamble, &json)?,
            parts_at,
        };
        archive.check_length(length)?;
        Ok(archive)
    }

    /// What it is of.
    pub const fn header(&self) -> &ArchiveHeader {
        &self.header
    }

    fn parts(&self) -> &[PartRef] {
        &self.header.manifest.parts
    }

    /// Where a part begins and ends. No overflow: the sum of all sizes is the length of a file, or is refused.
    fn place(&self, index: usize) -> (u64, u64) {
        let sizes = |parts: &[PartRef]| {
            let sizes = parts.iter().map(|part| part.size);
            sizes.fold(self.parts_at, u64::saturating_add)
        };
        let parts = self.parts();
        (
            sizes(parts.get(..index).unwrap_or(parts)),
            sizes(parts.get(..=index).unwrap_or(parts)),
        )
    }

    fn name(&self, index: usize) -> String {
        let (begin, end) = self.place(index);
        let count = self.parts().len();
        format!("part {} of {count}, bytes {begin} to {end}", index + 1)
    }

    fn check_length(&self, length: u64) -> Result<()> {
        let cut = (0..self.parts().len()).find(|index| self.place(*index).1 > length);
        if let Some(index) = cut {
            return Err(corrupt(format!(
                "it ends at byte {length}, within {}: it was cut short",
                self.name(index)
            )));
        }
        let (end, _) = self.place(self.parts().len());
        if length == end {
            return Ok(());
        }
        Err(corrupt(format!(
            "it goes on to byte {length}, and its last part ends at byte {end}: something was added"
        )))
    }

    /// Reads all parts and compares them with what the header says; `part_done` is told after each.
    ///
    /// # Errors
    /// `Corrupt` naming the part and its place; `Unavailable`.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    pub async fn verify(self: &Arc<Self>, part_done: impl Fn() + Send + Sync) -> Result<()> {
        for index in 0..self.parts().len() {
            self.read(index).await?;
            part_done();
        }
        Ok(())
    }

    /// Reads one part, and is sure of it.
    pub(super) async fn read(self: &Arc<Self>, index: usize) -> Result<Bytes> {
        let archive = Arc::clone(self);
        joined(task::spawn_blocking(move || archive.read_now(index)).await)?
    }

    fn read_now(&self, index: usize) -> Result<Bytes> {
        let read = || {
            let (begin, end) = self.place(index);
            let size = usize::try_from(end - begin)
                .map_err(|source| corrupt("too large to be read").source(source))?;
            let mut bytes = vec![0; size];
            self.file
                .read_exact_at(&mut bytes, begin)
                .map_err(unreadable)?;
            let wanted = self.parts().get(index).map(|part| part.blake3.as_str());
            let found = blake3::hash(&bytes).to_hex();
            if wanted == Some(found.as_str()) {
                return Ok(Bytes::from(bytes));
            }
            Err(corrupt(
                "it was altered: it has another BLAKE3 than the header says",
            ))
        };
        read().map_err(|error: Error| {
            error
                .context(self.name(index))
                .context(self.path.display().to_string())
        })
    }
}

fn unreadable(source: std::io::Error) -> Error {
    let kind = match source.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, "read archive").source(source)
}
