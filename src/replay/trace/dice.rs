/// Numbers that look random and depend on the seed alone, on every machine and in every version (`SplitMix64`).
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of `0..n`; 0 when `n` is 0.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(n);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// One of `0..n`, small ones far more often.
    pub(super) fn skewed(&mut self, n: u64) -> u64 {
        let upper = self.below(n) + 1;
        let upper = self.below(upper) + 1;
        self.below(upper.min(n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same() {
        let mut dice = Dice::new(7);
        let thrown = [dice.below(1000), dice.below(1000), dice.below(1000)];
        let mut again = Dice::new(7);
        assert_eq!(
            thrown,
            [again.below(1000), again.below(1000), again.below(1000)]
        );
        assert!((0..1000).all(|_| again.skewed(9) < 9));
        assert_eq!(again.below(0), 0);
    }
}
