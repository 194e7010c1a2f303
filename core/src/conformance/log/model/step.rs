use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::prop_oneof;

/// What may happen to a log. A place in it is said in thousandths of its length, so that a step fits logs of any length.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A new term, so many epochs above the last.
    Promote(u64),
    /// A writer of an epoch that is over.
    PromoteTheOld,
    /// A batch with entries of these sizes.
    Append(Vec<usize>),
    /// The idle mark.
    Mark,
    /// A writer that was shut out appends.
    AppendLate,
    /// A trim through the first place; what is after the second is needed, if given.
    Trim(u16, Option<u16>),
    /// A read from a place on, of so many batches.
    Read(u16, usize),
    /// All handles are closed; the process begins anew.
    Restart,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let place = 0..1000_u16;
    prop_oneof![
        2 => (1..4_u64).prop_map(Step::Promote),
        1 => any::<()>().prop_map(|()| Step::PromoteTheOld),
        8 => vec(0..9000_usize, 1..4).prop_map(Step::Append),
        4 => any::<()>().prop_map(|()| Step::Mark),
        1 => any::<()>().prop_map(|()| Step::AppendLate),
        2 => (place.clone(), proptest::option::of(place.clone()))
            .prop_map(|(through, needed)| Step::Trim(through, needed)),
        3 => (place, 1..20_usize).prop_map(|(after, batches)| Step::Read(after, batches)),
        1 => any::<()>().prop_map(|()| Step::Restart),
    ]
}
