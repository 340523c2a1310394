//! Half-epochs of alternating least squares over all rows of one side; see `docs/math/als.md`.

use crate::dense::{self, NotFinite};
use crate::exact;
use crate::gradient_rows::{Problem, Sizes, improve_rows};
use crate::simd::Level;
use std::fmt;

/// What the events of a row ask for.
#[derive(Clone, Copy)]
pub enum Targets<'a> {
    /// All cells count: weight `w` at the events beside that of the unobserved, and `w y = w + offset`.
    Implicit {
        /// One weight an event, or none.
        weights: Option<&'a [f32]>,
        /// The weight of every event when there are none.
        weight: f32,
        /// 1 for Hu, Koren and Volinsky's form, 0 for the iALS form.
        offset: f32,
    },
    /// Only the events count: `y = value - mean - bias of the fixed row`.
    Explicit {
        /// Ratings; none when all are 1.
        values: Option<&'a [f32]>,
        /// Weights beside the values; none when all are 1.
        weights: Option<&'a [f32]>,
        /// The mean taken off every rating.
        mean: f32,
        /// The fixed side's biases, or empty.
        bias: &'a [f32],
    },
}

/// The events of every row to be solved, as compressed rows.
#[derive(Clone, Copy)]
pub struct Events<'a> {
    /// Offsets (rows + 1), rising from 0.
    pub indptr: &'a [i64],
    /// Rows of the fixed side; all below their number.
    pub indices: &'a [i32],
    /// Weights and targets.
    pub targets: Targets<'a>,
}

impl Events<'_> {
    /// The weight of every event, if it is the same.
    pub fn constant_weight(&self) -> Option<f32> {
        match self.targets {
            Targets::Implicit { weights: None, weight, .. } => Some(weight),
            Targets::Explicit { weights: None, .. } => Some(1.0),
            _ => None,
        }
    }

    /// Fills the weights and weighted targets of the events `from..to`.
    pub(crate) fn fill(&self, from: usize, to: usize, w: &mut Vec<f32>, wy: &mut Vec<f32>) {
        w.clear();
        wy.clear();
        match self.targets {
            Targets::Implicit { weights, weight, offset } => {
                match weights {
                    Some(weights) => w.extend_from_slice(&weights[from..to]),
                    None => w.resize(to - from, weight),
                }
                wy.extend(w.iter().map(|w| w + offset));
            }
            Targets::Explicit { values, weights, mean, bias } => {
                match weights {
                    Some(weights) => w.extend_from_slice(&weights[from..to]),
                    None => w.resize(to - from, 1.0),
                }
                match values {
                    Some(values) => wy.extend(values[from..to].iter().map(|value| value - mean)),
                    None => wy.resize(to - from, 1.0 - mean),
                }
                if !bias.is_empty() {
                    let fixed = self.indices[from..to].iter().map(|&i| bias[i as usize]);
                    wy.iter_mut().zip(fixed).for_each(|(wy, bias)| *wy -= bias);
                }
                if weights.is_some() {
                    wy.iter_mut().zip(w.iter()).for_each(|(wy, w)| *wy *= w);
                }
            }
        }
    }
}

/// L2 penalties: a row with n events has `regularization * (n + unobserved)^exponent`.
#[derive(Clone, Copy, Debug)]
pub struct Penalty {
    /// lambda of the factors.
    pub regularization: f64,
    /// lambda of the biases; none when there are no biases.
    pub bias_regularization: Option<f64>,
    /// nu: 0 is the same penalty for every row, 1 grows with its events.
    pub exponent: f64,
    /// Weight of the unobserved cells times the number of fixed rows; 0 for explicit ratings.
    pub unobserved: f64,
}

impl Penalty {
    /// The penalty scale of a row with `n` events.
    pub fn scale(&self, n: usize) -> f64 {
        (n as f64 + self.unobserved).powf(self.exponent)
    }
}

/// How each row's system is solved.
#[derive(Clone, Copy)]
pub enum Solver<'a> {
    /// Preconditioned conjugate gradients from the previous row. `spectrum` is the diagonal Gram matrix of
    /// the fixed side times the weight of the unobserved, in its eigenbasis; zeros for explicit ratings.
    Gradient {
        /// Steps for each row.
        steps: usize,
        /// (stride).
        spectrum: &'a [f32],
        /// Rows of the fixed side behind the spectrum, times the weight of the unobserved.
        mass: f32,
    },
    /// Cholesky. `gram` is the Gram matrix times the weight of the unobserved (stride, stride), or empty.
    Exact {
        /// Full or upper triangle; empty for explicit ratings.
        gram: &'a [f32],
        /// Whether factors stay at 0 or above; then coordinate descent from the previous row.
        nonnegative: bool,
    },
}

