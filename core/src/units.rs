//! Values of the configuration that carry their unit: durations, sizes and parts.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// A duration as text with its unit: `"250us"`, `"5ms"`, `"1.5s"`, `"2m"`, `"1h"`, `"7d"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub Duration);

/// A size in bytes as text with its unit: `"512B"`, `"64KiB"`, `"16MiB"`, `"2GiB"`, `"1TiB"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ByteSize(pub u64);

/// A part of a whole as text: `"90%"`, `"92.5%"`; at most `"100%"`, in steps of `"0.1%"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Percent {
    permille: u16,
}

const SPANS: [(&str, f64); 6] = [
    ("us", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
    ("d", 86400.0),
];
const SIZES: [(&str, f64); 5] = [
    ("B", 1.0),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TiB", 1_099_511_627_776.0),
];

const PERMILLES: [(&str, f64); 1] = [("%", 10.0)];

fn parse(what: &str, text: &str, units: &[(&str, f64)]) -> Result<f64> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = units
        .iter()
        .find(|(name, _)| *name == unit.trim())
        .map(|(_, factor)| factor);
    if let (Ok(number), Some(factor)) = (number.parse::<f64>(), factor) {
        return Ok(number * factor);
    }
    let names: Vec<_> = units.iter().map(|(name, _)| *name).collect();
    Err(Error::new(ErrorKind::Config, "parse").context(format!(
        "`{text}` is not a {what}: want a number and one of {}, as in \"5{}\"",
        names.join(", "),
        names.get(2).or_else(|| names.first()).unwrap_or(&"")
    )))
}

impl Span {
    /// Whole milliseconds.
    pub const fn millis(ms: u64) -> Self {
        Self(Duration::from_millis(ms))
    }

    /// Whole seconds.
    pub const fn secs(s: u64) -> Self {
        Self(Duration::from_secs(s))
    }

    /// Reads a duration with its unit.
    ///
    /// # Errors
    /// `Config` naming the units there are.
    pub fn parse(text: &str) -> Result<Self> {
        let seconds = parse("duration", text, &SPANS)?;
        Duration::try_from_secs_f64(seconds)
            .map(Self)
            .map_err(|source| {
                Error::new(ErrorKind::Config, "parse")
                    .context(format!("`{text}` is out of range"))
                    .source(source)
            })
    }
}

impl ByteSize {
    /// So many MiB.
    pub const fn mib(n: u64) -> Self {
        Self(n << 20)
    }

    /// Reads a size with its unit.
    ///
    /// # Errors
    /// `Config` naming the units there are.
    pub fn parse(text: &str) -> Result<Self> {
        let bytes = parse("size", text, &SIZES)?;
        if bytes >= 9e15 {
            return Err(
                Error::new(ErrorKind::Config, "parse").context(format!("`{text}` is out of range"))
            );
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked"
        )]
        Ok(Self(bytes as u64))
    }

    /// As a length in memory.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl Percent {
    /// Nothing.
    pub const ZERO: Self = Self { permille: 0 };

    /// So many hundredths; more than 100 count as 100.
    pub const fn whole(hundredths: u16) -> Self {
        let hundredths = if hundredths > 100 { 100 } else { hundredths };
        Self {
            permille: hundredths * 10,
        }
    }

    /// Reads a part with its unit.
    ///
    /// # Errors
    /// `Config` naming the unit, or the limit.
    pub fn parse(text: &str) -> Result<Self> {
        let permille = parse("part", text, &PERMILLES)?.round();
        if permille > 1000.0 {
            return Err(Error::new(ErrorKind::Config, "parse")
                .context(format!("`{text}` is out of range: want at most \"100%\"")));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked"
        )]
        let permille = permille as u16;
        Ok(Self { permille })
    }

    /// The part of `whole`, rounded down.
    pub const fn of(self, whole: u64) -> u64 {
        let permille = self.permille as u64;
        whole / 1000 * permille + whole % 1000 * permille / 1000
    }
}

impl TryFrom<String> for Percent {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<Percent> for String {
    fn from(part: Percent) -> Self {
        part.to_string()
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.permille / 10, self.permille % 10) {
            (whole, 0) => write!(f, "{whole}%"),
            (whole, tenths) => write!(f, "{whole}.{tenths}%"),
        }
    }
}

impl TryFrom<String> for Span {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl TryFrom<String> for ByteSize {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl From<ByteSize> for String {
    fn from(size: ByteSize) -> Self {
        size.to_string()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        match micros {
            m if m % 1000 != 0 => write!(f, "{m}us"),
            m if m % 1_000_000 != 0 => write!(f, "{}ms", m / 1000),
            m => write!(f, "{}s", m / 1_000_000),
        }
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0;
        match bytes {
            b if b == 0 || b % 1024 != 0 => write!(f, "{b}B"),
            b if b % (1 << 20) != 0 => write!(f, "{}KiB", b >> 10),
            b if b % (1 << 30) != 0 => write!(f, "{}MiB", b >> 20),
            b => write!(f, "{}GiB", b >> 30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_and_what_is_written_is_read_back() {
        for text in ["250us", "5ms", "1.5s", "2m", "1h", "7d"] {
            let span = Span::parse(text).unwrap();
            assert_eq!(Span::parse(&span.to_string()).unwrap(), span);
        }
        for text in ["0B", "512B", "64KiB", "16MiB", "2GiB"] {
            assert_eq!(ByteSize::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_part_is_read_and_what_is_written_is_read_back() {
        for text in ["0%", "5%", "92.5%", "100%"] {
            assert_eq!(Percent::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Percent::whole(90).of(1001), 900);
        assert_eq!(Percent::whole(100).of(u64::MAX), u64::MAX);
        let too_much = Percent::parse("100.1%").unwrap_err().to_string();
        assert!(too_much.contains("100%"), "{too_much}");
        let error = Percent::parse("0.9").unwrap_err().to_string();
        assert!(error.contains("5%"), "{error}");
    }

    #[test]
    fn a_number_without_a_unit_is_refused_and_the_message_says_which_there_are() {
        let error = Span::parse("5").unwrap_err().to_string();
        assert!(error.contains("`5`") && error.contains("ms"), "{error}");
        assert!(
            ByteSize::parse("16MB")
                .unwrap_err()
                .to_string()
                .contains("MiB")
        );
    }
}
