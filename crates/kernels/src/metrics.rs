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
    /// The grade (test value) of each relevant item where gains are graded; otherwise empty.
    pub grades: &'a [f32],
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
    /// Sum of `grade * discounts[place - 1]`; empty without grades.
    pub graded: &'a mut [f64],
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
    let graded = DisjointSlice::new(out.graded);
    let is_graded = !lists.grades.is_empty();
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
                        graded: if is_graded { graded.range(start, end) } else { &mut [] },
                    }
                };
                let ranked = &lists.ranked[user * lists.places..(user + 1) * lists.places];
                let range = lists.indptr[user] as usize..lists.indptr[user + 1] as usize;
                let grades = if is_graded { &lists.grades[range.clone()] } else { &[] };
                walk(ranked, &lists.relevant[range], grades, cutoffs, discounts, out);
            }
        },
    );
}

/// One user of [`count_hits`].
fn walk(
    ranked: &[i32],
    relevant: &[i32],
    grades: &[f32],
    cutoffs: &[usize],
    discounts: &[f64],
    out: Hits<'_>,
) {
    let (mut count, mut first, mut gain, mut precision, mut graded) = (0, 0, 0.0, 0.0, 0.0);
    let mut start = 0;
    for (slot, &cutoff) in cutoffs.iter().enumerate() {
        let end = cutoff.min(ranked.len());
        for place in start..end {
            // Padding starts here, or nothing is left to find.
            if ranked[place] < 0 || count as usize == relevant.len() {
                break;
            }
            if let Ok(at) = relevant.binary_search(&ranked[place]) {
                count += 1;
                gain += discounts[place];
                graded += grades.get(at).map_or(0.0, |&grade| f64::from(grade) * discounts[place]);
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
        if let Some(out) = out.graded.get_mut(slot) {
            *out = graded;
        }
    }
}

/// The largest graded gains, (users, cut-offs): every user's `grades[indptr[u]..indptr[u + 1]]`, best first.
///
/// `cutoffs` ascend; `discounts` has an entry for every place down to the last cut-off that any user can fill.
pub fn graded_ideals(
    indptr: &[i64],
    grades: &[f32],
    cutoffs: &[usize],
    discounts: &[f64],
    out: &mut [f64],
    threads: usize,
) {
    let users = indptr.len() - 1;
    assert_eq!(out.len(), users * cutoffs.len());
    let out = DisjointSlice::new(out);
    for_each_chunk(threads, users.div_ceil(CHUNK), Vec::new, |sorted: &mut Vec<f32>, chunk| {
        for user in chunk * CHUNK..users.min((chunk + 1) * CHUNK) {
            sorted.clear();
            sorted.extend_from_slice(&grades[indptr[user] as usize..indptr[user + 1] as usize]);
            sorted.sort_unstable_by(|a, b| b.total_cmp(a));
            // SAFETY: a user belongs to one chunk.
            let out = unsafe { out.range(user * cutoffs.len(), (user + 1) * cutoffs.len()) };
            let (mut gain, mut start) = (0.0, 0);
            for (out, &cutoff) in out.iter_mut().zip(cutoffs) {
                let end = cutoff.min(sorted.len());
                for place in start..end {
                    gain += f64::from(sorted[place]) * discounts[place];
                }
                start = end;
                *out = gain;
            }
        }
    });
}

/// Pairs of a relevant item and another one, from which AUC is a quotient; (users,) each.
pub struct Pairs<'a> {
    /// Twice the concordant pairs, in which the relevant item scores higher, and once the tied ones.
    pub concordant: &'a mut [i64],
    /// Ranked items that are not relevant.
    pub negatives: &'a mut [i64],
    /// Ranked items that are; -1 where a score is not finite.
    pub found: &'a mut [i64],
}

/// Fills `out` from whole rankings: lists of all items that could be ranked, with their scores.
pub fn count_concordant(lists: Lists<'_>, scores: &[f32], out: Pairs<'_>, threads: usize) {
    let users = lists.indptr.len() - 1;
    assert!(lists.ranked.len() == users * lists.places && scores.len() == lists.ranked.len());
    let (concordant, negatives, found) = (
        DisjointSlice::new(out.concordant),
        DisjointSlice::new(out.negatives),
        DisjointSlice::new(out.found),
    );
    // Lists are whole catalogues, so one user is enough work.
    for_each_chunk(threads, users, Vec::new, |hit: &mut Vec<bool>, user| {
        let range = user * lists.places..(user + 1) * lists.places;
        let ranked = &lists.ranked[range.clone()];
        let ranked = &ranked[..ranked.iter().position(|&item| item < 0).unwrap_or(ranked.len())];
        let relevant = &lists.relevant[lists.indptr[user] as usize..lists.indptr[user + 1] as usize];
        hit.clear();
        hit.extend(ranked.iter().map(|item| relevant.binary_search(item).is_ok()));
        let hits = hit.iter().filter(|&&hit| hit).count() as i64;
        let others = ranked.len() as i64 - hits;
        let (mut sum, mut below, mut start) = (0, others, 0);
        for group in scores[range].split_at(ranked.len()).0.chunk_by(|a, b| a == b) {
            let tied = &hit[start..start + group.len()];
            let positives = tied.iter().filter(|&&hit| hit).count() as i64;
            let equal = tied.len() as i64 - positives;
            below -= equal;
            sum += positives * (2 * below + equal);
            start += group.len();
        }
        // SAFETY: a user is a chunk.
        unsafe {
            concordant.range(user, user + 1)[0] = sum;
            negatives.range(user, user + 1)[0] = others;
            found.range(user, user + 1)[0] = hits;
        }
    });
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
        graded: Vec<f64>,
    }

    fn hits(lists: Lists<'_>, cutoffs: &[usize], threads: usize) -> Owned {
        let size = (lists.indptr.len() - 1) * cutoffs.len();
        let discounts: Vec<f64> = (0..lists.places).map(|place| 1.0 / (place as f64 + 2.0).log2()).collect();
        let mut out = Owned {
            count: vec![-1; size],
            first: vec![-1; size],
            gain: vec![-1.0; size],
            precision: vec![-1.0; size],
            graded: if lists.grades.is_empty() { vec![] } else { vec![-1.0; size] },
        };
        let view = Hits {
            count: &mut out.count,
            first: &mut out.first,
            gain: &mut out.gain,
            precision: &mut out.precision,
            graded: &mut out.graded,
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
            grades: &[],
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
        let out = hits(
            Lists { ranked: &[0, 1], places: 2, indptr: &[0, 0], relevant: &[], grades: &[] },
            &[1, 2],
            1,
        );
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
        let lists = Lists { ranked: &ranked, places, indptr: &indptr, relevant: &relevant, grades: &[] };
        assert_eq!(hits(lists, &[1, 3, 5], 1), hits(lists, &[1, 3, 5], 4));
    }

    #[test]
    fn graded_gains_weigh_hits_by_their_grades() {
        let lists = Lists {
            ranked: &[7, 2, 9, 4],
            places: 4,
            indptr: &[0, 3],
            relevant: &[2, 4, 8],
            grades: &[3.0, 5.0, 4.0],
        };
        let out = hits(lists, &[1, 2, 9], 1);
        let gain = |grade: f64, place: f64| grade * (1.0 / (place + 1.0).log2());
        assert_eq!(out.graded, [0.0, gain(3.0, 2.0), gain(3.0, 2.0) + gain(5.0, 4.0)]);
        let discounts: Vec<f64> = (0..3).map(|place| 1.0 / (f64::from(place) + 2.0).log2()).collect();
        let mut ideal = [0.0; 3];
        graded_ideals(&[0, 3], lists.grades, &[1, 2, 9], &discounts, &mut ideal, 1);
        assert_eq!(ideal, [5.0, 5.0 + gain(4.0, 2.0), 5.0 + gain(4.0, 2.0) + gain(3.0, 3.0)]);
    }

    #[test]
    fn concordant_pairs_are_those_of_the_definition() {
        let (users, places) = (40, 9);
        let score = |u: usize, i: usize| ((u * 5 + i * i * 3) % 5) as f32;
        let (mut ranked, mut scores) = (Vec::new(), Vec::new());
        for u in 0..users {
            let length = u % (places + 1);
            let mut items: Vec<usize> = (0..length).collect();
            items.sort_by(|&a, &b| score(u, b).total_cmp(&score(u, a)));
            ranked.extend(items.iter().map(|&i| i as i32).chain(std::iter::repeat_n(-1, places - length)));
            let tail = std::iter::repeat_n(f32::NEG_INFINITY, places - length);
            scores.extend(items.iter().map(|&i| score(u, i)).chain(tail));
        }
        let indptr: Vec<i64> = (0..=users as i64).map(|u| 2 * u).collect();
        let relevant: Vec<i32> = (0..users as i32).flat_map(|u| [u % 4, 4 + u % 5]).collect();
        let lists = Lists { ranked: &ranked, places, indptr: &indptr, relevant: &relevant, grades: &[] };
        for threads in [1, 4] {
            let (mut concordant, mut negatives, mut found) = (vec![0; users], vec![0; users], vec![0; users]);
            let out = Pairs { concordant: &mut concordant, negatives: &mut negatives, found: &mut found };
            count_concordant(lists, &scores, out, threads);
            for u in 0..users {
                let length = u % (places + 1);
                let mine = &relevant[2 * u..2 * u + 2];
                let (hits, others): (Vec<usize>, Vec<usize>) =
                    (0..length).partition(|&i| mine.contains(&(i as i32)));
                let mut want = 0;
                for (&a, &b) in hits.iter().flat_map(|a| others.iter().map(move |b| (a, b))) {
                    want += 2 * i64::from(score(u, a) > score(u, b)) + i64::from(score(u, a) == score(u, b));
                }
                assert_eq!(
                    (concordant[u], negatives[u], found[u]),
                    (want, others.len() as i64, hits.len() as i64)
                );
            }
        }
    }
}
