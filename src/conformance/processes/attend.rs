use std::io::{self, BufRead, BufReader, Write};
use std::sync::Arc;

use rustix::process::{Signal, set_parent_process_death_signal};
use standfast_core::{
    Batch, ElectionBackend, Error, ErrorKind, Leadership, OpLogStore, OpLogWriter, ReadLimit,
    Registry, Result, SnapshotStore, SnapshotUpload, Won,
};
use tokio::task::JoinSet;

use super::words::{Address, Answer, Request, Told, Which, line, parse};

/// The life of a process that [`super::Processes`] starts: it opens the store that standard input names, and does with it
/// what it is asked, until that ends. It dies with the thread that started it, also while it is frozen.
///
/// Blocks its thread, as it is all that the process is there for.
///
/// # Errors
/// `Invalid` when it was not started by a suite; `Unavailable` when nobody listens any more.
///
/// # Cancel safety
/// Not to be cancelled.
pub async fn attend(registry: &Registry) -> Result<()> {
    let broken = |source| Error::new(ErrorKind::Unavailable, "attend").source(source);
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|source| Error::new(ErrorKind::Unavailable, "attend").source(source))?;
    let mut lines = BufReader::new(io::stdin()).lines();
    let Some(address) = lines.next() else {
        let told = "it is started by `certify`, which names the store on standard input";
        return Err(Error::new(ErrorKind::Invalid, "attend").context(told));
    };
    let store = Opened::open(parse(&address.map_err(broken)?)?, registry).await;
    let mut attendant = Attendant::default();
    for request in lines {
        let request = parse(&request.map_err(broken)?)?;
        let answer = match &store {
            Ok(store) => attendant.do_it(store, request).await,
            Err(error) => Err(error.duplicate()),
        };
        say(&Told::answer(answer))?;
    }
    Ok(())
}

/// Says one thing, whole.
fn say(told: &Told) -> Result<()> {
    let line = line(told)?;
    let mut stdout = io::stdout().lock();
    let said = stdout.write_all(&line).and_then(|()| stdout.flush());
    said.map_err(|source| Error::new(ErrorKind::Unavailable, "attend").source(source))
}

/// The store of the process.
enum Opened {
    Log(Arc<dyn OpLogStore>),
    Snapshots(Arc<dyn SnapshotStore>),
    Election(Arc<dyn ElectionBackend>),
}

impl Opened {
    async fn open(address: Address, registry: &Registry) -> Result<Self> {
        let Address {
            which,
            backend,
            table,
            place,
        } = address;
        let context = place.context();
        match which {
            Which::Log => {
                let factory = registry.oplogs.get(&backend)?;
                Ok(Self::Log(factory.open(&table, &context).await?))
            }
            Which::Snapshots => {
                let factory = registry.snapshots.get(&backend)?;
                Ok(Self::Snapshots(factory.open(&table, &context).await?))
            }
            Which::Election => {
                let factory = registry.elections.get(&backend)?;
                Ok(Self::Election(factory.open(&table, &context).await?))
            }
        }
    }
}

/// What the process has begun and won.
#[derive(Default)]
struct Attendant {
    writer: Option<Box<dyn OpLogWriter>>,
    upload: Option<Box<dyn SnapshotUpload>>,
    term: Option<Box<dyn Leadership>>,
    /// Tells the validity whenever it moves.
    telling: JoinSet<()>,
}

fn nothing_begun() -> Error {
    Error::new(ErrorKind::Invalid, "attend").context("nothing was begun")
}

impl Attendant {
    async fn do_it(&mut self, store: &Opened, request: Request) -> Result<Answer> {
        match (store, request) {
            (_, Request::LetGo) => {
                self.writer = None;
                self.upload = None;
                self.term = None;
                self.telling.abort_all();
                Ok(Answer::Done)
            }
            (Opened::Log(log), Request::OpenWriter(token)) => {
                let writer = log.open_writer(&token).await?;
                let answer = Answer::Writer(writer.tail(), writer.complete());
                self.writer = Some(writer);
                Ok(answer)
            }
            (Opened::Log(_), request) => self.write(request).await,
            (Opened::Snapshots(store), request) => self.publish(&**store, request).await,
            (Opened::Election(election), Request::Campaign(candidate, at_least)) => {
                let term = election.campaign(&candidate, at_least).await?;
                self.won(term)
            }
            (Opened::Election(_), request) => self.lead(request).await,
        }
    }

