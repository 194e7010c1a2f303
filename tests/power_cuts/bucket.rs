//! Stories of a bucket in files: a snapshot that is listed is whole, and an entry that was won stays won.

use std::path::PathBuf;

use standfast_backends::bucket::BucketSnapshotStore;
use standfast_core::{
    ATTESTATION_FORMAT, Attestation, CATALOG_FORMAT, CatalogEntry, Digest, Epoch, Listed,
    MANIFEST_COMPLETE, Manifest, Position, Result, Section, Seq, SnapshotId, SnapshotStore, Store,
    Won,
};

use crate::disk::{Loss, PowerDisk};
use crate::seeds::seeds;
use crate::words::{VERSIONS, cluster, node, token};

#[derive(Clone, Copy, Debug)]
enum Call {
    Open,
    Init,
    Propose,
    Attest,
    Win,
    Pin,
}

const LIFE: &[Call] = &[
    Call::Open,
    Call::Init,
    Call::Propose,
    Call::Attest,
    Call::Win,
    Call::Pin,
    Call::Open,
    Call::Propose,
    Call::Propose,
    Call::Win,
    Call::Attest,
    Call::Win,
];

#[derive(Debug, Default)]
struct Promises {
    initialised: bool,
    proposed: Vec<Manifest>,
    attested: Vec<SnapshotId>,
    pinned: Vec<SnapshotId>,
    won: Option<CatalogEntry>,
}

struct User {
    dir: PathBuf,
    bucket: Option<BucketSnapshotStore>,
    seq: u64,
    promises: Promises,
}

impl User {
    fn new(disk: &PowerDisk) -> Self {
        Self {
            dir: disk.path().join("some/folder/bucket"),
            bucket: None,
            seq: 0,
            promises: Promises::default(),
        }
    }

    async fn bucket(&mut self) -> Result<&BucketSnapshotStore> {
        if self.bucket.is_none() {
            self.bucket = Some(BucketSnapshotStore::open(&self.dir, "c").await?);
        }
        Ok(self.bucket.as_ref().unwrap())
    }

    async fn call(&mut self, call: Call) -> Result<()> {
        match call {
            Call::Open => {
                self.bucket = None;
                self.bucket().await.map(drop)
            }
            Call::Init => {
                self.bucket().await?.init(cluster()).await?;
                self.promises.initialised = true;
                Ok(())
            }
            Call::Propose => self.propose().await,
            Call::Attest => self.attest().await,
            Call::Win => self.win().await,
            Call::Pin => {
                let Some(id) = self.last() else { return Ok(()) };
                self.bucket().await?.pin(&id, Seq(1), "a").await?;
                self.promises.pinned.push(id);
                Ok(())
            }
        }
    }

    fn last(&self) -> Option<SnapshotId> {
        self.promises.proposed.last().map(|last| last.id.clone())
    }

    async fn propose(&mut self) -> Result<()> {
        self.seq += 1;
        let seq = self.seq;
        let upload = self.bucket().await?.begin().await?;
        let mut parts = Vec::new();
        for n in 0..2 {
            let sections = (Section::GLOBALS, Section::GLOBALS);
            let bytes = format!("part {n} of {seq}").repeat(1000).into();
            parts.push(upload.put_part(bytes, seq, sections).await?);
        }
        let manifest = Manifest {
            format: MANIFEST_COMPLETE,
            cluster: cluster(),
            id: SnapshotId::new(Seq(seq), upload.id().random),
            position: Position {
                epoch: Epoch(1),
                seq: Seq(seq),
                ..Position::default()
            },
            producer: node(),
            created_ms: 1_700_000_000_000,
            stamp_ms: 1_700_000_000_001,
            digest: Digest(seq.into()),
            versions: VERSIONS,
            parts,
            base: None,
            layers: Vec::new(),
        };
        self.bucket().await?.propose(&manifest).await?;
        self.promises.proposed.push(manifest);
        Ok(())
    }

    async fn attest(&mut self) -> Result<()> {
        let Some(id) = self.last() else { return Ok(()) };
        let attestation = Attestation {
            format: ATTESTATION_FORMAT,
            cluster: cluster(),
            snapshot: id.clone(),
            holder: node(),
            digest: Digest(1),
        };
        self.bucket().await?.attest(&attestation).await?;
        self.promises.attested.push(id);
        Ok(())
    }