/// Why a half-epoch stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The system of a row is not positive definite.
    NotPositive(usize),
    /// The solution of a row is not finite.
    NotFinite(usize),
    /// The fixed side's factors are not finite.
    FixedNotFinite,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::NotPositive(row) => write!(f, "the system of row {row} is not positive definite"),
            Failure::NotFinite(row) => write!(f, "the factors of row {row} left the range of float32"),
            Failure::FixedNotFinite => write!(f, "the factors of the other side are not finite"),
        }
    }
}

impl From<NotFinite> for Failure {
    fn from(_: NotFinite) -> Self {
        Failure::FixedNotFinite
    }
}

/// A factor matrix (rows, stride) whose columns from `k` on are zero.
#[derive(Clone, Copy)]
pub struct Factors<'a> {
    /// Row-major values.
    pub data: &'a [f32],
    /// Padded row length, a multiple of 16.
    pub stride: usize,
}

impl Factors<'_> {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.data.len().checked_div(self.stride).unwrap_or(0)
    }
}

/// Solves every row of one side against the fixed side.
///
/// `x` is (rows, stride): the previous rows on entry (used by the gradient solver), the new on return; `bias`
/// is (rows), or empty without biases. A row without events becomes zero. The result does not depend on
/// `threads`.
///
/// # Errors
/// The first row (in row order) that could not be solved; `x` is then partly overwritten.
pub fn solve_rows(
    level: Level,
    threads: usize,
    events: Events<'_>,
    fixed: Factors<'_>,
    penalty: Penalty,
    solver: Solver<'_>,
    x: &mut [f32],
    bias: &mut [f32],
) -> Result<(), Failure> {
    let stride = fixed.stride;
    let rows = events.indptr.len() - 1;
    assert!(x.len() == rows * stride, "x holds {} floats for {rows} rows of {stride}", x.len());
    assert!(bias.len() == if penalty.bias_regularization.is_some() { rows } else { 0 });
    match solver {
        Solver::Gradient { steps, spectrum, mass } => {
            let problem = Problem { level, events, fixed, penalty, spectrum, mass, steps };
            improve_rows(threads, problem, Sizes::default(), x, bias)
        }
        Solver::Exact { gram, nonnegative } => {
            exact::solve_rows(level, threads, events, fixed, penalty, gram, nonnegative, x, bias)
        }
    }
}

/// One half-epoch over all cells by preconditioned conjugate gradients in the eigenbasis of the fixed side.
///
/// Rotates both matrices into that basis (scores do not change), then takes `steps` for every row of `x`.
/// `k` is the true number of factors, `unobserved` the weight of the unobserved cells.
///
/// # Errors
/// As [`solve_rows`].
pub fn implicit_half_epoch(
    level: Level,
    threads: usize,
    events: Events<'_>,
    k: usize,
    stride: usize,
    unobserved: f32,
    penalty: Penalty,
    steps: usize,
    fixed: &mut [f32],
    x: &mut [f32],
) -> Result<(), Failure> {
    let gram = dense::gram(level, threads, fixed, stride);
    let (mut spectrum, basis) = dense::eigenbasis(&gram, k, stride)?;
    dense::rotate(level, threads, fixed, &basis, stride);
    dense::rotate(level, threads, x, &basis, stride);
    for s in &mut spectrum {
        *s *= unobserved;
    }
    let fixed = Factors { data: fixed, stride };
    let mass = unobserved * fixed.rows() as f32;
    let solver = Solver::Gradient { steps, spectrum: &spectrum, mass };
    solve_rows(level, threads, events, fixed, penalty, solver, x, &mut [])
}

/// The Gram matrix of the fixed side times the weight of the unobserved, for [`Solver::Exact`].
pub fn weighted_gram(level: Level, threads: usize, fixed: Factors<'_>, unobserved: f32) -> Vec<f32> {
    let gram = dense::gram(level, threads, fixed.data, fixed.stride);
    gram.iter().map(|&g| (g * f64::from(unobserved)) as f32).collect()
}

#[cfg(test)]
mod tests;
