use std::time::Duration;

use standfast_core::{Clock, Command, Proposer, RequestHeader, RequestId};
use standfast_master::TermHandle;
use standfast_metadata::{Call, ClientId, Placement, Target};

use super::fill::{SIZE, key};
use crate::command::Failure;

/// Objects a call.
const BATCH: u64 = 64;
/// Longest that a call may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Beyond what the client asked when the state was filled.
const FIRST_REQUEST: u64 = 1 << 40;

/// Puts objects of the numbers from `first` on, until about so many entries were logged: two an object.
pub(super) async fn entries(
    term: &TermHandle,
    client: ClientId,
    first: u64,
    entries: u64,
) -> Result<(), Failure> {
    let after = first + entries / 2;
    let mut caller = Caller {
        term,
        client,
        clock: Clock::system(),
        request: FIRST_REQUEST,
    };
    for from in (first..after).step_by(usize::try_from(BATCH)?) {
        let numbers = from..after.min(from + BATCH);
        let targets = numbers.map(|number| Target::new(b"", key(number).as_bytes()));
        let targets: Vec<_> = targets.collect();
        caller
            .call(Call::PutStart {
                objects: targets
                    .iter()
                    .map(|target| (target.clone(), SIZE))
                    .collect(),
                placement: Placement::default(),
            })
            .await?;
        let ends = targets.into_iter().map(|target| (target, None));
        caller.call(Call::PutEnd(ends.collect())).await?;
    }
    Ok(())
}

struct Caller<'a> {
    term: &'a TermHandle,
    client: ClientId,
    clock: Clock,
    request: u64,
}

impl Caller<'_> {
    async fn call(&mut self, call: Call) -> Result<(), Failure> {
        self.request += 1;
        let header = RequestHeader {
            session: self.client.session(),
            request: RequestId(self.request),
            answered: RequestId(self.request - 1),
            first_item: 0,
        };
        let items = u32::try_from(call.items())?;
        let deadline = self.clock.now().plus(PATIENCE);
        let command = Command::new(header, items, call);
        for outcome in self.term.propose(command, deadline).await? {
            outcome.map_err(|refusal| refusal.message.into_owned())?;
        }
        Ok(())
    }
}
