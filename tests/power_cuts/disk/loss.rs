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
}

/// How the changes of names were on their way to the disk when the power went.
pub(super) enum Journal {
    /// As many as this, in order.
    Prefix(usize),
    /// Each by itself.
    Scattered,
}

/// The dice of one cut.
pub(super) struct Dice(Option<StdRng>);

impl Loss {
    pub(super) fn dice(self) -> Dice {
        match self {
            Self::Everything => Dice(None),
            Self::Random(seed) => Dice(Some(StdRng::seed_from_u64(seed))),
        }
    }
}

impl Dice {
    /// Whether something that was not synced is there all the same.
    pub(super) fn survives(&mut self) -> bool {
        self.0.as_mut().is_some_and(RngExt::random)
    }

    /// Whether a page that was on its way was cut through.
    pub(super) fn tears(&mut self) -> bool {
        self.0
            .as_mut()
            .is_some_and(|random| random.random_ratio(1, 4))
    }

    pub(super) fn journal(&mut self, changes: usize) -> Journal {
        let Some(random) = &mut self.0 else {
            return Journal::Prefix(0);
        };
        if random.random() {
            Journal::Prefix(random.random_range(0..=changes))
        } else {
            Journal::Scattered
        }
    }
}