    async fn win(&mut self) -> Result<()> {
        let newest = self.bucket().await?.newest().await?;
        let token = token(Epoch(1));
        let listed = self.promises.proposed.iter().map(|manifest| Listed {
            id: manifest.id.clone(),
            position: manifest.position,
            digest: manifest.digest,
            verified: false,
            created_ms: manifest.created_ms,
            bytes: manifest.bytes(),
            rows: manifest.rows(),
        });
        let next = CatalogEntry {
            format: CATALOG_FORMAT,
            cluster: cluster(),
            number: newest.as_ref().map_or(1, |newest| newest.number + 1),
            previous: String::new(),
            epoch: token.epoch,
            writer: token.holder.clone(),
            nonce: format!("{:x}", token.nonce),
            oldest_upload: 0,
            snapshots: listed.collect(),
            complete: false,
            retired: Vec::new(),
        };
        if let Won::Yes(entry) = self.bucket().await?.win_entry(&token, next).await? {
            self.promises.won = Some(*entry);
        }
        Ok(())
    }

    /// Compares what was promised, then goes on as before.
    async fn check(&mut self) {
        self.bucket = None;
        if !self.promises.initialised {
            self.call(Call::Init).await.unwrap();
        }
        let found = self.bucket().await.unwrap().fingerprint().await.unwrap();
        assert_eq!(found, Some(cluster()));
        self.check_snapshots().await;
        for call in [Call::Propose, Call::Attest, Call::Win, Call::Pin] {
            self.call(call).await.unwrap();
        }
        self.bucket = None;
    }

    async fn check_snapshots(&mut self) {
        self.bucket().await.unwrap();
        let bucket = self.bucket.as_ref().unwrap();
        let promises = &self.promises;
        let newest = bucket.newest().await.unwrap();
        if let Some(won) = &promises.won {
            let newest = newest.as_ref().expect("an entry was won");
            assert!(newest.number >= won.number, "{newest:?} {won:?}");
            assert!(newest.number > won.number || newest == won, "{newest:?}");
        }
        for listed in newest.iter().flat_map(|newest| &newest.snapshots) {
            bucket.verify(&listed.id).await.unwrap();
        }
        for manifest in &promises.proposed {
            assert!(bucket.proposals().await.unwrap().contains(&manifest.id));
            let reader = bucket.open(&manifest.id).await.unwrap();
            for part in &manifest.parts {
                reader.read_part(part).await.unwrap();
            }
        }
        for id in &promises.attested {
            assert!(bucket.attested(id).await.unwrap().is_some(), "{id}");
        }
        let pins = bucket.pins().await.unwrap();
        for id in &promises.pinned {
            assert!(pins.iter().any(|pin| pin.snapshot == *id), "{id}");
        }
    }
}

async fn live_until_an_error(user: &mut User) {
    for call in LIFE {
        if let Err(error) = user.call(*call).await {
            println!("{call:?}: {error}");
            break;
        }
    }
    user.bucket = None;
}

async fn syncs_of_a_life() -> u64 {
    let disk = PowerDisk::mount();
    let mut user = User::new(&disk);
    for call in LIFE {
        user.call(*call).await.unwrap();
    }
    disk.syncs()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_keeps_what_it_took_when_the_power_goes_before_any_of_its_syncs() {
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
async fn a_bucket_whose_sync_fails_once_keeps_what_it_took_after() {
    for sync in 1..=syncs_of_a_life().await {
        println!("sync {sync} fails");
        let mut disk = PowerDisk::mount();
        let mut user = User::new(&disk);
        disk.fail_sync(sync);
        for call in LIFE {
            if let Err(error) = user.call(*call).await {
                println!("{call:?}: {error}");
                user.call(*call).await.unwrap();
            }
        }
        disk.cut(Loss::Everything);
        user.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_survives_cuts_with_whatever_survives_of_the_rest() {
    for seed in seeds().flat_map(|seed| (0..8).map(move |n| seed.wrapping_mul(8) + n)) {
        println!("seed {seed}");
        let mut disk = PowerDisk::mount();
        let mut user = User::new(&disk);
        disk.stop_at(1 + seed.wrapping_mul(11) % 150);
        live_until_an_error(&mut user).await;
        disk.cut(Loss::Random(seed));
        user.check().await;
    }
}
