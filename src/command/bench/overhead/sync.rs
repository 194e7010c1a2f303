use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use crate::command::Failure;

/// Zeros that are written ahead: behind them the loop begins again.
const ROOM: usize = 16 << 20;

/// Writes `bytes` and syncs, over and over for `span`, into a zero-filled file; how long each took, in ms.
pub(super) fn times(dir: &Path, bytes: &[u8], span: Duration) -> Result<Vec<f64>, Failure> {
    let path = dir.join("raw-syncs");
    let file = File::create(&path)?;
    file.write_all_at(&vec![0; ROOM], 0)?;
    file.sync_all()?;
    let places = (0..ROOM - bytes.len()).step_by(bytes.len()).cycle();
    let mut times = Vec::new();
    let begun = Instant::now();
    for at in places {
        if begun.elapsed() >= span {
            break;
        }
        let started = Instant::now();
        file.write_all_at(bytes, at as u64)?;
        file.sync_data()?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    std::fs::remove_file(path)?;
    Ok(times)
}
