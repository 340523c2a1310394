//! Cholesky factorization of small padded matrices, and the triangular solves.
//!
//! Panels of 16 rows: the diagonal block is eliminated and inverted on its own, the rest of the panel is that
//! inverse times the old rows, and what is below loses the panel's products ([`syrk`](crate::syrk)). Wide matrices
//! gather four panels before they touch what is below, so that it passes through the cache a quarter as often.

use crate::lines::Lines;
use crate::simd::{Lanes, Level, dispatch};
use crate::syrk::{self, BLOCK};

/// Rows of a group of panels.
const GROUP: usize = 64;
/// Narrower matrices stay in the first-level cache, and every panel is a group.
const NARROW: usize = 160;

/// A symmetric positive definite matrix on its way to `U' U`, with memory that is reused.
pub struct Factor {
    /// Before: the matrix, upper triangle. After: U outside the diagonal blocks.
    matrix: Lines,
    /// The inverses of the diagonal blocks of U, one after the other, row by row.
    inverse: Lines,
    /// Rows of the present group, as a tile.
    tile: Lines,
    /// The diagonal before the factorization.
    diagonal: Vec<f32>,
    width: usize,
}

/// A pivot that is not positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotPositive(pub usize);

impl Factor {
    /// Room for matrices of up to `width` rows, a multiple of 16.
    pub fn new(width: usize) -> Self {
        assert!(width.is_multiple_of(BLOCK), "{width} is no multiple of {BLOCK}");
        Self {
            matrix: Lines::zeros(width * width),
            inverse: Lines::zeros(width * BLOCK),
            tile: Lines::zeros(width * GROUP),
            diagonal: vec![0.0; width],
            width,
        }
    }

    /// The matrix (width, width) to be filled; old values stand in it.
    pub fn matrix(&mut self, width: usize) -> &mut [f32] {
        assert!(width.is_multiple_of(BLOCK) && width * BLOCK <= self.inverse.len(), "no room for {width}");
        self.width = width;
        &mut self.matrix[..width * width]
    }

    /// Factorizes the matrix.
    ///
    /// Returns the least share of a diagonal entry that elimination left, 1 for a diagonal matrix: one minus the
    /// squared multiple correlation of a column with those before it. Scaling rows and columns does not change it.
    ///
    /// # Errors
    /// The first pivot that is not positive, or not finite.
    pub fn decompose(&mut self, level: Level) -> Result<f32, NotPositive> {
        decompose(level, self)
    }

    /// Overwrites `b` with the solution of `U' U x = b`.
    pub fn solve(&self, level: Level, b: &mut [f32]) {
        self.forward(level, b);
        self.backward(level, b);
    }

    /// Overwrites `b` with the solution of `U' y = b`.
    pub fn forward(&self, level: Level, b: &mut [f32]) {
        forward(level, self, b);
    }

    /// Overwrites `b` with the solution of `U x = b`.
    pub fn backward(&self, level: Level, b: &mut [f32]) {
        backward(level, self, b);
    }
}

/// `body` with `$i` = 0, 1, .. 15: only a loop without a counter keeps its rows in registers.
macro_rules! unrolled {
    ($i:ident => $body:block) => { unrolled!($i => $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15) };
    ($i:ident => $body:block, $($n:literal)*) => { $({ let $i: usize = $n; $body })* };
}

/// A vector of columns of a diagonal block, of which only the first `ROWS` rows are not below the diagonal:
/// elimination with all rows in registers.
///
/// Writes the vector's part of U1 (unit upper triangular) times the pivots to `u`, and of U1 itself to `f`; the
/// `inverse` of the pivots of earlier columns stands there, that of its own is added.
#[inline(always)]
unsafe fn eliminate<L: Lanes, const ROWS: usize>(
    a: *const f32,
    stride: usize,
    u: *mut f32,
    f: *mut f32,
    inverse: &mut [f32; BLOCK],
) {
    let column = ROWS - L::N;
    // SAFETY: BLOCK rows of L::N floats at a, `stride` apart; u and f are (BLOCK, BLOCK).
    unsafe {
        let mut rows: [L::V; ROWS] = std::array::from_fn(|i| L::load(a.add(i * stride + column)));
        unrolled!(i => {
            if i < ROWS {
                let row = rows[i];
                L::store(u.add(i * BLOCK + column), row);
                if i >= column {
                    inverse[i] = 1.0 / *u.add(i * BLOCK + i);
                }
                let scaled = L::fma(L::splat(inverse[i]), row, L::splat(0.0));
                L::store(f.add(i * BLOCK + column), scaled);
                for j in i + 1..ROWS {
                    rows[j] = L::fnma(L::splat(*u.add(i * BLOCK + j)), scaled, rows[j]);
                }
            }
        });
    }
}

