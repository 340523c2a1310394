//! Fold-in: the row of one user that minimises the expected loss against fixed items; see `docs/math/pairwise.md`.
//!
//! The losses are convex in the row, and a penalty makes the minimum one. It is found by L-BFGS (J. Nocedal 1980)
//! from zero, with a line search that needs slopes alone.

use super::logistic::{exp, sigmoid};
use super::steps::dot;
use super::{Events, Loss};
use crate::simd::{Lanes, Level, PAD, dispatch};
use crate::threads::{DisjointSlice, for_each_chunk};

/// The fixed side and what is minimised.
#[derive(Clone, Copy)]
pub struct Problem<'a> {
    /// The histories to place; weights as in training.
    pub events: Events<'a>,
    /// What training minimised.
    pub loss: Loss,
    /// The relative chance of each item to be drawn, (items); None: all the same.
    pub popularity: Option<&'a [f64]>,
    /// L2 penalty of the user's factors, for each sample.
    pub user: f32,
    /// The same of the user's bias; None: there is none.
    pub bias: Option<f32>,
    /// (items, stride)
    pub items: &'a [f32],
    /// (items)
    pub item_bias: &'a [f32],
    /// A multiple of [`PAD`].
    pub stride: usize,
}

/// A penalty below this counts as this, so that there is a minimum.
pub const LEAST_PENALTY: f32 = 1e-4;

/// The gradient at the end, relative to that of the row of zeros.
const TOLERANCE: f64 = 1e-5;

/// The same where the loss has kinks, at which two items score the same: near its minimum the gradient jumps.
const TOLERANCE_AT_KINKS: f64 = 1e-3;

/// Gradients computed for one row at most.
const MOST_GRADIENTS: usize = 200;

/// Pairs of steps and changes of the gradient that are remembered.
const MEMORY: usize = 8;

/// Solves every row of `x` (users, stride) and `bias` (users).
pub fn solve(level: Level, threads: usize, problem: Problem<'_>, x: &mut [f32], bias: &mut [f32]) {
    let Problem { events, items, item_bias, stride, .. } = problem;
    assert_eq!((x.len(), bias.len()), (events.users() * stride, events.users()));
    assert_eq!((items.len(), item_bias.len()), (events.items * stride, events.items));
    assert!(stride.is_multiple_of(PAD) && events.indices.iter().all(|&i| (i as usize) < events.items));
    let (x, bias) = (DisjointSlice::new(x), DisjointSlice::new(bias));
    for_each_chunk(
        threads,
        events.users(),
        || Row::new(problem),
        |row, user| {
            // SAFETY: one row and one bias for each user.
            let (x, bias) =
                unsafe { (x.range(user * stride, (user + 1) * stride), bias.range(user, user + 1)) };
            row.start(user);
            let tolerance = match problem.loss {
                Loss::Bpr { candidates: 2.. } => TOLERANCE_AT_KINKS,
                _ => TOLERANCE,
            };
            let z = minimise(problem.stride + 1, tolerance, |z, gradient| row.gradient(level, z, gradient));
            z.iter().zip(x.iter_mut()).for_each(|(&z, x)| *x = z as f32);
            bias[0] = if problem.bias.is_some() { z[stride] as f32 } else { 0.0 };
        },
    );
}

/// Floats worked on together.
const WIDTH: usize = 16;

/// One user's objective, and memory for it.
struct Row<'a> {
    problem: Problem<'a>,
    user: usize,
    /// Items that the user has not, and the chance of each; chances are padded by zeros to a multiple of [`WIDTH`].
    unseen: Vec<u32>,
    chances: Vec<f32>,
    /// Of all items.
    scores: Vec<f32>,
    /// The derivative of the loss by each score.
    slopes: Vec<f32>,
    /// Of unseen items, padded as `chances`.
    others: Vec<f32>,
    pulls: Vec<f32>,
    shares: Vec<f32>,
    order: Vec<u32>,
    sums: Vec<f32>,
}

