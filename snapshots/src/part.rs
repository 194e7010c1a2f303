use bytes::Bytes;
use standfast_core::{Error, ErrorKind, Result, Section};

/// "SFPT": first bytes of a part.
const MAGIC: [u8; 4] = *b"SFPT";
/// The part format this version writes, and the newest it reads.
const FORMAT: u16 = 1;
const HEADER: usize = 8;
const SECTION_HEADER: usize = 18;
/// No part is larger than this when decompressed: a part is closed at its size, so only one huge section makes a
/// huge part, and sections are read under the state's lock.
const LARGEST: u64 = 4 << 30;

/// Forms a part: whole sections in the order of restore, then zstd over all of it.
///
/// ```text
///   "SFPT" 4 · format 2 = 1 · reserved 2 = 0
///   then, until the end:  section 2 · rows 8 · length 8 · that many bytes, the service's own     little endian
/// ```
///
/// The rows' encoding has the service's version, which is in the manifest. Checksums are in the manifest too, over
/// the stored bytes: a part is checked before it is decompressed.
#[derive(Debug)]
pub(crate) struct PartBuilder {
    raw: Vec<u8>,
    rows: u64,
    sections: Option<(Section, Section)>,
}

/// A part that is full, not compressed yet.
#[derive(Debug)]
pub(crate) struct RawPart {
    pub(crate) raw: Vec<u8>,
    pub(crate) rows: u64,
    pub(crate) sections: (Section, Section),
}

impl PartBuilder {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        let mut raw = Vec::with_capacity(bytes);
        raw.extend_from_slice(&MAGIC);
        raw.extend_from_slice(&FORMAT.to_le_bytes());
        raw.extend_from_slice(&[0; 2]);
        Self {
            raw,
            rows: 0,
            sections: None,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.raw.len()
    }

    /// Adds a section that `read` appends and whose rows it counts. An empty one leaves nothing.
    pub(crate) fn add(
        &mut self,
        section: Section,
        read: impl FnOnce(&mut Vec<u8>) -> Result<u64>,
    ) -> Result<()> {
        let start = self.raw.len();
        self.raw.extend_from_slice(&section.number().to_le_bytes());
        self.raw.extend_from_slice(&[0; 16]);
        let body = self.raw.len();
        let rows = read(&mut self.raw)?;
        let length = (self.raw.len() - body) as u64;
        if rows == 0 && length == 0 {
            self.raw.truncate(start);
            return Ok(());
        }
        for (at, value) in [(start + 2, rows), (start + 10, length)] {
            self.raw
                .get_mut(at..at + 8)
                .expect("the section header was just written")
                .copy_from_slice(&value.to_le_bytes());
        }
        self.rows += rows;
        let first = self.sections.map_or(section, |(first, _)| first);
        self.sections = Some((first, section));
        Ok(())
    }

    /// The part, if anything is in it.
    pub(crate) fn finish(self) -> Option<RawPart> {
        Some(RawPart {
            raw: self.raw,
            rows: self.rows,
            sections: self.sections?,
        })
    }
}

impl RawPart {
    /// The bytes to store.
    pub(crate) fn compress(&self, level: i32) -> Result<Bytes> {
        let stored = zstd::bulk::compress(&self.raw, level).map_err(|source| {
            Error::new(ErrorKind::Invalid, "compress part")
                .context(format!("{} bytes at level {level}", self.raw.len()))
                .source(source)
        })?;
        Ok(stored.into())
    }
}

/// Undoes [`RawPart::compress`]. The bytes were compared with their checksum before.
pub(crate) fn decompress(stored: &[u8]) -> Result<Vec<u8>> {
    let size = zstd::zstd_safe::get_frame_content_size(stored)
        .ok()
        .flatten();
    let size = size.filter(|size| *size <= LARGEST);
    let capacity = size.and_then(|size| usize::try_from(size).ok());
    let capacity = capacity.ok_or_else(|| corrupt("it does not say how large it is"))?;
    zstd::bulk::decompress(stored, capacity)
        .map_err(|source| corrupt("it does not decompress").source(source))
}

