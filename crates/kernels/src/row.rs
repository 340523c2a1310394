//! One row of alternating least squares: `A x = b`, see `docs/math/als.md`.
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

use crate::dense;
use crate::simd::{Lanes, Level, dispatch};

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
    fn bias_terms(&self) -> (f32, f32) {
        let Some(penalty) = self.bias_penalty else { return (0.0, 0.0) };
        let weight: f64 = self.w.iter().map(|&w| f64::from(w)).sum();
        let target: f64 = self.wy.iter().map(|&wy| f64::from(wy)).sum();
        let total = weight + f64::from(penalty);
        ((if total > 0.0 { 1.0 / total } else { 0.0 }) as f32, target as f32)
    }
}

/// Memory that a thread reuses from row to row.
pub struct Scratch {
    tile: Vec<f32>,
    matrix: Vec<f32>,
    r: Vec<f32>,
    z: Vec<f32>,
    p: Vec<f32>,
    ap: Vec<f32>,
    s: Vec<f32>,
}

impl Scratch {
    /// For rows of `stride` floats; `exact` makes room for a matrix.
    pub fn new(stride: usize, exact: bool) -> Self {
        let vector = || vec![0.0; stride];
        Self {
            tile: Vec::new(),
            matrix: vec![0.0; if exact { stride * stride } else { 0 }],
            r: vector(),
            z: vector(),
            p: vector(),
            ap: vector(),
            s: vector(),
        }
    }
}

/// Floats of gathered rows that stay in the second-level cache.
const TILE: usize = 96 * 1024;

/// How a pass turns `d = q . v` into the coefficient of `q`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// `wy - w d`: the residual.
    Residual,
    /// `w d`: the matrix.
    Apply,
}

/// `out += sum_j c_j q_j` with `c_j` of [`Pass`]; with `sums`, also `sums += sum_j w_j q_j`.
///
/// Rows come from the index when there is one, else from `data` in order; with `tile`, they are copied there.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn pass<L: Lanes>(
    kind: Pass,
    data: &[f32],
    stride: usize,
    index: Option<&[i32]>,
    v: &[f32],
    w: &[f32],
    wy: &[f32],
    out: &mut [f32],
    sums: Option<&mut [f32]>,
    tile: Option<&mut [f32]>,
) {
    const AHEAD: usize = 8;
    let n = w.len();
    let rows = data.len() / stride;
    assert!(v.len() == stride && out.len() == stride && wy.len() == n);
    assert!(index.map_or(n <= rows, |index| index.len() == n && index.iter().all(|&i| (i as usize) < rows)));
    assert!(tile.as_ref().is_none_or(|tile| tile.len() >= n * stride));
    let sums = sums.map(|s| {
        assert!(s.len() == stride);
        s.as_mut_ptr()
    });
    let tile = tile.map(<[f32]>::as_mut_ptr);
    let (base, vp, op) = (data.as_ptr(), v.as_ptr(), out.as_mut_ptr());
    // SAFETY: row numbers are below `rows` and columns below `stride` by the assertions above; stride is a
    // multiple of L::N.
    unsafe {
        let row = |j: usize| match index {
            Some(index) => base.add(*index.get_unchecked(j) as usize * stride),
            None => base.add(j * stride),
        };
        let mut j = 0;
        while j < n {
            let m = (n - j).min(4);
            if index.is_some() {
                for ahead in j + AHEAD..(j + AHEAD + m).min(n) {
                    let line = row(ahead);
                    let mut c = 0;
                    while c < stride {
                        L::prefetch(line.add(c));
                        c += 16;
                    }
                }
            }
            let mut coefficient = [0.0f32; 4];
            if m == 4 {
                let q = [row(j), row(j + 1), row(j + 2), row(j + 3)];
                let mut d = [L::splat(0.0); 4];
                let mut c = 0;
                while c < stride {
                    let x = L::load(vp.add(c));
                    for i in 0..4 {
                        let value = L::load(q[i].add(c));
                        d[i] = L::fma(value, x, d[i]);
                        if let Some(tile) = tile {
                            L::store(tile.add((j + i) * stride + c), value);
                        }
                    }
                    c += L::N;
                }
                for i in 0..4 {
                    let dot = L::sum(d[i]);
                    coefficient[i] = match kind {
                        Pass::Residual => wy[j + i] - w[j + i] * dot,
                        Pass::Apply => w[j + i] * dot,
                    };
                }
                let f: [L::V; 4] = [
                    L::splat(coefficient[0]),
                    L::splat(coefficient[1]),
                    L::splat(coefficient[2]),
                    L::splat(coefficient[3]),
                ];
                let mut c = 0;
                while c < stride {
                    let mut o = L::load(op.add(c));
                    for i in 0..4 {
                        o = L::fma(f[i], L::load(q[i].add(c)), o);
                    }
                    L::store(op.add(c), o);
                    c += L::N;
                }
            } else {
                for i in 0..m {
                    let q = row(j + i);
                    let mut d = L::splat(0.0);
                    let mut c = 0;
                    while c < stride {
                        let value = L::load(q.add(c));
                        d = L::fma(value, L::load(vp.add(c)), d);
                        if let Some(tile) = tile {
                            L::store(tile.add((j + i) * stride + c), value);
                        }
                        c += L::N;
                    }
                    let dot = L::sum(d);
                    let f = L::splat(match kind {
                        Pass::Residual => wy[j + i] - w[j + i] * dot,
                        Pass::Apply => w[j + i] * dot,
                    });
                    let mut c = 0;
                    while c < stride {
                        let o = op.add(c);
                        L::store(o, L::fma(f, L::load(q.add(c)), L::load(o)));
                        c += L::N;
                    }
                }
            }
            if let Some(sums) = sums {
                for i in 0..m {
                    let (q, f) = (row(j + i), L::splat(w[j + i]));
                    let mut c = 0;
                    while c < stride {
                        let o = sums.add(c);
                        L::store(o, L::fma(f, L::load(q.add(c)), L::load(o)));
                        c += L::N;
                    }
                }
            }
            j += m;
        }
    }
}

