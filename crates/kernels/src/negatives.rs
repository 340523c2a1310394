//! Negative samples as data: for every event of a user, items that the user has no event with.
//!
//! Nothing is rejected and tried again: a draw is a place on the line of the weights of the items that are left, found
//! by bisection. So a user who knows nearly everything costs no more than another, and the distribution is exact.

use crate::random::philox;
use crate::threads::{DisjointSlice, for_each_chunk};

/// Users per chunk.
const CHUNK: usize = 64;

/// The second word of the counters, so that no other use of a seed draws the same numbers.
const STREAM: u32 = u32::MAX - 1;

/// What is drawn for whom.
#[derive(Clone, Copy)]
pub struct Draw<'a> {
    /// Names the draws together with the place of the event.
    pub seed: u64,
    /// (users + 1,) offsets of the users' events.
    pub indptr: &'a [i64],
    /// Item of each event, ascending within a user.
    pub indices: &'a [i32],
    /// Number of items.
    pub items: usize,
    /// Items to draw for each event.
    pub per_positive: usize,
    /// Running sums of the items' weights, (items,), the last below 2^63; none draws all items alike.
    pub weights: Option<&'a [u64]>,
    /// Whether items of the user's events are left out.
    pub check: bool,
}

/// The items that one user has no event with, as pieces of the line of all weights.
#[derive(Default)]
struct Free {
    /// What is left of the line before each of the user's items.
    before: Vec<u64>,
    /// What the user's items up to each one take away.
    taken: Vec<u64>,
}

impl Draw<'_> {
    /// The line of the weights before an item.
    fn start(&self, item: usize) -> u64 {
        self.weights.map_or(item as u64, |sums| if item == 0 { 0 } else { sums[item - 1] })
    }

    /// Sets `free` to what is left for a user; returns how long the line then is.
    fn leave(&self, known: &[i32], free: &mut Free) -> u64 {
        free.before.clear();
        free.taken.clear();
        let mut taken = 0;
        for &item in known {
            let (from, to) = (self.start(item as usize), self.start(item as usize + 1));
            free.before.push(from - taken);
            taken += to - from;
            free.taken.push(taken);
        }
        self.start(self.items) - taken
    }

    /// The item at a place on what is left of the line.
    fn at(&self, free: &Free, place: u64) -> i32 {
        let passed = free.before.partition_point(|&before| before <= place);
        let place = place + if passed == 0 { 0 } else { free.taken[passed - 1] };
        self.weights.map_or(place as usize, |sums| sums.partition_point(|&sum| sum <= place)) as i32
    }
}

