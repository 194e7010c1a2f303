use etcd_client::{GetOptions, KeyValue, ResponseHeader};

use super::ends::{Around, Ends, parse};
use super::error::error;
use super::space::Space;
use standfast_core::{Batch, Error, ErrorKind, Position, ReadLimit, Result};

/// What follows a Position.
#[derive(Debug)]
pub(super) enum Page {
    /// Batches, at least one, contiguous; and when there was nothing behind them, if that was so.
    Batches(Vec<Batch>, Option<i64>),
    /// Nothing: the log ended there at this moment.
    End(Box<Ends>),
}

/// Reads what follows `after`.
///
/// # Errors
/// `Trimmed`, `LogRegressed` (OL-7), `Gap`, `Corrupt`, `Version`, `Unavailable`.
///
/// # Cancel safety
/// Cancel safe: changes nothing.
pub(super) async fn read(space: &Space, after: Position, limit: ReadLimit) -> Result<Page> {
    loop {
        let found = range(space, after, limit).await?;
        let batches = contiguous(space, &found.batches, after, limit)?;
        if !batches.is_empty() {
            let all = !found.more && batches.len() == found.batches.len();
            return Ok(Page::Batches(batches, all.then_some(found.revision)));
        }
        // The usual end, or something that needs a closer look, all at one moment.
        let around = space.around("read", after).await?;
        if let Some(ends) = judge(around, after)? {
            return Ok(Page::End(Box::new(ends)));
        }
    }
}

/// What lies behind a Position, as it is in the store.
struct Range {
    batches: Vec<KeyValue>,
    /// Whether there is more behind them.
    more: bool,
    revision: i64,
}

async fn range(space: &Space, after: Position, limit: ReadLimit) -> Result<Range> {
    let most = i64::try_from(limit.batches.max(1)).unwrap_or(i64::MAX);
    let (from, to) = space.layout().batches_from(after.seq.next());
    loop {
        let count = space.page().min(most);
        let options = GetOptions::new().with_range(to.as_str()).with_limit(count);
        let answer = space.connection().once_each("read", |mut clients| {
            let (from, options) = (from.as_str(), options.clone());
            async move { clients.kv.get(from, Some(options)).await }
        });
        match answer.await {
            Ok(mut answer) => {
                let found = answer.take_kvs();
                if let Some(largest) = found.iter().map(|kv| kv.value().len()).max() {
                    space.learn_page(largest);
                }
                return Ok(Range {
                    batches: found,
                    more: answer.more(),
                    revision: answer.header().map_or(0, ResponseHeader::revision),
                });
            }
            Err(error) if is_too_large(&error) && space.shrink_page(count) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether fewer batches may do: more than fits a message, or than comes in the time that a member has.
fn is_too_large(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::Timeout)
}

/// As many batches as follow each other and fit the limit.
fn contiguous(
    space: &Space,
    found: &[KeyValue],
    after: Position,
    limit: ReadLimit,
) -> Result<Vec<Batch>> {
    let (mut batches, mut at, mut bytes) = (Vec::new(), after, 0);
    for kv in found {
        let stored = match parse(space.layout(), kv.key(), kv.value()) {
            Ok(stored) => stored,
            // What comes before it is sound; the next read begins with this.
            Err(_) if !batches.is_empty() => break,
            Err(error) => return Err(error),
        };
        bytes += stored.batch.frame().len();
        let fits = batches.is_empty() || bytes <= limit.bytes;
        if !fits || stored.before() != at || !stored.batch.follows(at) {
            break;
        }
        at = stored.batch.end();
        batches.push(stored.batch);
    }
    Ok(batches)
}

/// The ends when `after` is where the log ends; `None` when there is more to read by now.
fn judge(around: Around, after: Position) -> Result<Option<Ends>> {
    let Around {
        ends,
        before,
        after: next,
    } = around;
    let tail = ends.tail();
    let beyond = |kind, text: String| Err(error(kind, "read").context(text));
    if let Some(next) = &next
        && next.before() == after
        && next.batch.follows(after)
    {
        return Ok(None);
    }
    if after == tail && next.is_none() {
        return Ok(Some(ends));
    }
    let floor = ends.floor();
    if after.seq.next() < floor {
        return beyond(
            ErrorKind::Trimmed { floor },
            format!("asked for what follows {after}"),
        );
    }
    let is_here = before.is_some_and(|before| before.batch.end() == after);
    if is_here && after.seq < tail.seq {
        return beyond(
            ErrorKind::Gap,
            format!("the log ends at {tail}, and nothing follows {after}"),
        );
    }
    beyond(
        ErrorKind::LogRegressed,
        format!("{after} is not in this log, which ends at {tail}"),
    )
}
