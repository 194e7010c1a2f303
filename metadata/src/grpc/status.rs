use std::time::Duration;

use standfast_core::{Error, ErrorKind};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

/// Metadata key: name of the error's kind.
pub(crate) const ERROR: &str = "standfast-error";
/// Metadata key: host:port of the primary.
pub(crate) const PRIMARY: &str = "standfast-primary";

/// The status that tells a client what to do next.
pub(super) fn status(error: &Error) -> Status {
    let code = match error.kind() {
        ErrorKind::NotPrimary { .. } => Code::FailedPrecondition,
        ErrorKind::Busy | ErrorKind::Quota | ErrorKind::Throttled => Code::ResourceExhausted,
        ErrorKind::Unknown | ErrorKind::Unavailable | ErrorKind::Closed => Code::Unavailable,
        ErrorKind::Timeout => Code::DeadlineExceeded,
        ErrorKind::Cancelled => Code::Cancelled,
        ErrorKind::RequestTooOld => Code::Aborted,
        ErrorKind::Invalid => Code::InvalidArgument,
        ErrorKind::Unsupported => Code::Unimplemented,
        _ => Code::Internal,
    };
    let mut metadata = MetadataMap::new();
    metadata.insert(ERROR, MetadataValue::from_static(error.kind().name()));
    if let ErrorKind::NotPrimary {
        address: Some(address),
    } = error.kind()
        && let Ok(address) = address.parse()
    {
        metadata.insert(PRIMARY, address);
    }
    Status::with_metadata(code, error.to_string(), metadata)
}

/// How long the client gave the call, if it said.
pub(super) fn patience(metadata: &MetadataMap) -> Option<Duration> {
    let text = metadata.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let n: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(n.saturating_mul(3600))),
        "M" => Some(Duration::from_secs(n.saturating_mul(60))),
        "S" => Some(Duration::from_secs(n)),
        "m" => Some(Duration::from_millis(n)),
        "u" => Some(Duration::from_micros(n)),
        "n" => Some(Duration::from_nanos(n)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_does_not_lead_says_who_does() {
        let kind = ErrorKind::NotPrimary {
            address: Some("10.0.0.2:7400".to_owned()),
        };
        let status = status(&Error::new(kind, "propose"));
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!(status.metadata().get(PRIMARY).unwrap(), "10.0.0.2:7400");
        assert_eq!(status.metadata().get(ERROR).unwrap(), "not_primary");
    }

    #[test]
    fn doubt_and_a_full_queue_have_codes_of_their_own() {
        let doubt = status(&Error::new(ErrorKind::Unknown, "propose"));
        assert_eq!(doubt.code(), Code::Unavailable);
        assert_eq!(doubt.metadata().get(ERROR).unwrap(), "unknown");
        let full = status(&Error::new(ErrorKind::Busy, "propose"));
        assert_eq!(full.code(), Code::ResourceExhausted);
    }

    #[test]
    fn every_unit_of_a_timeout_is_understood() {
        let mut metadata = MetadataMap::new();
        for (text, ms) in [("2S", 2000), ("150m", 150), ("3000u", 3), ("1M", 60_000)] {
            metadata.insert("grpc-timeout", text.parse().unwrap());
            assert_eq!(patience(&metadata), Some(Duration::from_millis(ms)));
        }
        metadata.insert("grpc-timeout", "soon".parse().unwrap());
        assert_eq!(patience(&metadata), None);
    }
}
