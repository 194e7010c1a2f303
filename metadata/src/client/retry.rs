use std::future::Future;
use std::time::Duration;

use standfast_core::{Error, ErrorKind, Result};
use tokio::time::Instant;
use tonic::{Code, Request, Response, Status};

use super::inner::Inner;
use super::route::Stub;
use crate::grpc::{ERROR, PRIMARY};

const PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
const EACH_KEY: Duration = Duration::from_micros(100);

/// What a status asks of us.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Next {
    /// The same node again, after a pause.
    Again,
    /// Whoever leads; perhaps there.
    Elsewhere(Option<String>),
    /// Nothing more: the request itself is at fault.
    GiveUp(ErrorKind),
}

fn next(status: &Status) -> Next {
    let text = |key| status.metadata().get(key).and_then(|v| v.to_str().ok());
    match text(ERROR) {
        Some("not_primary") => Next::Elsewhere(text(PRIMARY).map(str::to_owned)),
        Some("busy" | "throttled" | "quota") => Next::Again,
        Some("request_too_old") => Next::GiveUp(ErrorKind::RequestTooOld),
        Some("invalid") => Next::GiveUp(ErrorKind::Invalid),
        Some("unsupported") => Next::GiveUp(ErrorKind::Unsupported),
        Some("version") => Next::GiveUp(ErrorKind::Version),
        Some(_) => Next::Elsewhere(None),
        None => match status.code() {
            Code::InvalidArgument | Code::OutOfRange | Code::ResourceExhausted => {
                Next::GiveUp(ErrorKind::Invalid)
            }
            Code::Unimplemented => Next::GiveUp(ErrorKind::Unsupported),
            Code::Unauthenticated | Code::PermissionDenied => Next::GiveUp(ErrorKind::Auth),
            // Broken connections come under several codes.
            _ => Next::Elsewhere(None),
        },
    }
}

/// What is told when the time is up: the last thing that a node said, rather than that the last try was too short.
struct Last {
    text: String,
    said: bool,
}

impl Last {
    fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            said: false,
        }
    }

    fn hear(&mut self, address: &str, status: &Status) {
        let text = format!("{address}: {}", status.message());
        if status.metadata().contains_key(ERROR) {
            *self = Self { text, said: true };
        } else {
            self.hear_nothing(text);
        }
    }

    fn hear_nothing(&mut self, text: String) {
        if !self.said {
            self.text = text;
        }
    }
}

impl Inner {
    /// Asks until there is an answer or the deadline has passed. `ask` makes the same request each time, with the
    /// same header.
    ///
    /// A node that does not answer within a try's time may be frozen with its connections open: the others are
    /// asked then. Should it lead all the same, the repeated request joins the one before.
    pub(super) async fn call<Q, A, F>(
        &self,
        name: &'static str,
        keys: usize,
        request: &Q,
        ask: impl Fn(Stub, Request<Q>) -> F + Send + Sync,
    ) -> Result<A>
    where
        Q: Clone + Send + Sync,
        A: Send,
        F: Future<Output = Result<Response<A>, Status>> + Send,
    {
        let deadline = Instant::now() + self.options.deadline;
        let each = EACH_KEY.saturating_mul(u32::try_from(keys).unwrap_or(u32::MAX));
        let patience = self.options.try_timeout.saturating_add(each);
        let mut pause = PAUSE;
        let mut last = Last::new("no node says that it leads");
        loop {
            let Ok((address, stub)) = tokio::time::timeout_at(deadline, self.route.primary()).await
            else {
                last.hear_nothing(self.route.told());
                return Err(self.too_late(name, &last.text));
            };
            let until = deadline.min(Instant::now() + patience);
            let mut asked = Request::new(request.clone());
            asked.set_timeout(until - Instant::now());
            let next = match tokio::time::timeout_at(until, ask(stub, asked)).await {
                Ok(Ok(answer)) => return Ok(answer.into_inner()),
                Ok(Err(status)) => {
                    last.hear(&address, &status);
                    next(&status)
                }
                Err(_elapsed) => {
                    last.hear_nothing(format!("{address}: no answer within {patience:?}"));
                    Next::Elsewhere(None)
                }
            };
            match next {
                Next::Again => {}
                Next::Elsewhere(hint) => self.route.lost(&address, hint.as_deref()),
                Next::GiveUp(kind) => return Err(Error::new(kind, name).context(last.text)),
            }
            if Instant::now() + pause >= deadline {
                return Err(self.too_late(name, &last.text));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn too_late(&self, name: &'static str, last: &str) -> Error {
        Error::new(ErrorKind::Unknown, name).context(format!(
            "no answer within {:?}; last: {last}",
            self.options.deadline
        ))
    }
}

#[cfg(test)]
mod tests {
    use tonic::metadata::MetadataMap;

    use super::*;

    fn status(code: Code, error: &'static str, primary: Option<&'static str>) -> Status {
        let mut metadata = MetadataMap::new();
        metadata.insert(ERROR, error.parse().unwrap());
        if let Some(primary) = primary {
            metadata.insert(PRIMARY, primary.parse().unwrap());
        }
        Status::with_metadata(code, "", metadata)
    }

    #[test]
    fn a_node_that_does_not_lead_sends_us_to_the_one_that_does() {
        let status = status(Code::FailedPrecondition, "not_primary", Some("b:1"));
        assert_eq!(next(&status), Next::Elsewhere(Some("b:1".to_owned())));
    }

    #[test]
    fn what_a_node_said_is_told_and_not_that_the_last_try_was_too_short() {
        let mut last = Last::new("nobody leads");
        last.hear("a:1", &Status::deadline_exceeded("Timeout expired"));
        assert_eq!(last.text, "a:1: Timeout expired");
        last.hear("a:1", &status(Code::ResourceExhausted, "quota", None));
        last.hear("a:1", &Status::deadline_exceeded("Timeout expired"));
        last.hear_nothing("a:1: no answer".to_owned());
        assert_eq!(last.text, "a:1: ");
    }

    #[test]
    fn a_full_queue_is_tried_again_and_a_wrong_request_is_not() {
        let busy = status(Code::ResourceExhausted, "busy", None);
        assert_eq!(next(&busy), Next::Again);
        let old = status(Code::Aborted, "request_too_old", None);
        assert_eq!(next(&old), Next::GiveUp(ErrorKind::RequestTooOld));
        assert_eq!(next(&Status::unavailable("reset")), Next::Elsewhere(None));
        assert_eq!(
            next(&Status::invalid_argument("no")),
            Next::GiveUp(ErrorKind::Invalid)
        );
    }
}
