//! The Kullback-Leibler divergence of the rows of a table from `x H'`: multiplicative steps, and the exact minimum.
//!
//! With `y_j = x . h_j` and the column sums s of H, the divergence of a row is `sum_j a_j ln(a_j / y_j) - a_j`, over
//! its cells, plus `s . x`; see `docs/math/nmf.md`.

use super::{Cells, Fixed, Penalty, TILE};
use crate::nonnegative;
use crate::row::Touched;
use crate::simd::{Lanes, Level, PAD, dispatch};
use crate::threads::{DisjointSlice, for_each_chunk};

/// What a cell that is predicted 0 counts as in the objective, which would be infinite; as in scikit-learn.
const LEAST: f32 = f32::EPSILON;

/// Nothing is divided by less. It is far below what tables of tiny shares or of a million rows predict.
const TINY: f32 = 1e-30;

/// Factors below are 0: multiplication brings none of them back.
const GONE: f32 = f64::EPSILON as f32;

/// Rows whose logarithms are summed by one task.
const CHUNK: usize = 256;

/// Multiplicative steps before the exact minimum is searched for by Newton's.
const WARM: usize = 10;
/// Newton's steps, at most.
const STEPS: usize = 60;
/// The search ends when a step promises less than this share of the objective.
const TOLERANCE: f64 = 1e-13;
/// The least share of the promise that a step must keep.
const ARMIJO: f64 = 1e-4;
/// Added to the diagonal of a Newton step, as a share; it makes the step shorter and does not move the minimum.
const RIDGE: f64 = 1e-9;

/// Four events of a row: where their rows of the fixed side start, and their values, 0 beyond the end.
#[inline(always)]
unsafe fn four(touched: Touched<'_>, a: &[f32], j: usize) -> ([*const f32; 4], [f32; 4]) {
    const AHEAD: usize = 12;
    let n = a.len();
    let base = touched.data.as_ptr();
    let mut q = [base; 4];
    let mut values = [0.0f32; 4];
    for i in 0..4 {
        let here = (j + i).min(n - 1);
        // SAFETY: events stay below n; the caller has checked that they are rows of the fixed side.
        unsafe {
            q[i] = base.add(*touched.index.get_unchecked(here) as usize * touched.stride);
            let ahead = *touched.index.get_unchecked((here + AHEAD).min(n - 1)) as usize * touched.stride;
            for line in (0..touched.stride).step_by(PAD) {
                crate::simd::prefetch(base.add(ahead + line));
            }
        }
        if j + i < n {
            values[i] = a[here];
        }
    }
    (q, values)
}

/// `q_i . x` of four rows.
#[inline(always)]
unsafe fn dots<L: Lanes>(q: [*const f32; 4], x: *const f32, stride: usize) -> [f32; 4] {
    // SAFETY: the caller gives rows of `stride` floats, a multiple of every vector's.
    unsafe {
        let mut sums = [L::splat(0.0); 4];
        let mut c = 0;
        while c < stride {
            let x = L::load(x.add(c));
            for i in 0..4 {
                sums[i] = L::fma(L::load(q[i].add(c)), x, sums[i]);
            }
            c += L::N;
        }
        L::sum4(sums)
    }
}

fn check(touched: Touched<'_>, cells: usize, x: &[f32]) {
    let rows = touched.data.len() / touched.stride;
    assert!(touched.index.len() == cells && x.len() == touched.stride && touched.stride.is_multiple_of(PAD));
    assert!(cells == 0 || touched.index.iter().fold(0u32, |top, &i| top.max(i as u32)) < rows as u32);
}