#[inline(always)]
unsafe fn dot<L: Lanes>(a: &[f32], b: &[f32]) -> f32 {
    assert!(a.len() == b.len() && a.len().is_multiple_of(L::N));
    // SAFETY: both slices hold a.len() floats, a multiple of L::N.
    unsafe {
        let mut sum = L::splat(0.0);
        let mut c = 0;
        while c < a.len() {
            sum = L::fma(L::load(a.as_ptr().add(c)), L::load(b.as_ptr().add(c)), sum);
            c += L::N;
        }
        L::sum(sum)
    }
}

/// `y += f x`.
#[inline(always)]
unsafe fn axpy<L: Lanes>(f: f32, x: &[f32], y: &mut [f32]) {
    assert!(x.len() == y.len() && x.len().is_multiple_of(L::N));
    // SAFETY: both slices hold x.len() floats, a multiple of L::N.
    unsafe {
        let f = L::splat(f);
        let mut c = 0;
        while c < x.len() {
            let p = y.as_mut_ptr().add(c);
            L::store(p, L::fma(f, L::load(x.as_ptr().add(c)), L::load(p)));
            c += L::N;
        }
    }
}

#[inline(always)]
unsafe fn conjugate_gradient_generic<L: Lanes>(
    system: System<'_>,
    diagonal: &[f32],
    preconditioner: &[f32],
    steps: usize,
    x: &mut [f32],
    scratch: &mut Scratch,
) -> f32 {
    let System { touched, w, wy, bias_penalty } = system;
    let (n, stride) = (w.len(), touched.stride);
    let Scratch { tile, r, z, p, ap, s, .. } = scratch;
    assert!(diagonal.len() == stride && preconditioner.len() == stride && x.len() == stride);
    let (schur, target) = system.bias_terms();
    let fits = n * stride <= TILE;
    if fits && tile.len() < n * stride {
        tile.resize(n * stride, 0.0);
    }
    // SAFETY: L runs here; every callee checks its slices.
    unsafe {
        r.fill(0.0);
        s.fill(0.0);
        let sums = bias_penalty.map(|_| &mut s[..]);
        let copy = fits.then_some(&mut tile[..]);
        pass::<L>(Pass::Residual, touched.data, stride, Some(touched.index), x, w, wy, r, sums, copy);
        if bias_penalty.is_some() {
            let shift = schur * (dot::<L>(s, x) - target);
            axpy::<L>(shift, s, r);
        }
        for c in 0..stride {
            r[c] -= diagonal[c] * x[c];
            z[c] = r[c] * preconditioner[c];
            p[c] = z[c];
        }
        let mut rz = dot::<L>(r, z);
        let first = rz;
        for step in 0..steps {
            if rz <= 1e-14 * first || rz <= 0.0 {
                break;
            }
            for c in 0..stride {
                ap[c] = diagonal[c] * p[c];
            }
            if fits {
                pass::<L>(Pass::Apply, &tile[..n * stride], stride, None, p, w, wy, ap, None, None);
            } else {
                pass::<L>(Pass::Apply, touched.data, stride, Some(touched.index), p, w, wy, ap, None, None);
            }
            if bias_penalty.is_some() {
                let shift = -schur * dot::<L>(s, p);
                axpy::<L>(shift, s, ap);
            }
            let curvature = dot::<L>(p, ap);
            if curvature <= 0.0 {
                break;
            }
            let length = rz / curvature;
            axpy::<L>(length, p, x);
            if step + 1 == steps {
                break;
            }
            axpy::<L>(-length, ap, r);
            for c in 0..stride {
                z[c] = r[c] * preconditioner[c];
            }
            let next = dot::<L>(r, z);
            let turn = next / rz;
            rz = next;
            for c in 0..stride {
                p[c] = z[c] + turn * p[c];
            }
        }
        schur * (target - dot::<L>(s, x))
    }
}

