use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use standfast_core::{
    BootInstant, Command, Epoch, Error, ErrorKind, Outcome, Proposer, RequestHeader,
};
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::options::ServerOptions;
use super::search::Searches;
use super::segments::KnownSegments;
use super::status::{patience, status};
use super::wire::{BYTES_LIMIT, cut};
use crate::names::SegmentNumber;
use crate::request::{Answer, Call, Question, SegmentInfo};
use crate::v1::ErrorCode;
use crate::v1::master_service_server::MasterServiceServer;

/// How many commands of one request wait for their answers at once.
const IN_FLIGHT: usize = 4;

/// The gRPC service of a node, whatever its role: it passes commands and questions to the [`Proposer`], which
/// knows whether the node leads.
pub struct Master {
    proposer: Arc<dyn Proposer>,
    options: ServerOptions,
    known: KnownSegments,
    searches: Searches,
}

impl fmt::Debug for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Master({:?})", self.options)
    }
}

/// The service, ready to be added to a tonic server.
pub fn server(proposer: Arc<dyn Proposer>, options: ServerOptions) -> MasterServiceServer<Master> {
    let largest = options.largest_request;
    let master = Master {
        proposer,
        searches: Searches::new(options.clock.clone()),
        options,
        known: KnownSegments::default(),
    };
    MasterServiceServer::new(master)
        .max_decoding_message_size(largest)
        .max_encoding_message_size(usize::MAX)
}

/// Which request it is, and until when it is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) header: RequestHeader,
    pub(super) deadline: BootInstant,
}

impl Master {
    pub(super) const fn options(&self) -> &ServerOptions {
        &self.options
    }

    pub(super) const fn searches(&self) -> &Searches {
        &self.searches
    }

    pub(super) fn leads(&self) -> Option<Epoch> {
        self.proposer.leads()
    }

    pub(super) fn deadline(&self, metadata: &MetadataMap) -> BootInstant {
        let patience = patience(metadata).unwrap_or(Duration::MAX);
        let clock = &self.options.clock;
        clock.now().plus(patience.min(self.options.deadline))
    }

    /// Proposes a request of one item for each of `lengths`, in pieces that `call` makes.
    ///
    /// When one piece fails as a whole so does the request: as `Unknown` when another one was executed. Asking again
    /// with the same header gives the answers of those that were.
    pub(super) async fn propose(
        &self,
        name: &'static str,
        asked: Asked,
        lengths: impl Iterator<Item = usize>,
        call: impl Fn(Range<usize>) -> Call + Send + Sync,
    ) -> Result<Vec<Outcome>, Status> {
        let pieces: Vec<_> = stream::iter(cut(lengths, BYTES_LIMIT))
            .map(|piece| self.propose_piece(asked, piece, &call))
            .buffered(IN_FLIGHT)
            .collect()
            .await;
        let outcomes = together(pieces).map_err(|error| status(&error))?;
        count(name, &outcomes);
        Ok(outcomes)
    }

    /// Proposes one command, of the items `piece` of a request.
    pub(super) async fn propose_piece(
        &self,
        asked: Asked,
        piece: Range<usize>,
        call: &(impl Fn(Range<usize>) -> Call + Send + Sync),
    ) -> Result<Vec<Outcome>, Error> {
        let number = |n: usize| u32::try_from(n).expect("64 MiB hold less than 2^32 items");
        let header = RequestHeader {
            first_item: number(piece.start),
            ..asked.header
        };
        let items = number(piece.len());
        let command = Command::new(header, items, call(piece));
        let outcomes = self.proposer.propose(command, asked.deadline).await?;
        if outcomes.len() == items as usize {
            return Ok(outcomes);
        }
        Err(Error::new(ErrorKind::Invalid, "propose").context(format!(
            "{} outcomes for a command of {items} items",
            outcomes.len()
        )))
    }

    /// Asks for one answer.
    pub(super) async fn ask(
        &self,
        question: Question,
        deadline: BootInstant,
    ) -> Result<Answer, Error> {
        let answer = self.proposer.read(Box::new(question), deadline).await?;
        answer.downcast::<Answer>().map(|a| *a).map_err(|_other| {
            Error::new(ErrorKind::Invalid, "read").context("an answer of another service")
        })
    }

