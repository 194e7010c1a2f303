//! Stories of the election in a directory: an epoch that was granted is never granted again.

use std::path::PathBuf;
use std::sync::Arc;

use standfast_backends::FileElection;
use standfast_core::{
    Clock, ElectionBackend, Epoch, Leadership, Member, Position, Result, Role, Seq, Store,
    TermRecord,
};

use crate::disk::{Loss, PowerDisk};
use crate::seeds::seeds;
use crate::words::{candidate, cluster};

#[derive(Clone, Copy, Debug)]
enum Call {
    Open,
    Init,
    Campaign,
    Announce,
    Publish,
    Register,
    Reopen,
    Resign,
}

const LIFE: &[Call] = &[
    Call::Open,
    Call::Init,
    Call::Campaign,
    Call::Announce,
    Call::Publish,
    Call::Publish,
    Call::Register,
    Call::Resign,
    Call::Campaign,
    Call::Reopen,
    Call::Announce,
    Call::Publish,
    Call::Register,
    Call::Campaign,
    Call::Announce,
];

/// What the election has answered.
#[derive(Debug, Default)]
struct Promises {
    initialised: bool,
    granted: Epoch,
    announced: Epoch,
    published: Option<TermRecord>,
    resigned: bool,
}

struct User {
    dir: PathBuf,
    election: Option<FileElection>,
    leadership: Option<Box<dyn Leadership>>,
    records: u64,
    promises: Promises,
}

impl User {
    fn new(disk: &PowerDisk) -> Self {
        Self {
            dir: disk.path().join("data/election"),
            election: None,
            leadership: None,
            records: 0,
            promises: Promises::default(),
        }
    }

    fn die(&mut self) {
        self.leadership = None;
        self.election = None;
    }

    fn election(&mut self) -> Result<FileElection> {
        if self.election.is_none() {
            self.election = Some(FileElection::open(&self.dir, Clock::system())?);
        }
        Ok(self.election.clone().unwrap())
    }

    async fn leadership(&mut self) -> Result<&mut Box<dyn Leadership>> {
        if self.leadership.is_none() {
            self.campaign().await?;
        }
        Ok(self.leadership.as_mut().unwrap())
    }

    async fn campaign(&mut self) -> Result<()> {
        self.leadership = None;
        let won = self.election()?.campaign(&candidate(), Epoch(0)).await?;
        self.granted(won.token().epoch);
        self.leadership = Some(won);
        Ok(())
    }

    fn granted(&mut self, epoch: Epoch) {
        assert!(epoch > self.promises.granted, "{epoch} was granted before");
        self.promises.granted = epoch;
        self.promises.resigned = false;
    }

    async fn call(&mut self, call: Call) -> Result<()> {
        match call {
            Call::Open => {
                self.die();
                self.election().map(drop)
            }
            Call::Init => {
                self.election()?.init(cluster()).await?;
                self.promises.initialised = true;
                Ok(())
            }
            Call::Campaign => self.campaign().await,
            Call::Announce => {
                self.leadership().await?.announce().await?;
                self.promises.announced = self.promises.granted;
                Ok(())
            }
            Call::Publish => self.publish().await,
            Call::Register => self.register().await,
            Call::Reopen => {
                let leadership = self.leadership().await?;
                leadership.reopen(Epoch(0)).await?;
                let epoch = leadership.token().epoch;
                self.granted(epoch);
                Ok(())
            }
            Call::Resign => {
                self.leadership().await?;
                self.leadership.take().unwrap().resign(None).await?;
                self.promises.resigned = true;
                Ok(())
            }
        }
    }

    async fn publish(&mut self) -> Result<()> {
        self.records += 1;
        let record = TermRecord {
            epoch: self.leadership().await?.token().epoch,
            in_sync: Vec::new(),
            committed: Position {
                seq: Seq(self.records),
                ..Position::default()
            },
        };
        self.leadership().await?.publish(&record).await?;
        self.promises.published = Some(record);
        Ok(())
    }