dispatch!(
    /// Improves `x` by `steps` preconditioned conjugate-gradient steps; `M = diag(diagonal)`.
    ///
    /// `preconditioner` is the inverse of the diagonal preconditioner. Returns the bias (0 without one).
    pub fn conjugate_gradient = conjugate_gradient_generic(
        system: System<'_>,
        diagonal: &[f32],
        preconditioner: &[f32],
        steps: usize,
        x: &mut [f32],
        scratch: &mut Scratch,
    ) -> f32
);

#[inline(always)]
unsafe fn gather_generic<L: Lanes>(
    system: System<'_>,
    from: usize,
    to: usize,
    b: &mut [f32],
    s: &mut [f32],
    tile: &mut [f32],
) {
    let System { touched: Touched { data, stride, index }, w, wy, .. } = system;
    assert!(b.len() == stride && s.len() == stride && tile.len() >= (to - from) * stride);
    let rows = data.len() / stride;
    for j in from..to {
        let i = index[j] as usize;
        assert!(i < rows);
        // SAFETY: i < rows, j - from < to - from, columns below stride, a multiple of L::N.
        unsafe {
            let q = data.as_ptr().add(i * stride);
            let t = tile.as_mut_ptr().add((j - from) * stride);
            let (root, target, weight) = (L::splat(w[j].sqrt()), L::splat(wy[j]), L::splat(w[j]));
            let zero = L::splat(0.0);
            let mut c = 0;
            while c < stride {
                let value = L::load(q.add(c));
                L::store(t.add(c), L::fma(root, value, zero));
                let bp = b.as_mut_ptr().add(c);
                L::store(bp, L::fma(target, value, L::load(bp)));
                let sp = s.as_mut_ptr().add(c);
                L::store(sp, L::fma(weight, value, L::load(sp)));
                c += L::N;
            }
        }
    }
}

