//! Top-k against a full sort of all scores, bit for bit, at every level.

use super::*;
use proptest::prelude::*;

/// Kinds of worlds.
const KINDS: usize = 11;

/// Numbers in -1..1, the same for a seed.
fn noise(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            ((state >> 40) as f32) / (1u32 << 23) as f32 - 1.0
        })
        .collect()
}

/// Rows of factors of one kind.
fn rows_of(kind: usize, count: usize, k: usize, seed: u64) -> Vec<f32> {
    let mut values = noise(count * k, seed);
    let sizes = noise(count, seed ^ 77);
    for (i, row) in values.chunks_mut(k.max(1)).enumerate() {
        let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        for (c, x) in row.iter_mut().enumerate() {
            *x = match kind {
                0 => (*x * 4.0).round() / 4.0,        // a coarse grid, so that ties happen
                1 => *x,                              // as they come
                2 => *x / norm,                       // all of one length
                3 => *x * (6.0 * sizes[i]).exp(),     // lengths over five orders of magnitude
                4 => 0.7 - 1e-6 * (*x * 4.0).round(), // nearly the same item again and again
                5 => *x * 1e-20,                      // products that underflow
                6 => *x * [1e18, 2e19][usize::from(i % 3 == 0)], // products near the end of the range
                7 => [*x * 1e-3, *x + 4.0][usize::from(c == 0)], // one factor outweighs the others
                8 => *x * (i % 2) as f32,             // many rows of zeros
                // Codes without a rest, rows of one length: nothing hides what rounding does.
                _ => 0.1f32.copysign(0.9 - *x),
            };
        }
    }
    values
}

struct World {
    k: usize,
    users: Vec<f32>,
    items: Vec<f32>,
    bias: Vec<f32>,
    offset: Vec<f32>,
    seen: Vec<Vec<i32>>,
}

impl World {
    fn new(kind: usize, users: usize, items: usize, k: usize, seed: u64) -> Self {
        let size = [1.0, 0.0, 0.0, 0.1, 1e-6, 0.0, 1e30, 1.0, 0.0, 0.7, 1e3][kind];
        let scaled = |values: Vec<f32>| values.into_iter().map(|x| (x * 8.0).round() / 8.0 * size).collect();
        Self {
            k,
            users: rows_of(kind, users, k, seed),
            items: rows_of(kind, items, k, seed + 1),
            bias: scaled(noise(items, seed + 2)),
            offset: scaled(noise(users, seed + 3)),
            seen: (0..users as u64)
                .map(|u| (0..items as i32).filter(|&i| (i as u64 * 7 + u + seed).is_multiple_of(3)).collect())
                .collect(),
        }
    }

    /// The documented score, without bias, factor by factor.
    fn product(&self, level: Level, user: usize, item: usize) -> f32 {
        let mut sum = 0.0f32;
        for c in 0..self.k {
            let (a, b) = (self.users[user * self.k + c], self.items[item * self.k + c]);
            sum = if level == Level::Portable { a * b + sum } else { a.mul_add(b, sum) };
        }
        sum
    }

    /// The answer by scoring and sorting everything.
    fn sorted(
        &self,
        level: Level,
        user: usize,
        n: usize,
        exclude: bool,
        adjust: Adjust<'_>,
    ) -> Vec<(i32, u32)> {
        let bias = adjust.bias.unwrap_or(&self.bias);
        let mut all: Vec<(i32, f32)> = (0..bias.len())
            .filter(|&i| bias[i] > f32::NEG_INFINITY && !(exclude && self.seen[user].contains(&(i as i32))))
            .map(|i| {
                let mut score = self.product(level, user, i) + bias[i] + self.offset[user];
                if let (Some(positive), Some(negative)) = (adjust.positive, adjust.negative) {
                    score *= if score > 0.0 { positive[i] } else { negative[i] };
                }
                (i as i32, score)
            })
            .filter(|(_, score)| *score > f32::NEG_INFINITY)
            .collect();
        all.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap().then(a.0.cmp(&b.0)));
        all.truncate(n);
        all.into_iter().map(|(i, score)| (i, score.to_bits())).collect()
    }

    fn check(&self, n: usize, exclude: bool, adjust: Adjust<'_>) {
        let (users, items) = (self.offset.len(), self.bias.len());
        let mut indptr = vec![0i64];
        for row in &self.seen {
            indptr.push(indptr.last().unwrap() + row.len() as i64);
        }
        let indices: Vec<i32> = self.seen.concat();
        let rows: Vec<i32> = (0..users as i32).collect();
        let excluded = exclude.then_some(Exclude { indptr: &indptr, indices: &indices, rows: &rows });
        let packed = PackedItems::new(&self.items, items, self.k, self.k, &self.bias);
        for level in Level::available() {
            for threads in [1, 3] {
                let mut got = vec![0; users * n];
                let mut scores = vec![0.0; users * n];
                packed.best(
                    level,
                    threads,
                    &self.users,
                    users,
                    self.k,
                    &self.offset,
                    n,
                    excluded,
                    adjust,
                    &mut got,
                    &mut scores,
                );
                for user in 0..users {
                    let mut want = self.sorted(level, user, n, exclude, adjust);
                    want.resize(n, (-1, f32::NEG_INFINITY.to_bits()));
                    let got: Vec<(i32, u32)> =
                        (user * n..(user + 1) * n).map(|slot| (got[slot], scores[slot].to_bits())).collect();
                    assert_eq!(got, want, "{level:?} user {user}");
                }
            }
        }
    }
}

