//! Which items the users of a chunk must not get, one bit for each position: those that queries meet lie close together.

pub(super) struct Seen {
    words: usize,
    bits: Vec<u64>, // (users, words)
}

impl Seen {
    /// For `users` users, none of whom has seen anything.
    pub(super) fn new(users: usize, items: usize) -> Self {
        let words = items.div_ceil(64);
        Self { words, bits: vec![0; users * words] }
    }

    pub(super) fn mark(&mut self, user: usize, positions: impl Iterator<Item = u32>) {
        for at in positions {
            self.bits[user * self.words + at as usize / 64] |= 1 << (at % 64);
        }
    }

    /// Takes back what [`Seen::mark`] did.
    pub(super) fn clear(&mut self, user: usize, positions: impl Iterator<Item = u32>) {
        for at in positions {
            self.bits[user * self.words + at as usize / 64] = 0;
        }
    }

    /// Whether the user has seen the item; nobody has where there is nothing to look up.
    pub(super) fn holds(&self, user: usize, at: usize) -> bool {
        self.bits.get(user * self.words + at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    /// Of `width` positions from `at` on, which the user has seen; they lie in one word.
    pub(super) fn among(&self, user: usize, at: usize, width: usize) -> u64 {
        let word = self.bits.get(user * self.words + at / 64).copied().unwrap_or(0);
        word >> (at % 64) & (u64::MAX >> (64 - width))
    }

    /// How many positions the user has seen.
    pub(super) fn count(&self, user: usize) -> usize {
        let words = &self.bits[user * self.words..(user + 1) * self.words];
        words.iter().map(|word| word.count_ones() as usize).sum()
    }
}
