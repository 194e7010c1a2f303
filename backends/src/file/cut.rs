use super::error::io_error;
use super::log_dir::LogDir;
use super::numbered;
use super::segment::BlockWriter;
use standfast_core::{Batch, FenceToken, Position, Result};

const FOLDER: &str = "cuts";
const MAGIC: [u8; 4] = *b"SFCT";
const VERSION: u8 = 1;

/// Saves what a follower of the term of `token` is about to cut behind `position`, for whoever wants to look at it:
/// `{dir}/cuts/{epoch:020}`, version 1, little endian. Returns its path.
///
/// ```text
///  at size
///   0    4  magic "SFCT"
///   4    1  version
///   5    3  zero
///   8    4  length of the header, 80
///  12    4  CRC-32C of the header without these four bytes
///  16   16  fingerprint of the cluster
///  32   32  the Position that the log was cut back to
///  64    8  epoch that was followed then
///  72    8  number of frames
///  80    -  the frames, one behind the other
/// ```
///
/// One epoch is followed behind one cut, so its number is enough of a name; a file that is there was made by a follower
/// that died before its next batch, with the same content.
pub(super) fn save(
    dir: &LogDir,
    token: &FenceToken,
    position: Position,
    cut: &[Batch],
) -> Result<String> {
    let folder = dir.layout().at(FOLDER);
    let content = encode(token, position, cut);
    dir.create_numbered(&folder, token.epoch.0, &content)
        .map_err(|source| io_error("cut log", &folder, source))?;
    let path = folder.join(numbered::name(token.epoch.0));
    Ok(path.display().to_string())
}

fn encode(token: &FenceToken, position: Position, cut: &[Batch]) -> Vec<u8> {
    let mut bytes = BlockWriter::begin(MAGIC, VERSION)
        .sixteen(token.cluster.bytes())
        .position(position)
        .number(token.epoch.0)
        .number(cut.len() as u64)
        .seal();
    for batch in cut {
        bytes.extend_from_slice(batch.frame());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_words::{batch, cluster, token};
    use standfast_core::Epoch;

    #[test]
    fn the_golden_cut_is_written_to_the_byte() {
        let kept = batch(Epoch(3), Position::genesis(cluster()), &[b"kept"]).end();
        let cut = batch(Epoch(3), kept, &[b"cut"]);
        let bytes = encode(&token(7), kept, &[cut]);
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/cut-v1.bin");
        if std::env::var_os("STANDFAST_WRITE_GOLDEN").is_some() {
            std::fs::write(path, &bytes).unwrap();
        }
        assert_eq!(bytes, std::fs::read(path).unwrap());
    }
}
