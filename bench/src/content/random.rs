//! Random bytes, at the speed of memory.

use anyhow::Result;

/// A generator (xoshiro256++) that begins somewhere else in every run, so that nothing is ever pushed twice.
#[derive(Clone, Debug)]
pub(crate) struct Random([u64; 4]);

impl Random {
    /// One that begins where the system's own generator says.
    ///
    /// # Errors
    /// When the system has none.
    pub(crate) fn new() -> Result<Self> {
        let mut state = [0; 4];
        for word in &mut state {
            *word = getrandom::u64()?;
        }
        Ok(Self(state))
    }

    /// One that gives the same numbers in every run.
    pub(crate) fn seeded(seed: u64) -> Self {
        // splitmix64, as the authors of xoshiro say.
        let mut state = seed;
        Self(std::array::from_fn(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }))
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        let state = &mut self.0;
        let result = state[0].wrapping_add(state[3]).rotate_left(23).wrapping_add(state[0]);
        let shifted = state[1] << 17;
        state[2] ^= state[0];
        state[3] ^= state[1];
        state[1] ^= state[2];
        state[0] ^= state[3];
        state[2] ^= shifted;
        state[3] = state[3].rotate_left(45);
        result
    }

    /// A number below `end`, which must not be 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        // The high half of a product; its bias is beyond measuring for the small numbers asked for.
        u64::try_from((u128::from(self.next()) * u128::from(end)) >> 64).unwrap_or(0)
    }

    /// Random bytes.
    pub(crate) fn bytes(&mut self, size: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(size.next_multiple_of(8));
        while bytes.len() < size {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(size);
        bytes
    }
}

/// A name under `bench/` that was never used before, also where a server's index outlives it.
///
/// # Errors
/// When the system has no random numbers.
pub(crate) fn repository_name(purpose: &str) -> Result<String> {
    Ok(format!("bench/{purpose}-{:08x}", getrandom::u32()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_their_size_and_differ() {
        let mut random = Random::seeded(1);
        assert_eq!(random.bytes(0).len(), 0);
        assert_eq!(random.bytes(13).len(), 13);
        assert_ne!(random.bytes(64), random.bytes(64));
        assert_ne!(Random::new().unwrap().next(), Random::new().unwrap().next());
    }

    #[test]
    fn a_seed_repeats_itself() {
        assert_eq!(Random::seeded(7).bytes(100), Random::seeded(7).bytes(100));
    }

    #[test]
    fn numbers_stay_below_their_end_and_reach_all() {
        let mut random = Random::seeded(3);
        let mut seen = [false; 7];
        for _ in 0..1000 {
            seen[usize::try_from(random.below(7)).unwrap()] = true;
        }
        assert_eq!(seen, [true; 7]);
    }
}