impl<'a> Row<'a> {
    fn new(problem: Problem<'a>) -> Self {
        let items = problem.events.items;
        Self {
            problem,
            user: 0,
            unseen: Vec::new(),
            chances: Vec::new(),
            scores: vec![0.0; items],
            slopes: vec![0.0; items],
            others: Vec::new(),
            pulls: Vec::new(),
            shares: Vec::new(),
            order: Vec::new(),
            sums: vec![0.0; problem.stride],
        }
    }

    fn start(&mut self, user: usize) {
        let events = self.problem.events;
        self.user = user;
        self.unseen.clear();
        let mut row = events.row(user).iter().peekable();
        for item in 0..events.items as u32 {
            if row.next_if(|&&seen| seen as u32 == item).is_none() {
                self.unseen.push(item);
            }
        }
        let chance = |&item: &u32| self.problem.popularity.map_or(1.0, |weights| weights[item as usize]);
        let total: f64 = self.unseen.iter().map(chance).sum();
        let padded = self.unseen.len().next_multiple_of(WIDTH);
        self.chances.clear();
        self.chances
            .extend(self.unseen.iter().map(|item| (chance(item) / total.max(f64::MIN_POSITIVE)) as f32));
        self.chances.resize(padded, 0.0);
        self.shares.clone_from(&self.chances);
        self.others.resize(padded, 0.0);
        self.pulls.resize(padded, 0.0);
    }

    /// The gradient at factors and bias `z`.
    fn gradient(&mut self, level: Level, z: &[f64], gradient: &mut [f64]) {
        let Problem { events, loss, stride, bias, .. } = self.problem;
        let p: Vec<f32> = z[..stride].iter().map(|&z| z as f32).collect();
        let offset = match loss {
            Loss::Logistic { mean, .. } => mean + if bias.is_some() { z[stride] as f32 } else { 0.0 },
            _ => 0.0,
        };
        scores(level, self.problem, &p, offset, &mut self.scores);
        for (other, &item) in self.others.iter_mut().zip(&self.unseen) {
            *other = self.scores[item as usize];
        }
        self.pulls.fill(0.0);
        let range = events.range(self.user);
        let n = range.len() as f64;
        let mut samples = n;
        match loss {
            Loss::Bpr { candidates } => {
                if candidates > 1 {
                    self.best_of(candidates);
                }
                for event in range {
                    let (item, weight) = (events.indices[event] as usize, events.weight(event));
                    let sum =
                        pairs(level, self.scores[item], weight, &self.others, &self.shares, &mut self.pulls);
                    self.slopes[item] = -sum;
                }
            }
            Loss::Warp { .. } => self.softmax(range),
            Loss::Logistic { negatives, .. } => {
                samples += n * f64::from(negatives);
                for event in range {
                    let item = events.indices[event] as usize;
                    self.slopes[item] = -events.weight(event) * sigmoid(-self.scores[item]);
                }
                let scale = (n * f64::from(negatives)) as f32;
                for ((pull, &x), &chance) in self.pulls.iter_mut().zip(&self.others).zip(&self.chances) {
                    *pull = scale * chance * sigmoid(x);
                }
            }
        }
        for (&pull, &item) in self.pulls.iter().zip(&self.unseen) {
            self.slopes[item as usize] = pull;
        }
        combine(level, self.problem, &self.slopes, &mut self.sums, gradient);
        let penalty = samples * f64::from(self.problem.user.max(LEAST_PENALTY));
        gradient[..stride].iter_mut().zip(z).for_each(|(g, z)| *g += penalty * z);
        gradient[stride] = bias.map_or(0.0, |bias| {
            let sum: f64 = self.slopes.iter().map(|&slope| f64::from(slope)).sum();
            sum + samples * f64::from(bias.max(LEAST_PENALTY)) * z[stride]
        });
    }

    /// The chance of each unseen item to be the best of so many draws.
    fn best_of(&mut self, candidates: u32) {
        let Self { unseen, others, chances, shares, order, .. } = self;
        order.clear();
        order.extend(0..unseen.len() as u32);
        order.sort_unstable_by(|&a, &b| others[a as usize].total_cmp(&others[b as usize]).then(a.cmp(&b)));
        let (mut below, mut power) = (0.0f64, 0.0f64);
        for &at in &*order {
            below += f64::from(chances[at as usize]);
            let next = below.min(1.0).powi(candidates as i32);
            shares[at as usize] = (next - power) as f32;
            power = next;
        }
    }

