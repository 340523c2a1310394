//! How alike the items of ranked lists are: cosines between their audiences, exactly.
//!
//! Formulas in `docs/math/list-metrics.md`. The audience of an item is the set of users who have it in their history.
//! Frequent items keep theirs as one bit for each user, the others as ascending rows of users, so that two audiences
//! are compared by AND and a count of bits, by looking rows up in bits, or by merging two short lists. The same pairs
//! come again for many users, so their counts are remembered in a table of bounded size. What is remembered is a whole
//! number that is the same whoever works it out: threads and collisions change no bit of a result.

use crate::lists::held;
use crate::simd::{Lanes, Level, dispatch};
use crate::threads::{DisjointSlice, for_each_chunk};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Lists per chunk: thousands of pairs.
const CHUNK: usize = 32;

/// Bytes of bits for each event of the histories, at most.
const BYTES_PER_EVENT: usize = 8;

/// The most popular items whose pairs all have a place of their own: 32 MiB.
const MOST_PAIRED: usize = 4096;

/// Binary logarithm of the places for other pairs: 32 MiB.
const MOST_HASHED: u32 = 22;

/// The users of every item. Inside, items are numbered by falling popularity.
pub struct Audiences {
    /// (items,) number of each item.
    number: Vec<u32>,
    /// (items,) users of each number, falling.
    size: Vec<u32>,
    /// Words of 64 bits in the audience of a frequent item.
    words: usize,
    /// Audiences of the first numbers as bits.
    bits: Vec<u64>,
    /// How many numbers have bits.
    frequent: usize,
    /// (items - frequent + 1,) offsets into `rows` of the numbers that follow.
    starts: Vec<usize>,
    rows: Vec<u32>,
}

impl Audiences {
    /// The audiences of the `items` columns of a table of histories: row u holds the distinct columns
    /// `indices[indptr[u]..indptr[u + 1]]`.
    ///
    /// Takes at most 12 bytes an event.
    pub fn new(items: usize, indptr: &[i64], indices: &[i32]) -> Self {
        let users = indptr.len() - 1;
        let words = users.div_ceil(64);
        let mut users_of = vec![0u32; items];
        for &item in indices {
            users_of[item as usize] += 1;
        }
        let mut order: Vec<u32> = (0..items as u32).collect();
        order.sort_unstable_by_key(|&item| (std::cmp::Reverse(users_of[item as usize]), item));
        let size: Vec<u32> = order.iter().map(|&item| users_of[item as usize]).collect();
        let mut number = vec![0; items];
        for (place, &item) in order.iter().enumerate() {
            number[item as usize] = place as u32;
        }
        let frequent = (indices.len() * BYTES_PER_EVENT / (8 * words).max(1)).min(items);
        let mut starts = vec![0];
        for &size in &size[frequent..] {
            starts.push(starts.last().unwrap() + size as usize);
        }
        let (mut bits, mut rows) = (vec![0u64; frequent * words], vec![0; starts[items - frequent]]);
        let mut next = starts.clone();
        for user in 0..users {
            for &item in &indices[indptr[user] as usize..indptr[user + 1] as usize] {
                let item = number[item as usize] as usize;
                if item < frequent {
                    bits[item * words + user / 64] |= 1 << (user % 64);
                } else {
                    rows[next[item - frequent]] = user as u32;
                    next[item - frequent] += 1;
                }
            }
        }
        Self { number, size, words, bits, frequent, starts, rows }
    }

    /// Number of items.
    pub fn items(&self) -> usize {
        self.size.len()
    }

    /// A memory for the pairs of so many lists of `places` items.
    pub fn memory(&self, lists: usize, places: usize) -> Memory {
        let most = self.size.first().copied().unwrap_or(0);
        Memory::new(self.size.len(), most, lists.saturating_mul(places * places / 2), MOST_PAIRED)
    }

    /// Fills `out` (lists, cut-offs) with one minus the mean cosine over all pairs of items at the places 1..=k; NaN
    /// where a list has fewer than two items. `ranked` are rows of `places` items.
    pub fn diversity(
        &self,
        ranked: &[i32],
        places: usize,
        cutoffs: &[usize],
        memory: &Memory,
        out: &mut [f64],
        threads: usize,
    ) {
        let lists = out.len() / cutoffs.len();
        assert_eq!(ranked.len(), lists * places);
        let (level, out) = (Level::best(), DisjointSlice::new(out));
        for_each_chunk(threads, lists.div_ceil(CHUNK), Vec::new, |items, chunk| {
            for list in chunk * CHUNK..lists.min((chunk + 1) * CHUNK) {
                items.clear();
                let ranked = held(&ranked[list * places..(list + 1) * places]);
                items.extend(ranked.iter().map(|&item| self.number[item as usize]));
                // SAFETY: a list belongs to one chunk, so the ranges of different threads are disjoint.
                let out = unsafe { out.range(list * cutoffs.len(), (list + 1) * cutoffs.len()) };
                let (mut start, mut sum) = (0, 0.0);
                for (out, &cutoff) in out.iter_mut().zip(cutoffs) {
                    let end = cutoff.min(items.len());
                    for place in start..end {
                        sum += self.likeness(level, items[place], &items[..place], memory);
                    }
                    *out = 1.0 - sum / (end * end.saturating_sub(1) / 2) as f64;
                    start = end;
                }
            }
        });
    }

