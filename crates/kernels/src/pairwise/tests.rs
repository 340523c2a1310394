use super::rows::{LEAST_PENALTY, Problem};
use super::*;
use crate::noise::noise;

const USERS: usize = 60;
const ITEMS: usize = 90;
const K: usize = 16;

struct World {
    indptr: Vec<i64>,
    indices: Vec<i32>,
    weights: Vec<f32>,
}

/// User 0 has nothing, user 1 one item, user 2 every item, user 3 all but one; the others some.
fn world(users: usize, items: usize) -> World {
    let chance = noise(users * items, 1);
    let (mut indptr, mut indices) = (vec![0i64], Vec::new());
    for user in 0..users {
        for item in 0..items {
            let has = match user {
                0 => false,
                1 => item == 7,
                2 => true,
                3 => item != 5,
                _ => chance[user * items + item] < -0.35,
            };
            if has {
                indices.push(item as i32);
            }
        }
        indptr.push(indices.len() as i64);
    }
    let weights = noise(indices.len(), 2).iter().map(|w| 1.0 + w).collect();
    World { indptr, indices, weights }
}

impl World {
    fn events(&self, items: usize) -> Events<'_> {
        Events { indptr: &self.indptr, indices: &self.indices, weights: Some(&self.weights), items }
    }
}

fn settings(loss: Loss) -> Settings<'static> {
    Settings {
        loss,
        checked: true,
        popularity: None,
        rate: 0.1,
        user: 0.01,
        positive: 0.02,
        negative: 0.03,
        bias: 0.04,
        biases: true,
        seed: 5,
        measured: true,
    }
}

const LOSSES: [Loss; 5] = [
    Loss::Bpr { candidates: 1 },
    Loss::Bpr { candidates: 4 },
    Loss::Warp { trials: 10, positives: (1, 1) },
    Loss::Warp { trials: 10, positives: (5, 2) },
    Loss::Logistic { negatives: 3, mean: -1.0 },
];

fn paired(loss: Loss) -> bool {
    !matches!(loss, Loss::Logistic { .. })
}

/// Factors and biases of users and items, and the sum of losses, after two epochs.
fn learned(
    level: Level,
    threads: usize,
    settings: Settings<'_>,
    lanes: usize,
    parts: usize,
) -> (Vec<Vec<f32>>, f64) {
    learned_in(level, threads, settings, lanes, parts, [0, 1])
}

/// [`learned`] in two epochs of any number.
fn learned_in(
    level: Level,
    threads: usize,
    settings: Settings<'_>,
    lanes: usize,
    parts: usize,
    epochs: [u32; 2],
) -> (Vec<Vec<f32>>, f64) {
    let world = world(USERS, ITEMS);
    let mut all = [noise(USERS * K, 3), noise(ITEMS * K, 4), vec![0.0; USERS], noise(ITEMS, 6)];
    let grid = Grid::of(lanes, paired(settings.loss));
    let mut loss = 0.0;
    for number in epochs {
        let [users, items, user_bias, item_bias] = &mut all;
        let parameters = Parameters { users, items, user_bias, item_bias, stride: K };
        loss += epoch_on(level, threads, world.events(ITEMS), settings, number, parameters, &grid, parts);
    }
    (all.to_vec(), loss)
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for level in Level::available() {
        for loss in LOSSES {
            for (lanes, parts) in [(1, 1), (3, 1), (4, 2)] {
                let one = learned(level, 1, settings(loss), lanes, parts);
                assert!(one.0.iter().flatten().all(|x| x.is_finite()) && one.1 > 0.0);
                for threads in [2, 5] {
                    assert_eq!(one, learned(level, threads, settings(loss), lanes, parts), "{loss:?}");
                }
            }
        }
    }
}

#[test]
fn seeds_and_epochs_draw_anew_and_levels_agree() {
    for loss in LOSSES {
        let (one, _) = learned(Level::best(), 2, settings(loss), 2, 1);
        let (other, _) = learned(Level::best(), 2, Settings { seed: 6, ..settings(loss) }, 2, 1);
        assert_ne!(one, other);
        let (later, _) = learned_in(Level::best(), 2, settings(loss), 2, 1, [0, 2]);
        assert_ne!(one, later);
        // Draws are anew too, not the order alone.
        let world = world(USERS, ITEMS);
        let sorted = |seed, epoch| {
            let mut all = drawn(&world, Settings { seed, ..settings(loss) }, epoch, 2);
            all.sort_by(|a, b| a.partial_cmp(b).unwrap());
            all
        };
        assert_eq!(sorted(5, 0), sorted(5, 0));
        assert_ne!(sorted(5, 0), sorted(5, 1));
        assert_ne!(sorted(5, 0), sorted(6, 0));
        let (portable, _) = learned(Level::Portable, 1, settings(loss), 2, 1);
        for (a, b) in one.iter().flatten().zip(portable.iter().flatten()) {
            assert!((a - b).abs() < 1e-3, "{loss:?}: {a} {b}");
        }
    }
}

