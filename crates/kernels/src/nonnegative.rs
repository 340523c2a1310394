//! One row with factors that are 0 or more: coordinate descent on the row's quadratic; see `docs/math/als.md`.
//!
//! Minimises `x' A x / 2 - b' x` over `x >= 0`. Sweeps of coordinate descent find which factors are 0; then the
//! system of the others is solved at once, which ends the crawl towards the last digits. The optimum is unique, so
//! it does not matter where the descent starts.

use crate::cholesky::Factor;
use crate::double::{self, Refused};
use crate::exact::LEAST_SHARE;
use crate::primal;
use crate::row::{Prior, System};
use crate::simd::{Lanes, Level, dispatch};

/// Sweeps before the free factors are solved at once.
const SWEEPS: usize = 4;
/// Rounds of sweeps and solutions after which the best so far is the answer.
const ROUNDS: usize = 100;
/// The largest slope that counts as none, as a share of the largest at 0.
const TOLERANCE: f64 = 1e-12;

/// Memory that a thread reuses from row to row.
#[derive(Default)]
pub struct Scratch {
    /// A, whole.
    pub(crate) matrix: Vec<f64>,
    pub(crate) b: Vec<f64>,
    pub(crate) x: Vec<f64>,
    slope: Vec<f64>,
    free: Vec<usize>,
    block: Vec<f64>,
    y: Vec<f64>,
}

/// One pass over the coordinates; `slope` is kept at `b - A x`.
#[inline(always)]
#[allow(clippy::extra_unused_type_parameters)] // compiled once for every instruction set
unsafe fn sweep_generic<L: Lanes>(a: &[f64], x: &mut [f64], slope: &mut [f64]) {
    let width = x.len();
    for c in 0..width {
        let row = &a[c * width..(c + 1) * width];
        let step = (x[c] + slope[c] / row[c]).max(0.0) - x[c];
        if step != 0.0 {
            x[c] += step;
            slope.iter_mut().zip(row).for_each(|(s, a)| *s -= step * a);
        }
    }
}

dispatch!(
    fn sweep = sweep_generic(a: &[f64], x: &mut [f64], slope: &mut [f64])
);

#[inline(always)]
#[allow(clippy::extra_unused_type_parameters)] // compiled once for every instruction set
unsafe fn slope_generic<L: Lanes>(a: &[f64], b: &[f64], x: &[f64], slope: &mut [f64]) {
    slope.copy_from_slice(b);
    for (row, &x) in a.chunks_exact(b.len()).zip(x) {
        if x != 0.0 {
            slope.iter_mut().zip(row).for_each(|(s, a)| *s -= x * a);
        }
    }
}

dispatch!(
    /// `slope = b - A x`.
    fn measure = slope_generic(a: &[f64], b: &[f64], x: &[f64], slope: &mut [f64])
);

/// Solves the system of the free factors into `y`; returns the least share of a pivot, or None if it has none.
fn solve_free(level: Level, scratch: &mut Scratch) -> Option<f64> {
    let Scratch { matrix, b, free, block, y, .. } = scratch;
    let (width, m) = (b.len(), free.len());
    block.clear();
    block.extend(free.iter().flat_map(|&i| {
        let row = &matrix[i * width..(i + 1) * width];
        free.iter().map(|&j| row[j])
    }));
    y.clear();
    y.extend(free.iter().map(|&i| b[i]));
    double::factorize(level, block, m).ok()?;
    double::solve_factorized(block, y);
    let share = |at: usize| block[at * (m + 1)].powi(2) / matrix[free[at] * (width + 1)];
    Some((0..m).map(share).fold(1.0, f64::min))
}

