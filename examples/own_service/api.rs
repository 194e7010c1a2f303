//! The service on gRPC.

use std::time::Duration;

use standfast::standfast_core::{RequestId, SessionId};
use standfast::tonic::{self, Request, Response, Status};
use standfast::{Error, ErrorKind, NodeView, Refusal, RequestHeader, TypedProposer};

use super::namespace::{Ask, Block, Found, Namespace};
use super::v1;
use super::v1::change_request::Change;
use super::v1::look_response;
use super::v1::namespace_service_server::{NamespaceService, NamespaceServiceServer};

/// How long a request waits for its turn, and for its commit.
const PATIENCE: Duration = Duration::from_secs(2);

struct Api(TypedProposer<Namespace>);

/// What the node adds to its gRPC port.
pub(crate) fn routes(view: &NodeView) -> tonic::service::Routes {
    let api = Api(view.typed_proposer());
    tonic::service::Routes::new(NamespaceServiceServer::new(api))
}

#[tonic::async_trait]
impl NamespaceService for Api {
    async fn change(
        &self,
        request: Request<v1::ChangeRequest>,
    ) -> Result<Response<v1::ChangeResponse>, Status> {
        let request = request.into_inner();
        let header = header(&request)?;
        let ask = request.change.and_then(ask);
        let ask = ask.ok_or_else(|| Status::invalid_argument("the request asks for nothing"))?;
        let outcome = self.0.propose(header, ask, PATIENCE).await;
        outcome.map_err(|error| status(&error))?.map_err(refused)?;
        Ok(Response::new(v1::ChangeResponse {}))
    }

    async fn look(
        &self,
        request: Request<v1::LookRequest>,
    ) -> Result<Response<v1::LookResponse>, Status> {
        let found = self.0.read(request.into_inner().path, PATIENCE).await;
        let found = match found.map_err(|error| status(&error))?.map_err(refused)? {
            Found::Folder(names) => look_response::Found::Folder(v1::Folder { names }),
            Found::File(blocks) => look_response::Found::File(v1::File {
                blocks: blocks.into_iter().map(Into::into).collect(),
            }),
        };
        Ok(Response::new(v1::LookResponse { found: Some(found) }))
    }
}

fn header(request: &v1::ChangeRequest) -> Result<RequestHeader, Status> {
    let session: [u8; 16] = request
        .session
        .as_slice()
        .try_into()
        .map_err(|_wrong_length| Status::invalid_argument("a session is 16 bytes"))?;
    Ok(RequestHeader {
        session: SessionId(u128::from_be_bytes(session)),
        request: RequestId(request.number),
        // A client of this service asks for one change after the other.
        answered: RequestId(request.number.saturating_sub(1)),
        first_item: 0,
    })
}

fn ask(change: Change) -> Option<Ask> {
    Some(match change {
        Change::CreateFolder(v1::CreateFolder { path }) => Ask::CreateFolder { path },
        Change::CreateFile(v1::CreateFile { path }) => Ask::CreateFile { path },
        Change::AddBlock(v1::AddBlock { path, block }) => Ask::AddBlock {
            path,
            block: block?.into(),
        },
        Change::Rename(v1::Rename { from, to }) => Ask::Rename { from, to },
        Change::Delete(v1::Delete { path }) => Ask::Delete { path },
    })
}

impl From<v1::Block> for Block {
    fn from(v1::Block { machines, bytes }: v1::Block) -> Self {
        Self { machines, bytes }
    }
}

impl From<Block> for v1::Block {
    fn from(Block { machines, bytes }: Block) -> Self {
        Self { machines, bytes }
    }
}

/// The service says no: asking again does not help.
fn refused(refusal: Refusal) -> Status {
    Status::failed_precondition(refusal.message)
}

/// `Unavailable` is all that a client has to know: ask again, perhaps another node, under the same number.
fn status(error: &Error) -> Status {
    match error.kind() {
        ErrorKind::NotPrimary { .. } | ErrorKind::Unknown => Status::unavailable(error.to_string()),
        kind if kind.retry() => Status::unavailable(error.to_string()),
        ErrorKind::Invalid => Status::invalid_argument(error.to_string()),
        _ => Status::internal(error.to_string()),
    }
}
