//! Candidates for the rankings of sampled evaluations: drawing them, and putting them in order.

use crate::random::philox;
use crate::threads::{DisjointSlice, for_each_chunk};

/// Users per chunk: some tenths of a millisecond of work.
const CHUNK: usize = 128;

/// The second word of the counters, so that no other use of a seed draws the same numbers.
const STREAM: u32 = u32::MAX;

/// Compressed rows with ascending columns.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// Offsets.
    pub indptr: &'a [i64],
    /// Columns.
    pub indices: &'a [i32],
}

impl<'a> Rows<'a> {
    fn row(&self, r: usize) -> &'a [i32] {
        &self.indices[self.indptr[r] as usize..self.indptr[r + 1] as usize]
    }
}

/// Whose candidates are drawn, and out of what.
#[derive(Clone, Copy)]
pub struct Sample<'a> {
    /// Names a draw together with the user's key.
    pub seed: u64,
    /// What names a user, whatever the model.
    pub keys: &'a [i32],
    /// Number of items.
    pub items: usize,
    /// Items to draw for each user.
    pub negatives: usize,
    /// Running sums of the items' weights, (items,); none draws all items alike.
    pub weights: Option<&'a [u64]>,
    /// Row of each user in `seen`; users of negative rows get no candidates.
    pub rows: &'a [i32],
    /// What users have seen.
    pub seen: Option<Rows<'a>>,
    /// Items of each user's test events, one row for each user.
    pub tested: Rows<'a>,
    /// Relevant items, one row for each user: candidates besides those drawn.
    pub relevant: Rows<'a>,
    /// Whether relevant items that the user has seen are left out.
    pub exclude_seen: bool,
}

/// Candidates in compressed rows, ascending within a user, and how many of each user's were drawn.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Drawn {
    /// (users + 1,) offsets.
    pub indptr: Vec<i64>,
    /// Item rows.
    pub items: Vec<i32>,
    /// (users,).
    pub drawn: Vec<i64>,
}

/// The candidates of a chunk of users; of each user, how many there are and how many of them were drawn.
#[derive(Clone, Default)]
struct Part {
    items: Vec<i32>,
    sizes: Vec<(i64, i64)>,
}

/// One bit for each item.
struct Bits(Vec<u64>);

impl Bits {
    fn new(items: usize) -> Self {
        Self(vec![0; items.div_ceil(64)])
    }

    /// Whether the item was not marked before.
    fn mark(&mut self, item: i32) -> bool {
        let word = &mut self.0[item as usize / 64];
        let bit = 1 << (item % 64);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    fn holds(&self, item: i32) -> bool {
        self.0[item as usize / 64] >> (item % 64) & 1 == 1
    }
}

/// The random words of one user, in order.
struct Words {
    key: [u32; 2],
    counter: [u32; 4],
    left: [u32; 4],
    used: usize,
}

impl Words {
    fn new(seed: u64, user: i32) -> Self {
        Self {
            key: [seed as u32, (seed >> 32) as u32],
            counter: [0, STREAM, user as u32, 0],
            left: [0; 4],
            used: 4,
        }
    }

    fn next(&mut self) -> u64 {
        if self.used == 4 {
            self.left = philox(self.counter, self.key);
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.used = 0;
        }
        let word = u64::from(self.left[self.used]) << 32 | u64::from(self.left[self.used + 1]);
        self.used += 2;
        word
    }

    /// A whole number below `end`; off from uniform by less than `end / 2^64`.
    fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    /// Exponential with mean 1.
    fn exponential(&mut self) -> f64 {
        -((self.next() >> 11) as f64 + 0.5).ln() + 53.0 * std::f64::consts::LN_2
    }
}

impl Sample<'_> {
    fn weight(&self, item: usize) -> u64 {
        self.weights.map_or(1, |sums| sums[item] - if item == 0 { 0 } else { sums[item - 1] })
    }

