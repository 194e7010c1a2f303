use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use standfast_core::{
    Clock, Error, ErrorKind, Factory, Fingerprint, OpenContext, Result, Scratch, Store,
};

use super::processes::{Address, Whereabouts, Which};
use super::tried::{Called, TriedStore};
use crate::config::BackendTable;

/// How many places that others left behind are passed over for one that is free.
const PASSED_OVER: usize = 100;

/// The scratch places of one store of a configuration.
///
/// The first of them, `{name}`, is held as long as the suite runs: who finds it taken keeps away from all of them. The
/// spaces of the cases are `{name}-{n}`.
pub(super) struct Places<S: ?Sized + 'static> {
    called: Called,
    factory: Arc<dyn Factory<S>>,
    backend: BackendTable,
    context: OpenContext,
    name: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    made: u64,
    /// What is to be removed; 0 is the first place.
    there: BTreeMap<u64, Scratch>,
    closed: bool,
}

impl State {
    fn check_open(&self) -> Result<()> {
        if !self.closed {
            return Ok(());
        }
        let told = "the suite was told to stop";
        Err(Error::new(ErrorKind::Cancelled, "open scratch place").context(told))
    }

    /// Whether a place that was made is not removed yet.
    fn check_there(&self, number: u64) -> Result<()> {
        self.check_open()?;
        if self.there.contains_key(&number) {
            return Ok(());
        }
        let told = "the place was removed: its case took too long";
        Err(Error::new(ErrorKind::Cancelled, "open scratch place").context(told))
    }
}

impl<S: Store + ?Sized> Places<S> {
    /// The places called `name` of the store that is `called` so.
    ///
    /// # Errors
    /// `AlreadyExists` when they are in use; those of the factory. With the section.
    ///
    /// # Cancel safety
    /// The first place may stay behind.
    pub(super) async fn claim(
        called: Called,
        factory: &Arc<dyn Factory<S>>,
        backend: &BackendTable,
        context: &OpenContext,
        name: String,
    ) -> Result<Arc<Self>> {
        let places = Self {
            called,
            factory: Arc::clone(factory),
            backend: backend.clone(),
            context: context.clone(),
            name,
            state: Mutex::default(),
        };
        places.hold().await.map_err(|e| e.context(called.section))?;
        Ok(Arc::new(places))
    }

    /// Takes the first place. It is removed only once it is known to be ours.
    async fn hold(&self) -> Result<()> {
        let scratch = self.scratch(&self.name)?;
        let store = self.factory.open(&scratch.table, &scratch.context).await?;
        if store.fingerprint().await?.is_some() {
            return Err(self.in_use());
        }
        let drawn = Fingerprint::draw(&self.context.cluster, rand::random());
        let Err(error) = store.init(drawn).await else {
            self.state.lock().there.insert(0, scratch);
            return Ok(());
        };
        // Who was first has it, whatever the other was answered.
        let found = store.fingerprint().await;
        drop(store);
        match found {
            _ if *error.kind() == ErrorKind::Foreign => return Err(self.in_use()),
            Ok(Some(first)) if first != drawn => return Err(self.in_use()),
            Ok(Some(_)) => {}
            // What only one who claims it alone meets.
            Ok(None) if matches!(error.kind(), ErrorKind::Quota | ErrorKind::Config) => {}
            _ => {
                return Err(error.context(format!(
                    "{} stays, for another suite may be claiming it: when none runs, remove it",
                    self.place_of(&scratch)
                )));
            }
        }
        // Why it could not be claimed matters more than what stays of it.
        drop(self.factory.remove_scratch(&scratch).await);
        Err(error)
    }

    /// The first place, as it was claimed.
    ///
    /// # Errors
    /// Those of the factory.
    pub(super) async fn first(&self) -> Result<Arc<S>> {
        let scratch = self.state.lock().there.get(&0).cloned();
        let scratch = scratch.ok_or_else(|| self.in_use())?;
        self.factory.open(&scratch.table, &scratch.context).await
    }

    /// A place where nothing is yet. What a suite that was killed left behind is passed over, and stays.
    ///
    /// # Errors
    /// `Cancelled` once they are closed; those of the factory.
    pub(super) async fn fresh(self: &Arc<Self>) -> Result<Place<S>> {
        let mut refused = self.in_use();
        for _ in 0..PASSED_OVER {
            match self.next().await {
                Err(error) if *error.kind() == ErrorKind::AlreadyExists => refused = error,
                other => return other,
            }
        }
        Err(refused)
    }

    async fn next(self: &Arc<Self>) -> Result<Place<S>> {
        let (number, scratch) = {
            let mut state = self.state.lock();
            state.check_open()?;
            state.made += 1;
            let number = state.made;
            let scratch = self.scratch(&format!("{}-{number}", self.name))?;
            state.there.insert(number, scratch.clone());
            (number, scratch)
        };
        let store = self.open(number, &scratch, &self.context.clock).await?;
        if store.fingerprint().await?.is_some() {
            // Not ours: it was there before, and stays.
            self.state.lock().there.remove(&number);
            return Err(self.in_use());
        }
        Ok(Place {
            places: Arc::clone(self),
            number,
            scratch,
        })
    }