    /// Slopes of `ln(1 + sum of e^(x_j - x_i) over unseen j) / H(items)`, for each event's item i.
    fn softmax(&mut self, range: std::ops::Range<usize>) {
        let Problem { events, .. } = self.problem;
        let count = self.unseen.len();
        let scale = 1.0 / (1..=events.items).map(|r| 1.0 / r as f64).sum::<f64>();
        let top = self.others[..count].iter().copied().fold(f32::MIN, f32::max);
        let mut total = 0.0f64;
        for (pull, &x) in self.pulls[..count].iter_mut().zip(&self.others) {
            *pull = exp(x - top);
            total += f64::from(*pull);
        }
        let mut share = 0.0f64;
        for event in range {
            let item = events.indices[event] as usize;
            let weight = scale * f64::from(events.weight(event));
            let own = f64::from(self.scores[item] - top).min(700.0).exp();
            let part = if count == 0 { 0.0 } else { weight / (total + own) };
            share += part;
            self.slopes[item] = -(part * total) as f32;
        }
        self.pulls[..count].iter_mut().for_each(|pull| *pull = (f64::from(*pull) * share) as f32);
    }
}

/// # Safety
/// `p` must be `stride` floats long; see [`Lanes`].
#[inline(always)]
unsafe fn scores_generic<L: Lanes>(problem: Problem<'_>, p: &[f32], offset: f32, out: &mut [f32]) {
    let Problem { items, item_bias, stride, .. } = problem;
    for ((out, q), &bias) in out.iter_mut().zip(items.chunks_exact(stride)).zip(item_bias) {
        // SAFETY: both have `stride` floats.
        *out = unsafe { dot::<L>(p.as_ptr(), q.as_ptr(), stride) } + (bias + offset);
    }
}