/// The samples of one epoch as (user, item, other item, weight), in items' own numbers.
fn drawn(world: &World, settings: Settings<'_>, epoch: u32, lanes: usize) -> Vec<(usize, usize, usize, f32)> {
    let grid = Grid::of(lanes, paired(settings.loss));
    let mut order: Vec<u32> = (0..ITEMS as u32).collect();
    Words::new(settings.seed, epoch, 0, Purpose::Blocks).shuffle(&mut order);
    let mut place = vec![0u32; ITEMS];
    order.iter().enumerate().for_each(|(at, &item)| place[item as usize] = at as u32);
    let bounds = grid.bounds(ITEMS);
    let mut blocks = vec![0u16; ITEMS];
    for (block, ends) in bounds.windows(2).enumerate() {
        blocks[ends[0]..ends[1]].fill(block as u16);
    }
    let alias = settings.popularity.map(Alias::new);
    let (users, items, item_bias) = (noise(USERS * K, 3), noise(ITEMS * K, 4), vec![0.0; ITEMS]);
    let drawer = Drawer {
        events: world.events(ITEMS),
        settings,
        epoch,
        alias: alias.as_ref(),
        place: &place,
        blocks: &blocks,
        grid: &grid,
        users: &users,
        items: &items,
        item_bias: &item_bias,
        stride: K,
    };
    let mut all = Vec::new();
    let own = |place: u32| usize::from(blocks[place as usize]);
    for lane in draw_lanes(Level::best(), 2, &drawer, 0, 1) {
        for (pair, ends) in lane.starts.windows(2).enumerate() {
            let task = grid.tasks.iter().find(|task| task.pair == pair).unwrap();
            for sample in &lane.samples[ends[0] as usize..ends[1] as usize] {
                assert!(task.blocks.contains(&own(sample.item)) && task.blocks.contains(&own(sample.other)));
                let [item, other] = [sample.item, sample.other].map(|place| order[place as usize] as usize);
                all.push((sample.user as usize, item, other, sample.weight));
            }
        }
    }
    all
}

#[test]
fn every_event_is_drawn_once_with_an_unseen_item() {
    let world = world(USERS, ITEMS);
    let events = world.events(ITEMS);
    for (checked, lanes) in [(true, 1), (true, 4), (false, 3)] {
        let given = Settings { checked, ..settings(LOSSES[0]) };
        let all = drawn(&world, given, 0, lanes);
        let mut count = vec![0; world.indices.len()];
        for (user, item, other, weight) in all {
            let event = events.range(user).start + events.row(user).binary_search(&(item as i32)).unwrap();
            assert_eq!(weight, world.weights[event]);
            count[event] += 1;
            assert_ne!(item, other);
            assert!(!checked || events.row(user).binary_search(&(other as i32)).is_err());
        }
        // User 2 has every item, so nothing is unseen.
        for user in 0..USERS {
            let times = usize::from(user != 2 || !checked);
            assert!(count[events.range(user)].iter().all(|&n| n == times), "{user}");
        }
    }
}

/// Unseen items of a user in one epoch.
fn per_epoch(events: &Events<'_>, loss: Loss, user: usize) -> usize {
    let each = if let Loss::Logistic { negatives, .. } = loss { negatives as usize } else { 1 };
    events.row(user).len() * each
}

/// How many standard deviations Pearson's statistic is off its mean.
fn surprise(counts: &[u32], chances: &[f64]) -> f64 {
    let n = f64::from(counts.iter().sum::<u32>());
    let live = chances.iter().filter(|&&chance| chance > 0.0).count();
    let free = (live - 1) as f64;
    let terms = counts.iter().zip(chances).filter(|(_, chance)| **chance > 0.0);
    let sum: f64 = terms.map(|(&c, chance)| (f64::from(c) - n * chance).powi(2) / (n * chance)).sum();
    (sum - free) / (2.0 * free).sqrt()
}

