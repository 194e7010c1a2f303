use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::*;
use crate::*;

#[derive(Debug)]
struct Accounts;

#[derive(Debug, Serialize, Deserialize)]
enum Op {
    Deposit(u64),
    Close,
}

#[derive(Debug)]
enum Ask {
    Deposit(&'static str, u64),
    Close(&'static str),
}

impl Application for Accounts {
    type Key = String;
    type Row = u64;
    type Op = Op;
    type Command = Ask;
    type Reply = u64;
    type Query = String;
    type Answer = Option<u64>;

    fn decide(
        &self,
        rows: &Rows<'_, Self>,
        _now_ms: u64,
        command: &Ask,
    ) -> Result<Change<Self>, Refusal> {
        match command {
            Ask::Deposit(name, 0) => Ok(Change::nothing(
                rows.get(&(*name).to_owned()).copied().unwrap_or(0),
            )),
            Ask::Deposit(name, sum) => Ok(Change::commit((*name).to_owned(), Op::Deposit(*sum))),
            Ask::Close(name) if rows.get(&(*name).to_owned()).is_none() => Err(Refusal {
                code: 1,
                message: "no such account".into(),
            }),
            Ask::Close(name) => Ok(Change::commit((*name).to_owned(), Op::Close)),
        }
    }

    fn apply(rows: &mut RowsMut<'_, '_, Self>, _now_ms: u64, key: String, op: Op) -> u64 {
        match op {
            Op::Deposit(sum) => {
                let sum = rows.get(&key).copied().unwrap_or(0) + sum;
                rows.insert(key, sum);
                sum
            }
            Op::Close => rows.remove(&key).unwrap_or(0),
        }
    }

    fn query(&self, rows: &Rows<'_, Self>, _now_ms: u64, query: &String) -> Option<u64> {
        rows.get(query).copied()
    }
}

fn machine() -> Machine {
    let cluster = Fingerprint::draw(&ClusterId::new("t").unwrap(), [1; 16]);
    Machine::genesis(cluster, Box::new(Typed::new(|| Accounts)), Clock::manual())
}

/// Decides and applies, as a primary does; gives the reply.
fn run(machine: &mut Machine, ask: Ask) -> Result<u64, Refusal> {
    let command = Command::new(RequestHeader::default(), 1, ask);
    match machine.consider(&command, 0, 5) {
        Considered::Refused { refusal, .. } => Err(refusal),
        Considered::Decided { decision, .. } => {
            let mut reply = decision.unchanged;
            for op in decision.ops {
                let entry = Entry {
                    seq: machine.applied().next(),
                    timestamp_ms: 5,
                    op_type: op.op_type,
                    id: EntryId::default(),
                    key: op.key.into(),
                    payload: op.payload.into(),
                };
                reply = machine.apply(&entry).unwrap();
            }
            Ok(Typed::<Accounts>::read_reply(&reply).unwrap())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn commands_become_operations_and_replies() {
    let mut machine = machine();
    assert_eq!(run(&mut machine, Ask::Deposit("a", 5)), Ok(5));
    assert_eq!(run(&mut machine, Ask::Deposit("a", 2)), Ok(7));
    assert_eq!(run(&mut machine, Ask::Deposit("a", 0)), Ok(7));
    assert_eq!(run(&mut machine, Ask::Close("a")), Ok(7));
    assert_eq!(run(&mut machine, Ask::Close("a")).unwrap_err().code, 1);
    assert_eq!(machine.rows(), 0);
    assert_eq!(machine.digest(), Digest::default());
}

#[test]
fn an_answer_waits_for_the_row_it_looked_at() {
    let mut machine = machine();
    run(&mut machine, Ask::Deposit("a", 5)).unwrap();
    let question: Box<dyn std::any::Any + Send + Sync> = Box::new("a".to_owned());
    let (answer, wait) = machine.query(&*question);
    assert_eq!(
        *answer.downcast::<Option<Option<u64>>>().unwrap(),
        Some(Some(5))
    );
    assert_eq!(wait, Seq(1));
}

#[test]
fn an_operation_that_cannot_be_decoded_stops_with_its_seq_and_changes_nothing() {
    let mut machine = machine();
    run(&mut machine, Ask::Deposit("a", 5)).unwrap();
    let before = machine.digest();
    let entry = Entry {
        seq: Seq(2),
        timestamp_ms: 5,
        op_type: OpType::FIRST_OF_SERVICE,
        id: EntryId::default(),
        key: vec![1, b'a'].into(),
        payload: vec![99].into(),
    };
    let error = machine.apply(&entry).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Corrupt);
    assert!(
        error.to_string().contains("entry 2") && error.to_string().contains("63"),
        "{error}"
    );
    assert_eq!((machine.digest(), machine.applied()), (before, Seq(1)));
}

#[test]
fn a_command_of_another_service_is_refused() {
    let mut machine = machine();
    let command = Command {
        body: Arc::new(7_u8),
        ..Command::new(RequestHeader::default(), 1, 0_u8)
    };
    assert!(matches!(
        machine.consider(&command, 0, 5),
        Considered::Refused { .. }
    ));
}

#[test]
fn rows_of_a_snapshot_add_up_to_the_digest_and_one_in_another_section_is_damage() {
    let mut machine = machine();
    run(&mut machine, Ask::Deposit("a", 5)).unwrap();
    let shadow = machine.service().begin_restore();
    let rows = rows::encode(&vec![("a".to_owned(), 5_u64)]);
    let bucket = rows::bucket_of(&"a".to_owned());
    let sum = shadow.digest_rows(Section::of_bucket(bucket), &rows);
    assert_eq!(sum.unwrap(), Some(machine.digest()));
    let other = Section::of_bucket(Bucket::at(bucket.index() + 1));
    let error = shadow.digest_rows(other, &rows).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Corrupt, "{error}");
}
