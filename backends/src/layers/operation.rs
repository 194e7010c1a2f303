use standfast_core::{Error, ErrorKind};

/// What a call does to its store, and so what a layer may do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Changes nothing.
    Reads,
    /// Changes nothing that counts, and waits for as long as nothing happens.
    Waits,
    /// May or may not have happened when its answer is lost; its contract says: call again.
    Repeats,
    /// The same, but the caller's logic decides what comes next.
    Once,
    /// In doubt when its answer is lost, and its contract has a kind for that: `Indeterminate`.
    InDoubt,
}

impl Effect {
    /// Whether a layer may make the call again by itself (R3).
    pub const fn may_be_repeated(self) -> bool {
        matches!(self, Self::Reads | Self::Waits | Self::Repeats)
    }

    /// What the caller is told when the call was made and its answer is lost.
    pub const fn lost_answer(self) -> ErrorKind {
        match self {
            Self::InDoubt => ErrorKind::Indeterminate,
            Self::Reads | Self::Waits | Self::Repeats | Self::Once => ErrorKind::Unavailable,
        }
    }

    /// What the caller is told when no answer came in time.
    pub const fn timed_out(self) -> ErrorKind {
        match self {
            Self::Reads => ErrorKind::Timeout,
            other => other.lost_answer(),
        }
    }
}

/// One line for each method of the three contracts that asks the store for something.
macro_rules! operations {
    ($($variant:ident = $name:literal, $effect:ident;)+) => {
        /// A method of one of the three contracts, or of what a store hands out.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Operation {
            $(#[doc = concat!("`", $name, "`")] $variant,)+
        }

        impl Operation {
            /// All there are, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name, as in metrics.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What it does to the store.
            pub const fn effect(self) -> Effect {
                match self { $(Self::$variant => Effect::$effect,)+ }
            }
        }
    };
}

operations! {
    // Store
    Fingerprint = "fingerprint", Reads;
    Init = "init", Repeats;
    Probe = "probe", Reads;
    Servers = "servers", Reads;
    // OpLogStore
    Bounds = "bounds", Reads;
    Usage = "usage", Reads;
    OpenWriter = "open_writer", Repeats;
    BeginAt = "begin_at", Repeats;
    Skip = "skip", Repeats;
    Skips = "skips", Reads;
    OpenFollower = "open_follower", Repeats;
    LogId = "log_id", Repeats;
    Read = "read", Reads;
    Tail = "tail", Reads;
    Trim = "trim", Repeats;
    // OpLogWriter. Its term may be over by the time of a second try: the master decides.
    Settled = "settled", Reads;
    Append = "append", InDoubt;
    MarkCommitted = "mark_committed", Once;
    Close = "close", Once;
    // FollowerWriter
    AppendVerbatim = "append_verbatim", InDoubt;
    SyncFollower = "sync_follower", InDoubt;
    CutAfter = "cut_after", InDoubt;
    // OpLogTail
    NextEvent = "next_event", Waits;
    // SnapshotStore
    Newest = "newest", Reads;
    Begin = "begin", Reads;
    Propose = "propose", Repeats;
    Proposals = "proposals", Reads;
    Attest = "attest", Repeats;
    Attested = "attested", Reads;
    WinEntry = "win_entry", Repeats;
    Open = "open", Reads;
    Verify = "verify", Reads;
    Pin = "pin", Repeats;
    Unpin = "unpin", Repeats;
    Pins = "pins", Reads;
    Collect = "collect", Repeats;
    // SnapshotUpload, SnapshotReader
    PutPart = "put_part", Repeats;
    ReadPart = "read_part", Reads;
    // ElectionBackend. A second `register` or `depose` may meet what the first has done.
    Campaign = "campaign", Waits;
    Current = "current", Reads;
    Epoch = "epoch", Reads;
    Announced = "announced", Reads;
    TermRecord = "term_record", Reads;
    Observe = "observe", Reads;
    Members = "members", Reads;
    Register = "register", Once;
    Depose = "depose", Once;
    // ElectionWatch, Registration
    NextLeader = "next_leader", Waits;
    Update = "update", Repeats;
    // Leadership. A second `reopen` would claim one epoch more.
    Confirm = "confirm", Reads;
    Announce = "announce", Repeats;
    Publish = "publish", InDoubt;
    Reopen = "reopen", Once;
    Resign = "resign", Once;
}

impl Operation {
    /// An error of a layer.
    pub(super) fn error(self, kind: ErrorKind) -> Error {
        Error::new(kind, self.name().replace('_', " "))
    }
}