#[test]
fn unseen_items_come_as_often_as_documented() {
    let world = world(USERS, ITEMS);
    let events = world.events(ITEMS);
    let uneven: Vec<f64> = (0..ITEMS).map(|item| ((item * 7 % 10) as f64).sqrt()).collect();
    for popularity in [None, Some(&uneven[..])] {
        for loss in [LOSSES[0], LOSSES[4]] {
            let given = Settings { popularity, ..settings(loss) };
            let mut counts = vec![vec![0u32; ITEMS]; USERS];
            for epoch in 0..600 {
                for (user, _, other, weight) in drawn(&world, given, epoch, 3) {
                    if paired(loss) || weight < 0.0 {
                        counts[user][other] += 1;
                    }
                }
            }
            for user in [3, 4, 10, 59] {
                let weight = |item: usize| match events.row(user).binary_search(&(item as i32)) {
                    Ok(_) => 0.0,
                    Err(_) => popularity.map_or(1.0, |p| p[item]),
                };
                let total: f64 = (0..ITEMS).map(weight).sum();
                let chances: Vec<f64> = (0..ITEMS).map(|item| weight(item) / total).collect();
                assert!(counts[user].iter().zip(&chances).all(|(&c, &chance)| chance > 0.0 || c == 0));
                if user != 3 {
                    assert!(surprise(&counts[user], &chances).abs() < 5.0, "{loss:?} {user}");
                } else {
                    // All but one: there is no chance, unless popularity leaves that one out as well.
                    let times = if chances[5] > 0.0 { 600 * per_epoch(&events, loss, user) } else { 0 };
                    assert_eq!(counts[user][5], times as u32, "{loss:?}");
                }
            }
        }
    }
}

/// What a task of one user works with: no factors, and steps of no length, so that losses alone tell what was drawn.
struct Bench {
    zeros: Vec<f32>,
    bias: Vec<f32>,
    order: Vec<u32>,
    indptr: [i64; 2],
    indices: Vec<i32>,
}

impl Bench {
    fn new(bias: Vec<f32>, seen: Vec<i32>) -> Self {
        Self {
            zeros: vec![0.0; bias.len() * K],
            order: (0..bias.len() as u32).collect(),
            indptr: [0, seen.len() as i64],
            indices: seen,
            bias,
        }
    }

    fn work(&mut self, loss: Loss, bounds: [(usize, usize); 2]) -> steps::Work<'_> {
        let (p, zeros) = (self.bias.as_mut_ptr(), self.zeros.as_mut_ptr());
        steps::Work {
            pointers: steps::Pointers { users: zeros, items: zeros, user_bias: p, item_bias: p },
            stride: K,
            settings: Settings { rate: 0.0, ..settings(loss) },
            events: Events {
                indptr: &self.indptr,
                indices: &self.indices,
                weights: None,
                items: self.order.len(),
            },
            order: &self.order,
            bounds,
        }
    }
}

#[test]
fn further_draws_come_evenly_from_the_block_of_the_first() {
    const SAMPLES: usize = 40_000;
    let bounds = [(0, 30), (60, 75)];
    let softplus = |x: f64| x.exp().ln_1p();
    for loss in [Loss::Bpr { candidates: 4 }, Loss::Warp { trials: 10, positives: (1, 1) }] {
        for (other, block) in [(10, bounds[0]), (70, bounds[1])] {
            // Item 1 is the seen one of all samples, 3 and 62 are seen too; one other item scores as high, the rest far less.
            for top in [0, 3, 11, 29, 30, 59, 60, 62, 74, 75] {
                let mut bias = vec![-5.0; 90];
                (bias[1], bias[top]) = (0.0, 0.0);
                let mut bench = Bench::new(bias, vec![1, 3, 62]);
                let sample = draw::Sample { user: 0, item: 1, other, weight: 1.0 };
                let mut words = Words::new(5, 0, top as u32, Purpose::Task);
                let sum =
                    steps::learn(Level::best(), &bench.work(loss, bounds), &[sample; SAMPLES], &mut words);
                let size = (block.1 - block.0) as f64;
                let may = (block.0..block.1).contains(&top) && ![1, 3, 62].contains(&top);
                let chance = if may { 1.0 / size } else { 0.0 };
                // Losses of one sample, with their chances.
                let losses: Vec<(f64, f64)> = match loss {
                    Loss::Bpr { candidates } => {
                        let missed = (1.0 - chance).powi(candidates as i32 - 1);
                        vec![(softplus(-5.0), missed), (softplus(0.0), 1.0 - missed)]
                    }
                    _ => {
                        let harmonic = |n: usize| (1..=n).map(|r| 1.0 / r as f64).sum::<f64>();
                        let weight = |draws: usize| harmonic(90 / draws) / harmonic(90);
                        let hit = |draws: usize| (1.0 - chance).powi(draws as i32 - 2) * chance;
                        (2..=10).map(|draws| (weight(draws), hit(draws))).collect()
                    }
                };
                let mean: f64 = losses.iter().map(|(x, p)| x * p).sum();
                let square: f64 = losses.iter().map(|(x, p)| x * x * p).sum();
                let deviation = ((square - mean * mean).max(0.0) / SAMPLES as f64).sqrt();
                let off = (sum / SAMPLES as f64 - mean).abs();
                assert!(off <= 5.0 * deviation + 1e-6, "{loss:?} {other} {top}: {off} {deviation}");
            }
        }
    }
}

