use std::future::{Ready, ready};
use std::time::Duration;

use axum::Router;
use axum::extract::Request as WebRequest;
use axum::routing::post;
use bytes::Bytes;
use futures::future::try_join_all;
use standfast_metadata::v1::{BatchPutEndRequest, BatchPutStartRequest, RequestHeader};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::time::Instant;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::server::UnaryService;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use super::own_thread::OwnThread;
use crate::command::{Failure, runtime};

const START: &str = "/echo/start";
const END: &str = "/echo/end";

/// A server that sends back what it gets: the transport and the messages of a put, and nothing else. It has a runtime
/// of its own with as many threads as a node's, and its clients a thread each: they talk to it as to a node.
pub(in crate::command::bench) struct Echo {
    endpoint: String,
    /// `None` once dropped.
    runtime: Option<Runtime>,
}

impl Drop for Echo {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Echo {
    pub(in crate::command::bench) async fn start() -> Result<Self, Failure> {
        let runtime = runtime()?;
        let bound = runtime.spawn(TcpListener::bind("127.0.0.1:0"));
        let listener = bound.await??;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let routes = Router::new()
            .route(START, post(answer::<BatchPutStartRequest>))
            .route(END, post(answer::<BatchPutEndRequest>));
        runtime.spawn(async move {
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            Server::builder()
                .add_routes(Routes::from(routes))
                .serve_with_incoming(incoming)
                .await
        });
        Ok(Self {
            endpoint,
            runtime: Some(runtime),
        })
    }

    /// Lets one client call, one call after the other; how long each start and its end took, in ms.
    pub(in crate::command::bench) async fn latencies(
        &self,
        batch: usize,
        span: Duration,
    ) -> Result<Vec<f64>, Failure> {
        let thread = OwnThread::start()?;
        let endpoint = Endpoint::from_shared(self.endpoint.clone())?.tcp_nodelay(true);
        let timed = async move {
            let channel = endpoint.connect().await?;
            let mut taken = Vec::new();
            let begun = Instant::now();
            while begun.elapsed() < span {
                let asked = Instant::now();
                call(&channel, batch).await?;
                taken.push(asked.elapsed().as_secs_f64() * 1e3);
            }
            Ok(taken)
        };
        thread.run(timed).await
    }

    /// Calls a second of so many clients, a start and an end each.
    pub(super) async fn calls(
        &self,
        clients: usize,
        batch: usize,
        span: Duration,
    ) -> Result<f64, Failure> {
        let mut connected = Vec::new();
        for _ in 0..clients {
            let thread = OwnThread::start()?;
            let endpoint = Endpoint::from_shared(self.endpoint.clone())?.tcp_nodelay(true);
            let connect = async move { Ok(endpoint.connect().await?) };
            let channel = thread.run(connect).await?;
            connected.push((thread, channel));
        }
        let begun = Instant::now();
        let all = connected.into_iter().map(|(thread, channel)| async move {
            let calls = async move {
                let mut calls = 0_u32;
                while begun.elapsed() < span {
                    call(&channel, batch).await?;
                    calls += 1;
                }
                Ok(calls)
            };
            thread.run(calls).await
        });
        let calls: u32 = try_join_all(all).await?.into_iter().sum();
        Ok(f64::from(calls) / begun.elapsed().as_secs_f64())
    }
}

async fn call(channel: &Channel, batch: usize) -> Result<(), Failure> {
    let keys = vec![Bytes::from_static(&[b'7'; 32]); batch];
    let header = RequestHeader {
        client: Bytes::from_static(&[7; 16]),
        request: 1000,
        answered: 999,
    };
    let start = BatchPutStartRequest {
        header: Some(header.clone()),
        tenant: "default".to_owned(),
        keys: keys.clone(),
        sizes: vec![4096],
        config: None,
    };
    let end = BatchPutEndRequest {
        header: Some(header),
        tenant: "default".to_owned(),
        keys,
        checksums: Vec::new(),
    };
    unary(channel, START, start).await?;
    unary(channel, END, end).await
}

async fn unary<M>(channel: &Channel, path: &'static str, message: M) -> Result<(), Failure>
where
    M: prost::Message + Default + Send + Sync + 'static,
{
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await?;
    let path = PathAndQuery::from_static(path);
    let codec = ProstCodec::<M, M>::default();
    client.unary(Request::new(message), path, codec).await?;
    Ok(())
}

async fn answer<M>(request: WebRequest) -> tonic::codegen::http::Response<tonic::body::Body>
where
    M: prost::Message + Default + Send + Sync + 'static,
{
    let mut server = tonic::server::Grpc::new(ProstCodec::<M, M>::default());
    server.unary(SendBack, request).await
}

struct SendBack;

impl<M: Send + 'static> UnaryService<M> for SendBack {
    type Response = M;
    type Future = Ready<Result<Response<M>, Status>>;

    fn call(&mut self, request: Request<M>) -> Self::Future {
        ready(Ok(Response::new(request.into_inner())))
    }
}
