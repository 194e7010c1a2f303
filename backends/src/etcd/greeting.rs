use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::access::Access;
use super::error::{Spoken, greeting_error, no_address, no_etcd, nobody_listens};
use super::place::{host_and_port, speaks_tls};
use crate::off_thread::off_thread;
use standfast_core::Result;

/// How long all of it may take: one that does not answer is left for the next, and nothing is known of it.
const PATIENCE: Duration = Duration::from_millis(800);
/// What a client of HTTP/2 says first: that it is one, and that it has no settings.
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// What a server of HTTP/2 answers with begins so: a length, and the type of a frame of settings.
const ANSWER: usize = 9;
const SETTINGS: u8 = 4;

/// Begins to speak with a member as a client does, over a connection of its own, to learn why those of the client break: of
/// what a member said when it refused a certificate the client tells only that its connection was closed.
///
/// # Errors
/// `Auth`, `Config`, `Unavailable` with what to change. None when it was answered well, or not in time.
///
/// # Cancel safety
/// Cancel safe: changes nothing.
pub(super) async fn greet(operation: &'static str, url: &str, access: &Access) -> Result<()> {
    let greeted = timeout(PATIENCE, speak(operation, url, access)).await;
    greeted.unwrap_or(Ok(()))
}

async fn speak(operation: &'static str, url: &str, access: &Access) -> Result<()> {
    let Some((host, port)) = host_and_port(url) else {
        return Ok(());
    };
    let addresses = lookup_host((host, port)).await;
    let addresses: Vec<_> = addresses
        .map_err(|source| no_address(operation, url, host, source))?
        .collect();
    let stream = TcpStream::connect(&*addresses).await;
    let stream = stream.map_err(|source| nobody_listens(operation, url, source))?;
    if !speaks_tls(url) {
        let answer = hear(stream).await;
        let answer =
            answer.map_err(|source| greeting_error(operation, url, Spoken::Plainly, source))?;
        return judge(operation, url, &answer);
    }
    let access = access.clone();
    let config = off_thread(operation, move || access.client_config(operation)).await?;
    let Ok(name) = ServerName::try_from(host.to_owned()) else {
        return Ok(());
    };
    let begun = TlsConnector::from(Arc::new(config)).connect(name, stream);
    let failed = |source| greeting_error(operation, url, Spoken::OverTls, source);
    // A server of TLS 1.3 refuses our certificate after that only, in the place of its answer.
    let answer = hear(begun.await.map_err(failed)?).await.map_err(failed)?;
    judge(operation, url, &answer)
}

/// The beginning of what it answers.
async fn hear(stream: impl AsyncRead + AsyncWrite) -> std::io::Result<[u8; ANSWER]> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut answer = [0; ANSWER];
    // Who refuses us need not listen: only what it says counts.
    let (_said, heard) = tokio::join!(
        async {
            writer.write_all(HELLO).await?;
            writer.flush().await
        },
        reader.read_exact(&mut answer)
    );
    heard.map(|_| answer)
}

fn judge(operation: &'static str, url: &str, answer: &[u8; ANSWER]) -> Result<()> {
    if answer[3] == SETTINGS {
        return Ok(());
    }
    let why = if answer.starts_with(b"HTTP/") {
        "it speaks HTTP/1"
    } else if answer.starts_with(b"\x15\x03") {
        "it speaks TLS: write `https://`"
    } else {
        "it does not speak HTTP/2"
    };
    Err(no_etcd(operation, url, why))
}