    /// The sum of the cosines between an item and those above it.
    fn likeness(&self, level: Level, item: u32, above: &[u32], memory: &Memory) -> f64 {
        let size = f64::from(self.size[item as usize]);
        let mut sum = 0.0;
        for &other in above {
            let common = memory.remember(item.min(other), item.max(other), |a, b| self.common(level, a, b));
            if common > 0 {
                // The root of the product, not the product of roots: equal audiences have a cosine of exactly 1.
                sum += f64::from(common) / (size * f64::from(self.size[other as usize])).sqrt();
            }
        }
        sum
    }

    /// How many users two items have in common, the more popular one first.
    fn common(&self, level: Level, a: u32, b: u32) -> u32 {
        let (a, b) = (a as usize, b as usize);
        if b < self.frequent {
            count_both(level, self.bits_of(a), self.bits_of(b))
        } else if a < self.frequent {
            count_rows(self.bits_of(a), self.rows_of(b))
        } else {
            count_merged(self.rows_of(a), self.rows_of(b))
        }
    }

    fn bits_of(&self, item: usize) -> &[u64] {
        &self.bits[item * self.words..(item + 1) * self.words]
    }

    fn rows_of(&self, item: usize) -> &[u32] {
        &self.rows[self.starts[item - self.frequent]..self.starts[item - self.frequent + 1]]
    }
}

/// Counts of common users by pair of items a < b, numbered by falling popularity.
///
/// Pairs of the most popular items have a place each, in an order that keeps popular pairs close together. The others
/// share places, and the later stays: a pair is a number of `width` bits, and a one-to-one mix of it. The mix's upper
/// bits say where the pair is kept, its other bits are kept with the count in one atomic word, so a count is never
/// taken for that of another pair. A count is kept plus one; 0 means none.
pub struct Memory {
    own: Vec<AtomicU32>,
    paired: u32,
    shared: Vec<AtomicU64>,
    shift: u32,
    width: u32,
    count: u32,
}

impl Memory {
    /// For so many items, of which `most` is the largest count, and about so many pairs.
    fn new(items: usize, most: u32, pairs: usize, paired: usize) -> Self {
        let bits = |n: usize| usize::BITS - n.leading_zeros();
        let paired = items.min(paired).min(pairs);
        let own = (0..paired * paired.saturating_sub(1) / 2).map(|_| AtomicU32::new(0)).collect();
        let width = 2 * bits(items).max(1);
        let kept = width.min(MOST_HASHED).min(bits(pairs));
        let count = bits(most as usize + 1);
        let wanted = paired < items && width - kept + count <= u64::BITS;
        let shared = (0..if wanted { 1usize << kept } else { 0 }).map(|_| AtomicU64::new(0)).collect();
        Self { own, paired: paired as u32, shared, shift: width - kept, width, count }
    }

    /// The count of a pair: as remembered, or as worked out now.
    #[inline]
    fn remember(&self, a: u32, b: u32, count: impl FnOnce(u32, u32) -> u32) -> u32 {
        if b >= self.paired {
            return self.remember_shared(a, b, count);
        }
        let (a_place, b_place) = (a as usize, b as usize);
        let place = &self.own[b_place * (b_place - 1) / 2 + a_place];
        let kept = place.load(Ordering::Relaxed);
        if kept > 0 {
            return kept - 1;
        }
        let found = count(a, b);
        place.store(found + 1, Ordering::Relaxed);
        found
    }

    fn remember_shared(&self, a: u32, b: u32, count: impl FnOnce(u32, u32) -> u32) -> u32 {
        if self.shared.is_empty() {
            return count(a, b);
        }
        let pair = (u64::from(a) << (self.width / 2)) | u64::from(b);
        // Multiplying by an odd number is one-to-one among numbers of `width` bits.
        let mix = pair.wrapping_mul(0x9e37_79b9_7f4a_7c15) & (u64::MAX >> (u64::BITS - self.width));
        let place = &self.shared[(mix >> self.shift) as usize];
        let tag = (mix & ((1 << self.shift) - 1)) << self.count;
        let (kept, mask) = (place.load(Ordering::Relaxed), (1 << self.count) - 1);
        if kept & mask != 0 && kept & !mask == tag {
            return (kept & mask) as u32 - 1;
        }
        let found = count(a, b);
        place.store(tag | (u64::from(found) + 1), Ordering::Relaxed);
        found
    }
}

dispatch! {
    /// Bits set in both.
    fn count_both = count_words(a: &[u64], b: &[u64]) -> u32
}

/// Plain code: the compiler makes vectors of it for each instruction set, which is all that the lanes stand for here.
#[inline(always)]
#[allow(clippy::extra_unused_type_parameters)]
unsafe fn count_words<L: Lanes>(a: &[u64], b: &[u64]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a & b).count_ones()).sum()
}

