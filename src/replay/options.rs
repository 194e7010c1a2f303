use std::str::FromStr;

use standfast_core::{ByteSize, Error, ErrorKind, Result};

/// How fast a trace is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// So many times as fast as it was recorded: `real` is 1.
    Times(f64),
    /// As fast as the cluster answers.
    Max,
}

impl FromStr for Speed {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let times = match text {
            "max" => return Ok(Self::Max),
            "real" => Some(1.0),
            _ => text.strip_suffix('x').and_then(|n| n.parse::<f64>().ok()),
        };
        times
            .filter(|n| n.is_finite() && *n > 0.0)
            .map(Self::Times)
            .ok_or_else(|| {
                Error::new(ErrorKind::Config, "parse").context(format!(
                    "`{text}` is not a speed: want real, max, or a factor like 10x"
                ))
            })
    }
}

/// How the blocks of a request are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchBy {
    /// All blocks of a request in one call.
    Request,
    /// Each block in a call of its own, in order.
    Key,
}

/// What a replay does.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// Nodes of the cluster, `host:port`; the primary is found from any of them.
    pub endpoints: Vec<String>,
    /// How fast. Default: as fast as the cluster answers.
    pub speed: Speed,
    /// Sessions that work through the trace together. Default 4.
    pub clients: usize,
    /// How blocks are sent. Default: a request at once.
    pub batch: BatchBy,
    /// Bytes that a block is said to have. Default `64KiB`.
    pub block_size: ByteSize,
    /// Segments that are mounted, at least one a client. Default 4.
    pub segments: usize,
    /// Bytes that each is said to have. Default `16GiB`. No memory is taken: only the places are kept.
    pub segment_size: ByteSize,
    /// Passes over the trace, each with blocks of its own. Default 1.
    pub passes: u64,
}

impl ReplayOptions {
    /// The defaults, against these nodes.
    pub fn new(endpoints: Vec<String>) -> Self {
        Self {
            endpoints,
            speed: Speed::Max,
            clients: 4,
            batch: BatchBy::Request,
            block_size: ByteSize(64 << 10),
            segments: 4,
            segment_size: ByteSize::mib(16 << 10),
            passes: 1,
        }
    }

    /// Every problem of the values, each with the value and the way out.
    pub fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.endpoints.is_empty() {
            found.push("no node is named: want --endpoint HOST:PORT".to_owned());
        }
        let counts = [
            ("clients", self.clients as u64),
            ("segments", self.segments as u64),
            ("loop", self.passes),
            ("block-size", self.block_size.0),
        ];
        for (name, _) in counts.iter().filter(|(_, value)| *value == 0) {
            found.push(format!("{name} = 0: want at least 1"));
        }
        if self.segment_size < self.block_size {
            found.push(format!(
                "segment-size = {} is less than block-size = {}: no block would fit",
                self.segment_size, self.block_size
            ));
        }
        found
    }

    /// The options, if they can work.
    ///
    /// # Errors
    /// `Config` with every problem.
    pub fn checked(self) -> Result<Self> {
        let problems = self.problems();
        if problems.is_empty() {
            return Ok(self);
        }
        Err(Error::new(ErrorKind::Config, "replay").context(problems.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_real_max_or_a_factor() {
        let of = |text: &str| text.parse::<Speed>();
        assert_eq!(of("max").unwrap(), Speed::Max);
        assert_eq!(of("real").unwrap(), Speed::Times(1.0));
        assert_eq!(of("2.5x").unwrap(), Speed::Times(2.5));
        for wrong in ["", "fast", "0x", "-1x", "10", "infx", "x"] {
            let error = of(wrong).unwrap_err().to_string();
            assert!(error.contains("want real, max"), "{error}");
        }
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let mut options = ReplayOptions::new(Vec::new());
        options.clients = 0;
        options.segment_size = ByteSize(1);
        assert_eq!(options.problems().len(), 3, "{:?}", options.problems());
        assert!(
            ReplayOptions::new(vec!["a:1".to_owned()])
                .problems()
                .is_empty()
        );
    }
}
