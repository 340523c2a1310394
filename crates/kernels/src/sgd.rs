//! Ratings by stochastic gradient steps: biased and plain matrix factorization; see `docs/math/sgd.md`.
//!
//! One call is one epoch: a step for each rating, in the groups and the order of [`Rounds`]; the steps of a group are
//! taken together, from one state of their user. Sums of products go over 16 places in a fixed order and no two
//! roundings are fused, so the result has the same bits for any number of threads and for every [`Level`].

use crate::rounds::{Cell, Groups, Order, Rounds};
use crate::simd::{Lanes, Level, PAD, dispatch, prefetch};
use crate::threads::DisjointSlice;

/// What stays the same in an epoch.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The score before biases and factors.
    pub mean: f32,
    /// Step lengths of users' factors, items' factors, users' biases, items' biases; 0: they stay.
    pub rates: [f32; 4],
    /// L2 penalties of the same, for each step that changes them.
    pub penalties: [f32; 4],
}

/// One side of what is learned.
pub struct Side<'a> {
    /// (rows, stride)
    pub factors: &'a mut [f32],
    /// (rows)
    pub bias: &'a mut [f32],
    /// By what the penalties of each row are multiplied, (rows).
    pub shrink: &'a [f32],
    /// By what the step lengths of each row are multiplied, (rows); None: 1. A row of 0 stays as it is.
    pub pace: Option<&'a [f32]>,
}

/// What a step needs of a row beside its factors.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
struct Row {
    bias: f32,
    /// Step length of the factors, and what the penalty of a step takes of them.
    along: f32,
    shed: f32,
    /// The same of the bias.
    along_bias: f32,
    shed_bias: f32,
}

impl Side<'_> {
    fn check(&self, rows: usize, stride: usize) {
        assert_eq!((self.factors.len(), self.bias.len(), self.shrink.len()), (rows * stride, rows, rows));
        assert!(self.pace.is_none_or(|pace| pace.len() == rows));
    }

    fn rows(&self, [rate, bias_rate]: [f32; 2], [penalty, bias_penalty]: [f32; 2]) -> Vec<Row> {
        (0..self.bias.len())
            .map(|row| {
                let (pace, shrink) = (self.pace.map_or(1.0, |pace| pace[row]), self.shrink[row]);
                let (along, along_bias) = (pace * rate, pace * bias_rate);
                Row {
                    bias: self.bias[row],
                    along,
                    shed: along * (penalty * shrink),
                    along_bias,
                    shed_bias: along_bias * (bias_penalty * shrink),
                }
            })
            .collect()
    }
}

/// Where the parameters lie.
#[derive(Clone, Copy)]
struct Pointers {
    users: *mut f32,
    items: *mut f32,
    user_rows: *mut Row,
    item_rows: *mut Row,
}

// SAFETY: the rounds let no two tasks that share a row or a column run at once.
unsafe impl Sync for Pointers {}
// SAFETY: as above.
unsafe impl Send for Pointers {}

/// What the steps of a task need besides its ratings.
struct Work {
    pointers: Pointers,
    mean: f32,
    factors: usize,
    stride: usize,
}

/// Groups ahead of which ratings and rows are asked for.
const FAR: usize = 16;
const NEAR: usize = 3;

/// One epoch: every rating moves its user and its item once. Returns the weighted sum of squared errors, each before
/// its step; it is not finite where the parameters have left the range of float32.
///
/// `factors` columns of each row of `stride` floats are learned; the others hold 0.
pub fn epoch(
    level: Level,
    threads: usize,
    rounds: &Rounds,
    number: u32,
    settings: Settings,
    factors: usize,
    stride: usize,
    users: Side<'_>,
    items: Side<'_>,
) -> f64 {
    users.check(rounds.rows(), stride);
    items.check(rounds.columns(), stride);
    assert!(stride.is_multiple_of(PAD) && factors <= stride);
    let (rates, penalties) = (settings.rates, settings.penalties);
    let mut user_rows = users.rows([rates[0], rates[2]], [penalties[0], penalties[2]]);
    let mut item_rows = items.rows([rates[1], rates[3]], [penalties[1], penalties[3]]);
    let pointers = Pointers {
        users: users.factors.as_mut_ptr(),
        items: items.factors.as_mut_ptr(),
        user_rows: user_rows.as_mut_ptr(),
        item_rows: item_rows.as_mut_ptr(),
    };
    let work = Work { pointers, mean: settings.mean, factors, stride };
    let mut errors = vec![0.0f64; rounds.tasks()];
    let out = DisjointSlice::new(&mut errors);
    rounds.run(threads, number, |task, order| {
        let squared = learn(level, &work, order);
        // SAFETY: one element for each task.
        unsafe { out.range(task, task + 1)[0] = squared };
    });
    for (bias, row) in users.bias.iter_mut().zip(&user_rows).chain(items.bias.iter_mut().zip(&item_rows)) {
        *bias = row.bias;
    }
    errors.iter().sum()
}

