//! Exact draws of one row from its Gaussian posterior, `x ~ N(A^-1 b, A^-1)`; see `docs/math/als.md`.
//!
//! What Gibbs samplers ask for: the row's system as in [`primal`] and [`dual`], with a prior mean m, `b = M m + Q' wy`.

use crate::cholesky::{Factor, NotPositive};
use crate::random::Normals;
use crate::row::{Prior, System, Touched};
use crate::simd::Level;
use crate::{dual, primal};

/// Memory that a thread reuses from row to row.
pub struct Scratch {
    primal: primal::Scratch,
    dual: dual::Scratch,
    factor: Factor,
    wy: Vec<f32>,
    z: Vec<f32>,
}

impl Scratch {
    /// For rows of `stride` floats, and duals of up to `events` events.
    pub fn new(stride: usize, events: usize) -> Self {
        let events = events.next_multiple_of(16);
        Self {
            primal: primal::Scratch::new(stride),
            dual: dual::Scratch::new(stride, events),
            factor: Factor::new(stride.max(events)),
            wy: Vec::new(),
            z: vec![0.0; stride],
        }
    }
}

/// `wy` of targets that count from the prior mean: `wy - w (q . m)`, so that `x - m` has prior mean 0.
fn centre(system: System<'_>, mean: &[f32], wy: &mut Vec<f32>) {
    let Touched { data, stride, index } = system.touched;
    wy.clear();
    wy.extend(index.iter().zip(system.w).zip(system.wy).map(|((&i, &w), &wy)| {
        let q = &data[i as usize * stride..(i as usize + 1) * stride];
        let dot: f64 = q.iter().zip(mean).map(|(&q, &m)| f64::from(q) * f64::from(m)).sum();
        (f64::from(wy) - f64::from(w) * dot) as f32
    }));
}

/// A draw by the (k, k) matrix: `A^-1 b + U^-1 z` with `U' U = A`. `mean` is the prior mean (stride).
///
/// # Errors
/// The pivot at which A was not positive definite.
pub fn by_primal(
    level: Level,
    system: System<'_>,
    prior: Prior<'_>,
    mean: &[f32],
    normals: &mut Normals,
    x: &mut [f32],
    scratch: &mut Scratch,
) -> Result<(), NotPositive> {
    let Scratch { primal, factor, wy, z, .. } = scratch;
    centre(system, mean, wy);
    let centred = System { wy, bias_penalty: None, ..system };
    primal::assemble(level, centred, prior, x, factor, primal);
    factor.decompose(level)?;
    normals.fill(z);
    // U^-1 (U'^-1 b + z)
    factor.forward(level, x);
    x.iter_mut().zip(&*z).for_each(|(x, z)| *x += z);
    factor.backward(level, x);
    x.iter_mut().zip(mean).for_each(|(x, m)| *x += m);
    Ok(())
}

