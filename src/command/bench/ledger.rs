use std::time::Duration;

use standfast_core::{
    Application, Change, Clock, Command, Proposer, Refusal, RequestHeader, Rows, RowsMut, Typed,
};
use standfast_master::TermHandle;

use crate::command::Failure;

/// Payload of a write: with its frame an entry has about 200 bytes.
const PAYLOAD: usize = 190;
/// Longest that a write may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A service that counts writes: a row a producer, and one for all of them.
///
/// Every write is one entry, and nothing else is logged: the count that it answers tells the Seq of the entry.
#[derive(Debug)]
pub(super) struct Ledger;

/// The row that counts all.
const ALL: u64 = u64::MAX;

impl Application for Ledger {
    type Key = u64;
    type Row = u64;
    type Op = String;
    type Command = u64;
    type Reply = u64;
    type Query = u64;
    type Answer = u64;

    fn decide(&self, _: &Rows<'_, Self>, _: u64, command: &u64) -> Result<Change<Self>, Refusal> {
        Ok(Change::commit(*command, "x".repeat(PAYLOAD)))
    }

    fn apply(rows: &mut RowsMut<'_, '_, Self>, _: u64, key: u64, _: String) -> u64 {
        let mut count = |row| {
            let counted = rows.get(&row).copied().unwrap_or(0) + 1;
            rows.insert(row, counted);
            counted
        };
        count(key);
        count(ALL)
    }

    fn query(&self, rows: &Rows<'_, Self>, _: u64, query: &u64) -> u64 {
        rows.get(query).copied().unwrap_or(0)
    }
}

/// Writes once, and returns how many writes there were by then.
///
/// # Errors
/// What the term says; the benchmark is worth nothing then.
pub(super) async fn write_once(
    term: &TermHandle,
    clock: &Clock,
    producer: u64,
) -> Result<u64, Failure> {
    let deadline = clock.now().plus(PATIENCE);
    let command = Command::new(RequestHeader::default(), 1, producer);
    let outcomes = term.propose(command, deadline).await?;
    let outcome = outcomes.into_iter().next().ok_or("no outcome")?;
    let reply = outcome.map_err(|refusal| refusal.message.into_owned())?;
    Ok(Typed::<Ledger>::read_reply(&reply)?)
}
