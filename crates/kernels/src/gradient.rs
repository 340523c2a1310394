//! One row by preconditioned conjugate gradients from its previous value; see `docs/math/als.md`.
//!
//! `M = diag(spectrum + lambda)`, and the preconditioner is `1 / (M + share * spectrum)`: the events of the row raise
//! the spectrum as if they were a random sample of the fixed rows. A step is one [`pass`] over the fixed rows that the
//! row touches and a few operations on vectors of its width. [`State`] holds what must last from one pass to the
//! next, so that many rows can also take each step together.

use crate::row::Touched;
use crate::simd::{Lanes, Level, PAD, dispatch};

/// How a pass turns `d = q . v` into the coefficient of `q`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// `wy - w d`: the residual.
    Residual,
    /// `w d`: the matrix.
    Apply,
    /// Nothing is added to `out`: only the curvature `sum w d^2` is asked for.
    Curvature,
}

/// Events that a pass handles at a time. The sums of a row depend on where its groups begin, so a pass over a part of
/// a row starts at a multiple of this.
pub const GROUP: usize = 4;

/// Fixed rows asked for ahead of their use.
const AHEAD: usize = 8;

/// `out += sum_j c_j q_j` with `c_j` of [`Pass`]; where `SUMS`, also `sums += sum_j w_j q_j`.
#[inline(always)]
unsafe fn pass_generic<L: Lanes>(
    kind: Pass,
    touched: Touched<'_>,
    v: &[f32],
    w: &[f32],
    wy: &[f32],
    out: &mut [f32],
    sums: Option<&mut [f32]>,
) -> f32 {
    let stride = touched.stride;
    let n = w.len();
    let rows = touched.data.len() / stride;
    assert!(
        v.len() == stride && out.len() == stride && touched.index.len() == n && stride.is_multiple_of(PAD)
    );
    assert!(kind != Pass::Residual || wy.len() == n);
    // A maximum of unsigned numbers, because it needs no branch: negative rows are huge.
    assert!(touched.index.iter().fold(0u32, |top, &i| top.max(i as u32)) < rows as u32 || n == 0);
    assert!(sums.as_ref().is_none_or(|sums| sums.len() == stride && kind == Pass::Residual));
    // SAFETY: L runs here, and the shapes are as `in_registers` and `in_cache` ask.
    unsafe {
        let mut sums = sums;
        let curvature = match (stride / L::N, L::REGISTERS) {
            (1, _) => by_kind::<L, 1, 4>(kind, touched, v, w, wy, out, sums.take()),
            (2, _) => by_kind::<L, 2, 4>(kind, touched, v, w, wy, out, sums.take()),
            (3, 32..) => by_kind::<L, 3, 4>(kind, touched, v, w, wy, out, sums.take()),
            (4, 32..) => by_kind::<L, 4, 4>(kind, touched, v, w, wy, out, sums.take()),
            (4, _) => by_kind::<L, 4, 2>(kind, touched, v, w, wy, out, None),
            (5, 32..) => by_kind::<L, 5, 2>(kind, touched, v, w, wy, out, None),
            (6, 32..) => by_kind::<L, 6, 2>(kind, touched, v, w, wy, out, None),
            (8, 32..) => by_kind::<L, 8, 2>(kind, touched, v, w, wy, out, None),
            _ => match kind {
                Pass::Residual => in_cache::<L, RESIDUAL>(touched, v, w, wy, out),
                Pass::Apply => in_cache::<L, APPLY>(touched, v, w, wy, out),
                Pass::Curvature => in_cache::<L, CURVATURE>(touched, v, w, wy, out),
            },
        };
        if let Some(sums) = sums {
            add_rows::<L>(touched, w, sums);
        }
        curvature
    }
}

