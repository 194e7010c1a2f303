use async_trait::async_trait;

use super::election_space::MemoryElectionSpace;
use super::error::error;
use standfast_core::{ErrorKind, Member, NodeId, Registration, Result};

/// A node's entry; gone when dropped.
#[derive(Debug)]
pub(super) struct MemoryRegistration {
    space: MemoryElectionSpace,
    id: u128,
    node: NodeId,
}

impl MemoryRegistration {
    pub(super) fn new(space: MemoryElectionSpace, member: &Member) -> Result<Self> {
        let id = rand::random();
        space.change(|state| state.register(id, member))?;
        Ok(Self {
            space,
            id,
            node: member.candidate.node.clone(),
        })
    }
}

#[async_trait]
impl Registration for MemoryRegistration {
    async fn update(&self, member: &Member) -> Result<()> {
        if member.candidate.node != self.node {
            return Err(error(ErrorKind::Invalid, "update member").context(format!(
                "the entry is of node `{}`, not `{}`",
                self.node, member.candidate.node
            )));
        }
        self.space.change(|state| state.register(self.id, member))
    }
}

impl Drop for MemoryRegistration {
    fn drop(&mut self) {
        self.space.release(|state| state.unregister(self.id));
    }
}
