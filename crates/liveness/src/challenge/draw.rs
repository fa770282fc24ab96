//! Numbers out of 32 random bytes. The source of randomness is the caller's.

use sha2::{Digest, Sha256};

/// What the numbers are bound to.
const DOMAIN: &[u8] = b"likeness-challenge-v1";

/// A stream of numbers that nobody can foretell who does not know the bytes.
#[derive(Clone)]
pub(super) struct Draw {
    seed: [u8; 32],
    blocks: u64,
    block: [u8; 32],
    used: usize,
}

impl Draw {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self { seed, blocks: 0, block: [0; 32], used: 32 }
    }

    fn next(&mut self) -> u32 {
        if self.used + 4 > self.block.len() {
            let counted = Sha256::new().chain_update(DOMAIN).chain_update(self.seed);
            self.block = counted.chain_update(self.blocks.to_be_bytes()).finalize().into();
            (self.blocks, self.used) = (self.blocks + 1, 0);
        }
        let bytes = &self.block[self.used..self.used + 4];
        self.used += 4;
        u32::from_be_bytes(bytes.try_into().expect("four bytes"))
    }

    /// A number below another, each as likely.
    pub(super) fn below(&mut self, end: u32) -> u32 {
        let end = end.max(1);
        // The last, incomplete run of numbers is drawn again: it would favour the small ones.
        let fair = u32::MAX - u32::MAX % end;
        loop {
            let number = self.next();
            if number < fair {
                return number % end;
            }
        }
    }

    /// A whole number from one to another, both included.
    pub(super) fn between(&mut self, least: u32, most: u32) -> u32 {
        least + self.below(most.saturating_sub(least).saturating_add(1))
    }

    /// A number from one to another.
    pub(super) fn within(&mut self, least: f32, most: f32) -> f32 {
        let share = self.below(1 << 24) as f32 / (1 << 24) as f32;
        least + (most - least) * share
    }

    /// Another order, each as likely.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end as u32 + 1) as usize);
        }
    }
}
