use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use etcd_client::{KeyValue, PutOptions, Txn, TxnOp};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::keeper::Keeper;
use super::records::{Node, draw};
use crate::etcd::connection::Connection;
use crate::etcd::error::error;
use crate::etcd::found::{Found, record};
use crate::etcd::layout::Layout;
use crate::etcd::process::ProcessId;
use crate::etcd::transaction::is;
use crate::lease::{Lease, Renewal, Terms};
use crate::off_thread::off_thread;
use crate::record::encode;
use standfast_core::{Clock, ErrorKind, Member, NodeId, Registration, Result};

const OPERATION: &str = "register";
/// How often an entry that may be of a dead process is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// An entry whose lease is over goes within this.
const GRACE: Duration = Duration::from_secs(2);

/// A node's entry, under a lease of its own. Dropping it removes the entry; the death of the process leaves it to the lease.
#[derive(Debug)]
pub(super) struct EtcdRegistration {
    node: NodeId,
    /// Owned by the thread that renews: giving it up blocks, and must not be done on a thread of a runtime.
    entry: Weak<Mutex<Entry>>,
    _lease: Lease,
}

/// The entry, and what keeps it. All of it blocks.
#[derive(Debug)]
struct Entry {
    keeper: Keeper,
    layout: Layout,
    ttl: Duration,
    node: Node,
    /// Whether the entry was put under the lease that is held.
    placed: bool,
    /// Since when another's entry has been in its place.
    taken_since: Option<Instant>,
}

/// What became of an entry that was to be put.
enum Put {
    Done,
    /// It was changed meanwhile, or the answer was lost.
    Again,
    /// That of another process is there, which may live.
    Taken(Box<Node>),
}

impl EtcdRegistration {
    /// # Errors
    /// `AlreadyExists` when the entry of another process stays for longer than its lease; `NotFound`, `Unavailable`.
    pub(super) async fn begin(
        connection: Connection,
        layout: Layout,
        terms: Terms,
        clock: Clock,
        member: Member,
    ) -> Result<Self> {
        off_thread(OPERATION, move || {
            let node = member.candidate.node.clone();
            let mut entry = Entry {
                keeper: Keeper::begin(connection, terms.ttl, OPERATION)?,
                layout,
                ttl: terms.ttl,
                node: Node {
                    member,
                    claim: draw(),
                    process: ProcessId::own().cloned(),
                },
                placed: false,
                taken_since: None,
            };
            entry.put_first()?;
            let entry = Arc::new(Mutex::new(entry));
            let shared = Arc::downgrade(&entry);
            let renew = move || entry.lock().renew();
            let lease = Lease::start(&clock, terms, clock.now(), renew)
                .map_err(|source| error(ErrorKind::Unavailable, OPERATION).source(source))?;
            Ok(Self {
                node,
                entry: shared,
                _lease: lease,
            })
        })
        .await
    }
}

impl Entry {
    /// Puts the first entry; that of another process is waited for as long as its lease may last.
    fn put_first(&mut self) -> Result<()> {
        loop {
            match self.put(self.node.clone())? {
                Put::Done => return Ok(()),
                Put::Again => {}
                Put::Taken(other) if self.is_held_on_to() => return Err(taken(&other)),
                Put::Taken(_) => {
                    self.keeper.wait(self.keeper.keep_alive(OPERATION))?;
                    self.keeper.wait(async { tokio::time::sleep(LOOK).await });
                }
            }
        }
    }

    /// Whether another's entry has been there for longer than the lease of a dead process lasts.
    fn is_held_on_to(&mut self) -> bool {
        let since = *self.taken_since.get_or_insert_with(Instant::now);
        since.elapsed() > self.ttl + GRACE
    }

    fn update(&mut self, member: Member) -> Result<()> {
        let node = Node {
            member,
            ..self.node.clone()
        };
        let operation = "update member";
        match self.put(node)? {
            Put::Done => Ok(()),
            Put::Again => {
                let why = "the entry was changed meanwhile, or its answer was lost: say it again";
                Err(error(ErrorKind::Unavailable, operation).context(why))
            }
            Put::Taken(_) => {
                Err(error(ErrorKind::Fenced, operation).context("the entry is no longer ours"))
            }
        }
    }

    /// A lease that is over, as after a long freeze, is replaced by another, if nobody else has the entry.
    fn renew(&mut self) -> Renewal {
        let renewed = self.keeper.wait(self.keeper.keep_alive("renew"));
        match renewed {
            Ok(()) if self.placed => Renewal::Held,
            Ok(()) => self.come_back(),
            Err(error) if *error.kind() == ErrorKind::NotFound => {
                self.placed = false;
                match self.keeper.renew_lease(self.ttl, OPERATION) {
                    Ok(()) => self.come_back(),
                    Err(_) => Renewal::Unsure,
                }
            }
            Err(_) => Renewal::Unsure,
        }
    }

