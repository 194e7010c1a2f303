use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::certificates::Certificate;

/// What becomes of a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// Done; the answer says that the server failed.
    FailsAfter,
    /// Not done; the answer says that another writes at the same time.
    Conflicts,
    /// Done; the answer says that the condition did not hold, as of a try that was made again on the way.
    SaysNotAbsent,
    /// Not done; the store has too much to do.
    SlowsDown,
    /// Half of it arrives, then the connection breaks.
    Cut,
    /// Not done; the answer has this status and names this code.
    Refused(&'static str, &'static str),
    /// The same of whatever is no reading; that is done.
    WritesRefused(&'static str, &'static str),
    /// Done at 10 KiB/s, the answer too.
    Trickles,
    /// Half of it arrives, and no more until the gateway hangs up.
    HalfAndNoMore,
}

/// Which requests meet one: the first `times` whose line contains all of these.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) words: &'static [&'static str],
    pub(super) fault: Fault,
    pub(super) times: usize,
}

/// Nothing happens to any.
pub(super) const WELL: Script = Script {
    words: &[],
    fault: Fault::Cut,
    times: 0,
};

/// A proxy in front of a gateway. Names, signatures and hosts pass as they are.
pub(super) struct Proxy {
    pub(super) endpoint: String,
    script: Arc<Mutex<Script>>,
    counted: Arc<Mutex<Counted>>,
    _serving: JoinSet<()>,
}

/// How many requests came.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    pub(super) lists: u64,
    pub(super) reads: u64,
    pub(super) writes: u64,
    pub(super) deletes: u64,
    /// Those of which half has arrived, and which wait.
    pub(super) held: u64,
}

impl Counted {
    fn count(&mut self, line: &str) {
        let is_list = line.contains("list-type=2");
        let counter = match line.split(' ').next() {
            Some("GET") if is_list => &mut self.lists,
            Some("GET" | "HEAD") => &mut self.reads,
            Some("PUT") => &mut self.writes,
            Some("DELETE") => &mut self.deletes,
            _ => return,
        };
        *counter += 1;
    }
}

impl Proxy {
    pub(super) async fn start(gateway: &str, script: Script) -> Self {
        Self::listen(gateway, script, None).await
    }

    /// One that speaks TLS, with this certificate.
    pub(super) async fn start_tls(gateway: &str, shown: &Certificate) -> Self {
        Self::listen(gateway, WELL, Some(acceptor(shown))).await
    }

    async fn listen(gateway: &str, script: Script, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let endpoint = format!("{scheme}://{}", listener.local_addr().unwrap());
        let gateway = gateway.trim_start_matches("http://").to_owned();
        let script = Arc::new(Mutex::new(script));
        let counted = Arc::<Mutex<Counted>>::default();
        let mut serving = JoinSet::new();
        let (scripts, counters) = (Arc::clone(&script), Arc::clone(&counted));
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let (gateway, script) = (gateway.clone(), Arc::clone(&scripts));
                let (tls, counted) = (tls.clone(), Arc::clone(&counters));
                // Whoever hangs up in the middle ends its own connection alone.
                connections.spawn(async move {
                    drop(match tls {
                        None => serve(client, &gateway, (&script, &counted)).await,
                        Some(tls) => match tls.accept(client).await {
                            Ok(client) => serve(client, &gateway, (&script, &counted)).await,
                            Err(refused) => Err(refused),
                        },
                    });
                });
            }
        });
        Self {
            endpoint,
            script,
            counted,
            _serving: serving,
        }
    }

    pub(super) fn counted(&self) -> Counted {
        *self.counted.lock()
    }

    /// What is met from now on.
    pub(super) fn turn(&self, script: Script) {
        *self.script.lock() = script;
    }

    /// How many requests are still to meet the fault.
    pub(super) fn left(&self) -> usize {
        self.script.lock().times
    }
}

