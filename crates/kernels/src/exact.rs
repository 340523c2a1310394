//! One row solved exactly, by Cholesky; see `docs/math/als.md`.

use crate::dense;
use crate::row::{System, Touched};
use crate::simd::{Lanes, Level, dispatch};

/// Memory that a thread reuses from row to row.
pub struct Scratch {
    tile: Vec<f32>,
    matrix: Vec<f32>,
    s: Vec<f32>,
}

impl Scratch {
    /// For rows of `stride` floats.
    pub fn new(stride: usize) -> Self {
        Self { tile: Vec::new(), matrix: vec![0.0; stride * stride], s: vec![0.0; stride] }
    }
}

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
    let Scratch { tile, matrix: a, s } = scratch;
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