/// How many of the rows have their bit set.
fn count_rows(bits: &[u64], rows: &[u32]) -> u32 {
    rows.iter().map(|&row| (bits[row as usize / 64] >> (row % 64)) as u32 & 1).sum()
}

/// How many rows are in both lists, which ascend. No step depends on a guess.
fn count_merged(a: &[u32], b: &[u32]) -> u32 {
    let (mut i, mut j, mut common) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        let (x, y) = (a[i], b[j]);
        common += u32::from(x == y);
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    common
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By the definition, from sets.
    fn slow(histories: &[Vec<i32>], list: &[i32], k: usize) -> f64 {
        let audience =
            |item: i32| (0..histories.len()).filter(|&u| histories[u].contains(&item)).collect::<Vec<_>>();
        let list = &held(list)[..k.min(held(list).len())];
        let (mut sum, mut pairs) = (0.0, 0.0);
        for (place, &a) in list.iter().enumerate() {
            for &b in &list[..place] {
                let (a, b) = (audience(a), audience(b));
                let common = a.iter().filter(|u| b.contains(u)).count() as f64;
                sum += if common > 0.0 { common / ((a.len() * b.len()) as f64).sqrt() } else { 0.0 };
                pairs += 1.0;
            }
        }
        1.0 - sum / pairs
    }

    fn table(histories: &[Vec<i32>]) -> (Vec<i64>, Vec<i32>) {
        let mut indptr = vec![0];
        for history in histories {
            indptr.push(indptr.last().unwrap() + history.len() as i64);
        }
        (indptr, histories.concat())
    }

    #[test]
    fn equal_audiences_have_no_diversity_and_strangers_all() {
        let (indptr, indices) = table(&[vec![0, 1, 2], vec![0, 1], vec![3]]);
        let audiences = Audiences::new(5, &indptr, &indices);
        let mut out = [0.0; 8];
        audiences.diversity(
            &[0, 1, 3, 4, 0, 3, -1, -1],
            4,
            &[1, 2, 3, 9],
            &audiences.memory(2, 4),
            &mut out,
            1,
        );
        assert!(out[0].is_nan() && out[4].is_nan());
        assert_eq!(out[1..4], [0.0, 1.0 - 1.0 / 3.0, 1.0 - 1.0 / 6.0]);
        assert_eq!(out[5..], [1.0, 1.0, 1.0]);
    }

    #[test]
    fn a_memory_too_small_forgets_but_never_errs() {
        let memory = Memory::new(1000, 1_000_000, 8, 100);
        assert_eq!((memory.own.len(), memory.shared.len()), (28, 16));
        for round in 0..2 {
            for a in 0..300 {
                for b in a + 1..300 {
                    assert_eq!(memory.remember(a, b, |a, b| a * 1000 + b), a * 1000 + b, "round {round}");
                }
            }
        }
        for paired in [2, 9] {
            let all = Memory::new(4, 9, 1 << 20, paired);
            assert_eq!(all.remember(1, 2, |_, _| 0), 0);
            assert_eq!(all.remember(1, 2, |_, _| panic!("forgotten")), 0);
        }
        let none = Memory::new(u32::MAX as usize, u32::MAX - 1, usize::MAX, 9);
        assert!(none.shared.is_empty());
        assert_eq!(none.remember(10, 11, |a, b| a + b), 21);
    }

    #[test]
    fn every_level_counts_the_same_bits() {
        let a: Vec<u64> = (0..301u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(9)).collect();
        let b: Vec<u64> = a.iter().rev().copied().collect();
        let slow: u32 = (0..301 * 64).map(|i| ((a[i / 64] & b[i / 64]) >> (i % 64)) as u32 & 1).sum();
        for level in Level::available() {
            assert_eq!(count_both(level, &a, &b), slow, "{level:?}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(
            histories in prop::collection::vec(prop::collection::btree_set(0..12i32, 0..6), 1..140),
            lists in prop::collection::vec(prop::collection::btree_set(0..12i32, 0..5), 1..70),
        ) {
            let histories: Vec<Vec<i32>> = histories.into_iter().map(|h| h.into_iter().collect()).collect();
            let (indptr, indices) = table(&histories);
            let audiences = Audiences::new(12, &indptr, &indices);
            let ranked: Vec<i32> = lists
                .iter()
                .flat_map(|list| list.iter().rev().copied().chain(std::iter::repeat(-1)).take(5).collect::<Vec<_>>())
                .collect();
            let cutoffs = [2, 5];
            let run = |threads| {
                let mut out = vec![0.0; lists.len() * 2];
                let memory = audiences.memory(1, 3);
                audiences.diversity(&ranked, 5, &cutoffs, &memory, &mut out, threads);
                out
            };
            let found = run(1);
            prop_assert!(found.iter().zip(run(3)).all(|(a, b)| a.to_bits() == b.to_bits()));
            for (number, value) in found.into_iter().enumerate() {
                let list = &ranked[number / 2 * 5..][..5];
                let expected = slow(&histories, list, cutoffs[number % 2]);
                prop_assert!((value - expected).abs() < 1e-12 || value.is_nan() && expected.is_nan());
            }
        }
    }
}
