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
mod tests {
    use super::*;

    fn noise(n: usize, seed: u64) -> Vec<f32> {
        let mut state = seed | 1;
        (0..n)
            .map(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                ((state >> 40) as f32) / (1u64 << 24) as f32 - 0.5
            })
            .collect()
    }

    /// Factors (rows, stride) with columns from k on zero.
    fn factors(rows: usize, k: usize, stride: usize, seed: u64) -> Vec<f32> {
        let mut x = noise(rows * stride, seed);
        for row in x.chunks_exact_mut(stride) {
            row[k..].fill(0.0);
        }
        x
    }

    /// Rows of length 0, 1, 2, 3, 4, 5, a few hundred, and all columns.
    fn table(columns: usize) -> (Vec<i64>, Vec<i32>) {
        let mut indptr = vec![0i64];
        let mut indices = Vec::new();
        for length in [0, 1, 2, 3, 4, 5, 7, 129, 300, columns] {
            indices.extend((0..length.min(columns)).map(|j| (j * columns / length.min(columns)) as i32));
            indptr.push(indices.len() as i64);
        }
        (indptr, indices)
    }

    /// Gaussian elimination with pivoting, in double precision.
    fn eliminate(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
        let n = b.len();
        for i in 0..n {
            let p = (i..n).max_by(|&x, &y| a[x][i].abs().total_cmp(&a[y][i].abs())).unwrap();
            a.swap(i, p);
            b.swap(i, p);
            for r in i + 1..n {
                let f = a[r][i] / a[i][i];
                for c in i..n {
                    a[r][c] -= f * a[i][c];
                }
                b[r] -= f * b[i];
            }
        }
        for i in (0..n).rev() {
            for c in i + 1..n {
                b[i] -= a[i][c] * b[c];
            }
            b[i] /= a[i][i];
        }
        b
    }

    /// The row's unknowns (factors, then the bias) straight from the definition.
    fn twin(
        events: Events<'_>,
        row: usize,
        fixed: Factors<'_>,
        k: usize,
        penalty: Penalty,
        a0: f64,
    ) -> Vec<f64> {
        let (from, to) = (events.indptr[row] as usize, events.indptr[row + 1] as usize);
        let with_bias = penalty.bias_regularization.is_some();
        let n = k + usize::from(with_bias);
        if from == to {
            return vec![0.0; n];
        }
        let mut a = vec![vec![0.0; n]; n];
        let mut b = vec![0.0; n];
        let scale = penalty.scale(to - from);
        for c in 0..k {
            a[c][c] = penalty.regularization * scale;
        }
        if with_bias {
            a[k][k] = penalty.bias_regularization.unwrap() * scale;
        }
        let q = |item: usize, c: usize| {
            if c == k { 1.0 } else { f64::from(fixed.data[item * fixed.stride + c]) }
        };
        for item in 0..fixed.rows() {
            for c in 0..k {
                for d in 0..k {
                    a[c][d] += a0 * q(item, c) * q(item, d);
                }
            }
        }
        for e in from..to {
            let item = events.indices[e] as usize;
            let (w, wy) = match events.targets {
                Targets::Implicit { weights, weight, offset } => {
                    let w = f64::from(weights.map_or(weight, |w| w[e]));
                    (w, w + f64::from(offset))
                }
                Targets::Explicit { values, weights, mean, bias } => {
                    let w = f64::from(weights.map_or(1.0, |w| w[e]));
                    let value = f64::from(values.map_or(1.0, |v| v[e]));
                    (w, w * (value - f64::from(mean) - f64::from(bias.get(item).copied().unwrap_or(0.0))))
                }
            };
            for c in 0..n {
                for d in 0..n {
                    a[c][d] += w * q(item, c) * q(item, d);
                }
                b[c] += wy * q(item, c);
            }
        }
        eliminate(a, b)
    }

    fn check(
        level: Level,
        events: Events<'_>,
        k: usize,
        penalty: Penalty,
        a0: f32,
        fixed: &[f32],
        stride: usize,
    ) {
        let fixed = Factors { data: fixed, stride };
        let rows = events.indptr.len() - 1;
        let biases = if penalty.bias_regularization.is_some() { rows } else { 0 };
        let gram = if a0 > 0.0 { weighted_gram(level, 2, fixed, a0) } else { Vec::new() };
        let zeros = vec![0.0; stride];
        let mut solvers = vec![Solver::Exact { gram: &gram, nonnegative: false }];
        if a0 == 0.0 {
            solvers.push(Solver::Gradient { steps: 4 * stride, spectrum: &zeros, mass: 0.0 });
        }
        for solver in solvers {
            let mut answers = Vec::new();
            for threads in [1, 2, 5] {
                let (mut x, mut bias) = (vec![0.0; rows * stride], vec![0.0; biases]);
                solve_rows(level, threads, events, fixed, penalty, solver, &mut x, &mut bias).unwrap();
                answers.push((x, bias));
            }
            assert!(answers.windows(2).all(|w| w[0] == w[1]), "threads change nothing");
            let (x, bias) = &answers[0];
            for row in 0..rows {
                let want = twin(events, row, fixed, k, penalty, f64::from(a0));
                for c in 0..stride {
                    let want = if c < k { want[c] } else { 0.0 };
                    let got = f64::from(x[row * stride + c]);
                    assert!(
                        (got - want).abs() < 2e-3 * (1.0 + want.abs()),
                        "{level:?} k={k} row {row}: {got} {want}"
                    );
                }
                if biases > 0 {
                    assert!((f64::from(bias[row]) - want[k]).abs() < 2e-3 * (1.0 + want[k].abs()));
                }
            }
        }
    }

    #[test]
    fn rows_equal_the_definition_on_every_level() {
        let columns = 400;
        let (indptr, indices) = table(columns);
        let values: Vec<f32> = noise(indices.len(), 7).iter().map(|v| 3.0 + 4.0 * v).collect();
        let weights: Vec<f32> = noise(indices.len(), 8).iter().map(|v| 1.0 + v).collect();
        let bias = noise(columns, 9);
        for level in Level::available() {
            for k in [1, 15, 16, 33] {
                let stride = crate::simd::padded(k);
                let fixed = factors(columns, k, stride, 3);
                let explicit = Targets::Explicit {
                    values: Some(&values),
                    weights: Some(&weights),
                    mean: 3.0,
                    bias: &bias,
                };
                for bias_regularization in [None, Some(0.3)] {
                    let penalty =
                        Penalty { regularization: 0.1, bias_regularization, exponent: 0.7, unobserved: 0.0 };
                    let events = Events { indptr: &indptr, indices: &indices, targets: explicit };
                    check(level, events, k, penalty, 0.0, &fixed, stride);
                }
                for (weights, offset) in [(None, 0.0), (Some(&weights[..]), 1.0)] {
                    let targets = Targets::Implicit { weights, weight: 2.0, offset };
                    let unobserved = 0.1 * columns as f64;
                    let penalty = Penalty {
                        regularization: 0.05,
                        bias_regularization: None,
                        exponent: 1.0,
                        unobserved,
                    };
                    let events = Events { indptr: &indptr, indices: &indices, targets };
                    check(level, events, k, penalty, 0.1, &fixed, stride);
                }
            }
        }
    }

    #[test]
    fn gradient_steps_in_the_eigenbasis_reach_the_exact_scores() {
        let (columns, k) = (400, 21);
        let stride = crate::simd::padded(k);
        let (indptr, indices) = table(columns);
        let rows = indptr.len() - 1;
        let unobserved = 0.1f32;
        let penalty = Penalty {
            regularization: 0.05,
            bias_regularization: None,
            exponent: 1.0,
            unobserved: f64::from(unobserved) * columns as f64,
        };
        let targets = Targets::Implicit { weights: None, weight: 1.0, offset: 0.0 };
        let events = Events { indptr: &indptr, indices: &indices, targets };
        for level in Level::available() {
            let mut fixed = factors(columns, k, stride, 5);
            let gram = weighted_gram(level, 1, Factors { data: &fixed, stride }, unobserved);
            let mut exact = vec![0.0; rows * stride];
            let side = Factors { data: &fixed, stride };
            solve_rows(
                level,
                1,
                events,
                side,
                penalty,
                Solver::Exact { gram: &gram, nonnegative: false },
                &mut exact,
                &mut [],
            )
            .unwrap();
            let score = |x: &[f32], q: &[f32], row: usize, column: usize| -> f32 {
                (0..stride).map(|c| x[row * stride + c] * q[column * stride + c]).sum()
            };
            let before: Vec<f32> =
                (0..rows * columns).map(|at| score(&exact, &fixed, at / columns, at % columns)).collect();
            let mut x = factors(rows, k, stride, 6);
            implicit_half_epoch(level, 2, events, k, stride, unobserved, penalty, 60, &mut fixed, &mut x)
                .unwrap();
            for (at, want) in before.iter().enumerate() {
                assert!((score(&x, &fixed, at / columns, at % columns) - want).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn a_row_that_overflows_is_named() {
        let (indptr, indices) = ([0, 1, 2], [0, 0]);
        let values = [1.0, f32::MAX];
        let targets = Targets::Explicit { values: Some(&values), weights: None, mean: 0.0, bias: &[] };
        let events = Events { indptr: &indptr, indices: &indices, targets };
        let penalty =
            Penalty { regularization: 1e-9, bias_regularization: None, exponent: 0.0, unobserved: 0.0 };
        let mut fixed = vec![0.0; 16];
        fixed[0] = 1e-3;
        for level in Level::available() {
            let side = Factors { data: &fixed, stride: 16 };
            let failure = solve_rows(
                level,
                2,
                events,
                side,
                penalty,
                Solver::Exact { gram: &[], nonnegative: false },
                &mut [0.0; 32],
                &mut [],
            );
            assert_eq!(failure, Err(Failure::NotFinite(1)));
            let mut nan = vec![f32::NAN; 16];
            let failure =
                implicit_half_epoch(level, 1, events, 1, 16, 1.0, penalty, 2, &mut nan, &mut [0.0; 32]);
            assert_eq!(failure, Err(Failure::FixedNotFinite));
        }
        assert!(Failure::NotFinite(1).to_string().contains("row 1"));
        assert!(Failure::NotPositive(2).to_string().contains("row 2"));
        assert!(Failure::FixedNotFinite.to_string().contains("other side"));
    }
}
