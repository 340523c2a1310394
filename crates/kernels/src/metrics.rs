//! What ranked lists hit, at several cut-offs at once: the sums from which every ranking metric is a quotient.
//!
//! The quotients, with formulas and sources, are in `src/tastespace/evaluation/ranking.py`. Every list is walked
//! once, and nothing is allocated per user.

use crate::threads::{DisjointSlice, for_each_chunk};

/// Users per chunk: some tenths of a millisecond of work, so a handful of users starts no thread.
const CHUNK: usize = 512;

/// Ranked lists, what they should have found, and where to look.
///
/// User `u` was given the item rows `ranked[u * places..][..places]`, best first, distinct, padded with -1,
/// and should have been given `relevant[indptr[u]..indptr[u + 1]]`, ascending.
#[derive(Clone, Copy)]
pub struct Lists<'a> {
    /// (users, places) item rows.
    pub ranked: &'a [i32],
    /// Length of a list.
    pub places: usize,
    /// (users + 1,) offsets into `relevant`.
    pub indptr: &'a [i64],
    /// Item rows, ascending within a user.
    pub relevant: &'a [i32],
}

/// Per user and cut-off k, each of shape (users, cut-offs): sums over the places 1..=k that hold a relevant item.
pub struct Hits<'a> {
    /// Number of hits.
    pub count: &'a mut [i32],
    /// Place of the first hit, from 1; 0 without a hit.
    pub first: &'a mut [i32],
    /// Sum of `discounts[place - 1]`.
    pub gain: &'a mut [f64],
    /// Sum of the precision down to that place.
    pub precision: &'a mut [f64],
}

/// Fills `out` for every user; `cutoffs` ascend and may exceed `places`, `discounts` has one entry per place.
///
/// Costs O(places log |relevant|) a user. Users are independent, so the result is the same for any `threads`.
pub fn count_hits(lists: Lists<'_>, cutoffs: &[usize], discounts: &[f64], out: Hits<'_>, threads: usize) {
    let users = lists.indptr.len() - 1;
    let width = cutoffs.len();
    assert_eq!(lists.ranked.len(), users * lists.places);
    assert_eq!(discounts.len(), lists.places);
    let count = DisjointSlice::new(out.count);
    let first = DisjointSlice::new(out.first);
    let gain = DisjointSlice::new(out.gain);
    let precision = DisjointSlice::new(out.precision);
    for_each_chunk(
        threads,
        users.div_ceil(CHUNK),
        || (),
        |(), chunk| {
            for user in chunk * CHUNK..users.min((chunk + 1) * CHUNK) {
                let (start, end) = (user * width, (user + 1) * width);
                // SAFETY: a user belongs to one chunk, so the ranges of different threads are disjoint.
                let out = unsafe {
                    Hits {
                        count: count.range(start, end),
                        first: first.range(start, end),
                        gain: gain.range(start, end),
                        precision: precision.range(start, end),
                    }
                };
                let ranked = &lists.ranked[user * lists.places..(user + 1) * lists.places];
                let relevant = &lists.relevant[lists.indptr[user] as usize..lists.indptr[user + 1] as usize];
                walk(ranked, relevant, cutoffs, discounts, out);
            }
        },
    );
}

/// One user of [`count_hits`].
fn walk(ranked: &[i32], relevant: &[i32], cutoffs: &[usize], discounts: &[f64], out: Hits<'_>) {
    let (mut count, mut first, mut gain, mut precision) = (0, 0, 0.0, 0.0);
    let mut start = 0;
    for (slot, &cutoff) in cutoffs.iter().enumerate() {
        let end = cutoff.min(ranked.len());
        for place in start..end {
            // Padding starts here, or nothing is left to find.
            if ranked[place] < 0 || count as usize == relevant.len() {
                break;
            }
            if relevant.binary_search(&ranked[place]).is_ok() {
                count += 1;
                gain += discounts[place];
                precision += f64::from(count) / (place + 1) as f64;
                if first == 0 {
                    first = place as i32 + 1;
                }
            }
        }
        start = end;
        out.count[slot] = count;
        out.first[slot] = first;
        out.gain[slot] = gain;
        out.precision[slot] = precision;
    }
}

