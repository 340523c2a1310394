//! The system of one row of alternating least squares, `A x = b`; see `docs/math/als.md`.
//!
//! [`gradient`](crate::gradient) and [`exact`](crate::exact) solve it.
//!
//! With the n fixed rows Q that the row touches, weights w and weighted targets `wy`:
//!
//! ```text
//! A = M + Q' W Q,   b = Q' wy
//! ```
//!
//! An eliminated bias (explicit ratings) with penalty `lambda_b` subtracts its Schur complement,
//! `A -= s s' / (sum w + lambda_b)` and `b -= s (sum wy) / (sum w + lambda_b)` with `s = Q' w`; afterwards
//! `bias = (sum wy - s . x) / (sum w + lambda_b)`.

/// The fixed rows that one row touches: `data` is (rows, stride), `index` picks the rows.
#[derive(Clone, Copy)]
pub struct Touched<'a> {
    /// The fixed side's factors.
    pub data: &'a [f32],
    /// Padded row length.
    pub stride: usize,
    /// Rows of `data`; all below its number of rows.
    pub index: &'a [i32],
}

/// The weights of one row's events and its penalties.
#[derive(Clone, Copy)]
pub struct System<'a> {
    /// The touched rows of the fixed side.
    pub touched: Touched<'a>,
    /// Weights, one for each event.
    pub w: &'a [f32],
    /// Weights times targets.
    pub wy: &'a [f32],
    /// The penalty of the eliminated bias, if there is one.
    pub bias_penalty: Option<f32>,
}

impl System<'_> {
    /// `1 / (sum w + lambda_b)` and `sum wy`; zeros without a bias.
    pub fn bias_terms(&self) -> (f32, f32) {
        let Some(penalty) = self.bias_penalty else { return (0.0, 0.0) };
        let weight: f64 = self.w.iter().map(|&w| f64::from(w)).sum();
        let target: f64 = self.wy.iter().map(|&wy| f64::from(wy)).sum();
        let total = weight + f64::from(penalty);
        ((if total > 0.0 { 1.0 / total } else { 0.0 }) as f32, target as f32)
    }
}

/// What a row knows before its events: `M`, in one of the forms that are cheap.
#[derive(Clone, Copy)]
pub enum Prior<'a> {
    /// A full matrix (stride, stride; upper triangle) and a multiple of the identity.
    Full(&'a [f32], f32),
    /// A diagonal and a multiple of the identity; an empty diagonal is zero.
    Diagonal(&'a [f32], f32),
}

impl Prior<'_> {
    /// Overwrites `a` by M, upper triangle.
    pub fn fill(&self, stride: usize, a: &mut [f32]) {
        match self {
            Prior::Full(m, _) => a.copy_from_slice(m),
            Prior::Diagonal(..) => a.fill(0.0),
        }
        for i in 0..stride {
            a[i * stride + i] += match self {
                Prior::Full(_, lambda) => *lambda,
                Prior::Diagonal(d, lambda) => d.get(i).copied().unwrap_or(0.0) + lambda,
            };
        }
    }
}