    /// Puts the entry back under a lease that is new. Where an older state of etcd was put back, that of an earlier process
    /// may be there, until its lease is over.
    fn come_back(&mut self) -> Renewal {
        match self.put(self.node.clone()) {
            Ok(Put::Done) => {
                tracing::info!("registered again after the lease had run out");
                Renewal::Held
            }
            Ok(Put::Taken(_other)) if self.is_held_on_to() => Renewal::Lost,
            _ => Renewal::Unsure,
        }
    }

    /// Puts the entry under the lease that is held: where none is, in place of our own, or of that of a dead process.
    fn put(&mut self, node: Node) -> Result<Put> {
        let found = self.look()?;
        let is_another = |found: &&Found<Node>| {
            let is_dead = || found.is.process.as_ref().is_some_and(ProcessId::is_dead);
            found.is.claim != node.claim && !is_dead()
        };
        if let Some(other) = found.as_ref().filter(is_another) {
            return Ok(Put::Taken(Box::new(other.is.clone())));
        }
        self.taken_since = None;
        if !self.replace(found.map(|found| found.bytes).as_deref(), &node)? {
            return Ok(Put::Again);
        }
        (self.node, self.placed) = (node, true);
        Ok(Put::Done)
    }

    fn look(&self) -> Result<Option<Found<Node>>> {
        let key = self.layout.node(&self.node.member.candidate.node);
        let connection = self.keeper.connection();
        let answer = connection.call(OPERATION, |mut clients| {
            let key = key.as_str();
            async move { clients.kv.get(key, None).await }
        });
        let mut answer = self.keeper.wait(answer)?;
        let found = answer.take_kvs().into_iter().next();
        record(&key, found.map(|kv| kv.into_key_value().1))
    }

    /// Whether it was done, unless an answer was lost: then the next look tells.
    fn replace(&self, replaced: Option<&[u8]>, node: &Node) -> Result<bool> {
        let key = self.layout.node(&node.member.candidate.node);
        let options = PutOptions::new().with_lease(self.keeper.lease());
        let put = Txn::new()
            .when([is(key.clone(), replaced)])
            .and_then([TxnOp::put(key, encode(node)?, Some(options))]);
        let connection = self.keeper.connection();
        let done = connection.call(OPERATION, |mut clients| {
            let put = put.clone();
            async move { clients.kv.txn(put).await }
        });
        Ok(self.keeper.wait(done)?.succeeded())
    }
}

#[async_trait]
impl Registration for EtcdRegistration {
    async fn update(&self, member: &Member) -> Result<()> {
        if member.candidate.node != self.node {
            return Err(error(ErrorKind::Invalid, "update member").context(format!(
                "the entry is of node `{}`, not `{}`",
                self.node, member.candidate.node
            )));
        }
        let (entry, member) = (Weak::clone(&self.entry), member.clone());
        off_thread("update member", move || match entry.upgrade() {
            Some(entry) => entry.lock().update(member),
            None => {
                Err(error(ErrorKind::Fenced, "update member")
                    .context("another process has the entry"))
            }
        })
        .await
    }
}

fn taken(other: &Node) -> standfast_core::Error {
    let node = &other.member.candidate.node;
    let pid = other.process.as_ref().map_or(0, ProcessId::pid);
    let place = match &other.process {
        Some(process) if process.is_here() => format!("process {pid} of this host"),
        _ => format!(
            "a process of another host, which serves at {}",
            other.member.candidate.endpoint
        ),
    };
    error(ErrorKind::AlreadyExists, OPERATION).context(format!(
        "node `{node}` is registered by {place}, and that one keeps its entry alive: stop it, or give this node another \
         `[node] id`"
    ))
}

/// The nodes whose entry is there and whose process is not proved dead.
///
/// # Errors
/// `Corrupt`, `Version`.
pub(super) fn members(found: Vec<KeyValue>) -> Result<Vec<Member>> {
    let mut members = Vec::new();
    for kv in found {
        let (key, value) = kv.into_key_value();
        let key = String::from_utf8_lossy(&key);
        let node = match record::<Node>(&key, Some(value)) {
            // A node of a later version, in the middle of an upgrade: it is no reason to see none.
            Err(error) if *error.kind() == ErrorKind::Version => {
                tracing::warn!(%error, "a member cannot be read");
                continue;
            }
            node => node?,
        };
        let node = node.filter(|node| !node.is.process.as_ref().is_some_and(ProcessId::is_dead));
        members.extend(node.map(|node| node.is.member));
    }
    members.sort_by(|a, b| a.candidate.node.cmp(&b.candidate.node));
    Ok(members)
}