/// One multiplicative step of a row; `share` is room for a row.
#[inline(always)]
unsafe fn step_generic<L: Lanes>(
    touched: Touched<'_>,
    a: &[f32],
    rate: &[f32],
    l2: f32,
    share: &mut [f32],
    x: &mut [f32],
) {
    let stride = touched.stride;
    check(touched, a.len(), x);
    assert!(rate.len() == stride && share.len() == stride);
    share.fill(0.0);
    let to = share.as_mut_ptr();
    for j in (0..a.len()).step_by(4) {
        // SAFETY: `check` holds rows below their number and lengths to the stride.
        unsafe {
            let (q, values) = four(touched, a, j);
            let y = dots::<L>(q, x.as_ptr(), stride);
            // Where y is 0, every factor that could answer is 0 and stays so: the event moves nothing.
            let ratio: [L::V; 4] =
                std::array::from_fn(|i| L::splat(if y[i] > 0.0 { values[i] / y[i].max(TINY) } else { 0.0 }));
            let mut c = 0;
            while c < stride {
                let mut sum = L::load(to.add(c));
                for i in 0..4 {
                    sum = L::fma(ratio[i], L::load(q[i].add(c)), sum);
                }
                L::store(to.add(c), sum);
                c += L::N;
            }
        }
    }
    for ((x, &share), &rate) in x.iter_mut().zip(&*share).zip(rate) {
        let below = rate + l2 * *x;
        let new = *x * share / below.max(TINY);
        *x = if new < GONE { 0.0 } else { new };
    }
}

dispatch!(
    fn step = step_generic(
        touched: Touched<'_>, a: &[f32], rate: &[f32], l2: f32, share: &mut [f32], x: &mut [f32],
    )
);

/// Lowers the divergence of every row of `x` by `steps` multiplicative updates.
///
/// `sums` (stride,) are the column sums of the fixed side. The bits do not depend on `threads`.
pub fn half_epoch(
    level: Level,
    threads: usize,
    cells: Cells<'_>,
    fixed: Fixed<'_>,
    sums: &[f64],
    penalty: Penalty,
    steps: usize,
    x: &mut [f32],
) {
    let stride = fixed.stride;
    let rows = cells.rows();
    assert!(sums.len() == stride && x.len() == rows * stride);
    let rate: Vec<f32> = sums.iter().map(|&s| (s + penalty.l1) as f32).collect();
    let ones = cells.ones();
    let x = DisjointSlice::new(x);
    for_each_chunk(
        threads,
        rows.div_ceil(TILE),
        || vec![0.0f32; stride],
        |share, chunk| {
            for row in chunk * TILE..rows.min((chunk + 1) * TILE) {
                // SAFETY: every row belongs to one chunk.
                let own = unsafe { x.range(row * stride, (row + 1) * stride) };
                let (touched, values) = cells.row(row, fixed, &ones);
                for _ in 0..steps {
                    step(level, touched, values, &rate, penalty.l2 as f32, share, own);
                }
            }
        },
    );
}

#[inline(always)]
unsafe fn predict_generic<L: Lanes>(touched: Touched<'_>, a: &[f32], x: &[f32], out: &mut [f32]) {
    check(touched, a.len(), x);
    for j in (0..a.len()).step_by(4) {
        // SAFETY: checked above.
        let y = unsafe {
            let (q, _) = four(touched, a, j);
            dots::<L>(q, x.as_ptr(), touched.stride)
        };
        let end = a.len().min(j + 4);
        out[j..end].copy_from_slice(&y[..end - j]);
    }
}

