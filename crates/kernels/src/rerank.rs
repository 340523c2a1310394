//! Lists put into another order: popular items lower, alike items apart; see `docs/math/reranking.md`.

use crate::simd::{Lanes, Level, PAD, dispatch};
use crate::threads::{DisjointSlice, for_each_chunk};

/// Users per chunk.
const CHUNK: usize = 16;

/// Item vectors, and one over the length of each (0 for a zero vector).
#[derive(Clone, Copy)]
pub struct Vectors<'a> {
    /// (items, stride).
    pub data: &'a [f32],
    /// Floats in a row, a multiple of [`PAD`].
    pub stride: usize,
    /// (items,).
    pub inverse: &'a [f32],
}

/// How lists are put into another order.
#[derive(Clone, Copy)]
pub struct Rerank<'a> {
    /// Places that change; what follows stays behind them.
    pub candidates: usize,
    /// How much of the range of the scores the most popular candidate loses to the least popular one.
    pub penalty: f64,
    /// Weight of the likeness to what stands above, 0 to below 1.
    pub diversity: f64,
    /// Popularity of each item on any scale, (items,); given where there is a penalty.
    pub popularity: Option<&'a [f32]>,
    /// Given where there is a diversity.
    pub vectors: Option<Vectors<'a>>,
}

/// What a thread works with: a line for each candidate.
#[derive(Default)]
struct Scratch {
    /// Worth without regard to the others.
    worth: Vec<f64>,
    /// Greatest cosine with what is chosen, at least 0.
    alike: Vec<f32>,
    /// Candidates that are not chosen yet.
    left: Vec<u32>,
    /// (candidates, stride), of length 1.
    tile: Vec<f32>,
}

/// The least of some values, and how far the others go above it; 1 where all are the same.
fn spread(values: impl Iterator<Item = f32>) -> (f64, f64) {
    let (low, high) = values.fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
    let (low, high) = (f64::from(low), f64::from(high));
    (low, if high > low { high - low } else { 1.0 })
}

/// `alike[j]` becomes the greater of itself and `tile[j] . tile[chosen]`, for all j of `left`.
#[inline(always)]
unsafe fn compare_generic<L: Lanes>(
    tile: &[f32],
    stride: usize,
    chosen: usize,
    left: &[u32],
    alike: &mut [f32],
) {
    assert!(stride.is_multiple_of(PAD) && tile.len() == alike.len() * stride);
    let row = |j: usize| &tile[j * stride..(j + 1) * stride];
    let one = row(chosen);
    for four in left.chunks(4) {
        // The last ones are looked at once more where fewer than four are left.
        let of: [usize; 4] = std::array::from_fn(|slot| four[slot.min(four.len() - 1)] as usize);
        let rows = of.map(row);
        // SAFETY: L runs here; all rows have a whole number of vectors.
        let products = unsafe {
            let mut sums = [L::splat(0.0); 4];
            for c in (0..stride).step_by(L::N) {
                let a = L::load(one.as_ptr().add(c));
                for (sum, row) in sums.iter_mut().zip(rows) {
                    *sum = L::fma(a, L::load(row.as_ptr().add(c)), *sum);
                }
            }
            L::sum4(sums)
        };
        for (j, product) in of.into_iter().zip(products) {
            alike[j] = alike[j].max(product);
        }
    }
}

dispatch!(
    fn compare = compare_generic(tile: &[f32], stride: usize, chosen: usize, left: &[u32], alike: &mut [f32])
);

/// The first `n` places of every list in their new order: `items` and `scores` are (users, n), padded with -1 and -inf.
///
/// `ranked` and `given` are the lists, (users, places), best first, padded alike; they hold the candidates, and `n` places
/// where that is more. New scores fall, ties go to the lower item row.
pub fn rerank(
    level: Level,
    threads: usize,
    how: Rerank<'_>,
    ranked: &[i32],
    given: &[f32],
    places: usize,
    n: usize,
    items: &mut [i32],
    scores: &mut [f32],
) {
    let users = ranked.len().checked_div(places).unwrap_or(0);
    assert!(given.len() == ranked.len() && items.len() == scores.len());
    assert!(places == 0 || items.len() == users * n);
    let (items, scores) = (DisjointSlice::new(items), DisjointSlice::new(scores));
    for_each_chunk(threads, users.div_ceil(CHUNK), Scratch::default, |scratch, chunk| {
        for user in chunk * CHUNK..users.min((chunk + 1) * CHUNK) {
            // SAFETY: every user belongs to one chunk.
            let (items, scores) =
                unsafe { (items.range(user * n, (user + 1) * n), scores.range(user * n, (user + 1) * n)) };
            let list = user * places..(user + 1) * places;
            how.one(level, &ranked[list.clone()], &given[list], items, scores, scratch);
        }
    });
}