/// Places whose products are summed apart.
const PLACES: usize = 16;

/// Sums of products by place, of `B` ratings.
type Sums<L, const B: usize> = [[<L as Lanes>::V; 4]; B];

/// Adds the products of one vector of each row, of `p` with each of `q`.
#[inline(always)]
unsafe fn multiply<L: Lanes, const B: usize>(
    sums: &mut Sums<L, B>,
    p: *const f32,
    q: [*mut f32; B],
    place: usize,
    c: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let x = L::load(p.add(c));
        for j in 0..B {
            sums[j][place] = L::add(L::mul(x, L::load(q[j].add(c))), sums[j][place]);
        }
    }
}

/// `p . q` of each rating; halves are added to each other, down to one place.
#[inline(always)]
unsafe fn total<L: Lanes, const B: usize>(sums: Sums<L, B>) -> [f32; B] {
    // SAFETY: the caller's promise.
    unsafe {
        let mut out = [0.0; B];
        for j in 0..B {
            let [a, b, c, d] = sums[j];
            let four = match PLACES / L::N {
                4 => L::four(L::add(L::add(a, c), L::add(b, d))),
                2 => L::four(L::add(a, b)),
                _ => L::four(a),
            };
            out[j] = (four[0] + four[2]) + (four[1] + four[3]);
        }
        out
    }
}

/// Runs `$work` for each vector of `$n` floats, from float `$c` on, whose products go to `$place`.
macro_rules! for_vectors {
    ($lanes:ident, $n:expr, |$place:ident, $c:ident| $work:expr) => {
        let mut start = 0;
        while start + PLACES <= $n {
            for $place in 0..PLACES / $lanes::N {
                let $c = start + $place * $lanes::N;
                $work;
            }
            start += PLACES;
        }
        for $place in 0..PLACES / $lanes::N {
            let $c = start + $place * $lanes::N;
            if $c < $n {
                $work;
            }
        }
    };
}

/// A group of ratings of one user, and where its parameters lie.
struct Near<'a, const B: usize> {
    group: &'a [Cell; B],
    p: *mut f32,
    q: [*mut f32; B],
}

impl<'a, const B: usize> Near<'a, B> {
    #[inline(always)]
    unsafe fn new(work: &Work, group: &'a [Cell; B]) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            let (users, items) = (work.pointers.users, work.pointers.items);
            Self {
                group,
                p: users.add(group[0].row as usize * work.stride),
                q: group.map(|cell| items.add(cell.column as usize * work.stride)),
            }
        }
    }
}

/// The steps of `B` ratings of one user, all from the same parameters, whose products are `dots`. Adds their weighted
/// squared errors to `squared`, and returns the products of the next group, after these steps: the sums of the one
/// need not wait for the other where each vector is changed, then multiplied.
#[inline(always)]
unsafe fn step<L: Lanes, const B: usize>(
    work: &Work,
    near: &Near<'_, B>,
    dots: [f32; B],
    next: &Near<'_, B>,
    later: &Near<'_, B>,
    n: usize,
    squared: &mut f64,
) -> [f32; B] {
    // SAFETY: the caller's promise.
    unsafe {
        let Near { group, p, q } = near;
        let u = &mut *work.pointers.user_rows.add(group[0].row as usize);
        let rows = group.map(|cell| work.pointers.item_rows.add(cell.column as usize));
        let mut bias = u.bias * (1.0 - B as f32 * u.shed_bias);
        let keep_p = L::splat(1.0 - B as f32 * u.shed);
        let (mut along_p, mut along_q, mut keep_q) = ([keep_p; B], [keep_p; B], [keep_p; B]);
        for j in 0..B {
            let i = &mut *rows[j];
            let error = group[j].value - (work.mean + (u.bias + i.bias) + dots[j]);
            let slope = group[j].weight * error;
            *squared += f64::from(slope * error);
            (along_p[j], along_q[j]) = (L::splat(u.along * slope), L::splat(i.along * slope));
            keep_q[j] = L::splat(1.0 - i.shed);
            bias += u.along_bias * slope;
            i.bias = i.bias * (1.0 - i.shed_bias) + i.along_bias * slope;
        }
        u.bias = bias;
        let mut sums = [[L::splat(0.0); 4]; B];
        for_vectors!(L, n, |place, c| {
            let x = L::load(p.add(c));
            let mut moved = L::mul(x, keep_p);
            for j in 0..B {
                let y = L::load(q[j].add(c));
                moved = L::add(moved, L::mul(y, along_p[j]));
                L::store(q[j].add(c), L::add(L::mul(y, keep_q[j]), L::mul(x, along_q[j])));
            }
            L::store(p.add(c), moved);
            multiply::<L, B>(&mut sums, next.p, next.q, place, c);
            if place == 0 {
                L::prefetch_mut(later.p.add(c));
                for j in 0..B {
                    L::prefetch_mut(later.q[j].add(c));
                }
            }
        });
        total::<L, B>(sums)
    }
}