dispatch!(
    /// Copies rows `from..to`, each times the root of its weight, to `tile`; `b += Q' wy`, `s += Q' w`.
    fn gather = gather_generic(system: System<'_>, from: usize, to: usize, b: &mut [f32], s: &mut [f32], tile: &mut [f32])
);

/// The least ratio of Cholesky pivots for which single precision is trusted. The system's condition is near its
/// inverse square, about a thousand, so four digits remain.
const WORST_PIVOTS: f32 = 3e-2;

/// As [`exact`], in double precision and without vectors.
fn exact_in_double(system: System<'_>, m: Option<&[f32]>, lambda: f32, x: &mut [f32]) -> Result<f32, usize> {
    let Touched { data, stride, index } = system.touched;
    let width = stride + usize::from(system.bias_penalty.is_some());
    let mut a = vec![0.0f64; width * width];
    let mut b = vec![0.0f64; width];
    for i in 0..stride {
        for j in i..stride {
            a[j * width + i] = m.map_or(0.0, |m| f64::from(m[i * stride + j]));
        }
        a[i * width + i] += f64::from(lambda);
    }
    if let Some(penalty) = system.bias_penalty {
        a[stride * width + stride] = f64::from(penalty);
    }
    let mut row = vec![1.0f64; width]; // the bias, where there is one, is a factor of 1 in every fixed row
    for (e, &fixed) in index.iter().enumerate() {
        let q = &data[fixed as usize * stride..(fixed as usize + 1) * stride];
        row.iter_mut().zip(q).for_each(|(to, &from)| *to = f64::from(from));
        let (w, wy) = (f64::from(system.w[e]), f64::from(system.wy[e]));
        for i in 0..width {
            for j in 0..=i {
                a[i * width + j] += w * row[i] * row[j];
            }
            b[i] += wy * row[i];
        }
    }
    // Lower Cholesky factor in place, then the two triangular solves.
    for i in 0..width {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|c| a[i * width + c] * a[j * width + c]).sum();
            let rest = a[i * width + j] - dot;
            if i == j {
                if rest.is_nan() || rest <= 0.0 {
                    return Err(i);
                }
                a[i * width + i] = rest.sqrt();
            } else {
                a[i * width + j] = rest / a[j * width + j];
            }
        }
    }
    for i in 0..width {
        let dot: f64 = (0..i).map(|c| a[i * width + c] * b[c]).sum();
        b[i] = (b[i] - dot) / a[i * width + i];
    }
    for i in (0..width).rev() {
        let dot: f64 = (i + 1..width).map(|r| a[r * width + i] * b[r]).sum();
        b[i] = (b[i] - dot) / a[i * width + i];
    }
    x.iter_mut().zip(&b).for_each(|(to, &from)| *to = from as f32);
    Ok(if system.bias_penalty.is_some() { b[stride] as f32 } else { 0.0 })
}

/// Solves for `x` exactly by Cholesky; `m` holds M (stride, stride; upper triangle), `lambda` joins its diagonal.
///
/// Returns the bias (0 without one).
///
/// # Errors
/// The pivot at which the matrix was not positive definite.
pub fn exact(
    level: Level,
    system: System<'_>,
    m: Option<&[f32]>,
    lambda: f32,
    x: &mut [f32],
    scratch: &mut Scratch,
) -> Result<f32, usize> {
    const BLOCK: usize = 128;
    let stride = system.touched.stride;
    let Scratch { tile, matrix: a, s, .. } = scratch;
    match m {
        Some(m) => a.copy_from_slice(m),
        None => a.fill(0.0),
    }
    for i in 0..stride {
        a[i * stride + i] += lambda;
    }
    x.fill(0.0);
    s.fill(0.0);
    let n = system.w.len();
    if tile.len() < BLOCK.min(n) * stride {
        tile.resize(BLOCK.min(n) * stride, 0.0);
    }
    for from in (0..n).step_by(BLOCK) {
        let to = n.min(from + BLOCK);
        gather(level, system, from, to, x, s, tile);
        dense::syrk_add(level, &tile[..(to - from) * stride], stride, a);
    }
    let (schur, target) = system.bias_terms();
    if system.bias_penalty.is_some() {
        for i in 0..stride {
            let f = schur * s[i];
            for j in i..stride {
                a[i * stride + j] -= f * s[j];
            }
            x[i] -= schur * target * s[i];
        }
    }
    // Padding columns hold lambda alone and say nothing about the row.
    let used = (0..stride).rposition(|i| a[i * stride + i] != lambda).map_or(0, |last| last + 1);
    // Very uneven weights leave single precision; such rows are rare and go the long way.
    if dense::cholesky(level, a, stride).is_err() || dense::pivot_ratio(a, stride, used) < WORST_PIVOTS {
        return exact_in_double(system, m, lambda, x);
    }
    dense::cholesky_solve(level, a, stride, x);
    let dot: f64 = s.iter().zip(x.iter()).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
    Ok(schur * (target - dot as f32))
}
