//! The best n of a stream of scored items.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// An item with its score; the worse of two is the greater: lower score, or an equal score and a higher row.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Scored {
    score: f32,
    row: i32,
}

impl Eq for Scored {}

impl Ord for Scored {
    fn cmp(&self, other: &Self) -> Ordering {
        // NaN is never held, so scores always compare.
        other.score.partial_cmp(&self.score).unwrap_or(Ordering::Equal).then(self.row.cmp(&other.row))
    }
}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The best n items so far, in whatever order they come.
pub(crate) struct Best {
    n: usize,
    held: BinaryHeap<Scored>, // the worst on top
}

impl Best {
    pub(crate) fn new(n: usize) -> Self {
        Self { n, held: BinaryHeap::with_capacity(n) }
    }

    /// The score that an item needs to get in: above it, or equal with a row below that of the last one held. An
    /// infinite one counts as the greatest float, with which bounds can be compared.
    pub(crate) fn bar(&self) -> f32 {
        if self.held.len() < self.n {
            return f32::NEG_INFINITY;
        }
        self.held.peek().map_or(f32::INFINITY, |worst| worst.score.min(f32::MAX))
    }

    /// Takes an item in if it is among the best. NaN and minus infinity never are.
    pub(crate) fn offer(&mut self, score: f32, row: i32) {
        let new = Scored { score, row };
        if score.is_nan() || score == f32::NEG_INFINITY {
            return;
        }
        if self.held.len() < self.n {
            self.held.push(new);
        } else if let Some(mut worst) = self.held.peek_mut()
            && new < *worst
        {
            *worst = new;
        }
    }

    /// Writes the items, best first, padded with -1 and -inf; and starts again.
    pub(crate) fn take(&mut self, items: &mut [i32], scores: &mut [f32]) {
        items.fill(-1);
        scores.fill(f32::NEG_INFINITY);
        let mut held = std::mem::take(&mut self.held).into_sorted_vec();
        for (slot, best) in held.iter().enumerate() {
            items[slot] = best.row;
            scores[slot] = best.score;
        }
        held.clear(); // keeps its memory
        self.held = held.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_the_best_whatever_the_order() {
        let mut best = Best::new(3);
        for (score, row) in [(1.0, 5), (f32::NAN, 0), (2.0, 4), (f32::NEG_INFINITY, 1), (1.0, 3), (1.0, 9)] {
            best.offer(score, row);
        }
        assert_eq!(best.bar(), 1.0);
        let (mut items, mut scores) = ([0; 4], [0.0; 4]);
        best.take(&mut items, &mut scores);
        assert_eq!(items, [4, 3, 5, -1]);
        assert_eq!(scores, [2.0, 1.0, 1.0, f32::NEG_INFINITY]);
        assert_eq!(best.bar(), f32::NEG_INFINITY);
    }

    #[test]
    fn none_wanted_none_held() {
        let mut best = Best::new(0);
        best.offer(1.0, 0);
        assert_eq!(best.bar(), f32::INFINITY);
        best.take(&mut [], &mut []);
    }

    #[test]
    fn zeros_of_either_sign_are_equal() {
        let mut best = Best::new(1);
        best.offer(0.0, 7);
        best.offer(-0.0, 2);
        let mut items = [0];
        best.take(&mut items, &mut [0.0]);
        assert_eq!(items, [2]);
    }
}
