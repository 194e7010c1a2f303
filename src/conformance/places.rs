use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use standfast_core::{
    Clock, Error, ErrorKind, Factory, Fingerprint, OpenContext, Result, Scratch, Store,
};

use crate::config::BackendTable;

/// The scratch places of one store of a configuration.
///
/// The first of them, `{name}`, is held as long as the suite runs: who finds it taken keeps away from all of them. The
/// spaces of the cases are `{name}-{n}`.
pub(super) struct Places<S: ?Sized + 'static> {
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
}

impl<S: Store + ?Sized> Places<S> {
    /// The places called `name` of the store of `section`.
    ///
    /// # Errors
    /// `AlreadyExists` when they are in use; those of the factory.
    ///
    /// # Cancel safety
    /// The first place may stay behind.
    pub(super) async fn claim(
        section: &str,
        factory: &Arc<dyn Factory<S>>,
        backend: &BackendTable,
        context: &OpenContext,
        name: String,
    ) -> Result<Arc<Self>> {
        let places = Self {
            factory: Arc::clone(factory),
            backend: backend.clone(),
            context: context.clone(),
            name,
            state: Mutex::default(),
        };
        places
            .hold()
            .await
            .map_err(|e| e.context(section.to_owned()))?;
        Ok(Arc::new(places))
    }

    /// Takes the first place. It is removed only once it is known to be ours.
    async fn hold(&self) -> Result<()> {
        let scratch = self.scratch(&self.name)?;
        let store = self.factory.open(&scratch.table, &scratch.context).await?;
        let drawn = Fingerprint::draw(&self.context.cluster, rand::random());
        let claimed = match store.fingerprint().await? {
            Some(_) => Err(self.in_use()),
            None => match store.init(drawn).await {
                Err(error) if *error.kind() == ErrorKind::Foreign => Err(self.in_use()),
                other => other,
            },
        };
        claimed?;
        self.state.lock().there.insert(0, scratch);
        Ok(())
    }

    /// A place where nothing is yet.
    ///
    /// # Errors
    /// `Cancelled` once they are closed; those of the factory.
    pub(super) async fn fresh(self: &Arc<Self>) -> Result<Place<S>> {
        let (number, scratch) = {
            let mut state = self.state.lock();
            state.check_open()?;
            state.made += 1;
            let number = state.made;
            let scratch = self.scratch(&format!("{}-{number}", self.name))?;
            state.there.insert(number, scratch.clone());
            (number, scratch)
        };
        let store = self.factory.open(&scratch.table, &scratch.context).await?;
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
        self.places.state.lock().check_open()?;
        let context = OpenContext {
            clock: clock.clone(),
            ..self.scratch.context.clone()
        };
        self.places
            .factory
            .open(&self.scratch.table, &context)
            .await
    }

    /// Removes it.
    pub(super) async fn remove(&self) -> Result<()> {
        self.places.remove(self.number).await
    }
}
