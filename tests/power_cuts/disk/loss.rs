use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// What a power cut takes of that which was not synced.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loss {
    /// All of it.
    Everything,
    /// What this seed says: pages survive whole, torn at a sector or not at all, out of order; changes of names up to some
    /// point, or here and there.
    Random(u64),
    /// The same, but changes of names only up to some point, as file systems with a journal do it.
    #[cfg(feature = "rocksdb")]
    InOrder(u64),
}

/// How the changes of names were on their way to the disk when the power went.
pub(super) enum Journal {
    /// As many as this, in order.
    Prefix(usize),
    /// Each by itself.
    Scattered,
}

/// The dice of one cut.
pub(super) struct Dice {
    /// None: nothing survives.
    random: Option<StdRng>,
    scatters: bool,
}

impl Loss {
    pub(super) fn dice(self) -> Dice {
        let (seed, scatters) = match self {
            Self::Everything => (None, false),
            Self::Random(seed) => (Some(seed), true),
            #[cfg(feature = "rocksdb")]
            Self::InOrder(seed) => (Some(seed), false),
        };
        Dice {
            random: seed.map(StdRng::seed_from_u64),
            scatters,
        }
    }
}

impl Dice {
    /// Whether something that was not synced is there all the same.
    pub(super) fn survives(&mut self) -> bool {
        self.random.as_mut().is_some_and(RngExt::random)
    }

    /// Whether a page that was on its way was cut through.
    pub(super) fn tears(&mut self) -> bool {
        self.random
            .as_mut()
            .is_some_and(|random| random.random_ratio(1, 4))
    }

    pub(super) fn journal(&mut self, changes: usize) -> Journal {
        let Some(random) = &mut self.random else {
            return Journal::Prefix(0);
        };
        if !self.scatters || random.random() {
            Journal::Prefix(random.random_range(0..=changes))
        } else {
            Journal::Scattered
        }
    }
}
