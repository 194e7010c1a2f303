use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use etcd_client::{
    Client, Error as EtcdError, KvClient, LeaseClient, MaintenanceClient, WatchClient,
};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use super::access::Access;
use super::error::{client_error, error, is_of_connection, is_refusal};
use super::greeting::greet;
use super::pauses::{FIRST_TRY, Pauses};
use super::place::speaks_tls;
use crate::off_thread::off_thread;
use standfast_core::{Error, ErrorKind, Result};

/// How long a call goes on from member to member.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_millis(800);
/// How often an idle connection is looked at, and how long its answer may take. Servers end the connections of clients that
/// ask more often than every five seconds.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(2));
/// The largest answer that is taken. A page of batches is asked for so that it stays far below.
const LARGEST_ANSWER: usize = 64 << 20;

/// The members of one etcd, each over a connection of its own; one is asked at a time.
///
/// The member that answered last is asked first. One that does not answer in time, or says that it cannot, is left for the
/// next. The client's own balancing would come back to a member that stands still for every n-th call.
///
/// A connection is made where it is first used, and has tasks on that runtime; after trouble another is made.
#[derive(Debug)]
pub(super) struct Connection {
    members: Vec<Endpoint>,
    preferred: AtomicUsize,
    access: Access,
}

#[derive(Debug)]
struct Endpoint {
    url: String,
    clients: Mutex<Option<Clients>>,
}

/// The parts of a member's interface that are used here.
#[derive(Clone)]
pub(super) struct Clients {
    pub(super) kv: KvClient,
    pub(super) lease: LeaseClient,
    pub(super) watch: WatchClient,
    pub(super) maintenance: MaintenanceClient,
}

/// What a try met.
enum Trouble {
    /// What is in our own files.
    Own(Error),
    Etcd(EtcdError),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Own(error)
    }
}

impl From<EtcdError> for Trouble {
    fn from(error: EtcdError) -> Self {
        Self::Etcd(error)
    }
}

impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clients").finish_non_exhaustive()
    }
}

impl Connection {
    /// Nothing is connected before the first call. At least one endpoint.
    pub(super) fn new(endpoints: &[String], access: Access) -> Self {
        let members = endpoints.iter().map(|url| Endpoint {
            url: url.clone(),
            clients: Mutex::default(),
        });
        Self {
            members: members.collect(),
            preferred: AtomicUsize::new(0),
            access,
        }
    }

    /// Other connections to the same members, beginning with the one that is asked now.
    pub(super) fn sibling(&self) -> Self {
        let urls: Vec<_> = self
            .members
            .iter()
            .map(|member| member.url.clone())
            .collect();
        let sibling = Self::new(&urls, self.access.clone());
        let preferred = self.preferred.load(Ordering::Relaxed);
        sibling.preferred.store(preferred, Ordering::Relaxed);
        sibling
    }

    pub(super) fn pauses(&self) -> Pauses {
        Pauses::new(self.members.len())
    }

    /// One try with the preferred member; after trouble that may not be another's, the next one is preferred, over a
    /// connection that is made anew.
    ///
    /// # Errors
    /// `Timeout`, `Unavailable`, `Throttled`: whether a write was done nobody knows. The others: it was not.
    ///
    /// # Cancel safety
    /// As the call itself: what was sent may be done.
    pub(super) async fn attempt<T, F>(
        &self,
        operation: &'static str,
        patience: Duration,
        call: impl FnOnce(Clients) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T, EtcdError>>,
    {
        let index = self.preferred.load(Ordering::Relaxed);
        let Some(member) = self.members.get(index) else {
            return Err(error(ErrorKind::Config, operation).context("no endpoint"));
        };
        let failed = match self.ask(member, operation, patience, call).await {
            Ok(answer) => return Ok(answer),
            Err(failed) => failed,
        };
        if failed.retry() || is_refusal(&failed) {
            member.forget();
            self.leave(index);
        }
        Err(failed)
    }

    /// A call that changes nothing, once with each member, those that do not answer included: what each says, beside where
    /// it is.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(super) async fn ask_each<T, F>(
        &self,
        operation: &'static str,
        mut call: impl FnMut(Clients) -> F,
    ) -> Vec<(&str, Result<T>)>
    where
        F: Future<Output = Result<T, EtcdError>>,
    {
        let mut said = Vec::new();
        for member in &self.members {
            let answer = self.ask(member, operation, FIRST_TRY, &mut call).await;
            if answer.is_err() {
                member.forget();
            }
            said.push((&*member.url, answer));
        }
        said
    }