/// The same columns of the inverse of U1, by back substitution, each row times its root: of `V = U1^-1 D^-1/2`.
#[inline(always)]
unsafe fn invert<L: Lanes, const ROWS: usize>(f: *const f32, roots: *const f32, v: *mut f32) {
    let column = ROWS - L::N;
    // SAFETY: f and v are (BLOCK, BLOCK), roots is (BLOCK).
    unsafe {
        let roots = L::load(roots.add(column));
        let zero = L::splat(0.0);
        let mut rows: [L::V; ROWS] = std::array::from_fn(|i| {
            let unit: [f32; BLOCK] = std::array::from_fn(|c| if column + c == i { 1.0 } else { 0.0 });
            L::load(unit.as_ptr())
        });
        unrolled!(up => {
            let i = BLOCK - 1 - up;
            if i < ROWS {
                let row = rows[i];
                L::store(v.add(i * BLOCK + column), L::fma(row, roots, zero));
                for j in 0..i {
                    rows[j] = L::fnma(L::splat(*f.add(j * BLOCK + i)), row, rows[j]);
                }
            } else {
                L::store(v.add(i * BLOCK + column), zero);
            }
        });
    }
}

/// Inverts the factor U of a diagonal block, whose rows are `stride` apart, to `v`, row by row.
///
/// Returns the pivots, the squared diagonal of U, or the place of one that is not positive.
#[inline(always)]
unsafe fn invert_block<L: Lanes>(a: *const f32, stride: usize, v: *mut f32) -> Result<[f32; BLOCK], usize> {
    let (mut u, mut f) = ([0.0f32; BLOCK * BLOCK], [0.0f32; BLOCK * BLOCK]);
    let mut inverse = [0.0f32; BLOCK];
    // SAFETY: BLOCK rows of BLOCK floats at a and v.
    unsafe {
        let (up, fp) = (u.as_mut_ptr(), f.as_mut_ptr());
        if L::N == 4 {
            eliminate::<L, 4>(a, stride, up, fp, &mut inverse);
        }
        if L::N <= 8 {
            eliminate::<L, 8>(a, stride, up, fp, &mut inverse);
        }
        if L::N == 4 {
            eliminate::<L, 12>(a, stride, up, fp, &mut inverse);
        }
        eliminate::<L, 16>(a, stride, up, fp, &mut inverse);
        let pivots: [f32; BLOCK] = std::array::from_fn(|i| u[i * BLOCK + i]);
        if let Some(bad) = pivots.iter().position(|&p| !(p > 0.0 && p.is_finite())) {
            return Err(bad);
        }
        let roots: [f32; BLOCK] = std::array::from_fn(|i| 1.0 / pivots[i].sqrt());
        let fp = f.as_ptr();
        if L::N == 4 {
            invert::<L, 4>(fp, roots.as_ptr(), v);
        }
        if L::N <= 8 {
            invert::<L, 8>(fp, roots.as_ptr(), v);
        }
        if L::N == 4 {
            invert::<L, 12>(fp, roots.as_ptr(), v);
        }
        invert::<L, 16>(fp, roots.as_ptr(), v);
        Ok(pivots)
    }
}

