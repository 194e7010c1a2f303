/// How much room a log takes, as its store counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Bytes that the batches take, with what the store needs around them.
    pub bytes: u64,
    /// How large it may become: at this size the leader takes no more writes. `None` when nobody said.
    pub limit: Option<u64>,
    /// How many more bytes there is room for where it lies; `None` where that is not known.
    pub available: Option<u64>,
}
