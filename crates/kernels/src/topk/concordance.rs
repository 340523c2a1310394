//! Concordant pairs of each user: a relevant item that scores higher than another one. Nothing is stored but counts.
//!
//! All items are scored, 32 of them (or as many as two registers hold) for eight users at a time, each sum in the order of
//! the factors, so the scores are those of [`PackedItems::best`] to the bit. A user's relevant scores are kept in
//! ascending order: most items are below the lowest of them and cost one comparison.

use super::dots::dot_in_order;
use super::pack::PackedItems;
use super::seen::Seen;
use super::{CHUNK, Exclude};
use crate::metrics::Pairs;
use crate::simd::{Lanes, Level, dispatch};
use crate::threads::{DisjointSlice, for_each_chunk};

/// Users that are scored side by side.
const USERS: usize = 8;
/// Most items that are scored side by side, in two registers.
const WIDEST: usize = 32;

/// Items two registers at a time: (panels, factors, items of a panel).
struct Panels {
    width: usize,
    values: Vec<f32>,
    /// Padded with zeros to whole panels.
    bias: Vec<f32>,
}

/// Floats in two registers of the level.
fn width_of(level: Level) -> usize {
    match level {
        Level::Portable => 8,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => 16,
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => 32,
        #[cfg(target_arch = "aarch64")]
        Level::Neon => 8,
    }
}

impl Panels {
    fn new(packed: &PackedItems, level: Level) -> Self {
        let (k, width) = (packed.k, width_of(level));
        let mut values = vec![0.0; packed.items().div_ceil(width) * width * k];
        for (at, vector) in packed.vectors.chunks_exact(k.max(1)).enumerate() {
            let panel = &mut values[at / width * width * k..][..width * k];
            for (c, &x) in vector.iter().enumerate() {
                panel[c * width + at % width] = x;
            }
        }
        let mut bias = packed.terms.bias[..packed.items()].to_vec();
        bias.resize(packed.items().next_multiple_of(width), 0.0);
        Self { width, values, bias }
    }
}

/// Users of a chunk while the panels go by.
struct Scratch {
    seen: Seen,
    /// Groups of users: (groups, factors, users of a group).
    vectors: Vec<f32>,
    /// Scores of the relevant items of each user, ascending.
    positives: Vec<Vec<f32>>,
    /// Twice the discordant pairs of each user, in which the relevant item scores lower, and once the tied ones.
    discordant: Vec<u64>,
    broken: Vec<bool>,
}