/// A draw by the (n, n) matrix of the events, `A x = b + D^1/2 z1 + Q' W^1/2 z2`; D is `diagonal` plus `lambda`, above 0,
/// and every weight a normal number above 0 ([`dual::applies`]).
///
/// # Errors
/// Only where values are not finite.
pub fn by_dual(
    level: Level,
    system: System<'_>,
    diagonal: &[f32],
    lambda: f32,
    mean: &[f32],
    normals: &mut Normals,
    x: &mut [f32],
    scratch: &mut Scratch,
) -> Result<(), NotPositive> {
    let Scratch { dual, factor, wy, z, .. } = scratch;
    centre(system, mean, wy);
    let centred = System { wy, bias_penalty: None, ..system };
    normals.fill(z);
    dual::perturbed(level, centred, diagonal, lambda, z, normals, x, factor, dual)?;
    x.iter_mut().zip(mean).for_each(|(x, m)| *x += m);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::double;
    use crate::noise::noise;
    use crate::simd::padded;

    const EVENTS: usize = 5;

    struct World {
        q: Vec<f32>,
        w: Vec<f32>,
        wy: Vec<f32>,
        d: Vec<f32>,
        mean: Vec<f32>,
        stride: usize,
    }

    /// Five events, weights a thousandfold apart, a prior that is neither round nor at 0.
    fn world(k: usize) -> World {
        let stride = padded(k);
        let mut q: Vec<f32> = noise(EVENTS * stride, 1).iter().map(|q| 2.0 * q).collect();
        q.chunks_exact_mut(stride).for_each(|row| row[k..].fill(0.0));
        let w: Vec<f32> = noise(EVENTS, 2).iter().map(|v| 10f32.powf(3.0 * v)).collect();
        let wy = w.iter().zip(noise(EVENTS, 3)).map(|(w, y)| w * (1.0 + y)).collect();
        let d = noise(stride, 4).iter().map(|v| 0.6 + v).collect();
        let mean = noise(stride, 5);
        World { q, w, wy, d, mean, stride }
    }

    impl World {
        fn system<'a>(&'a self, index: &'a [i32]) -> System<'a> {
            let touched = Touched { data: &self.q, stride: self.stride, index };
            System { touched, w: &self.w, wy: &self.wy, bias_penalty: None }
        }

        /// Mean and covariance (stride, stride) from the definition.
        fn theory(&self) -> (Vec<f64>, Vec<f64>) {
            let n = self.stride;
            let mut scratch = double::Scratch::default();
            let index: Vec<i32> = (0..EVENTS as i32).collect();
            let prior = Prior::Diagonal(&self.d, 0.5);
            let (a, b) = double::assemble(Level::Portable, self.system(&index), prior, &mut scratch);
            for c in 0..n {
                b[c] += f64::from(self.d[c] + 0.5) * f64::from(self.mean[c]);
            }
            double::factorize(Level::Portable, a, n).unwrap();
            double::solve_factorized(a, b);
            let mut covariance = vec![0.0; n * n];
            for (i, column) in covariance.chunks_exact_mut(n).enumerate() {
                column[i] = 1.0;
                double::solve_factorized(a, column);
            }
            (b.to_vec(), covariance)
        }

        fn draws(&self, level: Level, dual: bool, rows: std::ops::Range<u64>) -> Vec<f32> {
            let index: Vec<i32> = (0..EVENTS as i32).collect();
            let mut scratch = Scratch::new(self.stride, EVENTS);
            let mut out = vec![0.0; (rows.end - rows.start) as usize * self.stride];
            for (x, row) in out.chunks_exact_mut(self.stride).zip(rows) {
                let (system, normals) = (self.system(&index), &mut Normals::new(42, 7, row));
                if dual {
                    by_dual(level, system, &self.d, 0.5, &self.mean, normals, x, &mut scratch).unwrap();
                } else {
                    let prior = Prior::Diagonal(&self.d, 0.5);
                    by_primal(level, system, prior, &self.mean, normals, x, &mut scratch).unwrap();
                }
            }
            out
        }
    }

    #[test]
    fn draws_have_the_mean_and_the_covariance_of_the_posterior() {
        let world = world(12);
        let n = world.stride;
        let (mean, covariance) = world.theory();
        let count = 100_000;
        for dual in [false, true] {
            let draws = world.draws(Level::best(), dual, 0..count);
            let (mut first, mut second) = (vec![0.0f64; n], vec![0.0f64; n * n]);
            for x in draws.chunks_exact(n) {
                let gap: Vec<f64> = x.iter().zip(&mean).map(|(&x, m)| f64::from(x) - m).collect();
                for i in 0..n {
                    first[i] += gap[i];
                    for j in 0..n {
                        second[i * n + j] += gap[i] * gap[j];
                    }
                }
            }
            for i in 0..n {
                let deviation = (covariance[i * n + i] / count as f64).sqrt();
                assert!((first[i] / count as f64).abs() < 4.5 * deviation, "dual={dual} mean {i}");
                for j in 0..n {
                    let (c, ci, cj) = (covariance[i * n + j], covariance[i * n + i], covariance[j * n + j]);
                    let deviation = ((ci * cj + c * c) / count as f64).sqrt();
                    let got = second[i * n + j] / count as f64;
                    assert!((got - c).abs() < 4.5 * deviation, "dual={dual} {i} {j}: {got} {c}");
                }
            }
        }
    }

    #[test]
    fn a_row_draws_the_same_whoever_draws_it() {
        let world = world(20);
        for level in Level::available() {
            for dual in [false, true] {
                let all = world.draws(level, dual, 0..40);
                let parts: Vec<f32> = std::thread::scope(|scope| {
                    let world = &world;
                    let threads: Vec<_> = (0..4)
                        .map(|t| scope.spawn(move || world.draws(level, dual, t * 10..(t + 1) * 10)))
                        .collect();
                    threads.into_iter().flat_map(|t| t.join().unwrap()).collect()
                });
                assert_eq!(all, parts);
            }
        }
    }

    #[test]
    fn a_matrix_that_is_not_positive_is_refused() {
        let world = world(12);
        let index: Vec<i32> = (0..EVENTS as i32).collect();
        let mut scratch = Scratch::new(16, EVENTS);
        let (mut x, mut normals) = ([0.0; 16], Normals::new(0, 0, 0));
        let prior = Prior::Diagonal(&[], -1e6);
        let refused = by_primal(
            Level::best(),
            world.system(&index),
            prior,
            &world.mean,
            &mut normals,
            &mut x,
            &mut scratch,
        );
        assert_eq!(refused, Err(NotPositive(0)));
        let refused = by_dual(
            Level::best(),
            world.system(&index),
            &[],
            f32::NAN,
            &world.mean,
            &mut normals,
            &mut x,
            &mut scratch,
        );
        assert_eq!(refused, Err(NotPositive(0)));
    }
}
