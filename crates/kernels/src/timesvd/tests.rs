use super::*;
use crate::noise::noise;

const USERS: usize = 70;
const ITEMS: usize = 50;
const BINS: usize = 4;
const STRIDE: usize = 32;

/// User 0 has nothing, user 1 one item, user 2 every item; the others some.
struct World {
    indptr: Vec<i64>,
    indices: Vec<i32>,
    floats: [Vec<f32>; 4],
    bins: Vec<i32>,
    days: Vec<i32>,
}

fn world() -> World {
    let chance = noise(USERS * ITEMS, 1);
    let (mut indptr, mut indices, mut days) = (vec![0i64], Vec::new(), Vec::new());
    for user in 0..USERS {
        for item in 0..ITEMS {
            let has = match user {
                0 => false,
                1 => item == 7,
                2 => true,
                _ => chance[user * ITEMS + item] < -0.35,
            };
            if has {
                indices.push(item as i32);
                days.push((2 * user + item % 2) as i32);
            }
        }
        indptr.push(indices.len() as i64);
    }
    let n = indices.len();
    let floats = [2, 3, 4, 5].map(|seed| noise(n, seed).iter().map(|x| 1.0 + x).collect());
    let bins = (0..n).map(|event| (event % BINS) as i32).collect();
    World { indptr, indices, floats, bins, days }
}

impl World {
    fn events(&self) -> Events<'_> {
        let [values, weights, user_deviation, item_deviation] = &self.floats;
        Events {
            indptr: &self.indptr,
            indices: &self.indices,
            values,
            weights: Some(weights),
            bins: &self.bins,
            days: &self.days,
            user_deviation,
            item_deviation,
        }
    }
}

fn settings() -> Settings {
    let pace = |rate, penalty| Pace { rate, penalty };
    Settings {
        factors: pace(0.05, 0.02),
        implicit: pace(0.04, 0.03),
        biases: pace(0.03, 0.04),
        item_time: [pace(0.02, 0.05), pace(0.01, 0.06)],
        user_time: [pace(0.015, 0.01), pace(0.025, 0.02)],
        drift: pace(0.035, 0.03),
        seed: 5,
    }
}

/// All parameters after two epochs, and the loss of the second.
fn learned(level: Level, threads: usize) -> (Vec<Vec<f32>>, f64) {
    let world = world();
    let start = |rows: usize, seed| noise(rows * STRIDE, seed).iter().map(|x| 0.1 * x).collect::<Vec<f32>>();
    let mut factors =
        [start(USERS, 7), start(ITEMS, 8), start(ITEMS, 9), start(USERS, 10), start(2 * USERS, 11)];
    let mut biases = [USERS, USERS, 2 * USERS, ITEMS, ITEMS * BINS, ITEMS].map(|n| vec![0.0f32; n]);
    let mut loss = 0.0;
    for number in 0..2 {
        let [users, items, implicit, drift, day_factors] = &mut factors;
        let [user_bias, user_slope, day_bias, item_bias, bin_bias, item_trend] = &mut biases;
        let parameters = Parameters {
            users,
            items,
            implicit: Some(implicit),
            drift: Some(drift),
            day_factors: Some(day_factors),
            user_bias,
            user_slope,
            day_bias,
            item_bias,
            bin_bias,
            item_trend,
            stride: STRIDE,
        };
        loss = epoch(level, threads, world.events(), settings(), number, parameters);
    }
    (factors.into_iter().chain(biases).collect(), loss)
}

#[test]
fn threads_change_no_bit_on_any_level() {
    for level in Level::available() {
        let one = learned(level, 1);
        assert!(one.0.iter().flatten().all(|x| x.is_finite()) && one.1.is_finite());
        for threads in [2, 5] {
            assert!(one == learned(level, threads), "{level:?} {threads}");
        }
    }
}

#[test]
fn levels_differ_by_rounding_alone() {
    let (wanted, loss) = learned(Level::Portable, 1);
    for level in Level::available() {
        let (found, its) = learned(level, 1);
        assert!((its / loss - 1.0).abs() < 1e-4);
        for (a, b) in wanted.iter().flatten().zip(found.iter().flatten()) {
            assert!((a - b).abs() <= 1e-4 * (1.0 + a.abs()), "{a} {b} {level:?}");
        }
    }
}

#[test]
fn a_rate_of_zero_changes_nothing() {
    let world = world();
    let still = Pace { rate: 0.0, penalty: 1.0 };
    let settings = Settings {
        factors: still,
        implicit: still,
        biases: still,
        item_time: [still; 2],
        user_time: [still; 2],
        drift: still,
        seed: 1,
    };
    let (mut users, mut items) = (noise(USERS * STRIDE, 1), noise(ITEMS * STRIDE, 2));
    let before = (users.clone(), items.clone());
    let mut biases = [USERS, USERS, 2 * USERS, ITEMS, ITEMS * BINS, ITEMS].map(|n| vec![0.5f32; n]);
    let [user_bias, user_slope, day_bias, item_bias, bin_bias, item_trend] = &mut biases;
    let parameters = Parameters {
        users: &mut users,
        items: &mut items,
        implicit: None,
        drift: None,
        day_factors: None,
        user_bias,
        user_slope,
        day_bias,
        item_bias,
        bin_bias,
        item_trend,
        stride: STRIDE,
    };
    assert!(epoch(Level::best(), 2, world.events(), settings, 0, parameters) > 0.0);
    assert!((users, items) == before && biases.iter().flatten().all(|&x| x == 0.5));
}

#[test]
fn blocks_of_items_cover_all_and_share_the_ratings() {
    assert_eq!(item_blocks(&[], 0), [0, 0]);
    assert_eq!(item_blocks(&[0, 0, 1], 2), [0, 1, 2]);
    let world = world();
    let bounds = item_blocks(&world.indices, ITEMS);
    assert!(bounds.is_sorted() && bounds[0] == 0 && bounds[bounds.len() - 1] == ITEMS as i32);
    let most = bounds
        .windows(2)
        .map(|ends| world.indices.iter().filter(|&&item| (ends[0]..ends[1]).contains(&item)).count())
        .max();
    assert!(most.unwrap() < 4 * world.indices.len() / ITEM_BLOCKS);
}

#[test]
fn a_day_of_two_users_is_seen() {
    let world = world();
    assert!(days_apart(world.events(), 2 * USERS));
    let all = vec![0; world.indices.len()];
    assert!(!days_apart(Events { days: &all, ..world.events() }, 1));
}
