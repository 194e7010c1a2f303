use standfast_core::Span;

/// A time: a number of seconds, or a number with its unit.
pub(super) fn parse(text: &str) -> Result<Span, String> {
    let plain = !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let parsed = if plain {
        Span::parse(&format!("{text}s"))
    } else {
        Span::parse(text)
    };
    parsed.map_err(|error| error.to_string())
}

/// The same, of something that is to take time.
pub(super) fn parse_some(text: &str) -> Result<Span, String> {
    match parse(text)? {
        Span(time) if time.is_zero() => Err("want a time above zero".to_owned()),
        span => Ok(span),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_number_is_of_seconds_and_a_unit_is_heeded() {
        assert_eq!(parse("20").unwrap().0, Duration::from_secs(20));
        assert_eq!(parse("20s").unwrap().0, Duration::from_secs(20));
        assert_eq!(parse("1500ms").unwrap().0, Duration::from_millis(1500));
        assert_eq!(parse("2m").unwrap().0, Duration::from_mins(2));
        for wrong in ["", "s", "-1", "1 week", "soon"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
