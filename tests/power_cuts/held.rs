//! A writer of the file log is held at every single call to its disk while another leads, and loses every answer once.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use standfast_backends::FileOpLog;
use standfast_core::conformance::{
    Case, Kind, Log, LogHarness, LogSpace, Plan, Verdict, Wired, run_case, run_twin,
};
use standfast_core::{ByteSize, OpLogStore, Result};

use crate::disk::{Door, PowerDisk};
use crate::seeds;

/// Small segments, so that a term has several.
const SEGMENT: ByteSize = ByteSize(4 << 10);

/// Each handle has a door of its own.
#[derive(Debug)]
struct Disks;

#[derive(Debug)]
struct Space {
    // The doors go before the disk.
    doors: Mutex<Vec<Door>>,
    disk: PowerDisk,
}

impl Space {
    fn enter(&self) -> Result<Wired> {
        let door = self.disk.door();
        let store = FileOpLog::open(door.path(), SEGMENT)?;
        let wire = Arc::clone(door.gate());
        self.doors.lock().unwrap().push(door);
        Ok(Wired {
            store: Arc::new(store),
            wire,
        })
    }
}

#[async_trait]
impl LogHarness for Disks {
    async fn space(&self) -> Result<Box<dyn LogSpace>> {
        Ok(Box::new(Space {
            doors: Mutex::default(),
            disk: PowerDisk::mount(),
        }))
    }
}

#[async_trait]
impl LogSpace for Space {
    async fn open(&self) -> Result<Arc<dyn OpLogStore>> {
        Ok(self.enter()?.store)
    }

    async fn open_wired(&self) -> Result<Option<Wired>> {
        self.enter().map(Some)
    }

    async fn remove(&self) -> Result<()> {
        self.doors.lock().unwrap().clear();
        Ok(())
    }
}

fn case(name: &str) -> Case<Log> {
    let mut cases = Log::cases().into_iter();
    cases.find(|case| case.name == name).expect("it is there")
}

fn passes_and_its_twin_does_not(name: &str) {
    let harness: Arc<dyn LogHarness> = Arc::new(Disks);
    let plan = Plan {
        seed: seeds::first(),
        patience: std::time::Duration::from_mins(10),
        ..Plan::default()
    };
    let row = run_case::<Log>(&harness, &case(name), &plan);
    assert_eq!(row.verdict, Verdict::Passed, "{}", row.verdict);
    let failure = run_twin::<Log>(&harness, &case(name), &plan);
    assert!(failure.is_ok(), "{failure:?}");
}

/// A test for each of these cases and its twin.
macro_rules! cases {
    (holds: $($case:ident),+;) => {
        $(
            #[test]
            fn $case() {
                passes_and_its_twin_does_not(stringify!($case));
            }
        )+
    };
}

cases!(holds:
    h01_a_writer_held_between_any_two_calls_loses_nothing_it_acknowledges,
    h02_a_writer_held_while_its_successor_trims_past_it_leaves_no_trace,
    h03_a_lost_answer_at_any_call_is_no_lost_entry,
    h10_a_trim_cut_at_any_call_is_done_by_the_next;
);