    /// Draws for the user at `slot` and appends all candidates to `out`, ascending; returns how many were drawn.
    fn user(&self, slot: usize, barred: &mut Bits, drawable: usize, out: &mut Vec<i32>) -> usize {
        let Ok(row) = usize::try_from(self.rows[slot]) else { return 0 };
        barred.0.fill(0);
        let mut free = drawable;
        let seen = self.seen.map_or(&[][..], |seen| seen.row(row));
        for &item in seen.iter().chain(self.tested.row(slot)) {
            if barred.mark(item) && self.weight(item as usize) > 0 {
                free -= 1;
            }
        }
        let first = out.len();
        let reachable = |item: &&i32| !self.exclude_seen || seen.binary_search(item).is_err();
        out.extend(self.relevant.row(slot).iter().filter(reachable));
        let relevant = out.len() - first;
        let wanted = self.negatives.min(free);
        let mut words = Words::new(self.seed, self.keys[slot]);
        if wanted < free {
            // Items that are drawn again, or barred, do not count; so each draw is as from those that are left.
            let total = self.weights.map_or(self.items as u64, |sums| sums[self.items - 1]);
            for _ in 0..4 * wanted + 64 {
                if out.len() - first - relevant == wanted {
                    break;
                }
                let at = words.below(total);
                let item = self.weights.map_or(at as usize, |sums| sums.partition_point(|&sum| sum <= at));
                if barred.mark(item as i32) {
                    out.push(item as i32);
                }
            }
        }
        let missing = wanted - (out.len() - first - relevant);
        if missing > 0 {
            self.rest(missing, barred, &mut words, out);
        }
        out[first..].sort_unstable();
        wanted
    }