/// Biases with some items barred, and boosts.
fn adjustments(world: &World, seed: u64) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let draw = noise(world.bias.len(), seed);
    let power = if seed.is_multiple_of(4) { 125.0 } else { 2.0 }; // now and then scores leave the range of floats
    let bias = world.bias.iter().zip(&draw).map(|(b, x)| if *x > 0.5 { f32::NEG_INFINITY } else { *b });
    let boost: Vec<f32> = draw.iter().map(|x| if *x < -0.5 { 1.0 } else { (power * x).exp2() }).collect();
    let inverse = boost.iter().map(|x| 1.0 / x).collect();
    (bias.collect(), boost, inverse)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn equals_a_full_sort(
        kind in 0usize..KINDS, users in 1usize..9, items in 1usize..900, k in 0usize..70, n in 0usize..40,
        exclude: bool, which in 0usize..4, seed in 0u64..1000,
    ) {
        let world = World::new(kind, users, items, k, seed);
        let (bias, positive, negative) = adjustments(&world, seed + 9);
        let mut adjust = Adjust::default();
        if which % 2 == 1 {
            adjust.bias = Some(&bias);
        }
        if which / 2 == 1 {
            adjust.positive = Some(&positive);
            adjust.negative = Some(&negative);
        }
        world.check(n, exclude, adjust);
    }
}

#[test]
fn widths_around_the_groups_of_factors() {
    for k in [0, 1, 2, 3, 4, 5, 15, 16, 17, 33, 64, 128] {
        for kind in 0..KINDS {
            World::new(kind, 70, 600, k, k as u64).check(10, true, Adjust::default());
        }
    }
}

#[test]
fn more_wanted_than_there_are() {
    for kind in 0..KINDS {
        World::new(kind, 3, 40, 5, 1).check(100, true, Adjust::default());
    }
}

#[test]
fn no_items_and_no_users() {
    World::new(1, 2, 0, 4, 0).check(3, false, Adjust::default());
    World::new(1, 0, 5, 4, 0).check(3, false, Adjust::default());
}

#[test]
fn nobody_gets_what_is_barred() {
    let world = World::new(1, 5, 700, 16, 3);
    let bias = vec![f32::NEG_INFINITY; 700];
    world.check(10, false, Adjust { bias: Some(&bias), ..Adjust::default() });
}

#[test]
fn all_scores_have_the_bits_of_the_pairs() {
    for (items, k) in [(1, 0), (3, 5), (8, 16), (300, 19)] {
        let world = World::new(3, 7, items, k, 5);
        let packed = PackedItems::new(&world.items, items, k, k, &world.bias);
        let user_rows: Vec<i32> = (0..7).flat_map(|u| vec![u; items]).collect();
        let item_rows: Vec<i32> = (0..7).flat_map(|_| 0..items as i32).collect();
        for level in Level::available() {
            let (mut pairs, mut all) = (vec![0.0; 7 * items], vec![0.0; 7 * items]);
            packed.pairs(level, 1, &world.users, k, &user_rows, &item_rows, &mut pairs);
            for threads in [1, 3] {
                packed.scores(level, threads, &world.users, k, &mut all);
                assert_eq!(pairs, all, "{level:?} {items} {k}");
            }
        }
    }
}

#[test]
fn pairs_have_the_bits_of_the_lists() {
    let world = World::new(3, 7, 300, 19, 5);
    let packed = PackedItems::new(&world.items, 300, 19, 19, &world.bias);
    let user_rows: Vec<i32> = (0..7).flat_map(|u| [u; 300]).collect();
    let item_rows: Vec<i32> = (0..7).flat_map(|_| 0..300).collect();
    for level in Level::available() {
        let mut got = vec![0.0; 2100];
        packed.pairs(level, 2, &world.users, 19, &user_rows, &item_rows, &mut got);
        for (at, score) in got.iter().enumerate() {
            let (user, item) = (at / 300, at % 300);
            assert_eq!(score.to_bits(), (world.product(level, user, item) + world.bias[item]).to_bits());
        }
    }
}

proptest! {
    /// No score lies above what the bounds allow, whatever the vectors.
    #[test]
    fn no_score_exceeds_its_bounds(kind in 0usize..KINDS, k in 1usize..200, seed in 0u64..10_000) {
        let world = World::new(kind, 1, 40, k, seed);
        let packed = PackedItems::new(&world.items, 40, k, k, &world.bias);
        for level in Level::available() {
            let engine = Engine::of(level);
            let width = packed.groups() * codes::GROUP;
            let mut vector = vec![0i8; width];
            let user = User::new(&world.users, world.offset[0], engine, &mut vector);
            for (block, shifts) in packed.blocks.iter().zip(&packed.terms.blocks) {
                let positions = block.positions.clone();
                let mut found = Found::default();
                let floor = Floor { floor: f32::NEG_INFINITY, boosted: None };
                let scale = user.scale * block.scale;
                let bias = &packed.terms.bias[positions.clone()];
                let lines = positions.start / PANEL * packed.groups()..positions.end / PANEL * packed.groups();
                let items = &packed.codes[lines];
 let (start, run) = (user.start, block.run);
                engine.reaching(&Screen { user: &vector, start, scale, items, run, bias, floor }, &mut found);
                prop_assert_eq!(found.at.len(), positions.len());
                for (&at, &near) in found.at.iter().zip(&found.score) {
                    let Some(&item) = packed.rows.get(positions.start + at as usize) else { continue };
                    let item = item as usize;
                    let score = world.product(level, 0, item) + world.bias[item] + world.offset[0];
                    let margin = user.query.margin(score, block, shifts);
                    let most = f64::from(near) + user.query.offset + margin; // NaN, by overflow, bounds nothing
                    prop_assert!(f64::from(score) <= most || most.is_nan() || score.is_nan());
                    prop_assert!(user.query.may_reach(score, block.norm, shifts) || score.is_nan());
                }
            }
        }
    }
}
