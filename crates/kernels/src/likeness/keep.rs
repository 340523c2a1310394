//! The best k of a stream of neighbours, in any order.

use std::cmp::Ordering;

/// A neighbour and how alike it is.
pub type Neighbour = (f32, i32);

/// Best first; equal ones by row.
fn better(a: &Neighbour, b: &Neighbour) -> Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

/// The best k neighbours so far, among up to twice as many.
pub struct Keeper {
    k: usize,
    bar: f32,
    held: Vec<Neighbour>,
}

impl Keeper {
    /// Keeps `k` neighbours of at least the likeness `least`, which is above 0.
    pub fn new(k: usize, least: f32) -> Self {
        Self { k, bar: if k == 0 { f32::INFINITY } else { least.next_down() }, held: Vec::new() }
    }

    /// What a neighbour must be above to be worth an offer. Equal ones are: their row may be lower.
    pub fn bar(&self) -> f32 {
        self.bar
    }

    /// Takes a neighbour, unless it is not above the bar.
    pub fn offer(&mut self, likeness: f32, row: i32) {
        if likeness > self.bar {
            self.held.push((likeness, row));
            if self.held.len() >= 2 * self.k + 16 {
                self.choose();
            }
        }
    }

    /// Forgets all but the best k.
    fn choose(&mut self) {
        if self.k > 0 && self.held.len() > self.k {
            let (_, worst, _) = self.held.select_nth_unstable_by(self.k - 1, better);
            self.bar = worst.0.next_down();
            self.held.truncate(self.k);
        }
    }

    /// Hands the best k over to `other`, and starts again with the bar of `least`.
    pub fn drain_into(&mut self, other: &mut Self, least: f32) {
        self.choose();
        self.held.drain(..).for_each(|(likeness, row)| other.offer(likeness, row));
        self.bar = Self::new(self.k, least).bar;
    }

    /// Keeps the best k, best first.
    pub fn sort(&mut self) {
        self.choose();
        self.held.sort_unstable_by(better);
    }

    /// What is kept.
    pub fn held(&self) -> &[Neighbour] {
        &self.held
    }

    /// What is kept; nothing stays, not even its memory.
    pub fn take(&mut self) -> Vec<Neighbour> {
        std::mem::take(&mut self.held)
    }
}
