//! What is wrong with ranked lists: models may be written by anyone, and a list that holds an item twice, or lies about
//! its order, inflates every metric.

use crate::threads::for_each_chunk;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Users per chunk, as in `metrics.rs`.
const CHUNK: usize = 512;

/// A broken promise of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Neither a row of an item nor the padding, -1.
    Row,
    /// An item after the padding.
    Gap,
    /// The item of a place before.
    Twice,
    /// A score that is NaN or infinite.
    NotFinite,
    /// A score above that of the place before.
    Ascending,
}

impl Fault {
    /// A word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Row => "row",
            Self::Gap => "gap",
            Self::Twice => "twice",
            Self::NotFinite => "not finite",
            Self::Ascending => "ascending",
        }
    }
}

/// The first fault by user and place, with both; scores of the padding play no part.
///
/// `ranked` and `scores` are (users, `places`), of a model with so many `items`. Costs O(places) a user. The first user
/// is the first for any number of threads.
pub fn first_fault(
    ranked: &[i32],
    scores: &[f32],
    places: usize,
    items: usize,
    threads: usize,
) -> Option<(Fault, usize, usize)> {
    if places == 0 {
        return None;
    }
    assert_eq!(ranked.len(), scores.len());
    let users = ranked.len() / places;
    let of = |user: usize, held: &mut Vec<u64>| {
        let range = user * places..(user + 1) * places;
        fault(&ranked[range.clone()], &scores[range], items, held)
    };
    let new = || vec![0; items.div_ceil(64)];
    let first = AtomicUsize::new(users);
    for_each_chunk(threads, users.div_ceil(CHUNK), new, |held, chunk| {
        let members = chunk * CHUNK..users.min((chunk + 1) * CHUNK);
        if let Some(user) = members.into_iter().find(|&user| of(user, held).is_some()) {
            first.fetch_min(user, Ordering::Relaxed);
        }
    });
    let user = first.into_inner();
    (user < users).then(|| of(user, &mut new())).flatten().map(|(fault, place)| (fault, user, place))
}

/// The first fault of one list, and its place; `held` has a bit for each item, 0 before and after.
fn fault(ranked: &[i32], scores: &[f32], items: usize, held: &mut [u64]) -> Option<(Fault, usize)> {
    let mut before = f32::INFINITY;
    let mut found = None;
    let mut end = ranked.len();
    for (place, (&item, &score)) in ranked.iter().zip(scores).enumerate() {
        let wrong = if item == -1 {
            end = end.min(place);
            continue;
        } else if item < 0 || item as usize >= items {
            Some(Fault::Row)
        } else if end < place {
            Some(Fault::Gap)
        } else if !score.is_finite() {
            Some(Fault::NotFinite)
        } else if held[item as usize / 64] >> (item % 64) & 1 == 1 {
            Some(Fault::Twice)
        } else if score > before {
            Some(Fault::Ascending)
        } else {
            None
        };
        if let Some(fault) = wrong {
            found = Some((fault, place));
            end = end.min(place);
            break;
        }
        held[item as usize / 64] |= 1 << (item % 64);
        before = score;
    }
    for &item in &ranked[..end] {
        held[item as usize / 64] = 0;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_named_with_its_place() {
        let good = ([2, 0, 5, -1], [3.0, 3.0, 1.0, f32::NEG_INFINITY]);
        let of = |ranked: [i32; 4], scores: [f32; 4]| first_fault(&ranked, &scores, 4, 6, 1);
        assert_eq!(of(good.0, good.1), None);
        assert_eq!(of([-1; 4], [f32::NAN; 4]), None);
        assert_eq!(of([2, 0, 6, -1], good.1), Some((Fault::Row, 0, 2)));
        assert_eq!(of([2, -2, 1, -1], good.1), Some((Fault::Row, 0, 1)));
        assert_eq!(of([2, 0, -1, 1], [3.0; 4]), Some((Fault::Gap, 0, 3)));
        assert_eq!(of([2, 0, 2, -1], good.1), Some((Fault::Twice, 0, 2)));
        assert_eq!(of(good.0, [3.0, 2.0, 2.5, 0.0]), Some((Fault::Ascending, 0, 2)));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(of(good.0, [bad, 2.0, 1.0, 0.0]), Some((Fault::NotFinite, 0, 0)));
        }
        assert_eq!(first_fault(&[], &[], 0, 6, 1), None);
    }

    #[test]
    fn the_first_fault_is_the_first_for_any_threads() {
        let (users, places, items) = (5 * CHUNK, 3, 200);
        let mut ranked: Vec<i32> =
            (0..users).flat_map(|u| (0..places).map(move |p| ((u * 3 + p) % 200) as i32)).collect();
        let scores = vec![0.0; users * places];
        for threads in [1, 4] {
            assert_eq!(first_fault(&ranked, &scores, places, items, threads), None);
        }
        for user in [3 * CHUNK, 2 * CHUNK + 7, 2 * CHUNK + 8] {
            ranked[user * places + 1] = ranked[user * places];
        }
        for threads in [1, 4] {
            let found = first_fault(&ranked, &scores, places, items, threads);
            assert_eq!(found, Some((Fault::Twice, 2 * CHUNK + 7, 1)));
        }
    }
}
