use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use standfast_core::{
    BootInstant, Command, Epoch, Error, ErrorKind, NodeId, Outcome, Proposer, Result,
};
use standfast_metadata::{ServerOptions, server};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_stream::wrappers::TcpListenerStream;

use super::Primary;

/// A proposer in this process: commits at once while it leads.
pub(crate) struct Local {
    pub(crate) primary: Mutex<Primary>,
    role: Mutex<Role>,
    /// The largest command that was proposed.
    pub(crate) largest: Mutex<u32>,
    /// Errors to answer the next commands with, after they were executed.
    pub(crate) doubts: Mutex<Vec<ErrorKind>>,
    /// Whether it leads no more once the next command was executed.
    pub(crate) leads_to_here: Mutex<bool>,
}

#[derive(Clone)]
enum Role {
    Leads,
    Follows(Option<String>),
}

impl Local {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            primary: Mutex::new(Primary::new()),
            role: Mutex::new(Role::Leads),
            largest: Mutex::new(0),
            doubts: Mutex::new(Vec::new()),
            leads_to_here: Mutex::new(false),
        })
    }

    pub(crate) fn step_down(&self, to: Option<&str>) {
        *self.role.lock() = Role::Follows(to.map(str::to_owned));
    }

    pub(crate) fn lead(&self) {
        *self.role.lock() = Role::Leads;
    }

    fn check_leads(&self) -> Result<()> {
        let role = self.role.lock().clone();
        match role {
            Role::Leads => Ok(()),
            Role::Follows(address) => Err(Error::new(ErrorKind::NotPrimary { address }, "propose")),
        }
    }
}

#[async_trait]
impl Proposer for Local {
    async fn propose(&self, command: Command, _deadline: BootInstant) -> Result<Vec<Outcome>> {
        self.check_leads()?;
        let mut primary = self.primary.lock();
        let answers = primary.propose(&command);
        primary.seal();
        let mut largest = self.largest.lock();
        *largest = (*largest).max(command.items);
        if std::mem::take(&mut *self.leads_to_here.lock()) {
            self.step_down(None);
        }
        let doubt = self.doubts.lock().pop();
        if let Some(kind) = doubt {
            return Err(Error::new(kind, "propose"));
        }
        Ok(answers.into_iter().map(|answer| answer.outcome).collect())
    }

    async fn read(
        &self,
        question: Box<dyn Any + Send + Sync>,
        _deadline: BootInstant,
    ) -> Result<Box<dyn Any + Send>> {
        self.check_leads()?;
        Ok(self.primary.lock().machine.query(&*question).0)
    }

    fn leads(&self) -> Option<Epoch> {
        let leads = matches!(*self.role.lock(), Role::Leads);
        leads.then(|| self.primary.lock().epoch)
    }
}

/// A node with a thread of its own, so that it can be frozen as a whole.
pub(crate) struct Node {
    pub(crate) local: Arc<Local>,
    pub(crate) address: String,
    runtime: tokio::runtime::Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Node {
    pub(crate) fn start() -> Self {
        let local = Local::new();
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let serving = Arc::clone(&local);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap().to_string();
                let here = (address.clone(), tokio::runtime::Handle::current());
                tell.send(here).unwrap();
                let options = ServerOptions::new(NodeId::new("node").unwrap(), address);
                let serve = tonic::transport::Server::builder()
                    .add_service(server(serving, options))
                    .serve_with_incoming(TcpListenerStream::new(listener));
                tokio::select! {
                    served = serve => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        let (address, runtime) = told.recv().unwrap();
        Self {
            local,
            address,
            runtime,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Stops everything the node does, with its connections open, until the sender is dropped.
    pub(crate) fn freeze(&self) -> std::sync::mpsc::Sender<()> {
        let (thaw, thawed) = std::sync::mpsc::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let frozen = self.runtime.spawn(async move {
            tell.send(()).unwrap();
            assert!(thawed.recv().is_err(), "dropped, never sent");
        });
        drop(frozen);
        told.recv().unwrap();
        thaw
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            drop(stop);
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            assert!(std::thread::panicking(), "the node's thread panicked");
        }
    }
}