/// Gives every section of a decompressed part to `each`.
pub(crate) fn read_sections<'a>(
    raw: &'a [u8],
    mut each: impl FnMut(Section, u64, &'a [u8]) -> Result<()>,
) -> Result<()> {
    let (header, mut rest) = raw
        .split_first_chunk::<HEADER>()
        .filter(|(header, _)| header.starts_with(&MAGIC))
        .ok_or_else(|| corrupt("it does not begin as a part does"))?;
    let [.., low, high, _, _] = *header;
    let format = u16::from_le_bytes([low, high]);
    if format != FORMAT {
        return Err(Error::new(ErrorKind::Version, "read part").context(format!(
            "a part of format {format}, this version reads {FORMAT}: upgrade"
        )));
    }
    while !rest.is_empty() {
        let (section, rows, bytes) =
            next_section(&mut rest).ok_or_else(|| corrupt("it ends within a section"))?;
        let section = Section::from_number(section)
            .ok_or_else(|| corrupt(&format!("there is no section {section}")))?;
        each(section, rows, bytes)?;
    }
    Ok(())
}

fn next_section<'a>(rest: &mut &'a [u8]) -> Option<(u16, u64, &'a [u8])> {
    let (header, body) = rest.split_first_chunk::<SECTION_HEADER>()?;
    let (section, numbers) = header.split_first_chunk::<2>()?;
    let (rows, length) = numbers.split_first_chunk::<8>()?;
    let length = u64::from_le_bytes(*length.first_chunk::<8>()?);
    let (bytes, after) = body.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = after;
    Some((
        u16::from_le_bytes(*section),
        u64::from_le_bytes(*rows),
        bytes,
    ))
}

fn corrupt(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, "read part").context(what)
}

#[cfg(test)]
mod tests {
    use standfast_core::Bucket;

    use super::*;

    fn part() -> RawPart {
        let mut builder = PartBuilder::with_capacity(0);
        let mut add = |section, rows, bytes: &[u8]| {
            builder
                .add(section, |out| {
                    out.extend_from_slice(bytes);
                    Ok(rows)
                })
                .unwrap();
        };
        add(Section::GLOBALS, 1, b"globals");
        add(Section::of_bucket(Bucket::at(0)), 0, b"");
        add(Section::of_bucket(Bucket::at(7)), 2, b"two rows");
        add(Section::of_sessions(Bucket::at(1023)), 3, b"");
        builder.finish().unwrap()
    }

    fn sections(raw: &[u8]) -> Result<Vec<(u16, u64, Vec<u8>)>> {
        let mut found = Vec::new();
        read_sections(raw, |section, rows, bytes| {
            found.push((section.number(), rows, bytes.to_vec()));
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn the_golden_part_is_read_and_written_to_the_byte() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/part-v1.bin");
        let stored = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/part-v1.zst");
        let part = part();
        if std::env::var_os("STANDFAST_WRITE_GOLDEN").is_some() {
            std::fs::write(path, &part.raw).unwrap();
            std::fs::write(stored, part.compress(1).unwrap()).unwrap();
        }
        let golden = std::fs::read(path).unwrap();
        assert_eq!(part.raw, golden);
        assert_eq!(decompress(&std::fs::read(stored).unwrap()).unwrap(), golden);
        assert_eq!(
            sections(&golden).unwrap(),
            [
                (1024, 1, b"globals".to_vec()),
                (7, 2, b"two rows".to_vec()),
                (3071, 3, Vec::new()),
            ]
        );
        assert_eq!((part.rows, part.sections.0), (6, Section::GLOBALS));
        assert_eq!(part.sections.1.number(), 3071);
    }

    #[test]
    fn a_part_cut_within_a_section_is_corrupt_and_another_format_is_a_version_error() {
        let raw = part().raw;
        let whole = [HEADER, HEADER + 18 + 7, HEADER + 18 + 7 + 18 + 8];
        for cut in (0..raw.len()).filter(|cut| !whole.contains(cut)) {
            let error = sections(&raw[..cut]).unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Corrupt, "cut at {cut}");
        }
        let mut newer = raw;
        newer[4] = 2;
        assert_eq!(*sections(&newer).unwrap_err().kind(), ErrorKind::Version);
    }

    #[test]
    fn bytes_that_are_no_part_are_corrupt() {
        for stored in [&b""[..], b"nonsense", &[0x28, 0xb5, 0x2f, 0xfd]] {
            let error = decompress(stored).unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Corrupt);
        }
    }

    #[test]
    fn a_builder_without_rows_gives_no_part() {
        let mut builder = PartBuilder::with_capacity(0);
        builder.add(Section::GLOBALS, |_| Ok(0)).unwrap();
        assert!(builder.finish().is_none());
    }
}
