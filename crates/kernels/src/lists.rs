//! What ranked lists are like, whatever they hit, at several cut-offs at once.
//!
//! The formulas are in `docs/math/list-metrics.md`. Users are independent and every sum has a fixed order, so the
//! results are the same for any number of threads. How alike the items of a list are is in `audiences.rs`.

use crate::metrics::Lists;
use crate::threads::{DisjointSlice, for_each_chunk};

/// Users per chunk, as in `metrics.rs`.
const CHUNK: usize = 512;

/// The items that a list really holds: it ends where padding with -1 starts.
pub fn held(list: &[i32]) -> &[i32] {
    &list[..list.iter().position(|&item| item < 0).unwrap_or(list.len())]
}

/// Adds to `counts[slot * items + item]` how often `item` stands at the places after the cut-off before `slot`, down
/// to the cut-off of `slot`. `ranked` are rows of `places` items.
pub fn count_recommended(ranked: &[i32], places: usize, cutoffs: &[usize], items: usize, counts: &mut [i64]) {
    assert_eq!(counts.len(), cutoffs.len() * items);
    for list in ranked.chunks_exact(places) {
        let list = held(list);
        let mut start = 0;
        for (slot, &cutoff) in cutoffs.iter().enumerate() {
            let end = cutoff.min(list.len());
            for &item in &list[start..end] {
                counts[slot * items + item as usize] += 1;
            }
            start = end;
        }
    }
}

/// Fills `out` (users, cut-offs) with the mean of `values[item]` over the items at the places 1..=k; NaN where a list is
/// empty. Added in the order of the places.
pub fn list_means(
    ranked: &[i32],
    places: usize,
    cutoffs: &[usize],
    values: &[f64],
    out: &mut [f64],
    threads: usize,
) {
    let users = out.len() / cutoffs.len();
    assert_eq!(ranked.len(), users * places);
    let out = DisjointSlice::new(out);
    for_each_chunk(
        threads,
        users.div_ceil(CHUNK),
        || (),
        |(), chunk| {
            for user in chunk * CHUNK..users.min((chunk + 1) * CHUNK) {
                let list = held(&ranked[user * places..(user + 1) * places]);
                // SAFETY: a user belongs to one chunk, so the ranges of different threads are disjoint.
                let out = unsafe { out.range(user * cutoffs.len(), (user + 1) * cutoffs.len()) };
                let (mut start, mut sum) = (0, 0.0);
                for (out, &cutoff) in out.iter_mut().zip(cutoffs) {
                    let end = cutoff.min(list.len());
                    sum = list[start..end].iter().fold(sum, |sum, &item| sum + values[item as usize]);
                    *out = sum / end as f64;
                    start = end;
                }
            }
        },
    );
}

/// How popular items are, and which of them the users know.
///
/// The user of list `u` has the row `users[u]` in the table of histories, or -1 for none.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// (items,) place of each item in the order of popularity, from 0.
    pub order: &'a [i32],
    /// (lists,) rows in the table.
    pub users: &'a [i32],
    /// (rows + 1,) offsets into `items`.
    pub indptr: &'a [i64],
    /// Items that the users know.
    pub items: &'a [i32],
}

impl Known<'_> {
    /// How many items unknown to the user of a list are more popular than an item.
    fn more_popular(&self, list: usize, item: i32) -> usize {
        let place = self.order[item as usize];
        let Ok(row) = usize::try_from(self.users[list]) else { return place as usize };
        let known = &self.items[self.indptr[row] as usize..self.indptr[row + 1] as usize];
        (place as usize)
            .saturating_sub(known.iter().filter(|&&item| self.order[item as usize] < place).count())
    }
}

/// Fills `count` (users, cut-offs) with the number of relevant items at the places 1..=k that are not among the k most
/// popular items which the user does not know.
///
/// Costs O(places log |relevant|) a user, and a walk over the user's history for each hit.
pub fn count_unexpected(
    lists: Lists<'_>,
    known: Known<'_>,
    cutoffs: &[usize],
    count: &mut [i32],
    threads: usize,
) {
    let users = lists.indptr.len() - 1;
    assert_eq!(lists.ranked.len(), users * lists.places);
    assert_eq!((known.users.len(), count.len()), (users, users * cutoffs.len()));
    let count = DisjointSlice::new(count);
    for_each_chunk(
        threads,
        users.div_ceil(CHUNK),
        || (),
        |(), chunk| {
            for user in chunk * CHUNK..users.min((chunk + 1) * CHUNK) {
                let list = held(&lists.ranked[user * lists.places..(user + 1) * lists.places]);
                let relevant = &lists.relevant[lists.indptr[user] as usize..lists.indptr[user + 1] as usize];
                // SAFETY: a user belongs to one chunk, so the ranges of different threads are disjoint.
                let count = unsafe { count.range(user * cutoffs.len(), (user + 1) * cutoffs.len()) };
                count.fill(0);
                for (place, item) in list.iter().enumerate() {
                    if relevant.binary_search(item).is_err() {
                        continue;
                    }
                    let expected_from = known.more_popular(user, *item); // among the k most popular for k above this
                    for (count, &cutoff) in count.iter_mut().zip(cutoffs) {
                        *count += i32::from(place < cutoff && expected_from >= cutoff);
                    }
                }
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recommendations_are_counted_between_cutoffs() {
        let mut counts = vec![0; 6];
        count_recommended(&[2, 0, 1, 2, -1, -1, -1, -1, -1], 3, &[1, 3], 3, &mut counts);
        assert_eq!(counts, [0, 0, 2, 1, 1, 0]);
        count_recommended(&[0, 1, -1], 3, &[1, 3], 3, &mut counts);
        assert_eq!(counts, [1, 0, 2, 1, 2, 0]);
    }

    #[test]
    fn means_are_over_the_items_there_are() {
        let mut out = [0.0; 6];
        list_means(&[2, 0, 1, -1, -1, -1], 2, &[1, 9], &[1.0, 4.0, 2.0], &mut out, 2);
        assert_eq!(out[..4], [2.0, 1.5, 4.0, 4.0]);
        assert!(out[4].is_nan() && out[5].is_nan());
    }

    #[test]
    fn what_everybody_gets_is_expected() {
        // In order of popularity 0, 1, 2, 3; the first user knows 0, the second is unknown.
        let lists = Lists {
            ranked: &[2, 3, 1, 3, 1, 0],
            places: 3,
            indptr: &[0, 2, 4],
            relevant: &[2, 3, 1, 3],
            grades: &[],
        };
        let known = Known { order: &[0, 1, 2, 3], users: &[0, -1], indptr: &[0, 1], items: &[0] };
        let mut count = [9; 6];
        count_unexpected(lists, known, &[1, 2, 3], &mut count, 2);
        assert_eq!(count, [1, 1, 0, 1, 1, 1]);
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let (users, places) = (2 * CHUNK + 9, 4);
        let ranked: Vec<i32> =
            (0..users).flat_map(|u| (0..places).map(move |p| ((u * 5 + p * 3) % 13) as i32 - 1)).collect();
        let values: Vec<f64> = (0..12).map(|i| 1.0 / f64::from(i + 3)).collect();
        let run = |threads| {
            let mut out = vec![0.0; users * 2];
            list_means(&ranked, places, &[2, 4], &values, &mut out, threads);
            out.into_iter().map(f64::to_bits).collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(3));
    }
}
