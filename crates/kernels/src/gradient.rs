//! One row by preconditioned conjugate gradients from its previous value; see `docs/math/als.md`.

use crate::row::System;
use crate::simd::{Lanes, dispatch};

/// Memory that a thread reuses from row to row.
pub struct Scratch {
    tile: Vec<f32>,
    r: Vec<f32>,
    z: Vec<f32>,
    p: Vec<f32>,
    ap: Vec<f32>,
    s: Vec<f32>,
}

impl Scratch {
    /// For rows of `stride` floats.
    pub fn new(stride: usize) -> Self {
        let vector = || vec![0.0; stride];
        Self { tile: Vec::new(), r: vector(), z: vector(), p: vector(), ap: vector(), s: vector() }
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
    let Scratch { tile, r, z, p, ap, s } = scratch;
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
