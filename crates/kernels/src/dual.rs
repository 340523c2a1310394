//! One row by the (n, n) matrix of its events, for rows with fewer events than factors; see `docs/math/als.md`.

use crate::cholesky::{Factor, NotPositive};
use crate::lines::Lines;
use crate::random::Normals;
use crate::row::{System, Touched};
use crate::simd::{Lanes, Level, PAD, dispatch};
use crate::syrk::{self, BLOCK};

/// Memory that a thread reuses from row to row.
pub struct Scratch {
    /// `D^-1/2 Q' W^1/2`, (stride, events) by blocks of 16 events.
    tile: Lines,
    /// `D^-1/2`.
    root: Vec<f32>,
    /// `w^1/2`.
    weight: Vec<f32>,
    /// The right-hand side, then the solution.
    h: Vec<f32>,
    /// The solution's forward half for the bias.
    ones: Vec<f32>,
    stride: usize,
}

/// `n` events padded to whole blocks.
fn padded(n: usize) -> usize {
    n.div_ceil(BLOCK) * BLOCK
}

impl Scratch {
    /// For rows of `stride` floats and up to `events` events.
    pub fn new(stride: usize, events: usize) -> Self {
        let width = padded(events);
        Self {
            tile: Lines::zeros(syrk::tile_len(stride, width)),
            root: vec![0.0; stride],
            weight: vec![0.0; width],
            h: vec![0.0; width],
            ones: vec![0.0; width],
            stride,
        }
    }

    /// The most events that there is room for.
    pub fn events(&self) -> usize {
        self.h.len()
    }
}

/// Whether the row has a dual that single precision can hold: every weight is a normal number above 0.
pub fn applies(system: System<'_>) -> bool {
    system.w.iter().all(|w| (f32::MIN_POSITIVE..f32::MAX).contains(w))
}

#[inline(always)]
unsafe fn gather_generic<L: Lanes>(touched: Touched<'_>, scratch: &mut Scratch) {
    let Touched { data, stride, index } = touched;
    let rows = data.len() / stride;
    let n = index.len();
    let width = padded(n);
    assert!(n > 0 && width <= scratch.h.len() && scratch.root.len() == stride && scratch.stride == stride);
    assert!(index.iter().all(|&i| (i as usize) < rows));
    let (data, tile) = (data.as_ptr(), scratch.tile.as_mut_ptr());
    let (root, weight) = (scratch.root.as_ptr(), scratch.weight.as_ptr());
    // SAFETY: rows below `rows`, columns below stride, events below width.
    unsafe {
        let row = |j: usize| data.add(*index.get_unchecked(j.min(n - 1)) as usize * stride);
        for j in 0..n {
            for c in (0..stride).step_by(16) {
                L::prefetch(row(j).add(c));
            }
        }
        for block in (0..width).step_by(BLOCK) {
            // The padding repeats the last event, with weight 0.
            let q: [*const f32; BLOCK] = std::array::from_fn(|m| row(block + m));
            let to = tile.add(block * stride);
            for c in 0..stride {
                let column: [f32; BLOCK] = std::array::from_fn(|m| *q[m].add(c));
                let f = L::splat(*root.add(c));
                for v in (0..BLOCK).step_by(L::N) {
                    let scaled = L::fma(L::load(column.as_ptr().add(v)), f, L::splat(0.0));
                    let both = L::fma(scaled, L::load(weight.add(block + v)), L::splat(0.0));
                    L::store(to.add(c * BLOCK + v), both);
                }
            }
        }
    }
}