/// Overwrites `scratch.x` (where the descent starts) by the minimum for `scratch.matrix` and `scratch.b`.
///
/// Returns the least share of a pivot of the last system of free factors, see
/// [`Factor::decompose`](crate::cholesky::Factor::decompose), or 0 if that was not the minimum yet.
///
/// # Errors
/// The first diagonal entry that is not above 0, or not finite.
pub(crate) fn minimize(level: Level, scratch: &mut Scratch) -> Result<f64, usize> {
    let width = scratch.b.len();
    assert!(scratch.matrix.len() == width * width && scratch.x.len() == width);
    let positive = |i: usize| (f64::MIN_POSITIVE..f64::INFINITY).contains(&scratch.matrix[i * (width + 1)]);
    if let Some(bad) = (0..width).find(|&i| !positive(i)) {
        return Err(bad);
    }
    scratch.x.iter_mut().for_each(|x| *x = x.max(0.0));
    scratch.slope.resize(width, 0.0);
    measure(level, &scratch.matrix, &scratch.b, &scratch.x, &mut scratch.slope);
    let flat = TOLERANCE * scratch.b.iter().fold(0.0f64, |most, b| most.max(b.abs()));
    for _ in 0..ROUNDS {
        for _ in 0..SWEEPS {
            sweep(level, &scratch.matrix, &mut scratch.x, &mut scratch.slope);
        }
        scratch.free.clear();
        scratch.free.extend((0..width).filter(|&c| scratch.x[c] > 0.0));
        let Some(share) = solve_free(level, scratch) else { continue };
        let Scratch { matrix, b, x, slope, free, y, .. } = &mut *scratch;
        // The way to that solution, as far as no factor falls below 0.
        let mut length = 1.0f64;
        for (&c, &y) in free.iter().zip(&*y) {
            if y < 0.0 {
                length = length.min(x[c] / (x[c] - y));
            }
        }
        for (&c, &y) in free.iter().zip(&*y) {
            let there = x[c] + length * (y - x[c]);
            // A full step to a minimum at the border may round to below 0.
            x[c] = if length == 1.0 { y.max(0.0) } else { there.max(0.0) };
        }
        measure(level, matrix, b, x, slope);
        let inside = |c: usize| x[c] > 0.0 || slope[c] <= flat;
        if length == 1.0 && (0..width).all(inside) {
            return Ok(share);
        }
    }
    Ok(0.0)
}

/// Takes the upper triangle of a (width, width) matrix and the first entries of b, and mirrors it.
fn take<T: Copy + Into<f64>>(a: &[T], width: usize, b: &[T], scratch: &mut Scratch) {
    let n = scratch.x.len();
    scratch.matrix.resize(n * n, 0.0);
    for i in 0..n {
        for j in i..n {
            let entry = a[i * width + j].into();
            scratch.matrix[i * n + j] = entry;
            scratch.matrix[j * n + i] = entry;
        }
    }
    scratch.b.clear();
    scratch.b.extend(b[..n].iter().map(|&b| b.into()));
}

