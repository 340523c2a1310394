//! Held to the definitions, on every instruction set and any number of threads; Python holds them to scikit-learn.

use super::*;
use crate::dense;
use crate::noise::noise;
use crate::simd::padded;

struct World {
    indptr: Vec<i64>,
    indices: Vec<i32>,
    values: Vec<f32>,
    fixed: Vec<f32>,
    stride: usize,
    k: usize,
}

fn world(rows: usize, columns: usize, k: usize) -> World {
    let stride = padded(k);
    let (mut indptr, mut indices) = (vec![0i64], Vec::new());
    for row in 0..rows {
        indices.extend((0..row % 9).map(|j| ((row * 7 + j * 5) % columns) as i32));
        indptr.push(indices.len() as i64);
    }
    let values = noise(indices.len(), 1).iter().map(|v| v.abs() + 0.1).collect();
    let mut fixed = vec![0.0; columns * stride];
    for (row, given) in fixed.chunks_exact_mut(stride).zip(noise(columns * k, 2).chunks_exact(k)) {
        row.iter_mut().zip(given).for_each(|(to, &v)| *to = v.max(0.0));
    }
    World { indptr, indices, values, fixed, stride, k }
}

impl World {
    fn cells(&self, ones: bool) -> Cells<'_> {
        let values = (!ones).then_some(&self.values[..]);
        Cells { indptr: &self.indptr, indices: &self.indices, values }
    }
    fn fixed(&self) -> Fixed<'_> {
        Fixed { data: &self.fixed, stride: self.stride, factors: self.k }
    }
    fn gram(&self) -> Vec<f64> {
        dense::gram(Level::Portable, 1, &self.fixed, self.stride)
    }
    fn sums(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.stride];
        for row in self.fixed.chunks_exact(self.stride) {
            sums.iter_mut().zip(row).for_each(|(s, &h)| *s += f64::from(h));
        }
        sums
    }
    /// `(column, value)` of a row's cells.
    fn row(&self, row: usize, ones: bool) -> Vec<(usize, f64)> {
        (self.indptr[row] as usize..self.indptr[row + 1] as usize)
            .map(|e| (self.indices[e] as usize, if ones { 1.0 } else { f64::from(self.values[e]) }))
            .collect()
    }
    fn h(&self, column: usize, t: usize) -> f64 {
        f64::from(self.fixed[column * self.stride + t])
    }
    fn start(&self, rows: usize) -> Vec<f32> {
        let mut x = vec![0.0; rows * self.stride];
        for (row, given) in x.chunks_exact_mut(self.stride).zip(noise(rows * self.k, 3).chunks_exact(self.k))
        {
            row.iter_mut().zip(given).for_each(|(to, &v)| *to = v.max(0.0));
        }
        x
    }
}

const PENALTY: Penalty = Penalty { l1: 0.05, l2: 0.2 };

#[test]
fn a_sweep_is_coordinate_descent_row_by_row() {
    let (rows, k) = (200, 21);
    let world = world(rows, 40, k);
    let gram = world.gram();
    for ones in [false, true] {
        let mut want: Vec<f64> = world.start(rows).iter().map(|&x| f64::from(x)).collect();
        let (mut cross, mut slopes) = (0.0, 0.0);
        for (row, x) in want.chunks_exact_mut(world.stride).enumerate() {
            for t in 0..k {
                let b: f64 = world.row(row, ones).iter().map(|&(c, a)| a * world.h(c, t)).sum();
                let g: f64 = (0..k).map(|r| gram[t * world.stride + r] * x[r]).sum();
                let slope = b - PENALTY.l1 - g - PENALTY.l2 * x[t];
                slopes += if x[t] == 0.0 { slope.max(0.0) } else { slope.abs() };
                x[t] = (x[t] + slope / (gram[t * (world.stride + 1)] + PENALTY.l2)).max(0.0);
            }
            cross += world
                .row(row, ones)
                .iter()
                .map(|&(c, a)| a * (0..k).map(|t| world.h(c, t) * x[t]).sum::<f64>())
                .sum::<f64>();
        }
        for level in Level::available() {
            let mut bits: Option<(Vec<f32>, Measured)> = None;
            for threads in [1, 3] {
                let mut x = world.start(rows);
                let found =
                    half_epoch(level, threads, world.cells(ones), world.fixed(), &gram, PENALTY, 1, &mut x);
                for (x, want) in x.iter().zip(&want) {
                    assert!((f64::from(*x) - want).abs() < 1e-4, "{level:?}: {x} {want}");
                }
                assert!((found.cross / cross - 1.0).abs() < 1e-5);
                assert!((found.slope / slopes - 1.0).abs() < 1e-4);
                let (x, found) = bits.get_or_insert((x.clone(), found)).clone();
                assert_eq!((&x, found), (&bits.as_ref().unwrap().0, bits.as_ref().unwrap().1));
            }
        }
    }
}

#[test]
fn many_sweeps_reach_the_exact_minimum() {
    let rows = 130;
    let world = world(rows, 60, 7);
    let gram = world.gram();
    for level in Level::available() {
        let mut exact = vec![f32::NAN; rows * world.stride];
        solve(level, 2, world.cells(false), world.fixed(), &gram, PENALTY, &mut exact);
        let mut x = world.start(rows);
        for _ in 0..60 {
            half_epoch(level, 2, world.cells(false), world.fixed(), &gram, PENALTY, 5, &mut x);
        }
        for (x, exact) in x.iter().zip(&exact) {
            assert!((x - exact).abs() < 1e-4, "{level:?}: {x} {exact}");
        }
    }
}