/// `out += sum_j w_j q_j` over the touched rows q.
#[inline(always)]
unsafe fn add_rows<L: Lanes>(touched: Touched<'_>, w: &[f32], out: &mut [f32]) {
    let Touched { data, stride, index } = touched;
    let n = w.len();
    let rows = data.len() / stride;
    assert!(index.len() == n && out.len() == stride && stride.is_multiple_of(PAD));
    // A maximum of unsigned numbers, because it needs no branch: negative rows are huge.
    assert!(n == 0 || index.iter().fold(0u32, |top, &i| top.max(i as u32)) < rows as u32);
    let (base, op) = (data.as_ptr(), out.as_mut_ptr());
    // SAFETY: event numbers stay below n by `min`, rows below `rows` by the assertion, columns below stride.
    unsafe {
        let mut j = 0;
        while j < n {
            let mut q = [base; 4];
            let mut f = [L::splat(0.0); 4];
            for i in 0..4 {
                let here = (j + i).min(n - 1);
                q[i] = base.add(*index.get_unchecked(here) as usize * stride);
                f[i] = L::splat(if j + i < n { *w.get_unchecked(here) } else { 0.0 });
                let ahead = base.add(*index.get_unchecked((here + AHEAD).min(n - 1)) as usize * stride);
                let mut c = 0;
                while c < stride {
                    L::prefetch(ahead.add(c));
                    c += 16;
                }
            }
            let mut c = 0;
            while c < stride {
                let mut o = L::load(op.add(c));
                for i in 0..4 {
                    o = L::fma(f[i], L::load(q[i].add(c)), o);
                }
                L::store(op.add(c), o);
                c += L::N;
            }
            j += 4;
        }
    }
}

const RESIDUAL: u8 = 0;
const APPLY: u8 = 1;
const CURVATURE: u8 = 2;
const RESIDUAL_AND_SUMS: u8 = 3;

#[inline(always)]
unsafe fn by_kind<L: Lanes, const V: usize, const R: usize>(
    kind: Pass,
    touched: Touched<'_>,
    v: &[f32],
    w: &[f32],
    wy: &[f32],
    out: &mut [f32],
    sums: Option<&mut [f32]>,
) -> f32 {
    // SAFETY: the same contract.
    unsafe {
        match (kind, sums) {
            (Pass::Residual, Some(sums)) => {
                in_registers::<L, V, R, RESIDUAL_AND_SUMS>(touched, v, w, wy, out, sums)
            }
            (Pass::Residual, None) => in_registers::<L, V, R, RESIDUAL>(touched, v, w, wy, out, &mut []),
            (Pass::Apply, _) => in_registers::<L, V, R, APPLY>(touched, v, w, wy, out, &mut []),
            (Pass::Curvature, _) => in_registers::<L, V, R, CURVATURE>(touched, v, w, wy, out, &mut []),
        }
    }
}

/// The coefficients of a group of events, and its part of the curvature.
///
/// Events from `n` on do not exist and get 0.
#[inline(always)]
unsafe fn coefficients<const KIND: u8>(
    dots: [f32; GROUP],
    j: usize,
    w: &[f32],
    wy: &[f32],
    curvature: &mut [f32; GROUP],
) -> [f32; GROUP] {
    let here = (w.len() - j).min(GROUP);
    let mut c = [0.0f32; GROUP];
    for i in 0..GROUP {
        if i < here {
            // SAFETY: j + i < n.
            let weight = unsafe { *w.get_unchecked(j + i) };
            c[i] = weight * dots[i];
            if KIND == RESIDUAL || KIND == RESIDUAL_AND_SUMS {
                // SAFETY: as above.
                c[i] = unsafe { *wy.get_unchecked(j + i) } - c[i];
            }
            if KIND == CURVATURE {
                curvature[i] += c[i] * dots[i];
            }
        }
    }
    c
}