/// `C` vectors of a panel's rows times the transposed inverse of its diagonal block, in place and to the tile.
#[inline(always)]
unsafe fn solve_panel<L: Lanes, const C: usize>(
    v: *const f32,
    a: *mut f32,
    stride: usize,
    tile: [*mut f32; C],
) {
    const ROWS: usize = 4;
    // SAFETY: BLOCK rows of C vectors at a, of one vector at each pointer of tile; v is (BLOCK, BLOCK).
    unsafe {
        // From the last rows to the first: a new row needs the old rows up to itself.
        for strip in (0..BLOCK / ROWS).rev() {
            let mut acc = [[L::splat(0.0); C]; ROWS];
            for r in 0..(strip + 1) * ROWS {
                let old: [L::V; C] = std::array::from_fn(|x| L::load(a.add(r * stride + x * L::N)));
                for m in 0..ROWS {
                    let f = L::splat(*v.add(r * BLOCK + strip * ROWS + m));
                    for x in 0..C {
                        acc[m][x] = L::fma(f, old[x], acc[m][x]);
                    }
                }
            }
            for m in 0..ROWS {
                for x in 0..C {
                    L::store(a.add((strip * ROWS + m) * stride + x * L::N), acc[m][x]);
                    L::store(tile[x].add((strip * ROWS + m) * BLOCK), acc[m][x]);
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn decompose_generic<L: Lanes>(factor: &mut Factor) -> Result<f32, NotPositive> {
    let width = factor.width;
    let a = &mut factor.matrix[..width * width];
    let group = if width <= NARROW { BLOCK } else { GROUP };
    let pitch = group * BLOCK;
    assert!(factor.tile.len() >= width * group && factor.inverse.len() >= width * BLOCK);
    for i in 0..width {
        factor.diagonal[i] = a[i * width + i];
    }
    let mut least = 1.0f32;
    for start in (0..width).step_by(group) {
        let end = width.min(start + group);
        for panel in (start..end).step_by(BLOCK) {
            // SAFETY: L runs here; BLOCK rows and columns from `panel` on; BLOCK rows of the inverse.
            let (v, pivots) = unsafe {
                let v = factor.inverse.as_mut_ptr().add(panel * BLOCK);
                (v, invert_block::<L>(a.as_ptr().add(panel * width + panel), width, v))
            };
            let pivots = pivots.map_err(|i| NotPositive(panel + i))?;
            for (pivot, whole) in pivots.iter().zip(&factor.diagonal[panel..]) {
                least = least.min(pivot / whole);
            }
            // SAFETY: rows panel..panel + BLOCK and columns from panel + BLOCK on, all below width; the tile
            // holds a block of `group` rows for every 16 columns from `start` on.
            unsafe {
                let rows = a.as_mut_ptr().add(panel * width);
                let at = |column: usize| (column - start) / BLOCK * pitch + column % BLOCK;
                let tile = factor.tile.as_mut_ptr().add((panel - start) * BLOCK);
                let mut j = panel + BLOCK;
                while j < width {
                    if j + 2 * L::N <= width {
                        let to = [tile.add(at(j)), tile.add(at(j + L::N))];
                        solve_panel::<L, 2>(v, rows.add(j), width, to);
                        j += 2 * L::N;
                    } else {
                        solve_panel::<L, 1>(v, rows.add(j), width, [tile.add(at(j))]);
                        j += L::N;
                    }
                }
                // The rest of the group sees this panel now; all below sees the whole group later.
                let next = panel + BLOCK;
                if next < end {
                    let t = factor.tile.as_ptr().add(at(next) + (panel - start) * BLOCK);
                    let corner = a.as_mut_ptr().add(next * width + next);
                    syrk::update::<L, true>(t, pitch, BLOCK, width - next, end - next, corner, width);
                }
            }
        }
        if end < width {
            // SAFETY: as above.
            unsafe {
                let t = factor.tile.as_ptr().add((end - start) / BLOCK * pitch);
                let corner = a.as_mut_ptr().add(end * width + end);
                syrk::update::<L, true>(t, pitch, end - start, width - end, width - end, corner, width);
            }
        }
    }
    Ok(least)
}

dispatch!(
    fn decompose = decompose_generic(factor: &mut Factor) -> Result<f32, NotPositive>
);

#[inline(always)]
unsafe fn forward_generic<L: Lanes>(factor: &Factor, b: &mut [f32]) {
    let width = factor.width;
    assert!(b.len() == width);
    let b = b.as_mut_ptr();
    // SAFETY: rows and columns stay below width, a multiple of BLOCK and so of L::N.
    unsafe {
        for panel in (0..width).step_by(BLOCK) {
            let v = factor.inverse.as_ptr().add(panel * BLOCK);
            // y = V' b on the diagonal block, in four chains.
            let mut y = [0.0f32; BLOCK];
            let mut c = 0;
            while c < BLOCK {
                let mut acc = [L::splat(0.0); 4];
                for r in 0..BLOCK {
                    let f = L::splat(*b.add(panel + r));
                    acc[r % 4] = L::fma(f, L::load(v.add(r * BLOCK + c)), acc[r % 4]);
                }
                L::store(y.as_mut_ptr().add(c), L::add(L::add(acc[0], acc[1]), L::add(acc[2], acc[3])));
                c += L::N;
            }
            let rows = factor.matrix.as_ptr().add(panel * width);
            let mut c = panel + BLOCK;
            while c < width {
                let mut acc = [L::load(b.add(c)), L::splat(0.0), L::splat(0.0), L::splat(0.0)];
                for r in 0..BLOCK {
                    acc[r % 4] = L::fnma(L::splat(y[r]), L::load(rows.add(r * width + c)), acc[r % 4]);
                }
                L::store(b.add(c), L::add(L::add(acc[0], acc[1]), L::add(acc[2], acc[3])));
                c += L::N;
            }
            std::ptr::copy_nonoverlapping(y.as_ptr(), b.add(panel), BLOCK);
        }
    }
}

dispatch!(
    fn forward = forward_generic(factor: &Factor, b: &mut [f32])
);

#[inline(always)]
unsafe fn backward_generic<L: Lanes>(factor: &Factor, b: &mut [f32]) {
    let width = factor.width;
    assert!(b.len() == width);
    let b = b.as_mut_ptr();
    // SAFETY: rows and columns stay below width, a multiple of BLOCK and so of L::N.
    unsafe {
        for panel in (0..width).step_by(BLOCK).rev() {
            let v = factor.inverse.as_ptr().add(panel * BLOCK);
            let rows = factor.matrix.as_ptr().add(panel * width);
            let mut t = [0.0f32; BLOCK];
            for r in 0..BLOCK {
                let mut sum = L::splat(0.0);
                let mut c = panel + BLOCK;
                while c < width {
                    sum = L::fma(L::load(rows.add(r * width + c)), L::load(b.add(c)), sum);
                    c += L::N;
                }
                t[r] = *b.add(panel + r) - L::sum(sum);
            }
            for r in 0..BLOCK {
                let mut sum = L::splat(0.0);
                let mut c = 0;
                while c < BLOCK {
                    sum = L::fma(L::load(v.add(r * BLOCK + c)), L::load(t.as_ptr().add(c)), sum);
                    c += L::N;
                }
                *b.add(panel + r) = L::sum(sum);
            }
        }
    }
}

dispatch!(
    fn backward = backward_generic(factor: &Factor, b: &mut [f32])
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::noise;

    /// `t' t + diag(ridge)` in double precision, whole.
    fn product(t: &[f32], width: usize, ridge: f64) -> Vec<f64> {
        let mut a = vec![0.0; width * width];
        for row in t.chunks_exact(width) {
            for i in 0..width {
                for j in 0..width {
                    a[i * width + j] += f64::from(row[i]) * f64::from(row[j]);
                }
            }
        }
        (0..width).for_each(|i| a[i * width + i] += ridge);
        a
    }

    #[test]
    fn updates_and_solutions_equal_the_definition_on_every_level() {
        for level in Level::available() {
            let mut factor = Factor::new(272);
            for width in [16, 32, 48, 80, 128, 176, 272] {
                let n = width / 2 + 5;
                let t = noise(n * width, width as u64);
                let want = product(&t, width, 1.0);
                let a = factor.matrix(width);
                a.fill(0.0);
                (0..width).for_each(|i| a[i * width + i] = 1.0);
                syrk::syrk_add(level, &t, width, a);
                for i in 0..width {
                    for j in i..width {
                        let (got, want) = (f64::from(a[i * width + j]), want[i * width + j]);
                        assert!((got - want).abs() < 1e-4, "{level:?} {width} {i} {j}: {got} {want}");
                    }
                }
                let share = factor.decompose(level).unwrap();
                assert!(0.0 < share && share <= 1.0, "{share}");
                let b = noise(width, 9);
                let mut x = b.clone();
                factor.solve(level, &mut x);
                for i in 0..width {
                    let back: f64 = (0..width).map(|j| want[i * width + j] * f64::from(x[j])).sum();
                    assert!((back - f64::from(b[i])).abs() < 1e-4, "{level:?} {width} {i}: {back} {}", b[i]);
                }
                // The halves: |U'^-1 b|^2 = b' A^-1 b.
                let mut y = b.clone();
                factor.forward(level, &mut y);
                let norm: f64 = y.iter().map(|&v| f64::from(v).powi(2)).sum();
                let dot: f64 = x.iter().zip(&b).map(|(&x, &b)| f64::from(x) * f64::from(b)).sum();
                assert!((norm - dot).abs() < 1e-4 * dot, "{norm} {dot}");
                factor.backward(level, &mut y);
                assert_eq!(x, y);
            }
        }
    }

    #[test]
    fn the_share_tells_how_much_of_a_column_the_others_explain() {
        for level in Level::available() {
            let mut factor = Factor::new(16);
            for (scale, correlation) in [(1.0f32, 0.0f32), (1.0, 0.9), (1e4, 0.9)] {
                let a = factor.matrix(16);
                a.fill(0.0);
                (0..16).for_each(|i| a[i * 17] = 1.0);
                (a[5 * 17], a[2 * 16 + 5]) = (scale * scale, correlation * scale);
                let share = factor.decompose(level).unwrap();
                assert!((share - (1.0 - correlation * correlation)).abs() < 1e-5, "{share}");
            }
        }
    }

    #[test]
    fn a_matrix_that_is_not_positive_names_the_pivot() {
        for level in Level::available() {
            let mut factor = Factor::new(32);
            for bad in [-1.0, 0.0, f32::NAN, f32::INFINITY] {
                let a = factor.matrix(32);
                a.fill(0.0);
                (0..32).for_each(|i| a[i * 33] = 1.0);
                a[21 * 33] = bad;
                assert_eq!(factor.decompose(level), Err(NotPositive(21)));
            }
        }
    }
}