dispatch!(
    /// Fills the tile from the touched rows, the roots of the diagonal and those of the weights.
    fn gather = gather_generic(touched: Touched<'_>, scratch: &mut Scratch)
);

/// `C` vectors from column `c` on of `x = D^-1 Q' (W^1/2 h)`.
#[inline(always)]
unsafe fn expand_columns<L: Lanes, const C: usize>(
    touched: Touched<'_>,
    f: &[f32],
    root: &[f32],
    c: usize,
    x: &mut [f32],
) {
    // SAFETY: `expand` checked all indices and lengths; c + C * L::N <= stride.
    unsafe {
        let mut sums = [L::splat(0.0); C];
        for (&i, &f) in touched.index.iter().zip(f) {
            let q = touched.data.as_ptr().add(i as usize * touched.stride + c);
            for v in 0..C {
                sums[v] = L::fma(L::splat(f), L::load(q.add(v * L::N)), sums[v]);
            }
        }
        for v in 0..C {
            let (at, zero) = (c + v * L::N, L::splat(0.0));
            let d = L::load(root.as_ptr().add(at));
            L::store(x.as_mut_ptr().add(at), L::fma(L::fma(sums[v], d, zero), d, zero));
        }
    }
}

#[inline(always)]
unsafe fn expand_generic<L: Lanes>(touched: Touched<'_>, f: &[f32], root: &[f32], x: &mut [f32]) {
    let Touched { data, stride, index } = touched;
    let rows = data.len() / stride;
    assert!(
        x.len() == stride && root.len() == stride && f.len() >= index.len() && stride.is_multiple_of(PAD)
    );
    assert!(index.iter().all(|&i| (i as usize) < rows));
    let mut c = 0;
    // SAFETY: checked above.
    unsafe {
        while c + 4 * L::N <= stride {
            expand_columns::<L, 4>(touched, f, root, c, x);
            c += 4 * L::N;
        }
        while c < stride {
            expand_columns::<L, 1>(touched, f, root, c, x);
            c += L::N;
        }
    }
}

dispatch!(
    /// `x = D^-1 Q' f`, with `root` holding `D^-1/2`.
    fn expand = expand_generic(touched: Touched<'_>, f: &[f32], root: &[f32], x: &mut [f32])
);

/// Writes `I + T T'` to `factor`, with `T = W^1/2 Q D^-1/2`; D is `diagonal` (empty: zeros) plus `lambda`.
pub fn assemble(
    level: Level,
    system: System<'_>,
    diagonal: &[f32],
    lambda: f32,
    factor: &mut Factor,
    scratch: &mut Scratch,
) {
    let stride = system.touched.stride;
    let n = system.w.len();
    let width = padded(n);
    for c in 0..stride {
        scratch.root[c] = 1.0 / (diagonal.get(c).copied().unwrap_or(0.0) + lambda).sqrt();
    }
    for j in 0..width {
        scratch.weight[j] = if j < n { system.w[j].sqrt() } else { 0.0 };
    }
    gather(level, system.touched, scratch);
    let a = factor.matrix(width);
    a.fill(0.0);
    for j in 0..width {
        a[j * width + j] = 1.0;
    }
    syrk::syrk_tile(level, &scratch.tile, stride, width, a);
}

/// Solves for `x`, with `M = diag(diagonal) + lambda I`, and returns the bias and the least share of a pivot.
///
/// # Errors
/// The pivot at which the matrix was not positive definite; only values that are not finite come there.
pub fn solve(
    level: Level,
    system: System<'_>,
    diagonal: &[f32],
    lambda: f32,
    x: &mut [f32],
    factor: &mut Factor,
    scratch: &mut Scratch,
) -> Result<(f32, f32), NotPositive> {
    assemble(level, system, diagonal, lambda, factor, scratch);
    let least = factor.decompose(level)?;
    let n = system.w.len();
    let width = padded(n);
    let Scratch { root, weight, h, ones, .. } = scratch;
    let h = &mut h[..width];
    for j in 0..width {
        h[j] = if j < n { system.wy[j] / weight[j] } else { 0.0 };
    }
    factor.forward(level, h);
    let mut bias = 0.0;
    if let Some(penalty) = system.bias_penalty {
        let ones = &mut ones[..width];
        ones.copy_from_slice(&weight[..width]);
        factor.forward(level, ones);
        let dot = |a: &[f32]| a.iter().zip(&*ones).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
        bias = (dot(h) / (f64::from(penalty) + dot(ones))) as f32;
        h.iter_mut().zip(&*ones).for_each(|(h, one)| *h -= bias * one);
    }
    factor.backward(level, h);
    h.iter_mut().zip(&*weight).for_each(|(h, w)| *h *= w);
    expand(level, system.touched, h, root, x);
    Ok((bias, least))
}

/// As [`solve`] without a bias, with noise on the right-hand side: `x ~ N(A^-1 b, A^-1)`.
///
/// With `T = W^1/2 Q D^-1/2` and normal `z1` (stride) and `z2` (events), `x = D^-1/2 (z1 + T' h)` where
/// `(I + T T') h = W^-1/2 wy + z2 - T z1`.
///
/// # Errors
/// As [`solve`].
pub fn perturbed(
    level: Level,
    system: System<'_>,
    diagonal: &[f32],
    lambda: f32,
    z1: &[f32],
    normals: &mut Normals,
    x: &mut [f32],
    factor: &mut Factor,
    scratch: &mut Scratch,
) -> Result<(), NotPositive> {
    assemble(level, system, diagonal, lambda, factor, scratch);
    factor.decompose(level)?;
    let stride = system.touched.stride;
    let n = system.w.len();
    let width = padded(n);
    let Scratch { tile, root, weight, h, .. } = scratch;
    let h = &mut h[..width];
    normals.fill(&mut h[..n]);
    h[n..].fill(0.0);
    for j in 0..n {
        h[j] += system.wy[j] / weight[j];
    }
    for (block, h) in h.chunks_exact_mut(BLOCK).enumerate() {
        let columns = &tile[block * BLOCK * stride..(block + 1) * BLOCK * stride];
        for (column, &z) in columns.chunks_exact(BLOCK).zip(z1) {
            h.iter_mut().zip(column).for_each(|(h, t)| *h -= t * z);
        }
    }
    factor.solve(level, h);
    h.iter_mut().zip(&*weight).for_each(|(h, w)| *h *= w);
    expand(level, system.touched, h, root, x);
    for c in 0..stride {
        x[c] += root[c] * z1[c];
    }
    Ok(())
}