impl Rerank<'_> {
    fn one(
        &self,
        level: Level,
        ranked: &[i32],
        given: &[f32],
        items: &mut [i32],
        scores: &mut [f32],
        scratch: &mut Scratch,
    ) {
        items.fill(-1);
        scores.fill(f32::NEG_INFINITY);
        let valid = ranked.iter().take_while(|&&item| item >= 0).count();
        let head = valid.min(self.candidates);
        if head == 0 {
            return;
        }
        let (low, range) = spread(given[..head].iter().copied());
        let relevance = |at: usize| (f64::from(given[at]) - low) / range;
        let share = 1.0 - self.diversity;
        scratch.worth.clear();
        match self.popularity {
            Some(popularity) => {
                let of = |at: usize| popularity[ranked[at] as usize];
                let (low, range) = spread((0..head).map(of));
                let popular = |at: usize| (f64::from(of(at)) - low) / range;
                let worth = |at| share * (relevance(at) - self.penalty * popular(at));
                scratch.worth.extend((0..head).map(worth));
            }
            None => scratch.worth.extend((0..head).map(|at| share * relevance(at))),
        }
        let wanted = head.min(items.len());
        match self.vectors {
            Some(vectors) if self.diversity > 0.0 => {
                self.apart(level, vectors, ranked, &mut items[..wanted], &mut scores[..wanted], scratch);
            }
            _ => {
                // By falling score as it is told, then by row.
                let left = &mut scratch.left;
                left.clear();
                left.extend(0..head as u32);
                let key = |&at: &u32| (scratch.worth[at as usize] as f32, ranked[at as usize]);
                left.sort_unstable_by(|a, b| {
                    let ((x, i), (y, j)) = (key(a), key(b));
                    y.partial_cmp(&x).unwrap_or(std::cmp::Ordering::Equal).then(i.cmp(&j))
                });
                for (slot, at) in left.iter().take(wanted).enumerate() {
                    (scores[slot], items[slot]) = key(at);
                }
            }
        }
        // What is no candidate stays in its order, below all that are.
        for at in head..valid.min(items.len()) {
            let above = scores[at - 1];
            items[at] = ranked[at];
            scores[at] = if at > head && given[at] == given[at - 1] {
                above
            } else {
                let told = f64::from(scores[head - 1]) + share * relevance(at);
                (told as f32).min(above.next_down()).max(f32::MIN)
            };
        }
    }

    /// Greedily: next is what is worth most less what it is like anything above it.
    fn apart(
        &self,
        level: Level,
        vectors: Vectors<'_>,
        ranked: &[i32],
        items: &mut [i32],
        scores: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let Scratch { worth, alike, left, tile } = scratch;
        let (head, stride) = (worth.len(), vectors.stride);
        alike.clear();
        alike.resize(head, 0.0);
        left.clear();
        left.extend(0..head as u32);
        tile.clear();
        for &item in &ranked[..head] {
            let inverse = vectors.inverse[item as usize];
            tile.extend(vectors.data[item as usize * stride..][..stride].iter().map(|q| q * inverse));
        }
        for (item, score) in items.iter_mut().zip(scores) {
            let mut best = (0, f32::NEG_INFINITY, i32::MAX);
            for (slot, &at) in left.iter().enumerate() {
                let at = at as usize;
                let now = (worth[at] - self.diversity * f64::from(alike[at])) as f32;
                if now > best.1 || now == best.1 && ranked[at] < best.2 {
                    best = (slot, now, ranked[at]);
                }
            }
            let chosen = left.swap_remove(best.0) as usize;
            (*item, *score) = (ranked[chosen], best.1);
            compare(level, tile, stride, chosen, left, alike);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::noise;

    struct World {
        ranked: Vec<i32>,
        given: Vec<f32>,
        popularity: Vec<f32>,
        data: Vec<f32>,
        inverse: Vec<f32>,
    }

    const ITEMS: usize = 60;
    const PLACES: usize = 50;
    const STRIDE: usize = 32;

    /// Lists of up to 50 of 60 items, with equal scores among them, and some equal items.
    fn world(users: usize) -> World {
        let mut ranked = vec![-1; users * PLACES];
        let mut given = vec![f32::NEG_INFINITY; users * PLACES];
        for user in 0..users {
            let draw = noise(ITEMS, user as u64 + 1);
            let mut order: Vec<(f32, i32)> =
                (0..ITEMS).map(|i| ((draw[i] * 40.0).round() / 4.0 + 3.0, i as i32)).collect();
            order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            for at in 0..PLACES.saturating_sub(7 * user) {
                (given[user * PLACES + at], ranked[user * PLACES + at]) = order[at];
            }
        }
        let mut data = noise(ITEMS * STRIDE, 99);
        data[..STRIDE].fill(0.0);
        data.copy_within(2 * STRIDE..3 * STRIDE, 4 * STRIDE);
        let inverse = data
            .chunks(STRIDE)
            .map(|q| q.iter().map(|x| x * x).sum::<f32>())
            .map(|square| if square > 0.0 { 1.0 / square.sqrt() } else { 0.0 })
            .collect();
        let popularity = noise(ITEMS, 5).iter().map(|x| x + 0.5).collect();
        World { ranked, given, popularity, data, inverse }
    }

    impl World {
        fn how(&self, candidates: usize, penalty: f64, diversity: f64) -> Rerank<'_> {
            let vectors = Vectors { data: &self.data, stride: STRIDE, inverse: &self.inverse };
            Rerank {
                candidates,
                penalty,
                diversity,
                popularity: Some(&self.popularity),
                vectors: Some(vectors),
            }
        }

        fn got(&self, level: Level, threads: usize, how: Rerank<'_>, n: usize) -> (Vec<i32>, Vec<f32>) {
            let users = self.ranked.len() / PLACES;
            let (mut items, mut scores) = (vec![9; users * n], vec![9.0; users * n]);
            rerank(level, threads, how, &self.ranked, &self.given, PLACES, n, &mut items, &mut scores);
            (items, scores)
        }

        fn cosine(&self, a: i32, b: i32) -> f64 {
            let row = |i: i32| &self.data[i as usize * STRIDE..][..STRIDE];
            let dot: f64 = row(a).iter().zip(row(b)).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            dot * f64::from(self.inverse[a as usize]) * f64::from(self.inverse[b as usize])
        }

        /// What an item is worth after those chosen, by the definition.
        fn value(&self, how: Rerank<'_>, user: usize, item: i32, chosen: &[i32]) -> f64 {
            let list = &self.ranked[user * PLACES..(user + 1) * PLACES];
            let given = &self.given[user * PLACES..(user + 1) * PLACES];
            let head = list.iter().filter(|&&i| i >= 0).count().min(how.candidates);
            let at = list.iter().position(|&i| i == item).unwrap();
            let range = f64::from(given[0]) - f64::from(given[head - 1]);
            let relevance = (f64::from(given[at]) - f64::from(given[head - 1])) / range.max(1e-30);
            let popularity = |i: i32| f64::from(self.popularity[i as usize]);
            let least = list[..head].iter().map(|&i| popularity(i)).fold(f64::MAX, f64::min);
            let most = list[..head].iter().map(|&i| popularity(i)).fold(f64::MIN, f64::max);
            let popular = how.penalty * (popularity(item) - least) / (most - least).max(1e-30);
            let alike = chosen.iter().map(|&other| self.cosine(item, other)).fold(0.0, f64::max);
            (1.0 - how.diversity) * (relevance - popular) - how.diversity * alike
        }
    }

    #[test]
    fn every_place_goes_to_what_is_worth_most_then() {
        let world = world(6);
        for (penalty, diversity) in [(0.0, 0.0), (0.7, 0.0), (0.0, 0.4), (0.5, 0.9)] {
            for candidates in [1, 10, 40] {
                let how = world.how(candidates, penalty, diversity);
                for level in Level::available() {
                    let (items, scores) = world.got(level, 1, how, 20);
                    for user in 0..6 {
                        let list = &world.ranked[user * PLACES..(user + 1) * PLACES];
                        let head = list.iter().filter(|&&i| i >= 0).count().min(candidates);
                        let got = &items[user * 20..(user + 1) * 20];
                        for at in 0..head.min(20) {
                            let worth = |item: i32| world.value(how, user, item, &got[..at]);
                            let score = f64::from(scores[user * 20 + at]);
                            assert!((score - worth(got[at])).abs() < 1e-5, "{score} {}", worth(got[at]));
                            let left = list[..head].iter().filter(|item| !got[..at].contains(item));
                            let most = left.map(|&item| worth(item)).fold(f64::MIN, f64::max);
                            assert!(score > most - 1e-5, "{level:?} user {user} place {at}: {score} {most}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn scores_fall_ties_go_by_row_and_what_follows_stays() {
        let world = world(6);
        for how in [world.how(10, 0.6, 0.3), world.how(10, 3.0, 0.0), world.how(50, 0.0, 0.0)] {
            let (items, scores) = world.got(Level::best(), 1, how, PLACES);
            for user in 0..6 {
                let list = user * PLACES..(user + 1) * PLACES;
                let (items, scores) = (&items[list.clone()], &scores[list.clone()]);
                let valid = world.ranked[list.clone()].iter().filter(|&&i| i >= 0).count();
                let (mut a, mut b) = (items.to_vec(), world.ranked[list.clone()].to_vec());
                let head = valid.min(how.candidates);
                assert_eq!(a[head..], b[head..]);
                a.sort_unstable();
                b.sort_unstable();
                assert_eq!(a, b);
                for at in 1..valid {
                    assert!(
                        scores[at] < scores[at - 1]
                            || scores[at] == scores[at - 1] && items[at] > items[at - 1]
                    );
                    assert!(scores[at].is_finite());
                }
            }
        }
        // Nothing asked, nothing moved.
        assert_eq!(world.got(Level::best(), 1, world.how(50, 0.0, 0.0), PLACES).0, world.ranked);
    }

    #[test]
    fn any_thread_count_and_any_length_give_the_same() {
        let world = world(6);
        for level in Level::available() {
            let how = world.how(30, 0.3, 0.5);
            let long = world.got(level, 1, how, PLACES);
            assert_eq!(long, world.got(level, 4, how, PLACES));
            for n in [1, 5, 30, 35] {
                let short = world.got(level, 2, how, n);
                for user in 0..6 {
                    assert_eq!(short.0[user * n..(user + 1) * n], long.0[user * PLACES..][..n]);
                    assert_eq!(short.1[user * n..(user + 1) * n], long.1[user * PLACES..][..n]);
                }
            }
        }
    }

    #[test]
    fn of_two_items_with_one_vector_only_one_comes_first() {
        let world = world(1);
        let how = Rerank { popularity: None, ..world.how(PLACES, 0.0, 0.999) };
        let (items, _) = world.got(Level::best(), 1, how, PLACES);
        let place = |item: i32| items.iter().position(|&i| i == item);
        if let (Some(a), Some(b)) = (place(2), place(4)) {
            assert!(a.abs_diff(b) > 10, "{a} {b}");
        }
    }

    #[test]
    fn lists_of_nothing_stay_empty() {
        let world = world(1);
        let how = world.how(5, 0.5, 0.5);
        let (mut items, mut scores) = ([3; 2], [3.0; 2]);
        let (ranked, given) = ([-1; 4], [f32::NEG_INFINITY; 4]);
        rerank(Level::best(), 1, how, &ranked, &given, 4, 2, &mut items, &mut scores);
        assert_eq!((items, scores), ([-1; 2], [f32::NEG_INFINITY; 2]));
        rerank(Level::best(), 1, how, &[], &[], 0, 2, &mut [], &mut []);
    }
}
