//! One row in double precision, for systems that single precision cannot hold; see `docs/math/als.md`.

use crate::als::Failure;
use crate::row::{Prior, System};
use crate::simd::{Lanes, Level, dispatch};

/// Memory that a thread reuses from row to row; empty until the first.
#[derive(Default)]
pub struct Scratch {
    matrix: Vec<f64>,
    b: Vec<f64>,
    row: Vec<f64>,
}

/// Why a matrix has no Cholesky factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A pivot is 0 or less.
    NotPositive,
    /// A pivot is NaN or infinite.
    NotFinite,
}

impl Refused {
    /// The failure of that row.
    pub fn of(self, row: usize) -> Failure {
        match self {
            Refused::NotPositive => Failure::NotPositive(row),
            Refused::NotFinite => Failure::NotFinite(row),
        }
    }
}

/// `a[j..] -= f * b[j..]` for rows of one length.
#[inline(always)]
fn subtract(a: &mut [f64], b: &[f64], f: f64) {
    for (a, b) in a.iter_mut().zip(b) {
        *a -= f * b;
    }
}

#[inline(always)]
#[allow(clippy::extra_unused_type_parameters)] // compiled once for every instruction set
unsafe fn factorize_generic<L: Lanes>(a: &mut [f64], width: usize) -> Result<(), Refused> {
    for i in 0..width {
        let (upper, lower) = a.split_at_mut((i + 1) * width);
        let row = &mut upper[i * width..];
        let pivot = row[i];
        if !pivot.is_finite() {
            return Err(Refused::NotFinite);
        }
        if pivot <= 0.0 {
            return Err(Refused::NotPositive);
        }
        let scale = 1.0 / pivot.sqrt();
        for x in &mut row[i..] {
            *x *= scale;
        }
        for j in i + 1..width {
            let at = (j - i - 1) * width;
            subtract(&mut lower[at + j..at + width], &row[j..], row[j]);
        }
    }
    Ok(())
}

dispatch!(
    /// Overwrites the upper triangle of `a` (width, width) by U with `U' U = a`.
    ///
    /// # Errors
    /// If a pivot is not positive.
    pub fn factorize = factorize_generic(a: &mut [f64], width: usize) -> Result<(), Refused>
);

/// Overwrites `b` with the solution of `U' U x = b`.
pub fn solve_factorized(u: &[f64], b: &mut [f64]) {
    let width = b.len();
    for i in 0..width {
        let row = &u[i * width..(i + 1) * width];
        b[i] /= row[i];
        let y = b[i];
        subtract(&mut b[i + 1..], &row[i + 1..], y);
    }
    for i in (0..width).rev() {
        let row = &u[i * width..(i + 1) * width];
        let dot: f64 = row[i + 1..].iter().zip(&b[i + 1..]).map(|(a, b)| a * b).sum();
        b[i] = (b[i] - dot) / row[i];
    }
}

#[inline(always)]
#[allow(clippy::extra_unused_type_parameters)] // compiled once for every instruction set
unsafe fn add_row_generic<L: Lanes>(row: &[f64], w: f64, wy: f64, a: &mut [f64], b: &mut [f64]) {
    let width = row.len();
    for (i, a) in a.chunks_exact_mut(width).enumerate() {
        subtract(&mut a[i..], &row[i..], -w * row[i]);
    }
    subtract(b, row, -wy);
}

dispatch!(
    /// `a += w row row'`, upper triangle, and `b += wy row`.
    fn add_row = add_row_generic(row: &[f64], w: f64, wy: f64, a: &mut [f64], b: &mut [f64])
);

/// The system of the row with its bias, where there is one, as the last unknown: the matrix (upper triangle) and b.
pub fn assemble<'s>(
    level: Level,
    system: System<'_>,
    prior: Prior<'_>,
    scratch: &'s mut Scratch,
) -> (&'s mut [f64], &'s mut [f64]) {
    let (data, stride) = (system.touched.data, system.touched.stride);
    let width = stride + usize::from(system.bias_penalty.is_some());
    let Scratch { matrix: a, b, row } = scratch;
    a.clear();
    a.resize(width * width, 0.0);
    b.clear();
    b.resize(width, 0.0);
    row.clear();
    row.resize(width, 1.0); // the bias is a factor of 1 in every fixed row
    for i in 0..stride {
        if let Prior::Full(m, _) = prior {
            for j in i..stride {
                a[i * width + j] = f64::from(m[i * stride + j]);
            }
        }
        a[i * width + i] += match prior {
            Prior::Full(_, lambda) => f64::from(lambda),
            Prior::Diagonal(d, lambda) => d.get(i).map_or(0.0, |&d| f64::from(d)) + f64::from(lambda),
        };
    }
    if let Some(penalty) = system.bias_penalty {
        a[width * width - 1] = f64::from(penalty);
    }
    for (e, &fixed) in system.touched.index.iter().enumerate() {
        let q = &data[fixed as usize * stride..(fixed as usize + 1) * stride];
        row.iter_mut().zip(q).for_each(|(to, &from)| *to = f64::from(from));
        add_row(level, row, f64::from(system.w[e]), f64::from(system.wy[e]), a, b);
    }
    (a, b)
}

/// Solves for `x` and returns the bias.
///
/// # Errors
/// If the matrix is not positive definite.
pub fn solve(
    level: Level,
    system: System<'_>,
    prior: Prior<'_>,
    x: &mut [f32],
    scratch: &mut Scratch,
) -> Result<f32, Refused> {
    let (a, b) = assemble(level, system, prior, scratch);
    factorize(level, a, b.len())?;
    solve_factorized(a, b);
    x.iter_mut().zip(&*b).for_each(|(to, &from)| *to = from as f32);
    Ok(b.get(x.len()).map_or(0.0, |&bias| bias as f32))
}
