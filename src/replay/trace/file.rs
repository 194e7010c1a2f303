use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use standfast_core::{Error, ErrorKind, Result};

use super::TraceRequest;

/// Reads the first `limit` requests of a trace: a JSON object a line. Empty lines are passed over.
///
/// # Errors
/// `Config` when the file cannot be read, holds no request, or has a line that is none; with the line.
pub fn read_trace(path: &Path, limit: usize) -> Result<Vec<TraceRequest>> {
    let file = File::open(path)
        .map_err(|source| problem(format!("cannot open {}", path.display())).source(source))?;
    let requests = parse(BufReader::new(file), limit)
        .map_err(|error| error.context(path.display().to_string()))?;
    if requests.is_empty() {
        return Err(problem(format!(
            "{} holds no request: want one JSON object a line, with `timestamp` and `hash_ids`",
            path.display()
        )));
    }
    Ok(requests)
}

fn parse(lines: impl BufRead, limit: usize) -> Result<Vec<TraceRequest>> {
    let mut requests = Vec::new();
    for (at, line) in lines.lines().enumerate() {
        if requests.len() == limit {
            break;
        }
        let line = line.map_err(|source| problem(format!("line {}", at + 1)).source(source))?;
        if line.trim().is_empty() {
            continue;
        }
        let request = serde_json::from_str(&line).map_err(|source| {
            problem(format!("line {} is not a request of a trace", at + 1)).source(source)
        })?;
        requests.push(request);
    }
    Ok(requests)
}

fn problem(text: String) -> Error {
    Error::new(ErrorKind::Config, "read trace").context(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "{\"timestamp\": 0, \"input_length\": 600, \"output_length\": 5, \"hash_ids\": [0, 1]}\n\n\
                         {\"timestamp\": 7, \"hash_ids\": [0], \"model\": \"x\"}\n";

    #[test]
    fn requests_are_read_in_order_up_to_the_limit() {
        let all = parse(TRACE.as_bytes(), usize::MAX).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].timestamp, all[0].hash_ids.clone()), (0, vec![0, 1]));
        assert_eq!((all[1].timestamp, all[1].input_length), (7, 0));
        assert_eq!(parse(TRACE.as_bytes(), 1).unwrap().len(), 1);
    }

    #[test]
    fn a_line_that_is_no_request_is_named() {
        let text = format!("{TRACE}{{\"timestamp\": 9}}\n");
        let error = parse(text.as_bytes(), usize::MAX).unwrap_err().to_string();
        assert!(error.contains("line 4"), "{error}");
    }

    #[test]
    fn a_file_without_requests_is_refused() {
        let error = read_trace(Path::new("/dev/null"), 1)
            .unwrap_err()
            .to_string();
        assert!(error.contains("no request"), "{error}");
    }
}
