//! One row by the (k, k) matrix of its system; see `docs/math/als.md`.

use crate::cholesky::{Factor, NotPositive};
use crate::lines::Lines;
use crate::row::{Prior, System, Touched};
use crate::simd::{Lanes, Level, dispatch};
use crate::syrk::{self, BLOCK};

/// Events gathered at a time.
const ROWS: usize = 64;
/// Events that the memory is asked for ahead of their turn.
const AHEAD: usize = 16;

/// Memory that a thread reuses from row to row.
pub struct Scratch {
    tile: Lines,
    s: Vec<f32>,
}

impl Scratch {
    /// For rows of `stride` floats.
    pub fn new(stride: usize) -> Self {
        Self { tile: Lines::zeros(syrk::tile_len(ROWS, stride)), s: vec![0.0; stride] }
    }
}

/// `C` vectors from column `c` on of the rows `from..to`: to the tile by the root of the weights, and to the sums.
#[inline(always)]
unsafe fn gather_columns<L: Lanes, const C: usize, const SUMS: bool>(
    system: System<'_>,
    from: usize,
    to: usize,
    c: usize,
    b: *mut f32,
    s: *mut f32,
    tile: *mut f32,
) {
    let System { touched: Touched { data, stride, index }, w, wy, .. } = system;
    let pitch = (to - from) * BLOCK;
    // SAFETY: `gather` checked all indices and lengths; c + C * L::N <= stride.
    unsafe {
        let mut targets: [L::V; C] = std::array::from_fn(|v| L::load(b.add(c + v * L::N)));
        let mut weights: [L::V; C] = std::array::from_fn(|v| L::load(s.add(c + v * L::N)));
        for j in from..to {
            let q = data.as_ptr().add(*index.get_unchecked(j) as usize * stride);
            if c == 0 {
                let ahead = *index.get_unchecked((j + AHEAD).min(index.len() - 1)) as usize;
                let line = data.as_ptr().add(ahead * stride);
                for at in (0..stride).step_by(16) {
                    L::prefetch(line.add(at));
                }
            }
            let weight = *w.get_unchecked(j);
            let (root, target) = (L::splat(weight.sqrt()), L::splat(*wy.get_unchecked(j)));
            for v in 0..C {
                let at = c + v * L::N;
                let value = L::load(q.add(at));
                let place = at / BLOCK * pitch + (j - from) * BLOCK + at % BLOCK;
                L::store(tile.add(place), L::fma(root, value, L::splat(0.0)));
                targets[v] = L::fma(target, value, targets[v]);
                if SUMS {
                    weights[v] = L::fma(L::splat(weight), value, weights[v]);
                }
            }
        }
        for v in 0..C {
            L::store(b.add(c + v * L::N), targets[v]);
            if SUMS {
                L::store(s.add(c + v * L::N), weights[v]);
            }
        }
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
    let System { touched: Touched { data, stride, index }, w, wy, bias_penalty } = system;
    let rows = data.len() / stride;
    assert!(b.len() == stride && s.len() == stride && tile.len() >= syrk::tile_len(to - from, stride));
    assert!(from < to && to <= index.len() && w.len() == index.len() && wy.len() == index.len());
    assert!(index.iter().all(|&i| (i as usize) < rows));
    let (b, s, tile) = (b.as_mut_ptr(), s.as_mut_ptr(), tile.as_mut_ptr());
    let mut c = 0;
    // SAFETY: checked above.
    unsafe {
        while c < stride {
            match (c + 4 * L::N <= stride, bias_penalty.is_some()) {
                (true, true) => gather_columns::<L, 4, true>(system, from, to, c, b, s, tile),
                (true, false) => gather_columns::<L, 4, false>(system, from, to, c, b, s, tile),
                (false, true) => gather_columns::<L, 1, true>(system, from, to, c, b, s, tile),
                (false, false) => gather_columns::<L, 1, false>(system, from, to, c, b, s, tile),
            }
            c += if c + 4 * L::N <= stride { 4 * L::N } else { L::N };
        }
    }
}

dispatch!(
    /// Copies rows `from..to`, each times the root of its weight, to `tile`; `b += Q' wy`, and with a bias
    /// `s += Q' w`.
    fn gather = gather_generic(system: System<'_>, from: usize, to: usize, b: &mut [f32], s: &mut [f32], tile: &mut [f32])
);

/// Writes the system of the row: the matrix A (upper triangle) to `factor`, and b to `x`.
///
/// Returns the least share of a diagonal entry that eliminating the bias left.
pub fn assemble(
    level: Level,
    system: System<'_>,
    prior: Prior<'_>,
    x: &mut [f32],
    factor: &mut Factor,
    scratch: &mut Scratch,
) -> f32 {
    let stride = system.touched.stride;
    let Scratch { tile, s } = scratch;
    let a = factor.matrix(stride);
    prior.fill(stride, a);
    x.fill(0.0);
    s.fill(0.0);
    let n = system.w.len();
    for from in (0..n).step_by(ROWS) {
        let to = n.min(from + ROWS);
        gather(level, system, from, to, x, s, tile);
        syrk::syrk_tile(level, tile, to - from, stride, a);
    }
    let mut least = 1.0f32;
    if system.bias_penalty.is_some() {
        let (schur, target) = system.bias_terms();
        for i in 0..stride {
            let f = schur * s[i];
            least = least.min(1.0 - f * s[i] / a[i * stride + i]);
            for j in i..stride {
                a[i * stride + j] -= f * s[j];
            }
            x[i] -= schur * target * s[i];
        }
    }
    least
}

/// The bias that belongs to the factors `x` of a row that [`assemble`] saw last; 0 without one.
pub fn bias_of(system: System<'_>, x: &[f32], scratch: &Scratch) -> f32 {
    let (schur, target) = system.bias_terms();
    let dot: f64 = scratch.s.iter().zip(x).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
    schur * (target - dot as f32)
}

/// Solves for `x` and returns the bias and the least share of a pivot, see [`Factor::decompose`].
///
/// # Errors
/// The pivot at which the matrix was not positive definite; `x` is then spoiled.
pub fn solve(
    level: Level,
    system: System<'_>,
    prior: Prior<'_>,
    x: &mut [f32],
    factor: &mut Factor,
    scratch: &mut Scratch,
) -> Result<(f32, f32), NotPositive> {
    let left = assemble(level, system, prior, x, factor, scratch);
    let least = left * factor.decompose(level)?;
    factor.solve(level, x);
    Ok((bias_of(system, x, scratch), least))
}