/// The steps of groups of `B` ratings.
#[inline(always)]
unsafe fn steps<L: Lanes, const B: usize>(work: &Work, mut groups: Groups<'_, B>) -> f64 {
    let at = work.pointers;
    let n = work.factors.next_multiple_of(L::N);
    let (mut far, mut soon) = (groups.clone().skip(FAR), groups.clone().skip(NEAR));
    let Some(first) = groups.next() else { return 0.0 };
    let mut squared = 0.0;
    // SAFETY: the caller's promise.
    unsafe {
        let mut near = Near::new(work, first);
        let mut sums = [[L::splat(0.0); 4]; B];
        for_vectors!(L, n, |place, c| multiply::<L, B>(&mut sums, near.p, near.q, place, c));
        let mut dots = total::<L, B>(sums);
        loop {
            if let Some(later) = far.next() {
                prefetch(later.as_ptr());
                prefetch(&later[B - 1]);
            }
            let next = groups.next();
            let after = next.map_or_else(|| Near { ..near }, |next| Near::new(work, next));
            let later = soon.next().map_or_else(|| Near { ..near }, |later| Near::new(work, later));
            L::prefetch_mut(at.user_rows.add(later.group[0].row as usize).cast());
            for cell in later.group {
                L::prefetch_mut(at.item_rows.add(cell.column as usize).cast());
            }
            dots = step::<L, B>(work, &near, dots, &after, &later, n, &mut squared);
            if next.is_none() {
                return squared;
            }
            near = after;
        }
    }
}

/// # Safety
/// The parameters must hold every row and column of the ratings, and nothing else may use these meanwhile; see
/// [`Lanes`].
#[inline(always)]
unsafe fn learn_generic<L: Lanes>(work: &Work, order: Order<'_>) -> f64 {
    // SAFETY: the caller's promise.
    unsafe {
        steps::<L, 4>(work, order.fours)
            + steps::<L, 3>(work, order.threes)
            + steps::<L, 2>(work, order.twos)
            + steps::<L, 1>(work, order.ones)
    }
}

