use std::time::{Duration, UNIX_EPOCH};

/// Less, in milliseconds, is a number of seconds by mistake: of 1973.
const LEAST: u64 = 100_000_000_000;

/// A moment as an argument: milliseconds since 1970 as `oplog dump` prints stamps, or RFC 3339 in UTC.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    if let Ok(ms) = text.parse() {
        if ms < LEAST {
            return Err(format!(
                "{ms} ms are {}: seconds since 1970 want three digits more",
                self::text(ms)
            ));
        }
        return Ok(ms);
    }
    let wrong = |error: &dyn std::fmt::Display| {
        format!("{error}: say it in UTC, as 2026-11-22T14:05:00Z, or in milliseconds since 1970")
    };
    let at = humantime::parse_rfc3339_weak(text).map_err(|error| wrong(&error))?;
    let since = at
        .duration_since(UNIX_EPOCH)
        .map_err(|error| wrong(&error))?;
    u64::try_from(since.as_millis()).map_err(|error| wrong(&error))
}

/// The same for people; the number where it is no moment that can be written.
pub(super) fn text(ms: u64) -> String {
    match UNIX_EPOCH.checked_add(Duration::from_millis(ms)) {
        // Beyond the year 9999 it cannot be written.
        Some(at) if ms < 253_402_300_800_000 => humantime::format_rfc3339_millis(at).to_string(),
        _ => format!("{ms} ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_it_is_written() {
        let ms = 1_795_356_300_250;
        assert_eq!(text(ms), "2026-11-22T14:05:00.250Z");
        for same in [
            "2026-11-22T14:05:00.25Z",
            "2026-11-22 14:05:00.250",
            "1795356300250",
        ] {
            assert_eq!(parse(same), Ok(ms), "{same}");
        }
        for wrong in [
            "yesterday",
            "2026-11-22T14:05:00+01:00",
            "-1",
            "1960-01-01T00:00:00Z",
        ] {
            let told = parse(wrong).unwrap_err();
            assert!(told.contains("as 2026-11-22T14:05:00Z"), "{wrong}: {told}");
        }
        let seconds = parse("1795356300").unwrap_err();
        assert!(seconds.contains("three digits more"), "{seconds}");
        assert_eq!(text(u64::MAX), "18446744073709551615 ms");
    }
}