/// Rows of V vectors, R of them in registers at a time, with `out` (and `sums`, where they are asked for) in registers
/// throughout.
#[inline(always)]
unsafe fn in_registers<L: Lanes, const V: usize, const R: usize, const KIND: u8>(
    touched: Touched<'_>,
    v: &[f32],
    w: &[f32],
    wy: &[f32],
    out: &mut [f32],
    sums: &mut [f32],
) -> f32 {
    let n = w.len();
    let (base, index, vp) = (touched.data.as_ptr(), touched.index.as_ptr(), v.as_ptr());
    // SAFETY: event numbers stay below n by `min`, row numbers below the matrix's by the caller's check.
    unsafe {
        // Loops, not closures: a closure would not be compiled for the lanes' instruction set.
        let mut sum = [L::splat(0.0); V];
        for c in 0..V {
            sum[c] = L::load(out.as_ptr().add(c * L::N));
        }
        let mut weighted = [L::splat(0.0); V];
        if KIND == RESIDUAL_AND_SUMS {
            for c in 0..V {
                weighted[c] = L::load(sums.as_ptr().add(c * L::N));
            }
        }
        let mut curvature = [0.0f32; GROUP];
        let mut j = 0;
        while j < n {
            for ahead in j + AHEAD..j + AHEAD + GROUP {
                let line = base.add(*index.add(ahead.min(n - 1)) as usize * touched.stride);
                for c in 0..(V * L::N).div_ceil(16) {
                    L::prefetch(line.add(c * 16));
                }
            }
            let mut dots = [0.0f32; GROUP];
            let mut first = 0;
            while first < GROUP {
                let mut q = [[L::splat(0.0); V]; R];
                let mut d = [L::splat(0.0); GROUP];
                for i in 0..R {
                    let line = base.add(*index.add((j + first + i).min(n - 1)) as usize * touched.stride);
                    for c in 0..V {
                        q[i][c] = L::load(line.add(c * L::N));
                    }
                }
                for i in 0..R {
                    d[i] = L::mul(q[i][0], L::load(vp));
                    for c in 1..V {
                        d[i] = L::fma(q[i][c], L::load(vp.add(c * L::N)), d[i]);
                    }
                }
                if R == GROUP {
                    dots = L::sum4(d);
                } else {
                    for i in 0..R {
                        dots[first + i] = L::sum(d[i]);
                    }
                }
                if KIND != CURVATURE {
                    let f = coefficients::<KIND>(dots, j, w, wy, &mut curvature);
                    for i in 0..R {
                        let f = L::splat(f[first + i]);
                        for c in 0..V {
                            sum[c] = L::fma(f, q[i][c], sum[c]);
                        }
                    }
                }
                if KIND == RESIDUAL_AND_SUMS {
                    for i in 0..R {
                        let f =
                            L::splat(if j + first + i < n { *w.get_unchecked(j + first + i) } else { 0.0 });
                        for c in 0..V {
                            weighted[c] = L::fma(f, q[i][c], weighted[c]);
                        }
                    }
                }
                first += R;
            }
            if KIND == CURVATURE {
                coefficients::<KIND>(dots, j, w, wy, &mut curvature);
            }
            j += GROUP;
        }
        for c in 0..V {
            L::store(out.as_mut_ptr().add(c * L::N), sum[c]);
            if KIND == RESIDUAL_AND_SUMS {
                L::store(sums.as_mut_ptr().add(c * L::N), weighted[c]);
            }
        }
        (curvature[0] + curvature[1]) + (curvature[2] + curvature[3])
    }
}

/// Rows of any length, a group at a time through the first-level cache.
#[inline(always)]
unsafe fn in_cache<L: Lanes, const KIND: u8>(
    touched: Touched<'_>,
    v: &[f32],
    w: &[f32],
    wy: &[f32],
    out: &mut [f32],
) -> f32 {
    let (n, stride) = (w.len(), touched.stride);
    let (base, index, vp, op) = (touched.data.as_ptr(), touched.index.as_ptr(), v.as_ptr(), out.as_mut_ptr());
    // SAFETY: event numbers stay below n by `min`, row numbers below the matrix's by the caller's check, columns
    // below stride, a multiple of L::N.
    unsafe {
        let mut curvature = [0.0f32; GROUP];
        let mut j = 0;
        while j < n {
            let mut q = [base; GROUP];
            let mut next = [base; GROUP];
            for i in 0..GROUP {
                q[i] = base.add(*index.add((j + i).min(n - 1)) as usize * stride);
                next[i] = base.add(*index.add((j + GROUP + i).min(n - 1)) as usize * stride);
            }
            let mut d = [L::splat(0.0); GROUP];
            let mut c = 0;
            while c < stride {
                for part in 0..16 / L::N {
                    let c = c + part * L::N;
                    let x = L::load(vp.add(c));
                    for i in 0..GROUP {
                        d[i] = L::fma(L::load(q[i].add(c)), x, d[i]);
                    }
                }
                for line in next {
                    L::prefetch(line.add(c));
                }
                c += 16;
            }
            let f = coefficients::<KIND>(L::sum4(d), j, w, wy, &mut curvature);
            if KIND != CURVATURE {
                let f = [L::splat(f[0]), L::splat(f[1]), L::splat(f[2]), L::splat(f[3])];
                let mut c = 0;
                while c < stride {
                    let mut o = L::load(op.add(c));
                    for i in 0..GROUP {
                        o = L::fma(f[i], L::load(q[i].add(c)), o);
                    }
                    L::store(op.add(c), o);
                    c += L::N;
                }
            }
            j += GROUP;
        }
        (curvature[0] + curvature[1]) + (curvature[2] + curvature[3])
    }
}

