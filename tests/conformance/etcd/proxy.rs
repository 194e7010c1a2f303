use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{Request, State};
use axum::response::Response;
use standfast::conformance::News;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint, Server};
use tower::{Service, ServiceExt};

use super::copies::{Copies, TRANSACTION};
use super::gate::Gate;
use super::news::retold;

/// Stands between a handle and one member of etcd: passes every request on as it is, when its gate lets it, and tells of the
/// watches what it was told to. It goes with its runtime.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) url: String,
    pub(super) gate: Arc<Gate>,
    copies: Arc<Copies>,
    full: Arc<AtomicBool>,
    runtime: tokio::runtime::Runtime,
}

#[derive(Clone)]
struct Between {
    member: Channel,
    gate: Arc<Gate>,
    news: Option<News>,
    copies: Arc<Copies>,
    full: Arc<AtomicBool>,
}

impl Proxy {
    pub(super) fn start(member: &str, news: Option<News>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let gate = Arc::new(Gate::default());
        let copies = Arc::new(Copies::default());
        let full = Arc::new(AtomicBool::default());
        let member = Endpoint::from_shared(member.to_owned()).unwrap();
        let url = {
            let _inside = runtime.enter();
            let between = Between {
                member: member.connect_lazy(),
                gate: Arc::clone(&gate),
                news,
                copies: Arc::clone(&copies),
                full: Arc::clone(&full),
            };
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(true).unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let incoming = TcpListenerStream::new(TcpListener::from_std(listener).unwrap());
            let router = axum::Router::new().fallback(pass).with_state(between);
            let server = Server::builder().add_routes(Routes::from(router));
            drop(runtime.spawn(server.serve_with_incoming(incoming)));
            url
        };
        Self {
            url,
            gate,
            copies,
            full,
            runtime,
        }
    }

    /// Of the next transaction is said that etcd is full, after it was done: so does etcd when that one has filled it.
    pub(super) fn fill(&self) {
        self.full.store(true, Ordering::Relaxed);
    }

    /// Passes a copy of every transaction on that ever came, in their order. How many there were.
    pub(super) async fn repeat(&self, member: &str) -> usize {
        let member = Endpoint::from_shared(member.to_owned()).unwrap();
        let copies = Arc::clone(&self.copies);
        let repeated = async move { copies.pass_on(member.connect_lazy()).await };
        self.runtime.spawn(repeated).await.unwrap()
    }
}

async fn pass(State(mut between): State<Between>, request: Request) -> Response {
    let watches = request.uri().path() == "/etcdserverpb.Watch/Watch";
    let fills = request.uri().path() == TRANSACTION && between.full.swap(false, Ordering::Relaxed);
    let lost = between.gate.pass().await;
    let request = between.copies.keep(request).await.map(Body::new);
    let ready = between.member.ready().await;
    let answer = match ready {
        Ok(member) => member.call(request).await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(_) if lost => refusal(Status::unavailable("the answer was lost")),
        Ok(_) if fills => refusal(Status::resource_exhausted(
            "etcdserver: mvcc: database space exceeded",
        )),
        Ok(answer) => match between.news.filter(|_| watches) {
            Some(news) => answer.map(|body| axum::body::Body::new(retold(body, news))),
            None => answer.map(axum::body::Body::new),
        },
        Err(error) => refusal(Status::unavailable(error.to_string())),
    }
}

fn refusal(why: Status) -> Response {
    let refused: tonic::codegen::http::Response<Body> = why.into_http();
    refused.map(axum::body::Body::new)
}