impl PackedItems {
    /// Counts each user's concordant and tied pairs, over all items but the excluded ones.
    ///
    /// `users` and `offset` are as in [`PackedItems::best`]; user b's relevant items are
    /// `relevant[indptr[b]..indptr[b + 1]]`, of which those that are excluded are in no pair.
    pub fn concordance(
        &self,
        level: Level,
        threads: usize,
        users: &[f32],
        stride: usize,
        offset: &[f32],
        exclude: Option<Exclude<'_>>,
        indptr: &[i64],
        relevant: &[i32],
        out: Pairs<'_>,
    ) {
        let (count, k) = (offset.len(), self.k);
        assert!(count * stride <= users.len() && k <= stride || count * k == 0);
        assert!(indptr.len() == count + 1);
        let panels = Panels::new(self, level);
        let most = CHUNK.min(count).next_multiple_of(USERS);
        let (concordant, negatives, found) = (
            DisjointSlice::new(out.concordant),
            DisjointSlice::new(out.negatives),
            DisjointSlice::new(out.found),
        );
        let init = || Scratch {
            seen: Seen::new(most, self.items()),
            vectors: vec![0.0; most * k],
            positives: vec![Vec::new(); most],
            discordant: vec![0; most],
            broken: vec![false; most],
        };
        for_each_chunk(threads, count.div_ceil(CHUNK), init, |scratch, chunk| {
            let members = chunk * CHUNK..count.min((chunk + 1) * CHUNK);
            let first = members.start;
            let items_of = |user: usize| &relevant[indptr[user] as usize..indptr[user + 1] as usize];
            let places =
                |rows: &'_ [i32]| rows.iter().map(|&row| self.places[row as usize]).collect::<Vec<_>>();
            let excluded = |user: usize| places(exclude.map_or(&[][..], |exclude| exclude.of(user)));
            scratch.vectors.fill(0.0);
            for user in members.clone() {
                let slot = user - first;
                let vector = if k == 0 { &[] } else { &users[user * stride..user * stride + k] };
                let group = &mut scratch.vectors[slot / USERS * USERS * k..];
                for (c, &x) in vector.iter().enumerate() {
                    group[c * USERS + slot % USERS] = x;
                }
                scratch.seen.mark(slot, excluded(user).into_iter());
                let positives = &mut scratch.positives[slot];
                positives.clear();
                for &row in items_of(user) {
                    let at = self.places[row as usize] as usize;
                    if !scratch.seen.holds(slot, at) {
                        let product = dot_in_order(level, vector, &self.vectors[at * k..(at + 1) * k]);
                        positives.push(product + self.terms.bias[at] + offset[user]);
                    }
                }
                positives.sort_unstable_by(f32::total_cmp);
                scratch.seen.mark(slot, places(items_of(user)).into_iter());
                (scratch.discordant[slot], scratch.broken[slot]) = (0, false);
            }
            compare(level, self, &panels, &offset[members.clone()], scratch);
            for user in members {
                let slot = user - first;
                let others = self.items() - scratch.seen.count(slot);
                let positives = scratch.positives[slot].len();
                // SAFETY: every user belongs to one chunk.
                unsafe {
                    concordant.range(user, user + 1)[0] =
                        (2 * others * positives) as i64 - scratch.discordant[slot] as i64;
                    negatives.range(user, user + 1)[0] = others as i64;
                    found.range(user, user + 1)[0] = if scratch.broken[slot] { -1 } else { positives as i64 };
                }
                scratch.seen.clear(slot, excluded(user).into_iter());
                scratch.seen.clear(slot, places(items_of(user)).into_iter());
            }
        });
    }
}

/// Compares the scores of all panels with the relevant ones, for the users of a chunk.
#[inline(always)]
unsafe fn compare_generic<L: Lanes>(
    packed: &PackedItems,
    panels: &Panels,
    offset: &[f32],
    scratch: &mut Scratch,
) {
    let (k, width, items) = (packed.k, 2 * L::N, packed.items());
    assert!(panels.width == width && panels.values.len() == panels.bias.len() * k);
    assert!(scratch.vectors.len() >= offset.len().next_multiple_of(USERS) * k);
    let mut scores = [[0.0f32; WIDEST]; USERS];
    for at in (0..items).step_by(width) {
        let filled = width.min(items - at);
        let vectors = &panels.values[at * k..(at + width) * k];
        let bias = &panels.bias[at..at + width];
        for group in 0..offset.len().div_ceil(USERS) {
            // SAFETY: L runs here; both have k rows, of `width` and USERS floats, by the assertions.
            unsafe {
                products::<L>(vectors, &scratch.vectors[group * USERS * k..][..USERS * k], &mut scores)
            };
            for (u, scores) in scores.iter_mut().enumerate().take(offset.len() - group * USERS) {
                let slot = group * USERS + u;
                let scores = &mut scores[..width];
                for (score, bias) in scores.iter_mut().zip(bias) {
                    *score = *score + bias + offset[slot];
                }
                // By whole numbers, because those need no order: the exponent of what is not finite is all ones.
                let largest = scores.iter().fold(0, |most, score| most.max(score.to_bits() << 1));
                scratch.broken[slot] |= largest >= f32::INFINITY.to_bits() << 1;
                scores[filled..].fill(f32::NEG_INFINITY);
                let mut seen = scratch.seen.among(slot, at, width);
                while seen != 0 {
                    scores[seen.trailing_zeros() as usize] = f32::NEG_INFINITY;
                    seen &= seen - 1;
                }
                scratch.discordant[slot] += discordant(scores, &scratch.positives[slot]);
            }
        }
    }
}