/// How many of the pairs (`users[u]`, item in `indices[indptr[u]..indptr[u + 1]]`) occur in the matrix whose
/// row r holds the ascending columns `known[known_indptr[r]..known_indptr[r + 1]]`.
pub fn count_common(
    users: &[i32],
    indptr: &[i64],
    indices: &[i32],
    known_indptr: &[i64],
    known: &[i32],
) -> usize {
    let row = |indptr: &[i64], r: usize| indptr[r] as usize..indptr[r + 1] as usize;
    let mut common = 0;
    for (u, &user) in users.iter().enumerate() {
        let known = &known[row(known_indptr, user as usize)];
        common += indices[row(indptr, u)].iter().filter(|item| known.binary_search(item).is_ok()).count();
    }
    common
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Owned {
        count: Vec<i32>,
        first: Vec<i32>,
        gain: Vec<f64>,
        precision: Vec<f64>,
    }

    fn hits(lists: Lists<'_>, cutoffs: &[usize], threads: usize) -> Owned {
        let size = (lists.indptr.len() - 1) * cutoffs.len();
        let discounts: Vec<f64> = (0..lists.places).map(|place| 1.0 / (place as f64 + 2.0).log2()).collect();
        let mut out = Owned {
            count: vec![-1; size],
            first: vec![-1; size],
            gain: vec![-1.0; size],
            precision: vec![-1.0; size],
        };
        let view = Hits {
            count: &mut out.count,
            first: &mut out.first,
            gain: &mut out.gain,
            precision: &mut out.precision,
        };
        count_hits(lists, cutoffs, &discounts, view, threads);
        out
    }

    #[test]
    fn a_hand_worked_case() {
        // The first user's hits stand at places 2 and 4; the second user's list is padded after one miss.
        let lists = Lists {
            ranked: &[7, 2, 9, 4, 3, -1, -1, -1],
            places: 4,
            indptr: &[0, 3, 4],
            relevant: &[2, 4, 8, 5],
        };
        let out = hits(lists, &[1, 2, 4, 10], 1);
        let log2 = |x: f64| x.log2();
        assert_eq!(out.count, [0, 1, 2, 2, 0, 0, 0, 0]);
        assert_eq!(out.first, [0, 2, 2, 2, 0, 0, 0, 0]);
        let both = 1.0 / log2(3.0) + 1.0 / log2(5.0);
        assert_eq!(out.gain, [0.0, 1.0 / log2(3.0), both, both, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(out.precision, [0.0, 0.5, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_user_without_relevant_items_hits_nothing() {
        let out = hits(Lists { ranked: &[0, 1], places: 2, indptr: &[0, 0], relevant: &[] }, &[1, 2], 1);
        assert_eq!(out.count, [0, 0]);
        assert_eq!(out.first, [0, 0]);
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let (users, places) = (3 * CHUNK + 17, 5);
        let ranked: Vec<i32> =
            (0..users).flat_map(|u| (0..places).map(move |p| ((u * 7 + p * 3) % 11) as i32)).collect();
        let indptr: Vec<i64> = (0..=users as i64).map(|u| 2 * u).collect();
        let relevant: Vec<i32> = (0..users as i32).flat_map(|u| [u % 5, 5 + u % 6]).collect();
        let lists = Lists { ranked: &ranked, places, indptr: &indptr, relevant: &relevant };
        assert_eq!(hits(lists, &[1, 3, 5], 1), hits(lists, &[1, 3, 5], 4));
    }

    #[test]
    fn common_pairs_are_counted() {
        // Rows 0: {1, 3}, 1: {}, 2: {0}; asked: user 2 with {0, 1}, user 0 with {3}.
        assert_eq!(count_common(&[2, 0], &[0, 2, 3], &[0, 1, 3], &[0, 2, 2, 3], &[1, 3, 0]), 2);
    }
}
