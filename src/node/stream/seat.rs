use std::sync::Arc;

use standfast_core::{
    Error, ErrorKind, LogId, NodeId, OpLogStore, Position, ReadLimit, Result, Seq, TermRecord,
};

/// A node's place among those whose logs hold all that was acknowledged: (node id, log id) in the term record. Whoever has
/// none does not lead, for its log may lack something.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) node: NodeId,
    /// Who leads first, when there is no term record yet.
    pub(crate) founder: NodeId,
    pub(crate) log: Arc<dyn OpLogStore>,
}

/// Whether a node may lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MayLead {
    /// With a log on this disk; the Position is known committed.
    Yes(LogId, Position),
    /// Somebody else may, and why not this node.
    No(String),
}

impl Seat {
    /// Whether this node may lead after what `record` says.
    ///
    /// # Errors
    /// `LogRegressed` when its log lost what the record says is in it; `Unavailable`, `Corrupt`.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    pub(crate) async fn may_lead(&self, record: Option<&TermRecord>) -> Result<MayLead> {
        let id = self.log.log_id().await?;
        let Some(record) = record else {
            return self.may_found(id).await;
        };
        let own = record.in_sync.iter().find(|(node, _)| *node == self.node);
        match own {
            Some((_, seated)) if *seated == id => {}
            Some(_) => {
                return Ok(MayLead::No(
                    "the seat of this node is that of another disk: what it held is not in this log".to_owned(),
                ));
            }
            None => {
                let seated: Vec<_> = record
                    .in_sync
                    .iter()
                    .map(|(node, _)| node.as_str())
                    .collect();
                return Ok(MayLead::No(format!(
                    "this node's log may lack what was acknowledged; it is complete on {}",
                    seated.join(", ")
                )));
            }
        }
        match self.log.read(record.committed, ReadLimit::ONE).await {
            Ok(_) => Ok(MayLead::Yes(id, record.committed)),
            Err(error) => match error.kind() {
                // Trimmed away with what was before.
                ErrorKind::Trimmed { .. } => Ok(MayLead::Yes(id, record.committed)),
                ErrorKind::LogRegressed => Err(error.context(format!(
                    "the election knows that {} was committed by this node's log: put the lost part back",
                    record.committed
                ))),
                _ => Err(error),
            },
        }
    }

    async fn may_found(&self, id: LogId) -> Result<MayLead> {
        if self.node != self.founder {
            return Ok(MayLead::No(format!(
                "nobody has led yet; the first is {}, the [replication] founder",
                self.founder
            )));
        }
        let bounds = self.log.bounds().await?;
        if bounds.tail.seq == Seq::ZERO {
            return Ok(MayLead::Yes(id, bounds.tail));
        }
        Err(Error::new(ErrorKind::LogRegressed, "campaign").context(format!(
            "the election has no term record, but this node's log ends at {}: which log is complete is not known any \
             more; restore the election's store",
            bounds.tail
        )))
    }
}

#[cfg(test)]
mod tests {
    use standfast_backends::FileOpLog;
    use standfast_core::{ByteSize, Chain, ClusterId, Epoch, FenceToken, Fingerprint, Store};

    use super::*;

    fn node(name: &str) -> NodeId {
        NodeId::new(name).unwrap()
    }

    async fn seat(dir: &std::path::Path, name: &str) -> Seat {
        let log = FileOpLog::open(dir, ByteSize::mib(1)).unwrap();
        let cluster = Fingerprint::draw(&ClusterId::new("test").unwrap(), [3; 16]);
        log.init(cluster).await.unwrap();
        Seat {
            node: node(name),
            founder: node("a"),
            log: Arc::new(log),
        }
    }

    /// Where a log begins that is not empty.
    async fn fill(seat: &Seat) -> Position {
        let cluster = seat.log.fingerprint().await.unwrap().unwrap();
        let token = FenceToken {
            cluster,
            epoch: Epoch(3),
            holder: seat.node.clone(),
            nonce: 1,
            proof: String::new(),
        };
        let position = Position {
            epoch: Epoch(2),
            seq: Seq(9),
            chain: Chain::of(b"x"),
        };
        seat.log.begin_at(&token, position).await.unwrap();
        position
    }

    fn record(name: &str, id: LogId, committed: Position) -> TermRecord {
        TermRecord {
            epoch: Epoch(3),
            in_sync: vec![(node(name), id)],
            committed,
        }
    }

    async fn refused(seat: &Seat, record: &TermRecord) -> String {
        match seat.may_lead(Some(record)).await.unwrap() {
            MayLead::No(why) => why,
            MayLead::Yes(..) => panic!("it may lead"),
        }
    }

    #[tokio::test]
    async fn first_leads_the_founder_and_only_with_an_empty_log() {
        let dir = tempfile::tempdir().unwrap();
        let other = seat(dir.path(), "b").await;
        let told = other.may_lead(None).await.unwrap();
        assert!(matches!(told, MayLead::No(why) if why.contains("the first is a")));
        let founder = seat(dir.path(), "a").await;
        let told = founder.may_lead(None).await.unwrap();
        assert!(matches!(told, MayLead::Yes(_, at) if at.seq == Seq::ZERO));
        fill(&founder).await;
        let told = founder.may_lead(None).await.unwrap_err();
        assert_eq!(*told.kind(), ErrorKind::LogRegressed);
    }

    #[tokio::test]
    async fn a_seat_is_of_one_node_one_disk_and_what_was_committed_there() {
        let dir = tempfile::tempdir().unwrap();
        let seat = seat(dir.path(), "b").await;
        let (held, id) = (fill(&seat).await, seat.log.log_id().await.unwrap());
        let told = seat.may_lead(Some(&record("b", id, held))).await.unwrap();
        assert_eq!(told, MayLead::Yes(id, held));
        let why = refused(&seat, &record("a", id, held)).await;
        assert!(why.contains("it is complete on a"), "{why}");
        let why = refused(&seat, &record("b", LogId(id.0 ^ 1), held)).await;
        assert!(why.contains("another disk"), "{why}");
        let beyond = Position {
            seq: Seq(10),
            ..held
        };
        let lost = seat.may_lead(Some(&record("b", id, beyond))).await;
        assert_eq!(*lost.unwrap_err().kind(), ErrorKind::LogRegressed);
    }
}
