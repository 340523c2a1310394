//! A test set in the rows of a model: which of its events count, and where the model has their items.

use crate::threads::{DisjointSlice, for_each_chunk};

/// Users per chunk.
const CHUNK: usize = 1024;

/// Events of test users in compressed rows of their own, and where the model has them.
#[derive(Clone, Copy)]
pub struct Held<'a> {
    /// (users + 1,) offsets.
    pub indptr: &'a [i64],
    /// Item of each event, in the rows of the test set.
    pub indices: &'a [i32],
    /// Value of each event; none where all are 1.
    pub values: Option<&'a [f32]>,
    /// Row of each user in the model, negative for cold ones.
    pub user_rows: &'a [i32],
    /// Row of each item in the model, negative for cold ones.
    pub item_rows: &'a [i32],
    /// Which events are wanted; none means all.
    pub chosen: Option<&'a [bool]>,
    /// Whether wanted events of cold users or on cold items are gathered too, the latter as item -1.
    pub keep_cold: bool,
}

/// Numbers of events of each user, (users,) each.
pub struct Counts<'a> {
    /// Wanted.
    pub chosen: &'a mut [i64],
    /// On items that the model knows.
    pub known: &'a mut [i64],
    /// Both.
    pub both: &'a mut [i64],
}

impl Held<'_> {
    fn users(&self) -> usize {
        self.indptr.len() - 1
    }

    fn events(&self, user: usize) -> std::ops::Range<usize> {
        self.indptr[user] as usize..self.indptr[user + 1] as usize
    }

    fn is_chosen(&self, event: usize) -> bool {
        self.chosen.is_none_or(|chosen| chosen[event])
    }
}

/// Counts the events of every user; returns the offsets of what [`gather`] writes, (users + 1,).
pub fn count(held: Held<'_>, out: Counts<'_>, threads: usize) -> Vec<i64> {
    let Counts { chosen, known, both } = out;
    count_each(held, Counts { chosen: &mut *chosen, known, both: &mut *both }, threads);
    let mut offsets = Vec::with_capacity(held.users() + 1);
    let mut end = 0;
    offsets.push(0);
    for user in 0..held.users() {
        end += match (held.keep_cold, held.user_rows[user] < 0) {
            (true, _) => chosen[user],
            (false, false) => both[user],
            (false, true) => 0,
        };
        offsets.push(end);
    }
    offsets
}

fn count_each(held: Held<'_>, out: Counts<'_>, threads: usize) {
    let (all, known, both) =
        (DisjointSlice::new(out.chosen), DisjointSlice::new(out.known), DisjointSlice::new(out.both));
    for_each_chunk(
        threads,
        held.users().div_ceil(CHUNK),
        || (),
        |(), chunk| {
            let users = chunk * CHUNK..held.users().min((chunk + 1) * CHUNK);
            // SAFETY: a user belongs to one chunk.
            let (all, known, both) = unsafe {
                (
                    all.range(users.start, users.end),
                    known.range(users.start, users.end),
                    both.range(users.start, users.end),
                )
            };
            for (slot, user) in users.enumerate() {
                let mut sums = [0; 3];
                for event in held.events(user) {
                    let wanted = i64::from(held.is_chosen(event));
                    let warm = i64::from(held.item_rows[held.indices[event] as usize] >= 0);
                    sums = [sums[0] + wanted, sums[1] + warm, sums[2] + wanted * warm];
                }
                [all[slot], known[slot], both[slot]] = sums;
            }
        },
    );
}

/// Writes the wanted events by the model's item rows, ascending within a user, with their values.
///
/// `offsets` are those that [`count`] returns; `values` is as long as `items`, or empty where none are wanted.
pub fn gather(held: Held<'_>, offsets: &[i64], items: &mut [i32], values: &mut [f32], threads: usize) {
    let with_values = !values.is_empty();
    let (items, values) = (DisjointSlice::new(items), DisjointSlice::new(values));
    for_each_chunk(threads, held.users().div_ceil(CHUNK), Vec::new, |pairs: &mut Vec<(i32, f32)>, chunk| {
        for user in chunk * CHUNK..held.users().min((chunk + 1) * CHUNK) {
            let (start, end) = (offsets[user] as usize, offsets[user + 1] as usize);
            if start == end {
                continue;
            }
            pairs.clear();
            for event in held.events(user) {
                let item = held.item_rows[held.indices[event] as usize];
                if held.is_chosen(event) && (held.keep_cold || item >= 0) {
                    pairs.push((item.max(-1), held.values.map_or(1.0, |values| values[event])));
                }
            }
            // The model's vocabulary mostly keeps the order of the test's.
            if !pairs.is_sorted_by_key(|pair| pair.0) {
                pairs.sort_by_key(|pair| pair.0);
            }
            // SAFETY: the offsets ascend, so the ranges of different users are disjoint.
            let items = unsafe { items.range(start, end) };
            items.iter_mut().zip(&*pairs).for_each(|(item, pair)| *item = pair.0);
            if with_values {
                // SAFETY: as above.
                let values = unsafe { values.range(start, end) };
                values.iter_mut().zip(&*pairs).for_each(|(value, pair)| *value = pair.1);
            }
        }
    });
}