    /// Asks about keys of these lengths, in pieces that `question` makes.
    pub(super) async fn ask_all(
        &self,
        deadline: BootInstant,
        lengths: impl Iterator<Item = usize>,
        question: impl Fn(Range<usize>) -> Question + Send + Sync,
    ) -> Result<Vec<Answer>, Status> {
        stream::iter(cut(lengths, BYTES_LIMIT))
            .map(|piece| self.ask(question(piece), deadline))
            .buffered(IN_FLIGHT)
            .try_collect()
            .await
            .map_err(|error| status(&error))
    }

    /// What segment numbers stand for; `None` for one that is not mounted any more.
    pub(super) async fn segments(
        &self,
        numbers: &BTreeSet<SegmentNumber>,
        deadline: BootInstant,
    ) -> Result<Vec<(SegmentNumber, Option<Arc<SegmentInfo>>)>, Error> {
        let numbers: Vec<_> = numbers.iter().copied().collect();
        let epoch = self.leads();
        let mut infos = self.known.get(epoch, &numbers);
        if infos.iter().any(Option::is_none) {
            let question = Question::Segments(numbers.clone());
            let answer = self.ask(question, deadline).await?;
            if let Answer::Segments(segments) = answer {
                infos = segments;
            }
            for (number, info) in numbers.iter().zip(&infos) {
                if let Some(info) = info {
                    self.known.put(epoch, *number, Arc::clone(info));
                }
            }
        }
        Ok(numbers.into_iter().zip(infos).collect())
    }
}

/// The outcomes of all pieces; the first error when there is one.
fn together(pieces: Vec<Result<Vec<Outcome>, Error>>) -> Result<Vec<Outcome>, Error> {
    let executed = pieces.iter().any(Result::is_ok);
    let outcomes: Result<Vec<_>, _> = pieces.into_iter().collect();
    match outcomes {
        Ok(outcomes) => Ok(outcomes.into_iter().flatten().collect()),
        Err(error) if executed => Err(in_doubt(error)),
        Err(error) => Err(error),
    }
}

/// What to say of a request of which at least a part was executed.
pub(super) fn in_doubt(error: Error) -> Error {
    if !says_not_executed(error.kind()) {
        return error;
    }
    Error::new(ErrorKind::Unknown, "propose")
        .context("the request, or a part of it, was executed; ask again with the same request id")
        .source(error)
}

/// Whether such an error means that nothing was executed.
const fn says_not_executed(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotPrimary { .. } | ErrorKind::Busy | ErrorKind::Quota | ErrorKind::Throttled
    )
}

/// Counts what became of the items of a call, by code.
fn count(call: &'static str, outcomes: &[Outcome]) {
    let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    let mut ok = outcomes.len() as u64;
    for refusal in refused {
        ok -= 1;
        count_items(call, ErrorCode::of(refusal), 1);
    }
    count_items(call, ErrorCode::Ok, ok);
}

/// Counts so many items of a call that ended with a code.
pub(super) fn count_items(call: &'static str, code: ErrorCode, items: u64) {
    if items > 0 {
        let code = code.as_str_name();
        metrics::counter!("standfast_metadata_items_total", "call" => call, "code" => code)
            .increment(items);
    }
}

#[cfg(test)]
mod tests {
    use standfast_core::Reply;

    use super::*;

    fn busy() -> Result<Vec<Outcome>, Error> {
        Err(Error::new(ErrorKind::Busy, "propose"))
    }

    #[test]
    fn a_request_of_which_a_part_was_executed_is_in_doubt_and_not_refused() {
        let done = || Ok(vec![Ok(Reply::default())]);
        assert_eq!(together(vec![done(), done()]).unwrap().len(), 2);
        let none = together(vec![busy(), busy()]).unwrap_err();
        assert_eq!(*none.kind(), ErrorKind::Busy);
        for part in [vec![done(), busy()], vec![busy(), done()]] {
            let error = together(part).unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Unknown, "{error}");
        }
    }
}