    async fn ask<T, F>(
        &self,
        member: &Endpoint,
        operation: &'static str,
        patience: Duration,
        call: impl FnOnce(Clients) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T, EtcdError>>,
    {
        let tried = timeout(patience, async {
            let clients = member.clients(operation, &self.access).await?;
            call(clients).await.map_err(Trouble::Etcd)
        });
        match tried.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Trouble::Own(error))) => Err(error),
            Ok(Err(Trouble::Etcd(source))) => {
                let greeted = if is_of_connection(&source) {
                    greet(operation, &member.url, &self.access).await
                } else {
                    Ok(())
                };
                // It says more than the client does.
                let failed = client_error(operation, &member.url, source);
                greeted.and(Err(failed))
            }
            Err(_elapsed) => Err(error(ErrorKind::Timeout, operation).context(format!(
                "{} has not answered for {} ms",
                member.url,
                patience.as_millis()
            ))),
        }
    }

    /// A call that may be made again: one that changes nothing, or whose second time comes to nothing.
    ///
    /// # Errors
    /// As [`Self::attempt`], the passing ones after some seconds.
    ///
    /// # Cancel safety
    /// As the call itself: what was sent may be done.
    pub(super) async fn call<T, F>(
        &self,
        operation: &'static str,
        mut call: impl FnMut(Clients) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T, EtcdError>>,
    {
        let begun = Instant::now();
        let mut pauses = self.pauses();
        loop {
            match self.attempt(operation, pauses.patience(), &mut call).await {
                Err(error) if pauses.goes_on(&error) && begun.elapsed() < PATIENCE => {
                    pauses.wait().await;
                }
                Err(error) if error.retry() => return Err(self.told(error)),
                answer => return answer,
            }
        }
    }

    /// What to look at when nobody answers.
    fn told(&self, error: Error) -> Error {
        let urls: Vec<_> = self.members.iter().map(|member| &*member.url).collect();
        error.context(format!(
            "none of {} answers: is etcd running there, and are `endpoints` right?",
            urls.join(", ")
        ))
    }

    /// One try with the preferred member, as long as the first of a call.
    ///
    /// # Errors
    /// As [`Self::attempt`].
    ///
    /// # Cancel safety
    /// As the call itself: what was sent may be done.
    pub(super) async fn once<T, F>(
        &self,
        operation: &'static str,
        call: impl FnOnce(Clients) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T, EtcdError>>,
    {
        self.attempt(operation, FIRST_TRY, call).await
    }

    /// A call that is made once with each member at most, until one answers.
    ///
    /// # Errors
    /// As [`Self::attempt`].
    ///
    /// # Cancel safety
    /// As the call itself: what was sent may be done.
    pub(super) async fn once_each<T, F>(
        &self,
        operation: &'static str,
        mut call: impl FnMut(Clients) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T, EtcdError>>,
    {
        let mut left = self.members.len();
        loop {
            left = left.saturating_sub(1);
            match self.attempt(operation, FIRST_TRY, &mut call).await {
                Err(error) if (error.retry() || is_refusal(&error)) && left > 0 => {}
                answer => return answer,
            }
        }
    }

    /// Somebody else who fails with the same member has left it already.
    fn leave(&self, index: usize) {
        let next = (index + 1) % self.members.len();
        let left =
            self.preferred
                .compare_exchange(index, next, Ordering::Relaxed, Ordering::Relaxed);
        if left.is_ok() && next != index {
            metrics::counter!("standfast_etcd_endpoint_switches_total").increment(1);
        }
    }
}

impl Endpoint {
    async fn clients(&self, operation: &'static str, access: &Access) -> Result<Clients, Trouble> {
        let known = self.clients.lock().clone();
        if let Some(clients) = known {
            return Ok(clients);
        }
        // Two at once may make two: the later one stays.
        let made = connect(operation, &self.url, access.clone()).await?;
        *self.clients.lock() = Some(made.clone());
        Ok(made)
    }

    /// The next call makes a connection anew: this one may be dead without knowing it.
    fn forget(&self) {
        *self.clients.lock() = None;
    }
}

async fn connect(operation: &'static str, url: &str, access: Access) -> Result<Clients, Trouble> {
    let tls = speaks_tls(url);
    let options = off_thread(operation, move || access.options(operation, tls)).await?;
    let options = options
        .with_connect_timeout(CONNECT)
        .with_keep_alive(KEEP_ALIVE.0, KEEP_ALIVE.1)
        .with_keep_alive_while_idle(true)
        .with_require_leader(true);
    let client = Client::connect([url], Some(options)).await?;
    Ok(Clients {
        kv: client.kv_client().max_decoding_message_size(LARGEST_ANSWER),
        lease: client.lease_client(),
        watch: client
            .watch_client()
            .max_decoding_message_size(LARGEST_ANSWER),
        maintenance: client.maintenance_client(),
    })
}