/// Fills `out` (events, per_positive) with draws, independent of each other and with replacement; with -1 for the events of a
/// user for whom no item of positive weight is left.
///
/// A draw depends on the seed, on the place of the event and on what the user knows alone. Off from the exact
/// distribution by less than the sum of the weights / 2^64.
pub fn draw(draw: Draw<'_>, out: &mut [i32], threads: usize) {
    let (users, n) = (draw.indptr.len() - 1, draw.per_positive);
    assert!(out.len() == draw.indices.len() * n);
    let out = DisjointSlice::new(out);
    let key = [draw.seed as u32, (draw.seed >> 32) as u32];
    for_each_chunk(threads, users.div_ceil(CHUNK), Free::default, |free, chunk| {
        for user in chunk * CHUNK..users.min((chunk + 1) * CHUNK) {
            let events = draw.indptr[user] as usize..draw.indptr[user + 1] as usize;
            // SAFETY: an event belongs to one user, and a user to one chunk.
            let mine = unsafe { out.range(events.start * n, events.end * n) };
            let known = if draw.check { &draw.indices[events.clone()] } else { &[] };
            let left = draw.leave(known, free);
            if left == 0 {
                mine.fill(-1);
                continue;
            }
            for (event, items) in events.zip(mine.chunks_exact_mut(n)) {
                for (block, pair) in items.chunks_mut(2).enumerate() {
                    let words = philox([block as u32, STREAM, event as u32, (event >> 32) as u32], key);
                    for (item, word) in pair.iter_mut().zip(words.chunks_exact(2)) {
                        let word = u128::from(u64::from(word[0]) << 32 | u64::from(word[1]));
                        *item = draw.at(free, ((word * u128::from(left)) >> 64) as u64);
                    }
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(weights: &[u64]) -> Vec<u64> {
        let mut sum = 0;
        weights
            .iter()
            .map(|w| {
                sum += w;
                sum
            })
            .collect()
    }

    fn drawn(asked: Draw<'_>, threads: usize) -> Vec<i32> {
        let mut out = vec![7; asked.indices.len() * asked.per_positive];
        draw(asked, &mut out, threads);
        out
    }

    #[test]
    fn every_place_of_the_line_is_an_item_that_is_left() {
        let weights = [3, 1, 4, 1, 5, 9, 2];
        let line: Vec<i32> = (0..7).flat_map(|i| vec![i; weights[i as usize] as usize]).collect();
        let sums = sums(&weights);
        for known in 0..1u32 << 7 {
            let known: Vec<i32> = (0..7).filter(|i| known >> i & 1 == 1).collect();
            for weights in [None, Some(&sums[..])] {
                let asked = Draw {
                    seed: 0,
                    indptr: &[],
                    indices: &known,
                    items: 7,
                    per_positive: 1,
                    weights,
                    check: true,
                };
                let all: Vec<i32> = if weights.is_some() { line.clone() } else { (0..7).collect() };
                let left: Vec<i32> = all.into_iter().filter(|item| !known.contains(item)).collect();
                let mut free = Free::default();
                assert_eq!(asked.leave(&known, &mut free), left.len() as u64);
                let found: Vec<i32> = (0..left.len() as u64).map(|place| asked.at(&free, place)).collect();
                assert_eq!(found, left);
            }
        }
    }

    #[test]
    fn items_are_drawn_as_often_as_they_should_be() {
        // One event of one user, 400,000 draws, against the weights of what is left, by chi-square.
        let weights = [5u64, 0, 1, 2, 10, 3];
        let sums = sums(&weights);
        for (weights, of) in [(None, [1u64; 6]), (Some(&sums[..]), weights)] {
            for check in [false, true] {
                let n = 400_000;
                let asked = Draw {
                    seed: 5,
                    indptr: &[0, 1],
                    indices: &[4],
                    items: 6,
                    per_positive: n,
                    weights,
                    check,
                };
                let found = drawn(asked, 1);
                let share = |i: usize| if check && i == 4 { 0.0 } else { of[i] as f64 };
                let total: f64 = (0..6).map(share).sum();
                let mut chi = 0.0;
                for i in 0..6 {
                    let count = found.iter().filter(|&&item| item == i as i32).count() as f64;
                    let want = n as f64 * share(i) / total;
                    if want == 0.0 {
                        assert_eq!(count, 0.0);
                    } else {
                        chi += (count - want).powi(2) / want;
                    }
                }
                assert!(chi < 20.5, "{chi}"); // 99.9 % of five degrees of freedom
            }
        }
    }

    #[test]
    fn draws_are_named_by_seed_and_event_alone() {
        let users = 300;
        let indptr: Vec<i64> = (0..=users).map(|u| 3 * u).collect();
        let indices: Vec<i32> = (0..3 * users as i32).map(|e| 7 * (e / 3 % 4) + e % 3).collect();
        let asked = Draw {
            seed: 1,
            indptr: &indptr,
            indices: &indices,
            items: 40,
            per_positive: 5,
            weights: None,
            check: true,
        };
        let all = drawn(asked, 1);
        assert_eq!(all, drawn(asked, 5));
        assert_ne!(all, drawn(Draw { seed: 2, ..asked }, 1));
        assert_ne!(all, drawn(Draw { seed: 1 << 32 | 1, ..asked }, 1));
        // More draws begin with the same.
        let more = drawn(Draw { per_positive: 8, ..asked }, 1);
        assert!(more.chunks(8).zip(all.chunks(5)).all(|(more, few)| more[..5] == *few));
    }

    #[test]
    fn nothing_is_drawn_for_a_user_who_has_everything() {
        let asked = Draw {
            seed: 1,
            indptr: &[0, 3, 4, 4],
            indices: &[0, 1, 2, 1],
            items: 3,
            per_positive: 2,
            weights: None,
            check: true,
        };
        let found = drawn(asked, 1);
        assert_eq!(found[..6], [-1; 6]);
        assert!(found[6..].iter().all(|&item| item == 0 || item == 2));
        assert!(drawn(Draw { check: false, ..asked }, 1).iter().all(|&item| (0..3).contains(&item)));
        let none = Draw { indptr: &[0], indices: &[], ..asked };
        assert!(drawn(none, 2).is_empty());
    }
}
