//! All rows of one side solved exactly; see `docs/math/als.md`.
//!
//! A row goes the way that costs less: by the (k, k) matrix of its factors ([`primal`]), or by the (n, n) matrix
//! of its events ([`dual`]), which needs M to be diagonal.

use crate::als::{Events, Factors, Failure, Penalty};
use crate::cholesky::Factor;
use crate::lines::Lines;
use crate::row::{Prior, System, Touched};
use crate::simd::Level;
use crate::threads::{DisjointSlice, for_each_chunk};
use crate::{dense, double, dual, nonnegative, primal};
use cost::{dual_limit, rotation_pays};
use std::sync::Mutex;

mod cost;

/// Rows that one thread takes at a time.
const CHUNK: usize = 32;

/// The least share of a pivot for which single precision is trusted: elimination then loses three digits at most,
/// and four remain.
pub const LEAST_SHARE: f32 = 1e-3;

/// The fixed side in the eigenbasis of its Gram matrix, where M is diagonal for every row.
struct Eigen {
    /// Of the weighted Gram matrix.
    spectrum: Vec<f32>,
    /// The rotated fixed side.
    fixed: Lines,
    /// The way back, (stride, stride).
    back: Vec<f32>,
}

impl Eigen {
    fn new(level: Level, threads: usize, fixed: Factors<'_>, gram: &[f32]) -> Result<Self, Failure> {
        let stride = fixed.stride;
        let k = (0..stride).rposition(|c| gram[c * stride + c] != 0.0).map_or(0, |last| last + 1);
        let mut whole = vec![0.0f64; stride * stride];
        for i in 0..stride {
            for j in i..stride {
                whole[i * stride + j] = f64::from(gram[i * stride + j]);
                whole[j * stride + i] = whole[i * stride + j];
            }
        }
        let (spectrum, basis) = dense::eigenbasis(&whole, k, stride)?;
        let mut back = vec![0.0; stride * stride];
        for i in 0..stride {
            for j in 0..stride {
                back[j * stride + i] = basis[i * stride + j];
            }
        }
        let mut rotated = Lines::from(fixed.data);
        dense::rotate(level, threads, &mut rotated, &basis, stride);
        Ok(Self { spectrum, fixed: rotated, back })
    }
}

/// What all rows share.
struct Side<'a> {
    level: Level,
    events: Events<'a>,
    fixed: Factors<'a>,
    penalty: Penalty,
    /// The weighted Gram matrix (stride, stride), or empty.
    gram: &'a [f32],
    eigen: Option<Eigen>,
    /// The most events of a row that goes by its dual.
    limit: usize,
    /// Whether factors below 0 are not allowed.
    nonnegative: bool,
}

struct Worker {
    factor: Factor,
    primal: primal::Scratch,
    dual: dual::Scratch,
    double: double::Scratch,
    nonnegative: nonnegative::Scratch,
    w: Vec<f32>,
    wy: Vec<f32>,
    /// Rows of the chunk that single precision could not solve.
    again: Vec<usize>,
}

