//! Errors of this backend. Every foreign error becomes ours here.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::io;

use etcd_client::Error as EtcdError;
use rustls::{AlertDescription as Alert, CertificateError as Wrong, Error as TlsError};
use tonic::{Code, Status};

use standfast_core::{Error, ErrorKind, Fingerprint};

pub(super) const NAME: &str = "etcd";

/// What etcd answers under one status code for several reasons. Its own clients tell them apart by these texts as well:
/// they are part of its interface (`etcdserver/api/v3rpc/rpctypes/error.go`).
const NO_SPACE: &str = "etcdserver: mvcc: database space exceeded";
const TOO_MANY_REQUESTS: &str = "etcdserver: too many requests";
const TOO_LARGE: &str = "etcdserver: request is too large";
const NO_USER: &str = "etcdserver: user name is empty";
const WRONG_PASSWORD: &str = "etcdserver: authentication failed, invalid user ID or password";
const NO_USERS: &str = "etcdserver: authentication is not enabled";
const OLD_TOKEN: &str = "etcdserver: revision of auth store is old";

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

/// An error that a call to the member at `url` met, or making a connection to it. For a write it says nothing about whether it
/// was done.
pub(super) fn client_error(operation: &'static str, url: &str, source: EtcdError) -> Error {
    let kind = match &source {
        EtcdError::GRpcStatus(status) => status_kind(status),
        EtcdError::InvalidArgs(_)
        | EtcdError::InvalidUri(_)
        | EtcdError::InvalidMetadataValue(_)
        // Of connections it tells by a status: this is about how one is to be made.
        | EtcdError::TransportError(_) => ErrorKind::Config,
        // The only one that the client tells by itself: the lease is not there.
        EtcdError::LeaseKeepAliveError(_) => ErrorKind::NotFound,
        _ => ErrorKind::Unavailable,
    };
    let what_to_do = match &source {
        EtcdError::GRpcStatus(status) => what_to_do(status),
        _ => None,
    };
    let error = error(kind, operation)
        .context(url.to_owned())
        .source(source);
    what_to_do.into_iter().fold(error, Error::context)
}

/// Whether it was the connection that broke, or could not be made.
pub(super) fn is_of_connection(error: &EtcdError) -> bool {
    match error {
        EtcdError::GRpcStatus(status) => status
            .source()
            .and_then(|source| source.downcast_ref::<tonic::transport::Error>())
            .is_some(),
        _ => false,
    }
}

/// Whether it is what etcd has answered, and not what became of a connection.
pub(super) fn is_told_by_etcd(error: &Error) -> bool {
    let source = StdError::source(error).and_then(|source| source.downcast_ref());
    source.is_some_and(|source| !is_of_connection(source))
}

/// Whether a member refused us. Another may not, as when it is a certificate that has expired.
pub(super) const fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Auth | ErrorKind::Config)
}

fn status_kind(status: &Status) -> ErrorKind {
    match (status.code(), status.message()) {
        (Code::ResourceExhausted, NO_SPACE) => ErrorKind::Quota,
        (Code::ResourceExhausted, TOO_MANY_REQUESTS) => ErrorKind::Throttled,
        // Over the limit of a message: the client's when receiving, the server's when sending.
        (Code::ResourceExhausted | Code::OutOfRange, _) | (Code::InvalidArgument, TOO_LARGE) => {
            ErrorKind::Unsupported
        }
        (Code::PermissionDenied, _) | (Code::InvalidArgument, NO_USER | WRONG_PASSWORD) => {
            ErrorKind::Auth
        }
        // The token of this connection is over, as after a restart of the member: the next connection has another.
        (Code::Unauthenticated, _) | (Code::InvalidArgument, OLD_TOKEN) => ErrorKind::Unavailable,
        (Code::FailedPrecondition, NO_USERS) | (Code::Unimplemented, _) => ErrorKind::Config,
        (Code::InvalidArgument, _) => ErrorKind::Invalid,
        (Code::NotFound, _) => ErrorKind::NotFound,
        // Its own alarm: members do not have the same data.
        (Code::DataLoss, _) => ErrorKind::Corrupt,
        // No leader, a member that stops, a connection that broke: another member, or later.
        _ => ErrorKind::Unavailable,
    }
}

