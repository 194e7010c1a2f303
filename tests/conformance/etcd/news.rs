use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use futures::stream::{self, Stream, StreamExt};
use standfast::conformance::News;

/// How late late news are.
const LATE: Duration = Duration::from_millis(200);
/// The length of what precedes each message of a stream: whether it is compressed, and how long it is.
const PREFIX: usize = 5;

/// What a watch tells, as `news` has it. Works on whole messages and does not look into them.
pub(super) fn retold(body: tonic::body::Body, news: News) -> Body {
    let messages = Messages::of(Body::new(body).into_data_stream());
    let told = messages.stream().enumerate();
    match news {
        // The first says only that the watch was begun.
        News::Lost => Body::from_stream(
            told.take(1)
                .map(|(_, message)| Ok::<_, axum::Error>(message))
                .chain(stream::pending()),
        ),
        News::Repeated => Body::from_stream(repeated(told)),
        News::Late => Body::from_stream(told.then(|(n, message)| async move {
            if n > 0 {
                tokio::time::sleep(LATE).await;
            }
            Ok::<_, axum::Error>(message)
        })),
        News::Invented => Body::from_stream(invented(told)),
    }
}

/// Each message, and then all that were before it once more.
fn repeated(
    told: impl Stream<Item = (usize, Bytes)>,
) -> impl Stream<Item = Result<Bytes, axum::Error>> {
    told.scan(Vec::new(), |before: &mut Vec<Bytes>, (_, message)| {
        let mut all = vec![message.clone()];
        all.extend(before.iter().rev().take(4).cloned());
        before.push(message);
        futures::future::ready(Some(stream::iter(all)))
    })
    .flatten()
    .map(Ok)
}

/// Each message with a byte of its last value changed: a batch that was never written.
fn invented(
    told: impl Stream<Item = (usize, Bytes)>,
) -> impl Stream<Item = Result<Bytes, axum::Error>> {
    told.map(|(n, message)| {
        let mut message = message.to_vec();
        if n > 0
            && let Some(last) = message.last_mut()
        {
            *last ^= 1;
        }
        Ok(Bytes::from(message))
    })
}

/// Cuts a stream of bytes into messages.
struct Messages {
    bytes: BodyDataStream,
    left: Vec<u8>,
}

impl Messages {
    fn of(bytes: BodyDataStream) -> Self {
        Self {
            bytes,
            left: Vec::new(),
        }
    }

    fn stream(self) -> impl Stream<Item = Bytes> {
        stream::unfold(self, |mut messages| async move {
            let message = messages.next().await?;
            Some((message, messages))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let length = self.left.get(1..PREFIX).map(|length| {
                let length: [u8; 4] = length.try_into().unwrap();
                PREFIX + u32::from_be_bytes(length) as usize
            });
            if let Some(length) = length.filter(|length| self.left.len() >= *length) {
                let rest = self.left.split_off(length);
                return Some(std::mem::replace(&mut self.left, rest).into());
            }
            self.left.extend(self.bytes.next().await?.ok()?);
        }
    }
}
