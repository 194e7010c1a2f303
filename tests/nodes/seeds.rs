//! The seeds of random stories: a few in `make test`, many in `make soak`.

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|error| panic!("{variable} = {text}: {error}"))
    })
}

/// `STANDFAST_SEED`, 1 unless it is set: the first seed of each story.
pub(crate) fn first() -> u64 {
    number("STANDFAST_SEED", 1)
}

/// `STANDFAST_SEEDS` seeds, 2 unless it is set, from [`first`] on.
pub(crate) fn seeds() -> impl Iterator<Item = u64> {
    (0..number("STANDFAST_SEEDS", 2)).map(|n| first().wrapping_add(n))
}
