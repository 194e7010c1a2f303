/// Where to look first for room. Only the primary rolls; what comes of it is written into the operation.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new() -> Self {
        Self(rand::random())
    }

    /// A number below `n`; 0 when `n` is 0. (`SplitMix64`: a few cycles, and good enough to spread.)
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let scaled = (u128::from(z) * n as u128) >> 64;
        usize::try_from(scaled).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_below_the_bound_comes_up_and_no_other() {
        let mut dice = Dice::new();
        let mut seen = [false; 7];
        for _ in 0..1000 {
            seen[dice.below(7)] = true;
        }
        assert_eq!(seen, [true; 7], "{dice:?}");
        assert_eq!(dice.below(0), 0);
    }
}