dispatch!(
    /// `out_j = x . h_j` for the events of a row.
    fn predict = predict_generic(touched: Touched<'_>, a: &[f32], x: &[f32], out: &mut [f32])
);

/// `sum a ln(a / y) - a` over the cells above 0, in double precision; the sum of all predictions is not in it.
pub fn divergence(level: Level, threads: usize, cells: Cells<'_>, fixed: Fixed<'_>, x: &[f32]) -> f64 {
    let stride = fixed.stride;
    let rows = cells.rows();
    assert!(x.len() == rows * stride);
    let ones = cells.ones();
    let longest = cells.indptr.windows(2).map(|w| (w[1] - w[0]) as usize).max().unwrap_or(0);
    let mut sums = vec![0.0f64; rows.div_ceil(CHUNK)];
    let out = DisjointSlice::new(&mut sums);
    for_each_chunk(
        threads,
        rows.div_ceil(CHUNK),
        || vec![0.0f32; longest],
        |y, chunk| {
            let mut total = 0.0;
            for row in chunk * CHUNK..rows.min((chunk + 1) * CHUNK) {
                let (touched, values) = cells.row(row, fixed, &ones);
                predict(level, touched, values, &x[row * stride..(row + 1) * stride], y);
                for (&a, &y) in values.iter().zip(&*y).filter(|(a, _)| **a > 0.0) {
                    let (a, y) = (f64::from(a), f64::from(if y > 0.0 { y } else { LEAST }));
                    total += a * (a / y).ln() - a;
                }
            }
            // SAFETY: each chunk writes its own sum.
            unsafe { out.range(chunk, chunk + 1)[0] = total };
        },
    );
    sums.iter().sum()
}

/// Memory that a thread reuses from row to row.
#[derive(Default)]
struct Newton {
    /// Factors that some event has, values above 0, and the events' rows (events, factors) of these.
    live: Vec<usize>,
    a: Vec<f64>,
    h: Vec<f64>,
    /// The column sums with l1, of the live factors.
    rate: Vec<f64>,
    x: Vec<f64>,
    y: Vec<f64>,
    ahead: Vec<f64>,
    system: nonnegative::Scratch,
}

impl Newton {
    /// Gathers a row; false where nothing of it can be predicted.
    fn gather(&mut self, touched: Touched<'_>, values: &[f32], rate: &[f64], factors: usize) -> bool {
        let row = |j: usize| {
            let start = touched.index[j] as usize * touched.stride;
            &touched.data[start..start + factors]
        };
        let events: Vec<usize> =
            (0..values.len()).filter(|&j| values[j] > 0.0 && row(j).iter().any(|&h| h > 0.0)).collect();
        self.live.clear();
        self.live.extend((0..factors).filter(|&t| events.iter().any(|&j| row(j)[t] > 0.0)));
        self.a.clear();
        self.a.extend(events.iter().map(|&j| f64::from(values[j])));
        self.h.clear();
        for &j in &events {
            self.h.extend(self.live.iter().map(|&t| f64::from(row(j)[t])));
        }
        self.rate.clear();
        self.rate.extend(self.live.iter().map(|&t| rate[t]));
        !events.is_empty()
    }

    /// `y = H x`.
    fn predict(&mut self) {
        let m = self.x.len();
        self.y.clear();
        self.y.extend(self.h.chunks_exact(m).map(|h| h.iter().zip(&self.x).map(|(h, x)| h * x).sum::<f64>()));
    }

    /// The objective, with the predictions that it needs.
    fn objective(&mut self, l2: f64) -> f64 {
        self.predict();
        value(&self.rate, &self.x, l2, &self.a, &self.y)
    }

    /// Minimises from equal factors, into `x`.
    fn minimize(&mut self, level: Level, l2: f64) {
        let m = self.live.len();
        let (total, rates): (f64, f64) = (self.a.iter().sum(), self.rate.iter().sum());
        self.x.clear();
        self.x.resize(m, total / (rates + l2 * total));
        for _ in 0..WARM {
            self.predict();
            self.slopes();
            for t in 0..m {
                self.x[t] *= self.ahead[t] / (self.rate[t] + l2 * self.x[t]);
            }
        }
        let mut present = self.objective(l2);
        for _ in 0..STEPS {
            self.slopes();
            let Newton { a, h, rate, x, y, ahead, system, .. } = &mut *self;
            system.matrix.clear();
            system.matrix.resize(m * m, 0.0);
            curvature(level, a, h, y, &mut system.matrix);
            system.b.clear();
            for t in 0..m {
                let diagonal = &mut system.matrix[t * (m + 1)];
                let ridge = RIDGE * *diagonal;
                *diagonal += ridge + l2;
                // The slope, and the curvature times x: `sum a/y h - rate - l2 x + (sum a/y h + l2 x)`.
                system.b.push(2.0 * ahead[t] - rate[t] + ridge * x[t]);
            }
            for t in 0..m {
                for r in 0..t {
                    system.matrix[t * m + r] = system.matrix[r * m + t];
                }
            }
            system.x.clone_from(x);
            if nonnegative::minimize(level, system).is_err() {
                return;
            }
            let promise: f64 = (0..m).map(|t| (rate[t] + l2 * x[t] - ahead[t]) * (system.x[t] - x[t])).sum();
            if -promise <= TOLERANCE * present.abs() {
                return;
            }
            let (from, mut length) = (self.x.clone(), 1.0f64);
            let lower = loop {
                for t in 0..m {
                    let way = self.system.x[t] - from[t];
                    self.x[t] = if length == 1.0 { self.system.x[t] } else { from[t] + length * way };
                }
                let there = self.objective(l2);
                if there <= present + ARMIJO * length * promise {
                    break Some(there);
                }
                length *= 0.5;
                if length < 1e-9 {
                    break None;
                }
            };
            let Some(there) = lower else {
                self.x.clone_from(&from); // rounding is all that is left
                return;
            };
            present = there;
        }
    }

    /// `ahead = sum_j a_j / y_j h_j`.
    fn slopes(&mut self) {
        let m = self.x.len();
        self.ahead.clear();
        self.ahead.resize(m, 0.0);
        for ((h, a), y) in self.h.chunks_exact(m).zip(&self.a).zip(&self.y) {
            let ratio = a / y.max(f64::MIN_POSITIVE);
            self.ahead.iter_mut().zip(h).for_each(|(s, h)| *s += ratio * h);
        }
    }
}

/// `rate . x + l2 |x|^2 / 2 - sum a ln y`; infinite where a y is not above 0.
fn value(rate: &[f64], x: &[f64], l2: f64, a: &[f64], y: &[f64]) -> f64 {
    let linear: f64 = rate.iter().zip(x).map(|(rate, x)| (rate + 0.5 * l2 * x) * x).sum();
    let logs: f64 = a.iter().zip(y).map(|(a, &y)| if y > 0.0 { a * y.ln() } else { f64::NEG_INFINITY }).sum();
    linear - logs
}

#[inline(always)]
#[allow(clippy::extra_unused_type_parameters)] // compiled once for every instruction set
unsafe fn curvature_generic<L: Lanes>(a: &[f64], h: &[f64], y: &[f64], matrix: &mut [f64]) {
    let m = h.len() / a.len();
    for ((h, a), y) in h.chunks_exact(m).zip(a).zip(y) {
        let weight = a / (y * y).max(f64::MIN_POSITIVE);
        for (t, row) in matrix.chunks_exact_mut(m).enumerate() {
            let f = weight * h[t];
            row[t..].iter_mut().zip(&h[t..]).for_each(|(c, h)| *c += f * h);
        }
    }
}

dispatch!(
    /// `sum_j a_j / y_j^2 h_j h_j'`, added to the upper triangle.
    fn curvature = curvature_generic(a: &[f64], h: &[f64], y: &[f64], matrix: &mut [f64])
);

/// Overwrites every row of `x` by the minimum of its divergence; `sums` as for [`half_epoch`].
///
/// Events whose row of the fixed side is 0 cannot be predicted, and are left out; a row without others is 0.
pub fn solve(
    level: Level,
    threads: usize,
    cells: Cells<'_>,
    fixed: Fixed<'_>,
    sums: &[f64],
    penalty: Penalty,
    x: &mut [f32],
) {
    let Fixed { stride, factors, .. } = fixed;
    let rows = cells.rows();
    assert!(sums.len() == stride && x.len() == rows * stride);
    let rate: Vec<f64> = sums.iter().map(|&s| s + penalty.l1).collect();
    let ones = cells.ones();
    let x = DisjointSlice::new(x);
    for_each_chunk(threads, rows.div_ceil(TILE), Newton::default, |newton, chunk| {
        for row in chunk * TILE..rows.min((chunk + 1) * TILE) {
            // SAFETY: every row belongs to one chunk.
            let own = unsafe { x.range(row * stride, (row + 1) * stride) };
            own.fill(0.0);
            let (touched, values) = cells.row(row, fixed, &ones);
            if newton.gather(touched, values, &rate, factors) {
                newton.minimize(level, penalty.l2);
                newton.live.iter().zip(&newton.x).for_each(|(&t, &found)| own[t] = found as f32);
            }
        }
    });
}
