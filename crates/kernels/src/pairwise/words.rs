//! Streams of random words by counter, and what is drawn with them.

use crate::random::philox;

/// What a stream is for: the last word of its counter, so that no two uses of a seed share a number.
#[derive(Clone, Copy)]
pub enum Purpose {
    /// Which items share a block in an epoch.
    Blocks = 0x5041_4900,
    /// The negatives of one user's events.
    Negatives = 0x5041_4901,
    /// The order of the samples of one task, and the further items that it draws.
    Task = 0x5041_4902,
    /// Which rows SVD++ learns at once, and in which order.
    Batches = 0x5041_4910,
    /// The order of one row's ratings.
    Row = 0x5041_4911,
}

/// The random words of one place, in order.
pub struct Words {
    key: [u32; 2],
    counter: [u32; 4],
    left: [u32; 4],
    used: usize,
}

impl Words {
    /// The stream of `place` in `epoch` under `seed`; different streams share no word.
    pub fn new(seed: u64, epoch: u32, place: u32, purpose: Purpose) -> Self {
        Self {
            key: [seed as u32, (seed >> 32) as u32],
            counter: [0, epoch, place, purpose as u32],
            left: [0; 4],
            used: 4,
        }
    }

    /// The next word.
    #[inline(always)]
    pub fn word(&mut self) -> u32 {
        if self.used == 4 {
            self.left = philox(self.counter, self.key);
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.used = 0;
        }
        let word = self.left[self.used];
        self.used += 1;
        word
    }

    /// A whole number below `end` > 0, each with the same chance (D. Lemire, Fast random integer generation in an
    /// interval, 2019).
    #[inline(always)]
    pub fn below(&mut self, end: u32) -> u32 {
        loop {
            let product = u64::from(self.word()) * u64::from(end);
            let low = product as u32;
            if low >= end || low >= end.wrapping_neg() % end {
                return (product >> 32) as u32;
            }
        }
    }

    /// A number in 0..1 of 32 bits.
    #[inline(always)]
    pub fn unit(&mut self) -> f64 {
        f64::from(self.word()) / 2f64.powi(32)
    }

    /// Puts the elements into random order (R. Durstenfeld 1964).
    pub fn shuffle<T>(&mut self, elements: &mut [T]) {
        for end in (1..elements.len()).rev() {
            elements.swap(end, self.below(end as u32 + 1) as usize);
        }
    }
}

/// Draws whole numbers by weight in constant time (A. J. Walker 1977; M. D. Vose 1991).
pub struct Alias {
    chance: Vec<f64>,
    other: Vec<u32>,
}

impl Alias {
    /// Numbers below `weights.len()`; the weights are finite, none below 0, one above it.
    pub fn new(weights: &[f64]) -> Self {
        let n = weights.len();
        let mean = weights.iter().sum::<f64>() / n as f64;
        let mut chance: Vec<f64> = weights.iter().map(|w| w / mean).collect();
        let mut other: Vec<u32> = (0..n as u32).collect();
        let (mut small, mut large): (Vec<u32>, Vec<u32>) =
            (0..n as u32).partition(|&i| chance[i as usize] < 1.0);
        while let (Some(&poor), Some(&rich)) = (small.last(), large.last()) {
            small.pop();
            other[poor as usize] = rich;
            chance[rich as usize] -= 1.0 - chance[poor as usize];
            if chance[rich as usize] < 1.0 {
                large.pop();
                small.push(rich);
            }
        }
        // What rounding leaves over is whole.
        small.into_iter().chain(large).for_each(|i| chance[i as usize] = 1.0);
        Self { chance, other }
    }

    /// The next number.
    #[inline(always)]
    pub fn draw(&self, words: &mut Words) -> u32 {
        let slot = words.below(self.chance.len() as u32);
        if words.unit() < self.chance[slot as usize] { slot } else { self.other[slot as usize] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(place: u32) -> Words {
        Words::new(7, 3, place, Purpose::Task)
    }

    /// Pearson's statistic of counts against chances; mean `counts.len() - 1`, variance twice that.
    fn chi_square(counts: &[u32], chances: &[f64]) -> f64 {
        let n = f64::from(counts.iter().sum::<u32>());
        counts
            .iter()
            .zip(chances)
            .filter(|(_, chance)| **chance > 0.0)
            .map(|(&count, chance)| (f64::from(count) - n * chance).powi(2) / (n * chance))
            .sum()
    }

    #[test]
    fn numbers_below_an_end_are_uniform() {
        for end in [1, 2, 3, 10, 97] {
            let (mut words, mut counts) = (words(end), vec![0; end as usize]);
            (0..20_000).for_each(|_| counts[words.below(end) as usize] += 1);
            let free = f64::from(end - 1);
            let chances = vec![1.0 / f64::from(end); end as usize];
            assert!(chi_square(&counts, &chances) < free + 5.0 * (2.0 * free + 1.0).sqrt(), "{end}");
        }
    }

    #[test]
    fn weighted_numbers_come_as_often_as_they_should() {
        for weights in [vec![1.0], vec![0.0, 2.0], vec![5.0, 1.0, 0.0, 3.0, 1e-3, 7.0], vec![1.0; 9]] {
            let (alias, mut words) = (Alias::new(&weights), words(weights.len() as u32));
            let mut counts = vec![0u32; weights.len()];
            (0..50_000).for_each(|_| counts[alias.draw(&mut words) as usize] += 1);
            let total: f64 = weights.iter().sum();
            let chances: Vec<f64> = weights.iter().map(|w| w / total).collect();
            assert!(counts.iter().zip(&weights).all(|(&count, &w)| w > 0.0 || count == 0));
            let free = (weights.len() - 1) as f64;
            assert!(chi_square(&counts, &chances) < free + 5.0 * (2.0 * free + 1.0).sqrt(), "{weights:?}");
        }
    }

    #[test]
    fn shuffles_are_permutations_and_every_order_comes() {
        let mut orders = std::collections::BTreeMap::new();
        for place in 0..2400 {
            let mut elements = [0, 1, 2, 3];
            words(place).shuffle(&mut elements);
            *orders.entry(elements).or_insert(0) += 1;
        }
        assert_eq!(orders.len(), 24);
        assert!(orders.values().all(|count| (50..=150).contains(count)), "{orders:?}");
    }
}