    async fn write(&mut self, request: Request) -> Result<Answer> {
        if matches!(request, Request::Close) {
            let writer = self.writer.take().ok_or_else(nothing_begun)?;
            writer.close().await?;
            return Ok(Answer::Done);
        }
        let writer = self.writer.as_mut().ok_or_else(nothing_begun)?;
        match request {
            Request::Settled(after, batches, bytes) => {
                let settled = writer.settled(after, ReadLimit { batches, bytes }).await?;
                let frames = settled.iter().map(|batch| batch.frame().to_vec());
                Ok(Answer::Batches(frames.collect()))
            }
            Request::Append(frame) => {
                let batch = Batch::decode(frame.into())?;
                Ok(Answer::Tail(writer.append(&batch).await?))
            }
            Request::MarkCommitted => {
                writer.mark_committed().await?;
                Ok(Answer::Done)
            }
            other => Err(unfit(&other)),
        }
    }

    async fn publish(&mut self, store: &dyn SnapshotStore, request: Request) -> Result<Answer> {
        match request {
            Request::Begin => {
                let upload = store.begin().await?;
                let id = upload.id().clone();
                self.upload = Some(upload);
                Ok(Answer::Upload(id))
            }
            Request::PutPart(bytes, rows, sections) => {
                let upload = self.upload.as_ref().ok_or_else(nothing_begun)?;
                let part = upload.put_part(bytes.into(), rows, sections).await?;
                Ok(Answer::Part(Box::new(part)))
            }
            Request::Propose(manifest) => {
                store.propose(&manifest).await?;
                Ok(Answer::Done)
            }
            Request::WinEntry(token, next) => match store.win_entry(&token, *next).await? {
                Won::Yes(entry) => Ok(Answer::Entry(Some(entry))),
                Won::No => Ok(Answer::Entry(None)),
            },
            Request::Collect(entry) => Ok(Answer::Collected(store.collect(&entry).await?)),
            other => Err(unfit(&other)),
        }
    }

    async fn lead(&mut self, request: Request) -> Result<Answer> {
        if let Request::Resign(successor) = request {
            let term = self.term.take().ok_or_else(nothing_begun)?;
            term.resign(successor.as_ref()).await?;
            return Ok(Answer::Done);
        }
        let mut term = self.term.take().ok_or_else(nothing_begun)?;
        let done = match request {
            Request::Confirm => term.confirm().await,
            Request::Announce => term.announce().await,
            Request::Publish(record) => term.publish(&record).await,
            Request::Reopen(at_least) => {
                let reopened = term.reopen(at_least).await;
                if reopened.is_ok() {
                    return self.won(term);
                }
                reopened
            }
            other => Err(unfit(&other)),
        };
        self.term = Some(term);
        done.map(|()| Answer::Done)
    }

    /// Keeps a term. Its validity is told before the answer, and whenever it moves from then on.
    fn won(&mut self, term: Box<dyn Leadership>) -> Result<Answer> {
        let token = term.token().clone();
        let mut validity = term.validity();
        self.term = Some(term);
        say(&Told::validity(*validity.borrow_and_update()))?;
        self.telling.abort_all();
        self.telling.spawn(async move {
            while validity.changed().await.is_ok() {
                let until = *validity.borrow_and_update();
                if say(&Told::validity(until)).is_err() {
                    return;
                }
            }
        });
        Ok(Answer::Term(token))
    }
}

fn unfit(request: &Request) -> Error {
    Error::new(ErrorKind::Invalid, "attend").context(format!("{request:?}: not of this store"))
}
