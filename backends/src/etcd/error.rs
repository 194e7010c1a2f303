//! Errors of this backend. Every foreign error becomes ours here.

use std::borrow::Cow;

use etcd_client::Error as EtcdError;
use tonic::{Code, Status};

use standfast_core::{Error, ErrorKind, Fingerprint};

pub(super) const NAME: &str = "etcd";

/// What etcd answers under one status code for several reasons. Its own clients tell them apart by these texts as well:
/// they are part of its interface (`etcdserver/api/v3rpc/rpctypes/error.go`).
const NO_SPACE: &str = "etcdserver: mvcc: database space exceeded";
const TOO_MANY_REQUESTS: &str = "etcdserver: too many requests";
const TOO_LARGE: &str = "etcdserver: request is too large";

pub(super) fn error(kind: ErrorKind, operation: impl Into<Cow<'static, str>>) -> Error {
    Error::new(kind, operation).backend(NAME)
}

/// What a store without a fingerprint answers.
pub(super) fn not_initialised(operation: &'static str, root: &str) -> Error {
    error(ErrorKind::NotFound, operation).context(format!(
        "nothing under {root}/ belongs to a cluster yet: run `standfast cluster init`"
    ))
}

/// The prefix is another cluster's.
pub(super) fn foreign(
    operation: &'static str,
    root: &str,
    own: Fingerprint,
    other: Fingerprint,
) -> Error {
    error(ErrorKind::Foreign, operation).context(format!(
        "{root}/ belongs to the cluster with fingerprint {own}, this is {other}: give each cluster an id or a prefix of its own"
    ))
}

/// What was read is not what was written.
pub(super) fn corrupt(operation: &'static str, key: &str, what: &str) -> Error {
    error(ErrorKind::Corrupt, operation).context(format!("{key}: {what}"))
}

/// An error that a call to the member at `url` met. For a write it says nothing about whether it was done.
pub(super) fn client_error(operation: &'static str, url: &str, source: EtcdError) -> Error {
    let kind = match &source {
        EtcdError::GRpcStatus(status) => status_kind(status),
        EtcdError::InvalidArgs(_)
        | EtcdError::InvalidUri(_)
        | EtcdError::InvalidMetadataValue(_) => ErrorKind::Config,
        // The only one that the client tells by itself: the lease is not there.
        EtcdError::LeaseKeepAliveError(_) => ErrorKind::NotFound,
        _ => ErrorKind::Unavailable,
    };
    error(kind, operation)
        .context(url.to_owned())
        .source(source)
}

fn status_kind(status: &Status) -> ErrorKind {
    match (status.code(), status.message()) {
        (Code::ResourceExhausted, NO_SPACE) => ErrorKind::Quota,
        (Code::ResourceExhausted, TOO_MANY_REQUESTS) => ErrorKind::Throttled,
        // Over the limit of a message: the client's when receiving, the server's when sending.
        (Code::ResourceExhausted | Code::OutOfRange, _) | (Code::InvalidArgument, TOO_LARGE) => {
            ErrorKind::Unsupported
        }
        (Code::Unauthenticated | Code::PermissionDenied, _) => ErrorKind::Auth,
        (Code::InvalidArgument, _) => ErrorKind::Invalid,
        (Code::NotFound, _) => ErrorKind::NotFound,
        (Code::Unimplemented, _) => ErrorKind::Version,
        // Its own alarm: members do not have the same data.
        (Code::DataLoss, _) => ErrorKind::Corrupt,
        // No leader, a member that stops, a connection that broke: another member, or later.
        _ => ErrorKind::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(code: Code, message: &str) -> ErrorKind {
        let status = EtcdError::GRpcStatus(Status::new(code, message));
        client_error("append", "http://127.0.0.1:2379", status)
            .kind()
            .clone()
    }

    #[test]
    fn one_status_code_for_three_reasons_is_told_apart() {
        assert_eq!(kind(Code::ResourceExhausted, NO_SPACE), ErrorKind::Quota);
        assert_eq!(
            kind(Code::ResourceExhausted, TOO_MANY_REQUESTS),
            ErrorKind::Throttled
        );
        assert_eq!(
            kind(Code::ResourceExhausted, "message larger than max"),
            ErrorKind::Unsupported
        );
        assert_eq!(
            kind(Code::InvalidArgument, TOO_LARGE),
            ErrorKind::Unsupported
        );
    }

    #[test]
    fn what_may_pass_elsewhere_or_later_is_tried_again_and_the_rest_is_not() {
        for code in [
            Code::Unavailable,
            Code::Unknown,
            Code::Cancelled,
            Code::DeadlineExceeded,
        ] {
            assert!(kind(code, "etcdserver: no leader").retry());
        }
        for code in [Code::Unauthenticated, Code::PermissionDenied] {
            assert_eq!(kind(code, "etcdserver: permission denied"), ErrorKind::Auth);
        }
    }
}