dispatch!(
    /// `out += sum_j c_j q_j` over the events with weights `w`, `c_j` as [`Pass`] says; with `sums`, also
    /// `sums += sum_j w_j q_j`. Returns `sum_j w_j d_j^2` for [`Pass::Curvature`], else 0.
    ///
    /// `wy` is read for [`Pass::Residual`] alone.
    pub fn pass = pass_generic(
        kind: Pass,
        touched: Touched<'_>,
        v: &[f32],
        w: &[f32],
        wy: &[f32],
        out: &mut [f32],
        sums: Option<&mut [f32]>,
    ) -> f32
);

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

/// The diagonal of M and of the preconditioner.
#[derive(Clone, Copy)]
pub struct Diagonal<'a> {
    /// The fixed side's Gram matrix in its eigenbasis, times the weight of the unobserved (stride).
    pub spectrum: &'a [f32],
    /// The row's penalty.
    pub lambda: f32,
    /// The row's weights over the weight of all its unobserved cells.
    pub share: f32,
}

impl Diagonal<'_> {
    #[inline(always)]
    fn m(&self, c: usize) -> f32 {
        self.spectrum[c] + self.lambda
    }

    #[inline(always)]
    fn inverse(&self, c: usize) -> f32 {
        let curvature = self.m(c) + self.share * self.spectrum[c];
        if curvature > 0.0 { 1.0 / curvature } else { 1.0 }
    }
}

/// An eliminated bias: `1 / (sum w + lambda_b)` and `sum wy`; zeros without one.
#[derive(Clone, Copy, Default)]
pub struct Schur {
    /// `1 / (sum w + lambda_b)`.
    pub inverse: f32,
    /// `sum wy`.
    pub target: f32,
}

/// What a row remembers between passes.
pub struct State {
    /// The residual; the first pass adds to it.
    pub r: Vec<f32>,
    /// The direction of the next step.
    pub p: Vec<f32>,
    /// The matrix times the direction; every later pass adds to it.
    pub ap: Vec<f32>,
    /// `Q' w`, for the bias.
    pub s: Vec<f32>,
    rz: f32,
    first: f32,
}

impl State {
    /// For rows of `stride` floats.
    pub fn new(stride: usize) -> Self {
        let vector = || vec![0.0; stride];
        Self { r: vector(), p: vector(), ap: vector(), s: vector(), rz: 0.0, first: 0.0 }
    }

    /// Ready for the first pass.
    pub fn clear(&mut self) {
        self.r.fill(0.0);
        self.s.fill(0.0);
        self.ap.fill(0.0);
    }

    /// Whether the row is at its solution, as far as single precision tells.
    pub fn settled(&self) -> bool {
        self.rz <= 0.0 || (self.first.is_finite() && self.rz <= 1e-14 * self.first)
    }

    /// The bias that belongs to `x`; 0 without one.
    pub fn bias(&self, schur: Schur, x: &[f32]) -> f32 {
        let sum: f32 = self.s.iter().zip(x).map(|(&s, &x)| s * x).sum();
        schur.inverse * (schur.target - sum)
    }
}

/// How far to go; NaN after an overflow, so that it is seen in the row instead of ending its way in silence.
fn length(rz: f32, curvature: f32) -> f32 {
    if curvature.is_finite() { rz / curvature } else { f32::NAN }
}

#[inline(always)]
unsafe fn start_generic<L: Lanes>(diagonal: Diagonal<'_>, schur: Schur, x: &[f32], state: &mut State) {
    let State { r, p, s, rz, first, .. } = state;
    let stride = x.len();
    assert!(r.len() == stride && p.len() == stride && s.len() == stride && diagonal.spectrum.len() == stride);
    // SAFETY: L runs here; `dot` checks its slices.
    let sum = unsafe { dot::<L>(s, x) };
    let shift = if schur.inverse == 0.0 { 0.0 } else { schur.inverse * (sum - schur.target) };
    for c in 0..stride {
        r[c] += shift * s[c] - diagonal.m(c) * x[c];
        p[c] = r[c] * diagonal.inverse(c);
    }
    // SAFETY: as above.
    *rz = unsafe { dot::<L>(r, p) };
    *first = *rz;
}