dispatch!(
    fn compare = compare_generic(packed: &PackedItems, panels: &Panels, offset: &[f32], scratch: &mut Scratch)
);

/// Products of a panel (k, two registers) with a group of users (k, USERS), each summed in the order of the factors.
///
/// # Safety
/// L runs here, and both slices hold the same number of rows.
#[inline(always)]
unsafe fn products<L: Lanes>(panel: &[f32], users: &[f32], out: &mut [[f32; WIDEST]; USERS]) {
    // SAFETY: by the caller; `out` has room for two registers a user.
    unsafe {
        let mut sums = [[L::splat(0.0); 2]; USERS];
        for (items, users) in panel.chunks_exact(2 * L::N).zip(users.chunks_exact(USERS)) {
            let (low, high) = (L::load(items.as_ptr()), L::load(items.as_ptr().add(L::N)));
            for (sum, &x) in sums.iter_mut().zip(users) {
                let x = L::splat(x);
                *sum = [L::fma(x, low, sum[0]), L::fma(x, high, sum[1])];
            }
        }
        for (sum, out) in sums.iter().zip(out) {
            L::store(out.as_mut_ptr(), sum[0]);
            L::store(out.as_mut_ptr().add(L::N), sum[1]);
        }
    }
}

/// Twice the pairs of a score and a lower one of the positives, and once those of equal scores.
#[inline(always)]
fn discordant(scores: &[f32], positives: &[f32]) -> u64 {
    let mut sum = 0u64;
    for &positive in positives {
        let (mut reach, mut above) = (0u32, 0u32);
        for &score in scores {
            reach += u32::from(score >= positive);
            above += u32::from(score > positive);
        }
        if reach == 0 {
            break;
        }
        sum += u64::from(reach + above);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topk::Adjust;

    /// Numbers on a coarse grid, so that ties happen.
    fn grid(n: usize, seed: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 7919 + seed * 104_729) % 23 / 4) as f32 - 2.0).collect()
    }

    /// The definition, from the whole ranking.
    fn want(ranked: &[i32], scores: &[f32], relevant: &[i32]) -> (i64, i64, i64) {
        let all: Vec<(i32, f32)> =
            ranked.iter().copied().zip(scores.iter().copied()).filter(|&(item, _)| item >= 0).collect();
        let (hits, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(item, _)| relevant.contains(item));
        let mut concordant = 0;
        for (a, b) in hits.iter().flat_map(|a| others.iter().map(move |b| (a.1, b.1))) {
            concordant += 2 * i64::from(a > b) + i64::from(a == b);
        }
        (concordant, others.len() as i64, hits.len() as i64)
    }

    #[test]
    fn concordant_pairs_are_those_of_the_whole_ranking() {
        for (users, items, k) in [(1, 1, 3), (70, 100, 5), (9, 333, 64), (3, 64, 0), (130, 31, 1)] {
            let (p, q) = (grid(users * k, 1), grid(items * k, 2));
            let (bias, offset) = (grid(items, 3), grid(users, 4));
            let packed = PackedItems::new(&q, items, k, k, &bias);
            let lists = |modulus: usize, shift: usize| {
                let mut indptr = vec![0i64];
                let mut rows = Vec::new();
                for u in 0..users {
                    rows.extend(
                        (0..items).filter(|i| (i * 5 + u + shift).is_multiple_of(modulus)).map(|i| i as i32),
                    );
                    indptr.push(rows.len() as i64);
                }
                (indptr, rows)
            };
            let (indptr, relevant) = lists(4, 0);
            let (seen_at, seen) = lists(6, 1);
            let rows: Vec<i32> = (0..users as i32).map(|u| if u % 5 == 4 { -1 } else { u }).collect();
            let exclude = Exclude { indptr: &seen_at, indices: &seen, rows: &rows };
            for level in Level::available() {
                for (threads, exclude) in [(1, None), (1, Some(exclude)), (3, Some(exclude))] {
                    let (mut ranked, mut scores) = (vec![0; users * items], vec![0.0; users * items]);
                    packed.best(
                        level,
                        1,
                        &p,
                        users,
                        k,
                        &offset,
                        items,
                        exclude,
                        Adjust::default(),
                        &mut ranked,
                        &mut scores,
                    );
                    let (mut concordant, mut negatives, mut found) =
                        (vec![0; users], vec![0; users], vec![0; users]);
                    let out =
                        Pairs { concordant: &mut concordant, negatives: &mut negatives, found: &mut found };
                    packed.concordance(level, threads, &p, k, &offset, exclude, &indptr, &relevant, out);
                    for u in 0..users {
                        let mine = &relevant[indptr[u] as usize..indptr[u + 1] as usize];
                        let range = u * items..(u + 1) * items;
                        let want = want(&ranked[range.clone()], &scores[range], mine);
                        assert_eq!(
                            (concordant[u], negatives[u], found[u]),
                            want,
                            "{} user {u} of {users}",
                            level.name()
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn scores_have_the_bits_of_the_ranking() {
        // Rounding differs with the order of sums, so a rounding off by one would turn a pair.
        let (users, items, k) = (20, 200, 37);
        let noise = |n: usize, seed: usize| -> Vec<f32> {
            (0..n).map(|i| ((i * 7919 + seed * 104_729) % 10_007) as f32 / 5003.5 - 1.0).collect()
        };
        // Each item comes five times, so that equal scores stay equal only in the same order.
        let q: Vec<f32> = noise(40 * k, 5).repeat(5);
        let (p, offset) = (noise(users * k, 6), noise(users, 7));
        let packed = PackedItems::new(&q, items, k, k, &[]);
        let indptr: Vec<i64> = (0..=users as i64).collect();
        let relevant: Vec<i32> = (0..users as i32).map(|u| u * 9).collect();
        for level in Level::available() {
            let (mut ranked, mut scores) = (vec![0; users * items], vec![0.0; users * items]);
            packed.best(
                level,
                1,
                &p,
                users,
                k,
                &offset,
                items,
                None,
                Adjust::default(),
                &mut ranked,
                &mut scores,
            );
            let (mut concordant, mut negatives, mut found) = (vec![0; users], vec![0; users], vec![0; users]);
            let out = Pairs { concordant: &mut concordant, negatives: &mut negatives, found: &mut found };
            packed.concordance(level, 2, &p, k, &offset, None, &indptr, &relevant, out);
            for u in 0..users {
                let range = u * items..(u + 1) * items;
                let want = want(&ranked[range.clone()], &scores[range], &relevant[u..u + 1]);
                assert_eq!((concordant[u], negatives[u], found[u]), want, "{}", level.name());
                assert_eq!(concordant[u] % 2, 0, "four items tie");
            }
        }
    }

    #[test]
    fn scores_that_are_not_finite_are_told() {
        let packed = PackedItems::new(&[1e38, 1e38, 1.0, 1.0], 2, 2, 2, &[]);
        let (mut concordant, mut negatives, mut found) = ([0; 3], [0; 3], [0; 3]);
        let out = Pairs { concordant: &mut concordant, negatives: &mut negatives, found: &mut found };
        let users = [1e3, 1e3, 1.0, 1.0, -1e3, -1e3];
        packed.concordance(Level::best(), 1, &users, 2, &[0.0; 3], None, &[0, 1, 2, 3], &[0, 0, 1], out);
        assert_eq!((found, concordant[1]), ([-1, 1, -1], 2));
    }
}
