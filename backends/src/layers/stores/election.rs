use std::sync::Arc;

use async_trait::async_trait;
use standfast_core::{
    Candidate, ElectionBackend, ElectionCapabilities, ElectionWatch, Epoch, LeaderRecord,
    Leadership, Member, Registration, Result, TermRecord,
};

use super::forward_store;
use super::leadership::LayeredLeadership;
use crate::layers::layer::{Layer, call};

/// An election with a layer around it.
#[derive(Debug)]
pub(in crate::layers) struct LayeredElection<L> {
    layer: L,
    inner: Arc<dyn ElectionBackend>,
}

impl<L: Layer> LayeredElection<L> {
    pub(in crate::layers) const fn new(layer: L, inner: Arc<dyn ElectionBackend>) -> Self {
        Self { layer, inner }
    }
}

forward_store!(LayeredElection);

#[async_trait]
impl<L: Layer> ElectionBackend for LayeredElection<L> {
    fn capabilities(&self) -> ElectionCapabilities {
        self.inner.capabilities()
    }

    async fn campaign(
        &self,
        candidate: &Candidate,
        at_least: Epoch,
    ) -> Result<Box<dyn Leadership>> {
        let inner = call!(self, Campaign, self.inner.campaign(candidate, at_least))?;
        Ok(Box::new(LayeredLeadership::new(self.layer.clone(), inner)))
    }

    async fn current(&self) -> Result<Option<LeaderRecord>> {
        call!(self, Current, self.inner.current())
    }

    async fn epoch(&self) -> Result<Epoch> {
        call!(self, Epoch, self.inner.epoch())
    }

    async fn announced(&self) -> Result<Epoch> {
        call!(self, Announced, self.inner.announced())
    }

    async fn term_record(&self) -> Result<Option<TermRecord>> {
        call!(self, TermRecord, self.inner.term_record())
    }

    async fn observe(&self) -> Result<Box<dyn ElectionWatch>> {
        let inner = call!(self, Observe, self.inner.observe())?;
        let layer = self.layer.clone();
        Ok(Box::new(LayeredWatch { layer, inner }))
    }

    async fn members(&self) -> Result<Vec<Member>> {
        call!(self, Members, self.inner.members())
    }

    async fn register(&self, member: &Member) -> Result<Box<dyn Registration>> {
        let inner = call!(self, Register, self.inner.register(member))?;
        let layer = self.layer.clone();
        Ok(Box::new(LayeredRegistration { layer, inner }))
    }

    async fn depose(&self, expected: Epoch) -> Result<()> {
        call!(self, Depose, self.inner.depose(expected))
    }
}

/// A watch with a layer around it.
struct LayeredWatch<L> {
    layer: L,
    inner: Box<dyn ElectionWatch>,
}

#[async_trait]
impl<L: Layer> ElectionWatch for LayeredWatch<L> {
    async fn next(&mut self) -> Result<Option<LeaderRecord>> {
        call!(self, NextLeader, self.inner.next())
    }
}

/// A registration with a layer around it.
struct LayeredRegistration<L> {
    layer: L,
    inner: Box<dyn Registration>,
}

#[async_trait]
impl<L: Layer> Registration for LayeredRegistration<L> {
    async fn update(&self, member: &Member) -> Result<()> {
        call!(self, Update, self.inner.update(member))
    }
}
