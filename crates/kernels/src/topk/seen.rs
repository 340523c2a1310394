//! Which items the users of a chunk must not get, one bit for each.

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

    pub(super) fn mark(&mut self, user: usize, rows: &[i32]) {
        for &row in rows {
            let row = row as usize;
            self.bits[user * self.words + row / 64] |= 1 << (row % 64);
        }
    }

    /// Takes back what [`Seen::mark`] did.
    pub(super) fn clear(&mut self, user: usize, rows: &[i32]) {
        for &row in rows {
            self.bits[user * self.words + row as usize / 64] = 0;
        }
    }

    /// Whether the user has seen the item; nobody has where there is nothing to look up.
    pub(super) fn holds(&self, user: usize, row: i32) -> bool {
        let row = row as usize;
        self.bits.get(user * self.words + row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }
}