#[test]
fn the_best_candidate_is_the_best_that_the_user_has_not() {
    let mut bench = Bench::new(vec![0.0; 90], (0..90).filter(|item| item % 8 != 0).collect());
    let work = bench.work(LOSSES[1], [(0, 45), (45, 90)]);
    let sample = draw::Sample { user: 0, item: 1, other: 0, weight: 1.0 };
    let mut words = Words::new(5, 0, 0, Purpose::Task);
    for count in [2, 5, 8, 300] {
        for _ in 0..200 {
            let mut drawn: Vec<u32> = (0..count).map(|_| words.below(90)).collect();
            drawn[0] = 0;
            let mut scores: Vec<f32> = (0..count).map(|_| words.below(40) as f32).collect();
            let free = |c: &usize| drawn[*c].is_multiple_of(8);
            let most = (0..count).filter(free).map(|c| scores[c]).fold(f32::NEG_INFINITY, f32::max);
            let first = (0..count).filter(free).find(|&c| scores[c] == most);
            assert_eq!(Some(steps::best_unseen(&work, sample, &drawn, &mut scores)), first);
        }
    }
}

#[test]
fn a_user_who_has_all_of_many_items_learns_nothing() {
    let items = 200_000;
    let indices: Vec<i32> = (0..items as i32).collect();
    let events = Events { indptr: &[0, items as i64], indices: &indices, weights: None, items };
    let grid = Grid::of(1, true);
    let [mut users, mut rows, mut user_bias, mut bias] =
        [vec![0.1; K], vec![0.1; items * K], vec![0.0; 1], vec![0.0; items]];
    let parameters = Parameters {
        users: &mut users,
        items: &mut rows,
        user_bias: &mut user_bias,
        item_bias: &mut bias,
        stride: K,
    };
    let loss = epoch_on(Level::best(), 1, events, settings(LOSSES[0]), 0, parameters, &grid, 1);
    assert_eq!(loss, 0.0);
    assert_eq!(users, [0.1; K]);
}

#[test]
fn blocks_are_drawn_anew_and_hold_every_pair() {
    let mut together = vec![0u32; ITEMS * ITEMS];
    for epoch in 0..400 {
        let mut order: Vec<u32> = (0..ITEMS as u32).collect();
        Words::new(5, epoch, 0, Purpose::Blocks).shuffle(&mut order);
        for block in order.chunks(15) {
            for &a in block {
                block.iter().for_each(|&b| together[a as usize * ITEMS + b as usize] += 1);
            }
        }
    }
    for a in 0..ITEMS {
        for b in 0..a {
            // Mean 400 * 14 / 89 = 63, deviation 7.3.
            assert!((25..=105).contains(&together[a * ITEMS + b]), "{a} {b}");
        }
    }
}

