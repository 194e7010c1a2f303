use std::sync::Mutex;

use axum::body::Bytes;
use axum::extract::Request;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Uri};
use tonic::transport::Channel;
use tower::{Service, ServiceExt};

pub(super) const TRANSACTION: &str = "/etcdserverpb.KV/Txn";
/// The largest that etcd takes is smaller.
const LARGEST: usize = 4 << 20;

/// A copy of every transaction that came, as a network may deliver it once more and late.
#[derive(Debug, Default)]
pub(super) struct Copies(Mutex<Vec<(Uri, HeaderMap, Bytes)>>);

impl Copies {
    /// The request as it was, after a copy was kept.
    pub(super) async fn keep(&self, request: Request) -> Request {
        if request.uri().path() != TRANSACTION {
            return request;
        }
        let (parts, body) = request.into_parts();
        let bytes = axum::body::to_bytes(body, LARGEST).await.unwrap();
        let copy = (parts.uri.clone(), parts.headers.clone(), bytes.clone());
        self.0.lock().unwrap().push(copy);
        Request::from_parts(parts, bytes.into())
    }

    /// Passes all of them on, one after the other. How many there were.
    pub(super) async fn pass_on(&self, mut member: Channel) -> usize {
        let copies = self.0.lock().unwrap().clone();
        for (uri, headers, bytes) in &copies {
            let mut request = Request::new(axum::body::Body::from(bytes.clone()));
            *request.method_mut() = tonic::codegen::http::Method::POST;
            *request.version_mut() = tonic::codegen::http::Version::HTTP_2;
            *request.uri_mut() = uri.clone();
            *request.headers_mut() = headers.clone();
            let answer = member.ready().await.unwrap();
            let answer = answer.call(request.map(Body::new)).await.unwrap();
            assert!(answer.status().is_success(), "{answer:?}");
            drop(axum::body::to_bytes(axum::body::Body::new(answer.into_body()), LARGEST).await);
        }
        copies.len()
    }
}
