use serde::{Deserialize, Serialize};

use standfast_core::{Error, ErrorKind, Percent, Result, Span};

/// Which segments the primary allocates replicas in, after those that the put itself prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AllocationStrategy {
    /// Any, at random.
    Random,
    /// Those with the most free bytes. Of more than 64 a part is looked at, at random.
    MostFree,
    /// Those that the client lends that puts, then any at random.
    PreferredFirst,
}

/// `[metadata]`: the service that knows where the blocks of the cache lie.
///
/// The times are stamped into the operations by the node that leads, so that nodes with different settings
/// still agree on the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetadataConfig {
    /// A client without a sign of life for this long is expired: its segments are unmounted. Default `10s`.
    pub client_ttl: Span,
    /// A put, copy or move that was started and not ended may be replaced by another after this long. Default `30s`.
    pub put_start_discard: Span,
    /// Memory of a put that was given up, or of a segment that was forgotten and is lent again, is used again after this
    /// long, because others may still be writing there. A put, copy or move that is not ended is given up after as long.
    /// Default `600s`.
    pub put_start_release: Span,
    /// A read protects an object from removal for this long. Default `10s`.
    pub lease_ttl: Span,
    /// When objects lie in more than this part of all mounted memory, some are evicted. Default `90%`.
    pub high_watermark: Percent,
    /// An eviction frees at least this part of all mounted memory that is not held back, counted from the watermark when
    /// that is passed. Default `5%`.
    pub eviction_ratio: Percent,
    /// Where objects are placed when their put prefers no segment, or those are full: `random` · `most_free`, the segments
    /// with the most free bytes · `preferred_first`, those that the client lends that puts, then any. Default `random`.
    pub allocation: AllocationStrategy,
}

impl Default for MetadataConfig {
    fn default() -> Self {
        Self {
            client_ttl: Span::secs(10),
            put_start_discard: Span::secs(30),
            put_start_release: Span::secs(600),
            lease_ttl: Span::secs(10),
            high_watermark: Percent::whole(90),
            eviction_ratio: Percent::whole(5),
            allocation: AllocationStrategy::Random,
        }
    }
}

impl MetadataConfig {
    /// Every problem of the values, each with the value and the way out.
    pub fn problems(&self) -> Vec<String> {
        let spans = [
            ("client_ttl", self.client_ttl),
            ("put_start_discard", self.put_start_discard),
            ("put_start_release", self.put_start_release),
            ("lease_ttl", self.lease_ttl),
        ];
        let mut problems: Vec<_> = spans
            .iter()
            .filter(|(_, span)| millis(*span) == 0)
            .map(|(name, span)| format!("{name} = \"{span}\": want at least \"1ms\""))
            .collect();
        if self.put_start_release < self.put_start_discard {
            problems.push(format!(
                "put_start_release = \"{}\" is shorter than put_start_discard = \"{}\": the memory of an \
                 abandoned put would be used again sooner than the put itself is given up",
                self.put_start_release, self.put_start_discard
            ));
        }
        problems.extend(self.eviction_problem());
        problems
    }

    fn eviction_problem(&self) -> Option<String> {
        let (high, ratio) = (self.high_watermark, self.eviction_ratio);
        (ratio == Percent::ZERO || ratio > high).then(|| {
            format!(
                "eviction_ratio = \"{ratio}\" with high_watermark = \"{high}\": want more than \"0%\", \
                 and no more than the watermark"
            )
        })
    }

    /// The settings, if they can work.
    ///
    /// # Errors
    /// `Config` with every one of [`Self::problems`].
    pub fn checked(self) -> Result<Self> {
        let problems = self.problems();
        if problems.is_empty() {
            return Ok(self);
        }
        Err(Error::new(ErrorKind::Config, "check [metadata]").context(problems.join("; ")))
    }
}

/// Whole milliseconds of a setting.
pub(crate) fn millis(span: Span) -> u64 {
    u64::try_from(span.0.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_documented_and_valid() {
        let config = MetadataConfig::default();
        assert_eq!(config.client_ttl, Span::secs(10));
        assert_eq!(config.put_start_discard, Span::secs(30));
        assert_eq!(config.put_start_release, Span::secs(600));
        assert_eq!(config.lease_ttl, Span::secs(10));
        assert_eq!(config.high_watermark, Percent::whole(90));
        assert_eq!(config.eviction_ratio, Percent::whole(5));
        assert_eq!(config.allocation, AllocationStrategy::Random);
        assert!(config.checked().is_ok());
    }

    #[test]
    fn every_problem_is_named_with_both_values() {
        let config = MetadataConfig {
            lease_ttl: Span::millis(0),
            put_start_release: Span::secs(5),
            high_watermark: Percent::whole(3),
            ..MetadataConfig::default()
        };
        let problems = config.problems();
        assert_eq!(problems.len(), 3, "{problems:?}");
        let text = &problems[2];
        assert!(text.contains("3%") && text.contains("5%"), "{text}");
        assert!(problems[0].contains("lease_ttl"));
        let text = &problems[1];
        assert!(text.contains("5s") && text.contains("30s"), "{text}");
    }
}
