use std::ops::{Bound, RangeBounds};

use super::Fault;
use crate::layers::operation::Operation;

/// When a fault happens.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// `None`: to any operation that it fits.
    pub(super) operation: Option<Operation>,
    pub(super) when: When,
    pub(super) fault: Fault,
}

#[derive(Clone, Debug)]
pub(super) enum When {
    /// At these calls, of those that follow the first `after`.
    Calls {
        after: u64,
        calls: (Bound<u64>, Bound<u64>),
    },
    /// At so many of a thousand calls, picked by the seed.
    PerMille { per_mille: u32, salt: u64 },
}

/// A call as rules see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub(super) operation: Operation,
    /// How many of this operation there were, this one included.
    pub(super) of_operation: u64,
    /// How many of all.
    pub(super) of_all: u64,
}

impl Rule {
    pub(super) fn strikes(&self, seed: u64, call: Counted) -> bool {
        if self.operation.is_some_and(|only| only != call.operation)
            || !self.fault.fits(call.operation)
        {
            return false;
        }
        match &self.when {
            When::Calls { after, calls } => {
                let number = match self.operation {
                    Some(_) => call.of_operation,
                    None => call.of_all,
                };
                number > *after && calls.contains(&(number - after))
            }
            When::PerMille { per_mille, salt } => {
                dice(seed, call, *salt) % 1000 < u64::from(*per_mille)
            }
        }
    }
}

/// A number that depends on nothing but these: what other operations do meanwhile does not change what happens to the
/// n-th call of this one. The mixing is that of `SplitMix64`.
pub(super) fn dice(seed: u64, call: Counted, salt: u64) -> u64 {
    [call.operation as u64, call.of_operation, salt]
        .into_iter()
        .fold(seed, |state, value| {
            let mut mixed = (state ^ value).wrapping_add(0x9e37_79b9_7f4a_7c15);
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        })
}