dispatch!(
    /// Takes the steps of a task in order; returns the weighted sum of squared errors before each.
    fn learn = learn_generic(work: &Work, order: Order<'_>) -> f64
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::noise;
    use crate::rounds::Ratings;

    const USERS: usize = 60;
    const ITEMS: usize = 45;

    struct World {
        indptr: Vec<i64>,
        indices: Vec<i32>,
        values: Vec<f32>,
        weights: Vec<f32>,
    }

    fn world() -> World {
        let chance = noise(USERS * ITEMS, 1);
        let (mut indptr, mut indices) = (vec![0i64], Vec::new());
        for user in 0..USERS {
            indices.extend((0..ITEMS).filter(|i| chance[user * ITEMS + i] < 0.0).map(|i| i as i32));
            indptr.push(indices.len() as i64);
        }
        let values = noise(indices.len(), 2).iter().map(|r| 3.0 + 4.0 * r).collect();
        let weights = noise(indices.len(), 3).iter().map(|w| 1.0 + w).collect();
        World { indptr, indices, values, weights }
    }

    const SETTINGS: Settings =
        Settings { mean: 3.0, rates: [0.05, 0.04, 0.03, 0.02], penalties: [0.1, 0.2, 0.3, 0.4] };

    /// Factors and biases of both sides and the sums of two epochs; users above 50 and items above 40 stay.
    fn learned(level: Level, threads: usize, lanes: usize, factors: usize) -> (Vec<Vec<f32>>, Vec<f64>) {
        let world = world();
        let (values, weights) = (Some(&world.values[..]), Some(&world.weights[..]));
        let ratings =
            Ratings { indptr: &world.indptr, indices: &world.indices, values, weights, columns: ITEMS };
        let rounds = Rounds::of(threads, ratings, 5, lanes);
        let stride = crate::simd::padded(factors);
        let side = |rows: usize, seed| {
            let mut factors_of = noise(rows * stride, seed);
            factors_of.chunks_mut(stride).for_each(|row| row[factors..].fill(0.0));
            factors_of
        };
        let mut all = [side(USERS, 6), side(ITEMS, 7), noise(USERS, 8), noise(ITEMS, 9)];
        let shrink =
            [noise(USERS, 10), noise(ITEMS, 11)].map(|s| s.iter().map(|s| 1.0 + s).collect::<Vec<_>>());
        let pace = [(USERS, 50), (ITEMS, 40)]
            .map(|(rows, end)| (0..rows).map(|row| f32::from(row <= end)).collect::<Vec<_>>());
        let sums = (0..2)
            .map(|number| {
                let [p, q, b_u, b_i] = &mut all;
                let users = Side { factors: p, bias: b_u, shrink: &shrink[0], pace: Some(&pace[0]) };
                let items = Side { factors: q, bias: b_i, shrink: &shrink[1], pace: Some(&pace[1]) };
                epoch(level, threads, &rounds, number, SETTINGS, factors, stride, users, items)
            })
            .collect();
        (all.to_vec(), sums)
    }

    #[test]
    fn threads_and_levels_give_the_same_bits() {
        for factors in [1, 8, 16, 23, 40, 64, 100] {
            for lanes in [1, 4] {
                let one = learned(Level::Portable, 1, lanes, factors);
                assert!(one.0.iter().flatten().all(|x| x.is_finite()) && one.1.iter().all(|s| *s > 0.0));
                for level in Level::available() {
                    for threads in [1, 2, 5] {
                        assert_eq!(one, learned(level, threads, lanes, factors), "{level:?} {factors}");
                    }
                }
            }
        }
    }

    #[test]
    fn rows_without_pace_stay() {
        let (after, _) = learned(Level::best(), 2, 3, 16);
        let before = [noise(USERS * 16, 6), noise(ITEMS * 16, 7), noise(USERS, 8), noise(ITEMS, 9)];
        for (array, (held, width)) in [(51, 16), (41, 16), (51, 1), (41, 1)].into_iter().enumerate() {
            assert_eq!(after[array][held * width..], before[array][held * width..]);
            assert!((0..held * width).filter(|&x| after[array][x] != before[array][x]).count() > held / 2);
        }
    }

    /// The steps one by one in double precision.
    fn twin(rounds: &Rounds, all: &mut [Vec<f64>; 4], factors: usize, stride: usize) -> f64 {
        let groups = std::sync::Mutex::new(vec![Vec::new(); rounds.tasks()]);
        rounds.run(1, 0, |task, order| groups.lock().unwrap()[task] = order.groups());
        let Settings { mean, rates, penalties } = SETTINGS;
        let (rates, penalties) = (rates.map(f64::from), penalties.map(f64::from));
        let mut total = 0.0;
        for group in groups.into_inner().unwrap().concat() {
            // What the steps of a group are taken from.
            let [p, q, b_u, b_i] = all.clone();
            for cell in group {
                let (user, item) = (cell.row as usize, cell.column as usize);
                let (row, column) = (user * stride, item * stride);
                let product: f64 = (0..factors).map(|c| p[row + c] * q[column + c]).sum();
                let error = f64::from(cell.value) - (f64::from(mean) + b_u[user] + b_i[item] + product);
                let slope = f64::from(cell.weight) * error;
                total += slope * error;
                for c in 0..factors {
                    let (x, y) = (p[row + c], q[column + c]);
                    all[0][row + c] += rates[0] * (slope * y - penalties[0] * x);
                    all[1][column + c] += rates[1] * (slope * x - penalties[1] * y);
                }
                all[2][user] += rates[2] * (slope - penalties[2] * b_u[user]);
                all[3][item] += rates[3] * (slope - penalties[3] * b_i[item]);
            }
        }
        total
    }

    #[test]
    fn an_epoch_takes_the_steps_of_the_twin() {
        let world = world();
        let (values, weights) = (Some(&world.values[..]), Some(&world.weights[..]));
        let ratings =
            Ratings { indptr: &world.indptr, indices: &world.indices, values, weights, columns: ITEMS };
        let rounds = Rounds::of(2, ratings, 5, 3);
        let (factors, stride) = (16, 16);
        let mut all = [noise(USERS * 16, 6), noise(ITEMS * 16, 7), noise(USERS, 8), noise(ITEMS, 9)];
        let mut wanted = all.clone().map(|array| array.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
        let sum = twin(&rounds, &mut wanted, factors, stride);
        let [p, q, b_u, b_i] = &mut all;
        let ones = [vec![1.0; USERS], vec![1.0; ITEMS]];
        let users = Side { factors: p, bias: b_u, shrink: &ones[0], pace: None };
        let items = Side { factors: q, bias: b_i, shrink: &ones[1], pace: None };
        let found = epoch(Level::best(), 2, &rounds, 0, SETTINGS, factors, stride, users, items);
        assert!((found - sum).abs() < 1e-3 * sum, "{found} {sum}");
        for (x, y) in all.iter().flatten().zip(wanted.iter().flatten()) {
            assert!((f64::from(*x) - y).abs() < 1e-4, "{x} {y}");
        }
    }
}