fn what_to_do(status: &Status) -> Option<&'static str> {
    match (status.code(), status.message()) {
        (Code::PermissionDenied, _) => Some(
            "the user may not do this: grant its role to read and write everything under our prefix (docs/etcd.md)",
        ),
        (Code::InvalidArgument, NO_USER) => {
            Some("this etcd has users: name one in `user` and `password_file`")
        }
        (Code::InvalidArgument, WRONG_PASSWORD) => {
            Some("are `user`, and what is in `password_file`, right?")
        }
        (Code::FailedPrecondition, NO_USERS) => Some(
            "this etcd has no users: take `user` and `password_file` out, or run `etcdctl auth enable`",
        ),
        (Code::Unimplemented, _) => {
            Some("this is no etcd, or one that is too old: is it right in `endpoints`?")
        }
        _ => None,
    }
}

/// The name in an endpoint is nobody's.
pub(super) fn no_address(operation: &'static str, url: &str, host: &str, why: io::Error) -> Error {
    error(ErrorKind::Unavailable, operation)
        .context(format!(
            "{url}: the name {host} is not known: is it right in `endpoints`?"
        ))
        .source(why)
}

pub(super) fn nobody_listens(operation: &'static str, url: &str, why: io::Error) -> Error {
    error(ErrorKind::Unavailable, operation)
        .context(url.to_owned())
        .source(why)
}

/// Somebody else than etcd answers.
pub(super) fn no_etcd(operation: &'static str, url: &str, why: &str) -> Error {
    error(ErrorKind::Config, operation).context(format!(
        "{url}: {why}: `endpoints` must name the ports for etcd's clients"
    ))
}

/// How a member was spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    Plainly,
    OverTls,
}

/// What ended a greeting.
pub(super) fn greeting_error(
    operation: &'static str,
    url: &str,
    spoken: Spoken,
    source: io::Error,
) -> Error {
    let tls = source.get_ref().and_then(|inner| inner.downcast_ref());
    let (kind, what) = match (tls, spoken) {
        (Some(error), _) => tls_refusal(error),
        (None, Spoken::OverTls) => (
            ErrorKind::Unavailable,
            "it ends the connection in the middle of the handshake: does it speak TLS, as `https://` says?",
        ),
        (None, Spoken::Plainly) => (
            ErrorKind::Unavailable,
            "it ends the connection without an answer: is this a port for etcd's clients, and does it speak without TLS, as \
             `http://` says?",
        ),
    };
    error(kind, operation)
        .context(format!("{url}: {what}"))
        .source(source)
}

fn tls_refusal(error: &TlsError) -> (ErrorKind, &'static str) {
    match error {
        TlsError::InvalidCertificate(wrong) => (ErrorKind::Auth, wrong_certificate(wrong)),
        TlsError::AlertReceived(
            Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::CertificateRequired
            | Alert::UnknownCA
            | Alert::AccessDenied,
        ) => (
            ErrorKind::Auth,
            "it refuses our certificate, or misses one: `cert_file` must name one that has not expired, signed by the authority \
             that the members trust (their --trusted-ca-file)",
        ),
        TlsError::InvalidMessage(_) => (
            ErrorKind::Config,
            "it does not speak TLS: write `http://`, or name the port that does",
        ),
        // As of one whose own certificate and key do not fit at the moment.
        _ => (
            ErrorKind::Unavailable,
            "no TLS that both sides speak, or it is in trouble with its own certificate",
        ),
    }
}

fn wrong_certificate(wrong: &Wrong) -> &'static str {
    match wrong {
        Wrong::Expired | Wrong::ExpiredContext { .. } => {
            "its certificate has expired: renew it, or set this machine's clock right"
        }
        Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => {
            "its certificate is not valid yet: is this machine's clock right?"
        }
        Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => {
            "its certificate is for another name: `endpoints` must name the members as their certificates do"
        }
        Wrong::UnknownIssuer | Wrong::BadSignature => {
            "its certificate is signed by nobody whom we trust: is `ca_file` the authority that signed it?"
        }
        _ => "its certificate is not taken",
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
        assert_eq!(kind(Code::PermissionDenied, ""), ErrorKind::Auth);
    }

    #[test]
    fn a_token_that_is_over_asks_for_another_connection_and_a_wrong_password_for_an_operator() {
        assert!(kind(Code::Unauthenticated, "etcdserver: invalid auth token").retry());
        assert!(kind(Code::InvalidArgument, OLD_TOKEN).retry());
        for refused in [NO_USER, WRONG_PASSWORD] {
            assert_eq!(kind(Code::InvalidArgument, refused), ErrorKind::Auth);
        }
        assert_eq!(kind(Code::FailedPrecondition, NO_USERS), ErrorKind::Config);
    }
}