    /// A handle on a place. A case that was given up may still ask for one.
    async fn open(&self, number: u64, scratch: &Scratch, clock: &Clock) -> Result<Arc<S>> {
        self.state.lock().check_there(number)?;
        let context = OpenContext {
            clock: clock.clone(),
            ..scratch.context.clone()
        };
        let opened = self.factory.open(&scratch.table, &context).await;
        let mut state = self.state.lock();
        if let Err(gone) = state.check_there(number) {
            // It was removed meanwhile, and this may have made it again.
            state.there.insert(number, scratch.clone());
            return Err(gone);
        }
        opened
    }

    fn scratch(&self, name: &str) -> Result<Scratch> {
        self.factory
            .scratch(&self.backend.table, &self.context, name)
    }

    fn in_use(&self) -> Error {
        Error::new(ErrorKind::AlreadyExists, "make scratch place").context(format!(
            "scratch places `{}` of type = \"{}\" are in use: by another suite, or left by one that was killed; when none \
             runs, remove what has `scratch-{}` in its name, or take another name",
            self.name, self.backend.kind, self.name
        ))
    }

    /// What leads to a scratch place: the key of the table, and its value.
    fn leads_to<'a>(&self, scratch: &'a Scratch) -> Option<(&'a str, &'a str)> {
        let texts = scratch.table.iter();
        let mut texts = texts.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
        texts.find(|(_key, text)| text.contains(&self.name))
    }

    fn place_of(&self, scratch: &Scratch) -> String {
        let text = self.leads_to(scratch).map(|(_key, text)| text);
        text.unwrap_or(&self.name).to_owned()
    }

    /// The configured folder, when the place is a folder and that one is not there.
    fn missing(&self, scratch: &Scratch) -> Option<PathBuf> {
        let (key, place) = self.leads_to(scratch)?;
        let configured = self.backend.table.get(key)?.as_str()?;
        let configured = configured.strip_prefix("file://").unwrap_or(configured);
        let configured = self.context.resolve(Path::new(configured));
        (Path::new(place).is_dir() && !configured.exists()).then_some(configured)
    }

    async fn remove(&self, number: u64) -> Result<()> {
        let scratch = self.state.lock().there.get(&number).cloned();
        if let Some(scratch) = scratch {
            self.factory.remove_scratch(&scratch).await?;
            self.state.lock().there.remove(&number);
        }
        Ok(())
    }
}

/// The scratch places of a store, of whatever kind.
#[async_trait]
pub(super) trait Held: Send + Sync {
    /// From now on none is made, and none is opened any more.
    fn close(&self);

    /// The store, and where it is tried.
    fn tried(&self) -> TriedStore;

    /// The places that were made and not removed.
    fn left(&self) -> Vec<String>;

    /// What a node asks of the store before it starts, asked of the first place.
    ///
    /// # Errors
    /// The reason, with the section.
    async fn probe(&self) -> Result<()>;

    /// Removes all that are left, the first one last.
    ///
    /// # Errors
    /// The first that cannot be removed; the others are.
    ///
    /// # Cancel safety
    /// What was not removed stays; call again.
    async fn remove_all(&self) -> Result<()>;
}

#[async_trait]
impl<S: Store + ?Sized> Held for Places<S> {
    fn close(&self) {
        self.state.lock().closed = true;
    }

    fn tried(&self) -> TriedStore {
        let first = self.state.lock().there.get(&0).cloned();
        TriedStore {
            kind: self.called.kind,
            backend: self.backend.kind.clone(),
            place: first
                .as_ref()
                .map_or_else(String::new, |first| self.place_of(first)),
            missing: first.and_then(|first| self.missing(&first)),
        }
    }

    fn left(&self) -> Vec<String> {
        let there: Vec<_> = self.state.lock().there.values().cloned().collect();
        there.iter().map(|scratch| self.place_of(scratch)).collect()
    }

    async fn probe(&self) -> Result<()> {
        let probed = async { self.first().await?.probe().await };
        probed.await.map_err(|e| e.context(self.called.section))
    }

    async fn remove_all(&self) -> Result<()> {
        let numbers: Vec<u64> = self.state.lock().there.keys().rev().copied().collect();
        let mut result = Ok(());
        for number in numbers {
            result = result.and(self.remove(number).await);
        }
        result
    }
}

/// One of them.
pub(super) struct Place<S: ?Sized + 'static> {
    places: Arc<Places<S>>,
    number: u64,
    scratch: Scratch,
}

impl<S: Store + ?Sized> Place<S> {
    /// Another handle.
    pub(super) async fn open(&self) -> Result<Arc<S>> {
        self.open_on(&self.scratch.context.clock).await
    }

    /// Another handle, which goes by `clock`.
    pub(super) async fn open_on(&self, clock: &Clock) -> Result<Arc<S>> {
        self.places.open(self.number, &self.scratch, clock).await
    }

    /// What another process needs to open it.
    pub(super) fn address(&self, which: Which) -> Address {
        Address {
            which,
            backend: self.places.backend.kind.clone(),
            table: self.scratch.table.clone(),
            place: Whereabouts::of(&self.scratch.context),
        }
    }

    /// Removes it.
    pub(super) async fn remove(&self) -> Result<()> {
        self.places.remove(self.number).await
    }
}