/// Solves for `x >= 0` (on entry where the search starts), and returns the bias, which is free.
///
/// # Errors
/// If the matrix has a diagonal entry that is not positive, or not finite.
pub fn solve(
    level: Level,
    system: System<'_>,
    prior: Prior<'_>,
    x: &mut [f32],
    factor: &mut Factor,
    primal: &mut primal::Scratch,
    double: &mut double::Scratch,
    scratch: &mut Scratch,
) -> Result<f32, Refused> {
    let stride = x.len();
    scratch.x.clear();
    scratch.x.extend(x.iter().map(|&x| f64::from(x)));
    let left = primal::assemble(level, system, prior, x, factor, primal);
    take(factor.matrix(stride), stride, x, scratch);
    let least = minimize(level, scratch).map_or(f64::NAN, |share| share * f64::from(left));
    if least >= f64::from(LEAST_SHARE) {
        x.iter_mut().zip(&scratch.x).for_each(|(to, &from)| *to = from as f32);
        return Ok(primal::bias_of(system, x, primal));
    }
    let (a, b) = double::assemble(level, system, prior, double);
    let width = b.len();
    if width > stride {
        // Eliminates the bias, the last unknown.
        let total = a[width * width - 1];
        for i in 0..stride {
            let f = a[i * width + stride] / total;
            for j in i..stride {
                a[i * width + j] -= f * a[j * width + stride];
            }
            b[i] -= f * b[stride];
        }
    }
    take(a, width, b, scratch);
    scratch.x.iter_mut().for_each(|x| *x = if x.is_finite() { *x } else { 0.0 });
    minimize(level, scratch).map_err(|i| match scratch.matrix[i * (stride + 1)].is_finite() {
        true => Refused::NotPositive,
        false => Refused::NotFinite,
    })?;
    x.iter_mut().zip(&scratch.x).for_each(|(to, &from)| *to = from as f32);
    if width == stride {
        return Ok(0.0);
    }
    let dot: f64 = (0..stride).map(|i| a[i * width + stride] * scratch.x[i]).sum();
    Ok(((b[stride] - dot) / a[width * width - 1]) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::noise;

    fn problem(width: usize, rows: usize, ridge: f64, seed: u64) -> Scratch {
        let t = noise(rows * width, seed);
        let mut matrix = vec![0.0; width * width];
        for row in t.chunks_exact(width) {
            for i in 0..width {
                for j in 0..width {
                    matrix[i * width + j] += f64::from(row[i] + 0.3) * f64::from(row[j] + 0.3);
                }
            }
        }
        (0..width).for_each(|i| matrix[i * (width + 1)] += ridge);
        let b = noise(width, seed + 1).iter().map(|&v| f64::from(v)).collect();
        Scratch { matrix, b, x: vec![0.0; width], ..Default::default() }
    }

    /// The minimum by trying every set of free factors.
    fn every_set(problem: &Scratch) -> Vec<f64> {
        let width = problem.b.len();
        let mut best = (0.0, vec![0.0; width]);
        for set in 1..1usize << width {
            let free: Vec<usize> = (0..width).filter(|c| set >> c & 1 == 1).collect();
            let m = free.len();
            let mut block: Vec<f64> = free
                .iter()
                .flat_map(|&i| free.iter().map(move |&j| (i, j)))
                .map(|(i, j)| problem.matrix[i * width + j])
                .collect();
            let mut y: Vec<f64> = free.iter().map(|&c| problem.b[c]).collect();
            double::factorize(Level::Portable, &mut block, m).unwrap();
            double::solve_factorized(&block, &mut y);
            // At a stationary point the objective is -b' x / 2.
            let value = -0.5 * free.iter().zip(&y).map(|(&c, y)| problem.b[c] * y).sum::<f64>();
            if y.iter().all(|&y| y >= 0.0) && value < best.0 {
                let mut x = vec![0.0; width];
                free.iter().zip(&y).for_each(|(&c, &y)| x[c] = y);
                best = (value, x);
            }
        }
        best.1
    }

    #[test]
    fn equals_the_best_of_all_sets_wherever_it_starts() {
        for level in Level::available() {
            for seed in 0..40 {
                let want = every_set(&problem(9, 6, 0.01, seed));
                for start in [0.0, 1.0, -1.0, 100.0] {
                    let mut scratch = problem(9, 6, 0.01, seed);
                    scratch.x.fill(start);
                    minimize(level, &mut scratch).unwrap();
                    for (got, want) in scratch.x.iter().zip(&want) {
                        assert!((got - want).abs() < 1e-8 * (1.0 + want), "{level:?} {seed} {got} {want}");
                    }
                }
            }
        }
    }

    #[test]
    fn slopes_vanish_where_factors_are_free_and_point_down_where_they_are_not() {
        for level in Level::available() {
            for (width, rows, ridge) in [(16, 3, 1e-6), (64, 300, 0.1), (130, 60, 1e-3)] {
                let mut scratch = problem(width, rows, ridge, 77);
                minimize(level, &mut scratch).unwrap();
                let largest = scratch.b.iter().fold(0.0f64, |most, b| most.max(b.abs()));
                let mut zeros = 0;
                for c in 0..width {
                    let row = &scratch.matrix[c * width..(c + 1) * width];
                    let slope = scratch.b[c] - row.iter().zip(&scratch.x).map(|(a, x)| a * x).sum::<f64>();
                    assert!(scratch.x[c] >= 0.0 && slope <= 1e-8 * largest, "{level:?} {width} {c} {slope}");
                    assert!(scratch.x[c] == 0.0 || slope >= -1e-8 * largest, "{level:?} {width} {c} {slope}");
                    zeros += usize::from(scratch.x[c] == 0.0);
                }
                assert!(0 < zeros && zeros < width);
            }
        }
    }

    #[test]
    fn nothing_is_wanted_when_all_targets_point_down() {
        let mut scratch = problem(16, 5, 1.0, 3);
        scratch.b.iter_mut().for_each(|b| *b = -b.abs());
        scratch.x.fill(2.0);
        assert_eq!(minimize(Level::best(), &mut scratch), Ok(1.0));
        assert_eq!(scratch.x, vec![0.0; 16]);
    }

    #[test]
    fn a_diagonal_that_is_not_positive_is_named() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let mut scratch = problem(16, 5, 1.0, 3);
            scratch.matrix[4 * 17] = bad;
            assert_eq!(minimize(Level::best(), &mut scratch), Err(4));
        }
    }
}
