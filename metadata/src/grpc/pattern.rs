use regex::bytes::{Regex, RegexBuilder};
use tonic::Status;

/// The longest pattern, in bytes: reading it takes time in proportion to it.
const LONGEST: usize = 1024;

/// The largest compiled pattern, in bytes: matching a key takes time in proportion to it.
const LARGEST: usize = 256 << 10;

/// What matching may keep of its work, in bytes, in each thread that does it.
const CACHE: usize = 512 << 10;

/// How deep a pattern may be nested.
const DEEPEST: u32 = 50;

/// The pattern of a request.
pub(super) fn pattern_of(text: &str) -> Result<Regex, Status> {
    if text.len() > LONGEST {
        return Err(Status::invalid_argument(format!(
            "a regex of {} bytes, the limit is {LONGEST}: use a prefix, or several shorter ones",
            text.len()
        )));
    }
    let compiled = RegexBuilder::new(text)
        .size_limit(LARGEST)
        .dfa_size_limit(CACHE)
        .nest_limit(DEEPEST)
        .build();
    compiled.map_err(|error| {
        let what_to_do = match error {
            regex::Error::CompiledTooBig(_) => "; repeat less in it, or use a prefix",
            _ => "",
        };
        Status::invalid_argument(format!("the regex `{text}`: {error}{what_to_do}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_is_wrong_or_too_large_is_refused_with_the_reason() {
        for right in ["^block-[0-9]+$", r"^\w+/\d{4}-\pL+(\.\w+)?$", "a[ab]{500}"] {
            assert!(pattern_of(right).is_ok(), "{right}");
        }
        for (wrong, reason) in [
            ("(".to_owned(), "unclosed"),
            ("(a{100}){100}".to_owned(), "repeat less"),
            ("a".repeat(LONGEST + 1), "1025 bytes, the limit is 1024"),
            ("(".repeat(60) + &")".repeat(60), "nest"),
        ] {
            let refused = pattern_of(&wrong).unwrap_err();
            assert!(refused.message().contains(reason), "{refused}");
        }
    }
}