    /// Draws from the items left where draws mostly fall on others: those that come first when item i waits an
    /// exponential time of rate weight(i) are drawn one after the other in proportion to the weights (Efraimidis and
    /// Spirakis, Information Processing Letters 97, 2006).
    fn rest(&self, missing: usize, barred: &Bits, words: &mut Words, out: &mut Vec<i32>) {
        let left = (0..self.items as i32).filter(|&i| !barred.holds(i) && self.weight(i as usize) > 0);
        let mut times: Vec<(f64, i32)> =
            left.map(|i| (words.exponential() / self.weight(i as usize) as f64, i)).collect();
        let by_time = |a: &(f64, i32), b: &(f64, i32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        if missing < times.len() {
            times.select_nth_unstable_by(missing, by_time);
        }
        out.extend(times[..missing].iter().map(|&(_, item)| item));
    }
}

/// Candidates of every user: the relevant items, and distinct items drawn from those neither seen nor tested.
///
/// With weights, each draw is in proportion to the weights of the items that are left, and items of weight 0 are never
/// drawn. A user with too few items left gets all there are. A user's draw depends on `seed`, the key and what is
/// barred alone.
pub fn sample(sample: Sample<'_>, threads: usize) -> Drawn {
    let users = sample.keys.len();
    let drawable = (0..sample.items).filter(|&item| sample.weight(item) > 0).count();
    let mut chunks = vec![Part::default(); users.div_ceil(CHUNK)];
    let parts = DisjointSlice::new(&mut chunks);
    for_each_chunk(
        threads,
        users.div_ceil(CHUNK),
        || Bits::new(sample.items),
        |barred, chunk| {
            // SAFETY: every chunk has a part of its own.
            let Part { items, sizes } = unsafe { &mut parts.range(chunk, chunk + 1)[0] };
            for slot in chunk * CHUNK..users.min((chunk + 1) * CHUNK) {
                let start = items.len();
                let drawn = sample.user(slot, barred, drawable, items);
                sizes.push(((items.len() - start) as i64, drawn as i64));
            }
        },
    );
    let mut all = Drawn { indptr: vec![0], ..Drawn::default() };
    let mut end = 0;
    for Part { items, sizes } in chunks {
        all.items.extend(items);
        for (size, drawn) in sizes {
            end += size;
            all.indptr.push(end);
            all.drawn.push(drawn);
        }
    }
    all
}

/// Writes the best `places` of every user's candidates, best first, ties to the lower item row; padded with -1 and -inf.
///
/// `scores` are finite, one for each of `candidates.indices`; `ranked` and `best` are (users, places).
pub fn rank(
    candidates: Rows<'_>,
    scores: &[f32],
    places: usize,
    ranked: &mut [i32],
    best: &mut [f32],
    threads: usize,
) {
    let users = candidates.indptr.len() - 1;
    assert!(ranked.len() == users * places && best.len() == ranked.len());
    let base = candidates.indptr[0] as usize;
    let (ranked, best) = (DisjointSlice::new(ranked), DisjointSlice::new(best));
    for_each_chunk(threads, users.div_ceil(CHUNK), Vec::new, |keys: &mut Vec<u64>, chunk| {
        for user in chunk * CHUNK..users.min((chunk + 1) * CHUNK) {
            // SAFETY: a user belongs to one chunk.
            let (ranked, best) = unsafe {
                (
                    ranked.range(user * places, (user + 1) * places),
                    best.range(user * places, (user + 1) * places),
                )
            };
            let start = candidates.indptr[user] as usize - base;
            let end = candidates.indptr[user + 1] as usize - base;
            keys.clear();
            keys.extend(scores[start..end].iter().zip(&candidates.indices[start..end]).map(pack));
            if places < keys.len() {
                keys.select_nth_unstable(places);
                keys.truncate(places);
            }
            keys.sort_unstable();
            ranked.fill(-1);
            best.fill(f32::NEG_INFINITY);
            for ((item, score), &key) in ranked.iter_mut().zip(best).zip(&*keys) {
                (*score, *item) = unpack(key);
            }
        }
    });
}

/// A key that is smaller the better the candidate.
fn pack((&score, &item): (&f32, &i32)) -> u64 {
    let bits = (score + 0.0).to_bits(); // zeros of either sign are equal
    let ascending = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
    u64::from(!ascending) << 32 | u64::from(item as u32)
}

fn unpack(key: u64) -> (f32, i32) {
    let ascending = !((key >> 32) as u32);
    let bits = if ascending >> 31 == 1 { ascending & !(1 << 31) } else { !ascending };
    (f32::from_bits(bits), key as u32 as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: Rows<'_> = Rows { indptr: &[0], indices: &[] };

    fn world(keys: &[i32], items: usize, negatives: usize) -> Sample<'_> {
        Sample {
            seed: 1,
            keys,
            items,
            negatives,
            weights: None,
            rows: keys,
            seen: None,
            tested: NOBODY,
            relevant: NOBODY,
            exclude_seen: true,
        }
    }

    #[test]
    fn candidates_are_the_relevant_items_and_unseen_untested_ones() {
        let rows = Rows { indptr: &[0, 2, 3], indices: &[1, 4, 0] };
        let relevant = Rows { indptr: &[0, 1, 2], indices: &[1, 0] };
        let seen = Rows { indptr: &[0, 3], indices: &[0, 2, 3] };
        for threads in [1, 3] {
            for negatives in [2, 100] {
                let asked = Sample {
                    rows: &[0, 0],
                    seen: Some(seen),
                    tested: rows,
                    relevant,
                    ..world(&[5, 6], 10, negatives)
                };
                let got = sample(asked, threads);
                let row = |u: usize| &got.items[got.indptr[u] as usize..got.indptr[u + 1] as usize];
                assert!(row(0).contains(&1) && !row(0).contains(&4), "tested items are not drawn");
                assert!(!row(1).contains(&0), "item 0 is relevant to user 1 but seen");
                for u in 0..2 {
                    assert!(row(u).windows(2).all(|w| w[0] < w[1]));
                    assert!(!row(u).contains(&2) && !row(u).contains(&3));
                }
                assert_eq!(got.drawn, if negatives == 2 { [2, 2] } else { [5, 7] });
                let kept = sample(Sample { exclude_seen: false, ..asked }, threads);
                assert!(kept.items[kept.indptr[1] as usize..].contains(&0));
            }
        }
    }

    #[test]
    fn draws_are_named_by_seed_and_key_alone() {
        let keys: Vec<i32> = (0..1000).collect();
        let empty = vec![0i64; 1001];
        let none = Rows { indptr: &empty, indices: &[] };
        let asked = Sample { tested: none, relevant: none, ..world(&keys, 500, 20) };
        let all = sample(asked, 1);
        assert_eq!(all, sample(asked, 4));
        let one = Sample {
            tested: Rows { indptr: &[0, 0], indices: &[] },
            relevant: Rows { indptr: &[0, 0], indices: &[] },
            ..world(&keys[700..701], 500, 20)
        };
        assert_eq!(sample(one, 1).items, all.items[700 * 20..701 * 20]);
        assert_ne!(sample(Sample { seed: 2, ..asked }, 1).items, all.items);
    }

    /// Chances that successive draws without replacement take each item, by trying all orders.
    fn chances(weights: &[u64], draws: usize) -> Vec<f64> {
        fn go(weights: &[u64], taken: &mut Vec<usize>, chance: f64, draws: usize, out: &mut [f64]) {
            if taken.len() == draws {
                taken.iter().for_each(|&i| out[i] += chance);
                return;
            }
            let left: u64 = (0..weights.len()).filter(|i| !taken.contains(i)).map(|i| weights[i]).sum();
            for i in 0..weights.len() {
                if !taken.contains(&i) && weights[i] > 0 {
                    taken.push(i);
                    go(weights, taken, chance * weights[i] as f64 / left as f64, draws, out);
                    taken.pop();
                }
            }
        }
        let mut out = vec![0.0; weights.len()];
        go(weights, &mut Vec::new(), 1.0, draws, &mut out);
        out
    }

    #[test]
    fn items_are_drawn_as_often_as_they_should_be() {
        let users = 40_000;
        let keys: Vec<i32> = (0..users).collect();
        let empty = vec![0i64; users as usize + 1];
        let none = Rows { indptr: &empty, indices: &[] };
        // The last weights leave one item with nearly all of it, so that draws fall on it until they give up.
        for weights in [vec![1, 1, 1, 1, 1, 1], vec![5, 0, 1, 2, 10, 3], vec![3, 1, 2, 1_000_000, 1, 0]] {
            let sums: Vec<u64> = weights
                .iter()
                .scan(0, |sum, w| {
                    *sum += w;
                    Some(*sum)
                })
                .collect();
            let asked = Sample { tested: none, relevant: none, weights: Some(&sums), ..world(&keys, 6, 3) };
            let got = sample(asked, 2);
            assert_eq!(got.items.len(), 3 * users as usize);
            for (item, want) in chances(&weights, 3).into_iter().enumerate() {
                let found = got.items.iter().filter(|&&i| i == item as i32).count() as f64 / f64::from(users);
                assert!((found - want).abs() < 0.012, "{weights:?} item {item}: {found} {want}");
            }
        }
    }

    #[test]
    fn too_few_items_of_any_weight_are_all_taken() {
        let got = sample(
            Sample {
                tested: Rows { indptr: &[0, 1], indices: &[1] },
                relevant: Rows { indptr: &[0, 1], indices: &[1] },
                weights: Some(&[0, 3, 3, 4, 9]),
                ..world(&[0], 5, 4)
            },
            1,
        );
        assert_eq!(got, Drawn { indptr: vec![0, 3], items: vec![1, 3, 4], drawn: vec![2] });
    }

    #[test]
    fn candidates_are_ranked_like_a_stable_sort() {
        let scores: Vec<f32> = (0..700).map(|i| ((i * 37) % 11) as f32 - 5.0).collect();
        let scores: Vec<f32> = scores.iter().map(|&s| if s == 0.0 { -0.0 } else { s }).collect();
        let items: Vec<i32> = (0..700).map(|i| i % 7 * 3).collect();
        let indptr: Vec<i64> = (0..=100).map(|u| 7 * u).collect();
        for places in [1, 3, 7, 9] {
            for threads in [1, 4] {
                let (mut ranked, mut best) = (vec![0; 100 * places], vec![0.0; 100 * places]);
                let rows = Rows { indptr: &indptr, indices: &items };
                rank(rows, &scores, places, &mut ranked, &mut best, threads);
                for user in 0..100 {
                    let mut want: Vec<usize> = (7 * user..7 * user + 7).collect();
                    want.sort_by(|&a, &b| scores[b].partial_cmp(&scores[a]).unwrap());
                    for place in 0..places {
                        let (item, score) = (ranked[user * places + place], best[user * places + place]);
                        match want.get(place) {
                            Some(&at) => assert_eq!((item, score), (items[at], scores[at])),
                            None => assert_eq!((item, score), (-1, f32::NEG_INFINITY)),
                        }
                    }
                }
            }
        }
    }
}
