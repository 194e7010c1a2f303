use regex::bytes::{Regex, RegexBuilder};
use tonic::Status;

use crate::request::ObjectRow;

/// The largest compiled pattern, in bytes: matching takes time in proportion to it.
const LARGEST: usize = 1 << 20;

/// The pattern of a request.
pub(super) fn pattern_of(text: &str) -> Result<Regex, Status> {
    RegexBuilder::new(text)
        .size_limit(LARGEST)
        .build()
        .map_err(|error| Status::invalid_argument(format!("the regex `{text}`: {error}")))
}

/// The rows whose keys match. Off the threads that serve: a pattern may be slow, though never more than in
/// proportion to its size and to the keys'.
pub(super) async fn matching(
    mut rows: Vec<ObjectRow>,
    pattern: Option<Regex>,
) -> Result<Vec<ObjectRow>, Status> {
    let Some(pattern) = pattern else {
        return Ok(rows);
    };
    let matching = move || {
        rows.retain(|row| pattern.is_match(&row.key));
        rows
    };
    tokio::task::spawn_blocking(matching)
        .await
        .map_err(|error| Status::internal(format!("match keys: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_is_wrong_or_too_large_is_refused_with_the_reason() {
        assert!(pattern_of("^block-[0-9]+$").is_ok());
        for wrong in ["(", "(a{1000}){1000}"] {
            let refused = pattern_of(wrong).unwrap_err();
            assert!(refused.message().contains(wrong), "{refused}");
        }
    }
}