dispatch!(
    /// After the pass that left `b - Q' W Q x` in `r`: the residual and the first direction.
    pub fn start = start_generic(diagonal: Diagonal<'_>, schur: Schur, x: &[f32], state: &mut State)
);

#[inline(always)]
unsafe fn step_generic<L: Lanes>(diagonal: Diagonal<'_>, schur: Schur, x: &mut [f32], state: &mut State) {
    let State { r, p, ap, s, rz, .. } = state;
    let stride = x.len();
    assert!(r.len() == stride && p.len() == stride && ap.len() == stride && s.len() == stride);
    assert!(diagonal.spectrum.len() == stride);
    // SAFETY: L runs here; `dot` checks its slices.
    let shift = if schur.inverse == 0.0 { 0.0 } else { schur.inverse * unsafe { dot::<L>(s, p) } };
    for c in 0..stride {
        ap[c] += diagonal.m(c) * p[c] - shift * s[c];
    }
    // SAFETY: as above.
    let curvature = unsafe { dot::<L>(p, ap) };
    if curvature <= 0.0 {
        *rz = 0.0;
        return;
    }
    let length = length(*rz, curvature);
    for c in 0..stride {
        x[c] += length * p[c];
        r[c] -= length * ap[c];
        ap[c] = r[c] * diagonal.inverse(c);
    }
    // SAFETY: as above.
    let next = unsafe { dot::<L>(r, ap) };
    let turn = next / *rz;
    *rz = next;
    for c in 0..stride {
        p[c] = ap[c] + turn * p[c];
        ap[c] = 0.0;
    }
}

dispatch!(
    /// After the pass that left `Q' W Q p` in `ap`: one step, and the next direction.
    pub fn step = step_generic(diagonal: Diagonal<'_>, schur: Schur, x: &mut [f32], state: &mut State)
);

#[inline(always)]
unsafe fn last_step_generic<L: Lanes>(
    diagonal: Diagonal<'_>,
    schur: Schur,
    curvature: f32,
    x: &mut [f32],
    state: &mut State,
) {
    let State { p, s, rz, .. } = state;
    let stride = x.len();
    assert!(p.len() == stride && s.len() == stride && diagonal.spectrum.len() == stride);
    let mut curvature = curvature;
    for c in 0..stride {
        curvature += diagonal.m(c) * p[c] * p[c];
    }
    if schur.inverse != 0.0 {
        // SAFETY: L runs here; `dot` checks its slices.
        curvature -= schur.inverse * unsafe { dot::<L>(s, p) }.powi(2);
    }
    if curvature <= 0.0 {
        return;
    }
    let length = length(*rz, curvature);
    for c in 0..stride {
        x[c] += length * p[c];
    }
}

dispatch!(
    /// After a pass for the curvature: the last step, which needs no new direction.
    pub fn last_step = last_step_generic(
        diagonal: Diagonal<'_>,
        schur: Schur,
        curvature: f32,
        x: &mut [f32],
        state: &mut State,
    )
);

/// Improves `x` by `steps` conjugate-gradient steps. Returns the bias (0 without one).
pub fn conjugate_gradient(
    level: Level,
    touched: Touched<'_>,
    w: &[f32],
    wy: &[f32],
    diagonal: Diagonal<'_>,
    bias: Option<Schur>,
    steps: usize,
    x: &mut [f32],
    state: &mut State,
) -> f32 {
    let schur = bias.unwrap_or_default();
    state.clear();
    pass(level, Pass::Residual, touched, x, w, wy, &mut state.r, bias.map(|_| &mut state.s[..]));
    start(level, diagonal, schur, x, state);
    for left in (0..steps).rev() {
        if state.settled() {
            break;
        }
        if left > 0 {
            pass(level, Pass::Apply, touched, &state.p, w, wy, &mut state.ap, None);
            step(level, diagonal, schur, x, state);
        } else {
            let curvature = pass(level, Pass::Curvature, touched, &state.p, w, wy, &mut state.ap, None);
            last_step(level, diagonal, schur, curvature, x, state);
        }
    }
    state.bias(schur, x)
}