    async fn register(&mut self) -> Result<()> {
        let mut member = Member {
            candidate: candidate(),
            role: Role::Standby,
            epoch: Epoch(1),
            applied: Seq(1),
            digest: None,
            version: "1".into(),
        };
        let election = self.election()?;
        let registration = election.register(&member).await?;
        member.applied = Seq(2);
        registration.update(&member).await
    }

    async fn check(&mut self) {
        let election = self.election().unwrap();
        if !self.promises.initialised {
            election.init(cluster()).await.unwrap();
            self.promises.initialised = true;
        }
        assert_eq!(election.fingerprint().await.unwrap(), Some(cluster()));
        assert!(election.epoch().await.unwrap() >= self.promises.granted);
        assert!(election.announced().await.unwrap() >= self.promises.announced);
        let found = election.term_record().await.unwrap();
        let at = |record: &Option<TermRecord>| record.as_ref().map(|r| (r.epoch, r.committed.seq));
        assert!(at(&found) >= at(&self.promises.published), "{found:?}");
        if self.promises.resigned {
            assert_eq!(election.current().await.unwrap(), None);
        }
        // One version or the other: none is half of one.
        election.members().await.unwrap();
        for call in [
            Call::Campaign,
            Call::Announce,
            Call::Publish,
            Call::Register,
        ] {
            self.call(call).await.unwrap();
        }
        self.die();
    }
}

async fn syncs_of_a_life() -> u64 {
    let disk = PowerDisk::mount();
    let mut user = User::new(&disk);
    for call in LIFE {
        user.call(*call).await.unwrap();
    }
    disk.syncs()
}

async fn live_until_an_error(user: &mut User) {
    for call in LIFE {
        if let Err(error) = user.call(*call).await {
            println!("{call:?}: {error}");
            break;
        }
    }
    user.die();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_election_keeps_what_it_granted_when_the_power_goes_before_any_of_its_syncs() {
    for sync in 1..=syncs_of_a_life().await + 1 {
        println!("the power goes before sync {sync}");
        let mut disk = PowerDisk::mount();
        let mut user = User::new(&disk);
        disk.stop_before_sync(sync);
        live_until_an_error(&mut user).await;
        disk.cut(Loss::Everything);
        user.check().await;
        disk.cut(Loss::Everything);
        user.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_election_whose_sync_fails_once_keeps_what_it_granted_after() {
    for sync in 1..=syncs_of_a_life().await {
        println!("sync {sync} fails");
        let mut disk = PowerDisk::mount();
        let mut user = User::new(&disk);
        disk.fail_sync(sync);
        for call in LIFE {
            if let Err(error) = user.call(*call).await {
                println!("{call:?}: {error}");
                user.leadership = None;
                user.call(*call).await.unwrap();
            }
        }
        user.die();
        disk.cut(Loss::Everything);
        user.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_election_survives_cuts_with_whatever_survives_of_the_rest() {
    for seed in seeds().flat_map(|seed| (0..8).map(move |n| seed.wrapping_mul(8) + n)) {
        println!("seed {seed}");
        let mut disk = PowerDisk::mount();
        let mut user = User::new(&disk);
        disk.stop_at(1 + seed.wrapping_mul(7) % 100);
        live_until_an_error(&mut user).await;
        disk.cut(Loss::Random(seed));
        user.check().await;
    }
}

#[tokio::test]
async fn a_probe_of_an_election_whose_disk_syncs_no_more_says_so() {
    let disk = PowerDisk::mount();
    let election = FileElection::open(disk.path(), Clock::system()).unwrap();
    election.init(cluster()).await.unwrap();
    let election: Arc<dyn ElectionBackend> = Arc::new(election);
    election.probe().await.unwrap();
    disk.fail_syncs_from(disk.syncs() + 1);
    assert!(election.probe().await.is_err());
}
