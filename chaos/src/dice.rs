//! Random numbers from a seed: the same seed, the same choices.

use std::time::Duration;

/// `SplitMix64` (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014): enough to choose whom to kill, and no crate.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Dice that always fall the same way for the same seed.
    #[must_use]
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Dice of its own for somebody who throws at the same time as others: what these do changes nothing there.
    pub(crate) fn split(&mut self) -> Self {
        Self(self.next())
    }

    /// Any number below the limit, which is above zero.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        // The bias is far below what anybody could notice.
        self.next() % limit
    }

    /// True so many times in a hundred.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Any time from one to the other, in whole milliseconds.
    pub(crate) fn between(&mut self, least_millis: u64, most_millis: u64) -> Duration {
        Duration::from_millis(least_millis + self.below(most_millis - least_millis + 1))
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        // The reference implementation's first numbers for the seed 1234567.
        let mut dice = Dice::new(1_234_567);
        assert_eq!(
            [dice.next(), dice.next(), dice.next()],
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn times_stay_between_their_ends() {
        let mut dice = Dice::new(1);
        for _ in 0..1000 {
            let time = dice.between(5, 7);
            assert!((5..=7).contains(&time.as_millis()));
        }
    }
}