/// Which of the pairs (`users[u]`, item in `indices[indptr[u]..indptr[u + 1]]`) occur in the matrix whose row r holds the
/// ascending columns `known[known_indptr[r]..known_indptr[r + 1]]`. A negative user has no row.
pub fn common(
    users: &[i32],
    indptr: &[i64],
    indices: &[i32],
    known_indptr: &[i64],
    known: &[i32],
    out: &mut [bool],
    threads: usize,
) {
    assert!(out.len() == indices.len() && indptr.len() == users.len() + 1);
    let out = DisjointSlice::new(out);
    for_each_chunk(
        threads,
        users.len().div_ceil(CHUNK),
        || (),
        |(), chunk| {
            for u in chunk * CHUNK..users.len().min((chunk + 1) * CHUNK) {
                let (start, end) = (indptr[u] as usize, indptr[u + 1] as usize);
                // SAFETY: the offsets ascend, so the ranges of different users are disjoint.
                let out = unsafe { out.range(start, end) };
                let Ok(row) = usize::try_from(users[u]) else {
                    out.fill(false);
                    continue;
                };
                let known = &known[known_indptr[row] as usize..known_indptr[row + 1] as usize];
                for (out, item) in out.iter_mut().zip(&indices[start..end]) {
                    *out = known.binary_search(item).is_ok();
                }
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three users; the model lacks user 1 and item 2, and has the others the other way round.
    fn held() -> Held<'static> {
        Held {
            indptr: &[0, 3, 5, 6],
            indices: &[0, 1, 2, 0, 2, 2],
            values: Some(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
            user_rows: &[7, -1, 3],
            item_rows: &[9, 4, -1],
            chosen: None,
            keep_cold: false,
        }
    }

    type Gathered = (Vec<i64>, Vec<i32>, Vec<f32>, [Vec<i64>; 3]);

    fn run(held: Held<'_>, threads: usize) -> Gathered {
        let users = held.indptr.len() - 1;
        let mut sums = [vec![0; users], vec![0; users], vec![0; users]];
        let [chosen, known, both] = &mut sums;
        let at = count(held, Counts { chosen, known, both }, threads);
        let total = at[users] as usize;
        let (mut items, mut values) = (vec![0; total], vec![0.0; total]);
        gather(held, &at, &mut items, &mut values, threads);
        (at, items, values, sums)
    }

    #[test]
    fn warm_events_are_gathered_by_item() {
        let (at, items, values, counts) = run(held(), 1);
        assert_eq!((at, items, values), (vec![0, 2, 2, 2], vec![4, 9], vec![2.0, 1.0]));
        assert_eq!(counts, [vec![3, 2, 1], vec![2, 1, 0], vec![2, 1, 0]]);
    }

    #[test]
    fn cold_events_are_kept_where_wanted() {
        let (at, items, values, _) = run(Held { keep_cold: true, ..held() }, 1);
        assert_eq!(at, [0, 3, 5, 6]);
        assert_eq!(items, [-1, 4, 9, -1, 9, -1]);
        assert_eq!(values, [3.0, 2.0, 1.0, 5.0, 4.0, 6.0]);
    }

    #[test]
    fn events_are_chosen() {
        let chosen = [true, false, true, true, false, true];
        let (at, items, _, counts) = run(Held { chosen: Some(&chosen), ..held() }, 1);
        assert_eq!((at, items), (vec![0, 1, 1, 1], vec![9]));
        assert_eq!(counts, [vec![2, 1, 1], vec![2, 1, 0], vec![1, 1, 0]]);
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let users = 2 * CHUNK + 3;
        let indptr: Vec<i64> = (0..=users as i64).map(|u| 3 * u).collect();
        let indices: Vec<i32> = (0..users as i32).flat_map(|u| [u % 7, 7 + u % 5, 12 + u % 3]).collect();
        let user_rows: Vec<i32> = (0..users as i32).map(|u| u % 11 - 1).collect();
        let item_rows: Vec<i32> = (0..15).map(|i| (i * 8) % 15 - 1).collect();
        let held = Held {
            indptr: &indptr,
            indices: &indices,
            values: None,
            user_rows: &user_rows,
            item_rows: &item_rows,
            chosen: None,
            keep_cold: false,
        };
        assert_eq!(run(held, 1), run(held, 4));
    }

    #[test]
    fn common_pairs_are_found() {
        // Rows 0: {1, 3}, 1: {}, 2: {0}; asked: user 2 with {0, 1}, user 0 with {3}, nobody with {1}.
        let mut out = [true; 4];
        common(&[2, 0, -1], &[0, 2, 3, 4], &[0, 1, 3, 1], &[0, 2, 2, 3], &[1, 3, 0], &mut out, 2);
        assert_eq!(out, [true, false, true, false]);
    }
}