/// The expected loss of one row in double precision.
fn objective(problem: Problem<'_>, user: usize, z: &[f64]) -> f64 {
    let events = problem.events;
    let (row, stride) = (events.row(user), problem.stride);
    let score = |item: usize| -> f64 {
        let q = &problem.items[item * stride..(item + 1) * stride];
        let bias = f64::from(problem.item_bias[item]);
        bias + q.iter().zip(z).map(|(&q, z)| f64::from(q) * z).sum::<f64>()
    };
    let mut unseen: Vec<usize> =
        (0..events.items).filter(|&i| row.binary_search(&(i as i32)).is_err()).collect();
    let chance = |item: usize| problem.popularity.map_or(1.0, |p| p[item]);
    let total: f64 = unseen.iter().map(|&item| chance(item)).sum();
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    let n = row.len() as f64;
    let weight = |event: usize| f64::from(events.weight(event));
    let (mut sum, mut samples) = (0.0, n);
    match problem.loss {
        Loss::Bpr { candidates } => {
            unseen.sort_by(|&a, &b| score(a).total_cmp(&score(b)));
            for event in events.range(user) {
                let mine = score(events.indices[event] as usize);
                let mut below = 0.0;
                for &other in &unseen {
                    let next = below + chance(other) / total;
                    let share = next.powi(candidates as i32) - below.powi(candidates as i32);
                    sum += weight(event) * share * softplus(score(other) - mine);
                    below = next;
                }
            }
        }
        Loss::Warp { .. } => {
            let harmonic: f64 = (1..=events.items).map(|r| 1.0 / r as f64).sum();
            for event in events.range(user) {
                let mine = score(events.indices[event] as usize);
                let rest: f64 = unseen.iter().map(|&other| (score(other) - mine).exp()).sum();
                sum += weight(event) * rest.ln_1p() / harmonic;
            }
        }
        Loss::Logistic { negatives, mean } => {
            let offset = f64::from(mean) + if problem.bias.is_some() { z[stride] } else { 0.0 };
            let m = n * f64::from(negatives);
            samples += m;
            for event in events.range(user) {
                sum += weight(event) * softplus(-(offset + score(events.indices[event] as usize)));
            }
            for &other in &unseen {
                sum += m * chance(other) / total * softplus(offset + score(other));
            }
        }
    }
    let penalty = |x: f64, by: f32| 0.5 * samples * f64::from(by.max(LEAST_PENALTY)) * x * x;
    sum + z[..stride].iter().map(|&z| penalty(z, problem.user)).sum::<f64>()
        + problem.bias.map_or(0.0, |by| penalty(z[stride], by))
}

#[test]
fn folded_rows_are_minima_by_finite_differences() {
    let world = world(USERS, ITEMS);
    let items: Vec<f32> = noise(ITEMS * K, 4).iter().map(|q| 3.0 * q).collect();
    let item_bias = noise(ITEMS, 6);
    let uneven: Vec<f64> = (0..ITEMS).map(|item| 1.0 + (item % 5) as f64).collect();
    for loss in LOSSES {
        for (popularity, user_penalty) in [(None, 0.05), (Some(&uneven[..]), 0.01)] {
            let problem = Problem {
                events: world.events(ITEMS),
                loss,
                popularity,
                user: user_penalty,
                bias: if paired(loss) { None } else { Some(0.02) },
                items: &items,
                item_bias: &item_bias,
                stride: K,
            };
            let solve = |level, threads| {
                let (mut x, mut bias) = (vec![0.0f32; USERS * K], vec![0.0f32; USERS]);
                rows::solve(level, threads, problem, &mut x, &mut bias);
                (x, bias)
            };
            let (x, bias) = solve(Level::best(), 1);
            assert_eq!((&x, &bias), (&solve(Level::best(), 3).0, &solve(Level::best(), 3).1));
            for user in [0, 1, 2, 3, 4, 30] {
                let mut z: Vec<f64> = x[user * K..(user + 1) * K].iter().map(|&x| f64::from(x)).collect();
                z.push(f64::from(bias[user]));
                let slopes = |z: &[f64]| -> Vec<f64> {
                    (0..z.len())
                        .map(|c| {
                            let at = |step: f64| {
                                let mut moved = z.to_vec();
                                moved[c] += step;
                                objective(problem, user, &moved)
                            };
                            (at(1e-4) - at(-1e-4)) / 2e-4
                        })
                        .collect()
                };
                let norm = |g: &[f64]| g.iter().map(|g| g * g).sum::<f64>().sqrt();
                let (start, end) = (norm(&slopes(&[0.0; K + 1])), norm(&slopes(&z)));
                // The best of several draws has kinks where two items score the same.
                let tolerance = if loss == LOSSES[1] { 3e-2 } else { 1e-4 };
                assert!(end <= tolerance * start + 1e-6, "{loss:?} {popularity:?} {user}: {start} {end}");
            }
        }
    }
}