dispatch!(fn scores = scores_generic(problem: Problem<'_>, p: &[f32], offset: f32, out: &mut [f32]));

/// # Safety
/// See [`Lanes`].
#[inline(always)]
unsafe fn pairs_generic<L: Lanes>(
    mine: f32,
    weight: f32,
    others: &[f32],
    shares: &[f32],
    pulls: &mut [f32],
) -> f32 {
    const { assert!(WIDTH >= L::N) }; // loops over WIDTH become whole vectors
    let mut sums = [0.0f32; WIDTH];
    let chunks =
        others.chunks_exact(WIDTH).zip(shares.chunks_exact(WIDTH)).zip(pulls.chunks_exact_mut(WIDTH));
    for ((others, shares), pulls) in chunks {
        for lane in 0..WIDTH {
            let pull = weight * shares[lane] * sigmoid(others[lane] - mine);
            pulls[lane] += pull;
            sums[lane] += pull;
        }
    }
    sums.iter().sum()
}

dispatch!(
    /// Adds to `pulls` the slope of `weight ln(1 + e^(x - mine))` for each other score x times its share, and returns
    /// the sum of what was added. Slices are of one length, a multiple of [`WIDTH`].
    fn pairs = pairs_generic(mine: f32, weight: f32, others: &[f32], shares: &[f32], pulls: &mut [f32]) -> f32
);

/// Items whose parts are summed in single precision.
const SUMMED: usize = 256;

/// # Safety
/// `sums` must be `stride` floats long; see [`Lanes`].
#[inline(always)]
unsafe fn combine_generic<L: Lanes>(problem: Problem<'_>, slopes: &[f32], sums: &mut [f32], out: &mut [f64]) {
    let stride = problem.stride;
    out.fill(0.0);
    for (items, slopes) in problem.items.chunks(SUMMED * stride).zip(slopes.chunks(SUMMED)) {
        sums.fill(0.0);
        for (q, &slope) in items.chunks_exact(stride).zip(slopes) {
            for c in (0..stride).step_by(L::N) {
                // SAFETY: both have `stride` floats.
                unsafe {
                    let sum = sums.as_mut_ptr().add(c);
                    L::store(sum, L::fma(L::splat(slope), L::load(q.as_ptr().add(c)), L::load(sum)));
                }
            }
        }
        out.iter_mut().zip(&*sums).for_each(|(out, &sum)| *out += f64::from(sum));
    }
}

dispatch!(
    /// The sum of the items' factors, each times its slope.
    fn combine = combine_generic(problem: Problem<'_>, slopes: &[f32], sums: &mut [f32], out: &mut [f64])
);

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The minimum of a convex function of `n` numbers, from its gradient, starting at zero.
fn minimise(n: usize, tolerance: f64, mut gradient_at: impl FnMut(&[f64], &mut [f64])) -> Vec<f64> {
    let (mut x, mut g) = (vec![0.0; n], vec![0.0; n]);
    gradient_at(&x, &mut g);
    let target = tolerance * inner(&g, &g).sqrt();
    let mut gradients = 1;
    let mut pairs: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
    let (mut next, mut next_g) = (x.clone(), g.clone());
    while inner(&g, &g).sqrt() > target && gradients < MOST_GRADIENTS {
        let mut d = direction(&g, &pairs);
        let mut slope = inner(&g, &d);
        if slope >= 0.0 {
            pairs.clear();
            d = g.iter().map(|g| -g).collect();
            slope = -inner(&g, &g);
        }
        let mut step = if pairs.is_empty() { 1.0 / inner(&g, &g).sqrt().max(1.0) } else { 1.0 };
        // The slope along d rises; a step will do where it has lost much of its size on either side of zero.
        let (mut low, mut low_slope, mut high) = (0.0, slope, None);
        loop {
            next.iter_mut().zip(&x).zip(&d).for_each(|((next, x), d)| *next = x + step * d);
            gradient_at(&next, &mut next_g);
            gradients += 1;
            let there = inner(&next_g, &d);
            if (0.9 * slope..=-0.5 * slope).contains(&there) || gradients >= MOST_GRADIENTS {
                break;
            }
            if there > 0.0 {
                high = Some((step, there));
            } else {
                (low, low_slope) = (step, there);
            }
            step = match high {
                None => 4.0 * step,
                Some((high, above)) => {
                    let zero = low + (high - low) * low_slope / (low_slope - above);
                    zero.clamp(low + 0.1 * (high - low), high - 0.1 * (high - low))
                }
            };
            if high.is_some_and(|(high, _)| high - low <= 1e-9 * high) {
                break;
            }
        }
        let s: Vec<f64> = next.iter().zip(&x).map(|(a, b)| a - b).collect();
        let y: Vec<f64> = next_g.iter().zip(&g).map(|(a, b)| a - b).collect();
        if inner(&s, &y) <= 1e-12 * inner(&y, &y) {
            break; // no more than rounding is left
        }
        std::mem::swap(&mut x, &mut next);
        std::mem::swap(&mut g, &mut next_g);
        if pairs.len() == MEMORY {
            pairs.remove(0);
        }
        pairs.push((s, y));
    }
    x
}

/// Down the gradient, bent by what earlier steps say of the curvature.
fn direction(g: &[f64], pairs: &[(Vec<f64>, Vec<f64>)]) -> Vec<f64> {
    let mut d: Vec<f64> = g.iter().map(|g| -g).collect();
    let mut factors = Vec::with_capacity(pairs.len());
    for (s, y) in pairs.iter().rev() {
        let factor = inner(s, &d) / inner(s, y);
        d.iter_mut().zip(y).for_each(|(d, y)| *d -= factor * y);
        factors.push(factor);
    }
    if let Some((s, y)) = pairs.last() {
        let scale = inner(s, y) / inner(y, y);
        d.iter_mut().for_each(|d| *d *= scale);
    }
    for ((s, y), factor) in pairs.iter().zip(factors.iter().rev()) {
        let back = factor - inner(y, &d) / inner(s, y);
        d.iter_mut().zip(s).for_each(|(d, s)| *d += back * s);
    }
    d
}
