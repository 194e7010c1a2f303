//! What answers in the place of an etcd.

use std::future::{Ready, ready};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

use axum::extract::Request;
use axum::response::Response;
use tokio::task::JoinSet;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::server::{Grpc, UnaryService};
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_prost::ProstCodec;

/// As `etcdserverpb.StatusResponse`.
#[derive(Clone, prost::Message)]
struct Status {
    #[prost(string, tag = "2")]
    version: String,
}

#[derive(Clone, prost::Message)]
struct Nothing {}

#[derive(Clone)]
struct SaysVersion(&'static str);

impl UnaryService<Nothing> for SaysVersion {
    type Response = Status;
    type Future = Ready<Result<tonic::Response<Status>, tonic::Status>>;

    fn call(&mut self, _request: tonic::Request<Nothing>) -> Self::Future {
        let version = self.0.to_owned();
        ready(Ok(tonic::Response::new(Status { version })))
    }
}

/// An etcd that says this of its version, and nothing else. It goes with `tasks`.
pub(super) async fn etcd_of_version(version: &'static str, tasks: &mut JoinSet<()>) -> String {
    let answer = move |request: Request| async move {
        let mut grpc = Grpc::new(ProstCodec::<Status, Nothing>::default());
        let answer: Response<Body> = grpc
            .unary(SaysVersion(version), request.map(Body::new))
            .await;
        answer.map(axum::body::Body::new)
    };
    let router = axum::Router::new().fallback(answer);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder().add_routes(Routes::from(router));
    let serving = server.serve_with_incoming(TcpListenerStream::new(listener));
    tasks.spawn(async move { serving.await.unwrap() });
    format!("http://{address}")
}

/// A server of HTTP/1, as on a port for metrics. Its thread goes with the process.
pub(super) fn http1() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            // Who went away while it was asked is none of its business.
            if stream.read(&mut [0; 1024]).is_ok() {
                drop(stream.write_all(answer));
            }
        }
    });
    address
}