impl Side<'_> {
    fn worker(&self) -> Worker {
        let stride = self.fixed.stride;
        Worker {
            factor: Factor::new(stride),
            primal: primal::Scratch::new(stride),
            dual: dual::Scratch::new(stride, self.limit),
            double: double::Scratch::default(),
            nonnegative: nonnegative::Scratch::default(),
            w: Vec::new(),
            wy: Vec::new(),
            again: Vec::new(),
        }
    }

    fn system<'s>(&'s self, row: usize, data: &'s [f32], w: &'s [f32], wy: &'s [f32]) -> (System<'s>, f32) {
        let (from, to) = (self.events.indptr[row] as usize, self.events.indptr[row + 1] as usize);
        let scale = self.penalty.scale(to - from);
        let index = &self.events.indices[from..to];
        let system = System {
            touched: Touched { data, stride: self.fixed.stride, index },
            w,
            wy,
            bias_penalty: self.penalty.bias_regularization.map(|b| (b * scale) as f32),
        };
        (system, (self.penalty.regularization * scale) as f32)
    }

    /// M of a row in the given basis.
    fn prior(&self, lambda: f32) -> Prior<'_> {
        if self.gram.is_empty() { Prior::Diagonal(&[], lambda) } else { Prior::Full(self.gram, lambda) }
    }

    /// Solves a chunk of rows, the first of which is `first`.
    fn solve(
        &self,
        first: usize,
        x: &mut [f32],
        bias: &mut [f32],
        worker: &mut Worker,
    ) -> Result<(), Failure> {
        let stride = self.fixed.stride;
        let Worker { factor, primal, dual, double, nonnegative, w, wy, again } = worker;
        again.clear();
        for (i, x) in x.chunks_exact_mut(stride).enumerate() {
            let row = first + i;
            let (from, to) = (self.events.indptr[row] as usize, self.events.indptr[row + 1] as usize);
            if from == to {
                x.fill(0.0);
                bias.get_mut(i).into_iter().for_each(|b| *b = 0.0);
                continue;
            }
            self.events.fill(from, to, w, wy);
            let (data, diagonal) = match &self.eigen {
                Some(eigen) => (&eigen.fixed[..], &eigen.spectrum[..]),
                None => (self.fixed.data, &[][..]),
            };
            let (system, lambda) = self.system(row, data, w, wy);
            if self.nonnegative {
                let prior = self.prior(lambda);
                let b = nonnegative::solve(self.level, system, prior, x, factor, primal, double, nonnegative)
                    .map_err(|why| why.of(row))?;
                bias.get_mut(i).into_iter().for_each(|bias| *bias = b);
                continue;
            }
            let solved = if to - from <= self.limit && lambda > 0.0 && dual::applies(system) {
                dual::solve(self.level, system, diagonal, lambda, x, factor, dual)
            } else {
                let prior = match self.eigen {
                    None => self.prior(lambda),
                    Some(_) => Prior::Diagonal(diagonal, lambda),
                };
                primal::solve(self.level, system, prior, x, factor, primal)
            };
            match solved {
                Ok((b, share)) if share >= LEAST_SHARE => {
                    bias.get_mut(i).into_iter().for_each(|bias| *bias = b);
                }
                _ => {
                    x.fill(0.0);
                    again.push(i);
                }
            }
        }
        if let Some(eigen) = &self.eigen {
            dense::rotate(self.level, 1, x, &eigen.back, stride);
        }
        let finite =
            |x: &[f32], b: Option<&f32>| b.is_none_or(|b| b.is_finite()) && x.iter().all(|v| v.is_finite());
        if self.nonnegative {
            let bad = (0..x.len() / stride).find(|&i| !finite(&x[i * stride..(i + 1) * stride], bias.get(i)));
            return bad.map_or(Ok(()), |i| Err(Failure::NotFinite(first + i)));
        }
        again.extend(
            (0..x.len() / stride).filter(|&i| !finite(&x[i * stride..(i + 1) * stride], bias.get(i))),
        );
        again.sort_unstable();
        for &i in &*again {
            let row = first + i;
            let (from, to) = (self.events.indptr[row] as usize, self.events.indptr[row + 1] as usize);
            self.events.fill(from, to, w, wy);
            let (system, lambda) = self.system(row, self.fixed.data, w, wy);
            let x = &mut x[i * stride..(i + 1) * stride];
            let b = double::solve(self.level, system, self.prior(lambda), x, double)
                .map_err(|why| why.of(row))?;
            if !finite(x, Some(&b)) {
                return Err(Failure::NotFinite(row));
            }
            bias.get_mut(i).into_iter().for_each(|bias| *bias = b);
        }
        Ok(())
    }

    /// Solves all rows.
    fn solve_all(&self, threads: usize, x: &mut [f32], bias: &mut [f32]) -> Result<(), Failure> {
        let (rows, stride, with_bias) = (self.events.indptr.len() - 1, self.fixed.stride, !bias.is_empty());
        let (x, bias) = (DisjointSlice::new(x), DisjointSlice::new(bias));
        let failure: Mutex<Option<(usize, Failure)>> = Mutex::new(None);
        for_each_chunk(
            threads,
            rows.div_ceil(CHUNK),
            || self.worker(),
            |worker, chunk| {
                let (from, to) = (chunk * CHUNK, rows.min((chunk + 1) * CHUNK));
                let ends = if with_bias { (from, to) } else { (0, 0) };
                // SAFETY: every row belongs to one chunk.
                let (x, bias) = unsafe { (x.range(from * stride, to * stride), bias.range(ends.0, ends.1)) };
                if let Err(why) = self.solve(from, x, bias, worker) {
                    let mut first = failure.lock().expect("no holder of this lock can panic");
                    if first.is_none_or(|(earlier, _)| chunk < earlier) {
                        *first = Some((chunk, why));
                    }
                }
            },
        );
        match failure.into_inner().expect("no holder of this lock can panic") {
            Some((_, why)) => Err(why),
            None => Ok(()),
        }
    }
}

/// Solves every row of one side against the fixed side; arguments as those of [`crate::als::solve_rows`].
///
/// `gram` is the Gram matrix times the weight of the unobserved (stride, stride), or empty. With `nonnegative`,
/// factors stay at 0 or above, and the search starts from the `x` given.
///
/// # Errors
/// The first row (in row order) that could not be solved; `x` is then partly overwritten.
pub fn solve_rows(
    level: Level,
    threads: usize,
    events: Events<'_>,
    fixed: Factors<'_>,
    penalty: Penalty,
    gram: &[f32],
    nonnegative: bool,
    x: &mut [f32],
    bias: &mut [f32],
) -> Result<(), Failure> {
    let stride = fixed.stride;
    // A rotation mixes the factors, so their signs would be lost.
    let rotates = !nonnegative && !gram.is_empty() && rotation_pays(events, fixed);
    let eigen = if rotates { Some(Eigen::new(level, threads, fixed, gram)?) } else { None };
    let dual = !nonnegative && (gram.is_empty() || rotates);
    let limit = if dual { dual_limit(stride) } else { 0 };
    let side = Side { level, events, fixed, penalty, gram, eigen, limit, nonnegative };
    side.solve_all(threads, x, bias)
}

#[cfg(test)]
mod tests;