#[test]
fn a_factor_of_zeros_stays_zero_and_does_not_divide() {
    let mut world = world(70, 30, 5);
    for row in world.fixed.chunks_exact_mut(world.stride) {
        row[2] = 0.0;
    }
    let none = Penalty { l1: 0.0, l2: 0.0 };
    let mut x = vec![0.0; 70 * world.stride];
    half_epoch(Level::best(), 1, world.cells(false), world.fixed(), &world.gram(), none, 3, &mut x);
    assert!(x.iter().all(|x| x.is_finite()) && x.iter().skip(2).step_by(world.stride).all(|&x| x == 0.0));
    solve(Level::best(), 1, world.cells(false), world.fixed(), &world.gram(), none, &mut x);
    assert!(x.iter().all(|x| x.is_finite()) && x.iter().skip(2).step_by(world.stride).all(|&x| x == 0.0));
    x.fill(1.0);
    kullback::solve(Level::best(), 1, world.cells(false), world.fixed(), &world.sums(), none, &mut x);
    assert!(x.iter().all(|x| x.is_finite()) && x.iter().skip(2).step_by(world.stride).all(|&x| x == 0.0));
}

#[test]
fn what_a_penalty_takes_from_a_factor_of_zeros_is_zero() {
    let mut world = world(70, 30, 5);
    for row in world.fixed.chunks_exact_mut(world.stride) {
        row[2] = 0.0;
    }
    for (l1, left) in [(0.0, 1.0), (0.05, 0.0)] {
        let penalty = Penalty { l1, l2: 0.0 };
        for level in Level::available() {
            let mut x = vec![1.0; 70 * world.stride];
            half_epoch(level, 2, world.cells(false), world.fixed(), &world.gram(), penalty, 1, &mut x);
            assert!(x.iter().skip(2).step_by(world.stride).all(|&x| x == left));
        }
    }
}

#[test]
fn a_multiplicative_step_is_the_definition() {
    let (rows, k) = (200, 21);
    let world = world(rows, 40, k);
    let sums = world.sums();
    let start = world.start(rows);
    for level in Level::available() {
        let mut bits: Option<Vec<f32>> = None;
        for threads in [1, 3] {
            let mut x = start.clone();
            kullback::half_epoch(
                level,
                threads,
                world.cells(false),
                world.fixed(),
                &sums,
                PENALTY,
                1,
                &mut x,
            );
            let mut divergence = 0.0;
            for (row, (new, old)) in
                x.chunks_exact(world.stride).zip(start.chunks_exact(world.stride)).enumerate()
            {
                let cells = world.row(row, false);
                let y = |c: usize, x: &[f32]| -> f64 {
                    let sum: f64 = (0..k).map(|t| f64::from(x[t]) * world.h(c, t)).sum();
                    if sum > 0.0 { sum } else { f32::EPSILON.into() }
                };
                for t in 0..k {
                    let share: f64 = cells.iter().map(|&(c, a)| a / y(c, old) * world.h(c, t)).sum();
                    let below = sums[t] + PENALTY.l1 + PENALTY.l2 * f64::from(old[t]);
                    let want = f64::from(old[t]) * share / below;
                    assert!((f64::from(new[t]) - want).abs() <= 1e-4 * want.max(1.0), "{level:?}");
                }
                divergence += cells.iter().map(|&(c, a)| a * (a / y(c, new)).ln() - a).sum::<f64>();
            }
            let found = kullback::divergence(level, threads, world.cells(false), world.fixed(), &x);
            assert!((found / divergence - 1.0).abs() < 1e-5);
            assert_eq!(&x, bits.get_or_insert(x.clone()));
        }
    }
}

#[test]
fn the_least_divergence_has_no_slope() {
    let (rows, k) = (150, 9);
    let world = world(rows, 40, k);
    let sums = world.sums();
    for penalty in [PENALTY, Penalty { l1: 0.0, l2: 0.0 }] {
        for level in Level::available() {
            let mut x = vec![f32::NAN; rows * world.stride];
            kullback::solve(level, 2, world.cells(false), world.fixed(), &sums, penalty, &mut x);
            for (row, x) in x.chunks_exact(world.stride).enumerate() {
                let cells = world.row(row, false);
                for t in 0..k {
                    let share: f64 = cells
                        .iter()
                        .filter(|(c, _)| (0..k).any(|t| world.h(*c, t) > 0.0))
                        .map(|&(c, a)| {
                            let y: f64 = (0..k).map(|t| f64::from(x[t]) * world.h(c, t)).sum();
                            a / y * world.h(c, t)
                        })
                        .sum();
                    let slope = sums[t] + penalty.l1 + penalty.l2 * f64::from(x[t]) - share;
                    let flat = if x[t] > 1e-4 { slope.abs() < 1e-3 } else { slope > -1e-3 };
                    assert!(cells.is_empty() || flat, "{level:?} row {row} factor {t}: {slope} at {}", x[t]);
                }
            }
        }
    }
}