/// One request, and the end of the connection.
async fn serve(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    gateway: &str,
    (script, counted): (&Mutex<Script>, &Mutex<Counted>),
) -> std::io::Result<()> {
    let (head, mut body) = head(&mut client).await?;
    let line = head.lines().next().unwrap_or_default().to_owned();
    let length = length(&head);
    counted.lock().count(&line);
    let fault = {
        let mut script = script.lock();
        let meets = script.times > 0 && script.words.iter().all(|word| line.contains(word));
        script.times -= usize::from(meets);
        meets.then_some(script.fault)
    };
    let reads = line.starts_with("GET ") || line.starts_with("HEAD ");
    let fault = fault.filter(|fault| !(reads && matches!(fault, Fault::WritesRefused(..))));
    while body.len() < length {
        client.read_buf(&mut body).await?;
    }
    let head = head.replacen("\r\n", "\r\nconnection: close\r\n", 1);
    match fault {
        None => {
            client
                .write_all(&forward(gateway, &head, &body).await?)
                .await?;
        }
        Some(Fault::Refused(status, code) | Fault::WritesRefused(status, code)) => {
            client.write_all(&refusal(status, code)).await?;
        }
        Some(Fault::Trickles) => {
            let mut ticks = tokio::time::interval(Duration::from_millis(100));
            for _ in body.chunks(1024) {
                ticks.tick().await;
            }
            for piece in forward(gateway, &head, &body).await?.chunks(1024) {
                ticks.tick().await;
                client.write_all(piece).await?;
            }
        }
        Some(Fault::Conflicts) => client.write_all(&answer("409 Conflict")).await?,
        Some(Fault::SlowsDown) => client.write_all(&answer("503 Slow Down")).await?,
        Some(Fault::FailsAfter) => {
            forward(gateway, &head, &body).await?;
            client
                .write_all(&answer("500 Internal Server Error"))
                .await?;
        }
        Some(Fault::SaysNotAbsent) => {
            forward(gateway, &head, &body).await?;
            client.write_all(&answer("412 Precondition Failed")).await?;
        }
        Some(Fault::Cut) => {
            let mut upstream = TcpStream::connect(gateway).await?;
            upstream.write_all(head.as_bytes()).await?;
            upstream.write_all(&body[..length / 2]).await?;
        }
        Some(Fault::HalfAndNoMore) => {
            let mut upstream = TcpStream::connect(gateway).await?;
            upstream.write_all(head.as_bytes()).await?;
            upstream.write_all(&body[..length / 2]).await?;
            counted.lock().held += 1;
            let over = upstream.read_to_end(&mut Vec::new()).await;
            counted.lock().held -= 1;
            over?;
        }
    }
    client.shutdown().await
}

/// Everything up to the empty line, and what came behind it already.
async fn head(client: &mut (impl AsyncRead + Unpin)) -> std::io::Result<(String, Vec<u8>)> {
    let mut read = Vec::new();
    loop {
        if let Some(end) = read.windows(4).position(|end| end == b"\r\n\r\n") {
            let body = read.split_off(end + 4);
            return Ok((String::from_utf8(read).unwrap(), body));
        }
        if client.read_buf(&mut read).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn length(head: &str) -> usize {
    let named = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().unwrap())
    });
    named.unwrap_or(0)
}

/// What the gateway answers.
async fn forward(gateway: &str, head: &str, body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut upstream = TcpStream::connect(gateway).await?;
    upstream.write_all(head.as_bytes()).await?;
    upstream.write_all(body).await?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer).await?;
    Ok(answer)
}

fn refusal(status: &str, code: &str) -> Vec<u8> {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>");
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/xml\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn answer(status: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").into_bytes()
}

fn acceptor(shown: &Certificate) -> TlsAcceptor {
    drop(rustls::crypto::ring::default_provider().install_default());
    let chain = CertificateDer::pem_file_iter(&shown.file).unwrap();
    let key = PrivateKeyDer::from_pem_file(&shown.key_file).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain.map(Result::unwrap).collect(), key);
    TlsAcceptor::from(Arc::new(config.unwrap()))
}
