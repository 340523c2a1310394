//! The symmetric rank-n update `C += T' T` (or `-=`), upper triangle: where an exact row solve spends its time.
//!
//! A *tile* holds T by blocks of [`BLOCK`] columns, each block row by row: entry (r, c) stands at
//! `(c / BLOCK) * pitch + r * BLOCK + c % BLOCK`. So the inner loop reads two streams without gaps, however wide
//! the matrix is, and rows whose length is a power of two do not fight for the same cache sets.

use crate::lines::Lines;
use crate::simd::{Lanes, Level, PAD, dispatch};

/// Columns of a block; every padded row length is a multiple.
pub const BLOCK: usize = PAD;

/// Floats of a tile with `rows` rows and `width` columns.
pub fn tile_len(rows: usize, width: usize) -> usize {
    rows * width
}

/// `c[m][j..] (+|-)= sum_r a[r][m] b[r][j..]` for `R` rows and `C` vectors; all pitches in floats.
#[inline(always)]
pub(crate) unsafe fn block<L: Lanes, const R: usize, const C: usize, const SUBTRACT: bool>(
    a: *const f32,
    b: [*const f32; C],
    n: usize,
    c: *mut f32,
    stride: usize,
) {
    // SAFETY: the caller gives pointers to n rows of a tile, and R rows of c with C vectors each.
    unsafe {
        let mut acc = [[L::splat(0.0); C]; R];
        for r in 0..n {
            let right: [L::V; C] = std::array::from_fn(|v| L::load(b[v].add(r * BLOCK)));
            for m in 0..R {
                let left = L::splat(*a.add(r * BLOCK + m));
                for v in 0..C {
                    acc[m][v] = L::fma(left, right[v], acc[m][v]);
                }
            }
        }
        let one = L::splat(1.0);
        for m in 0..R {
            for v in 0..C {
                let p = c.add(m * stride + v * L::N);
                let old = L::load(p);
                L::store(p, if SUBTRACT { L::fnma(acc[m][v], one, old) } else { L::add(acc[m][v], old) });
            }
        }
    }
}

/// Rows `i..i + R` of the update, from their diagonal to the right edge.
#[inline(always)]
unsafe fn strip<L: Lanes, const R: usize, const C: usize, const SUBTRACT: bool>(
    t: *const f32,
    pitch: usize,
    n: usize,
    i: usize,
    width: usize,
    c: *mut f32,
    stride: usize,
) {
    let at = |column: usize| column / BLOCK * pitch + column % BLOCK;
    // SAFETY: columns below width, a multiple of BLOCK and so of L::N; see `update`.
    unsafe {
        let a = t.add(at(i));
        let c = c.add(i * stride);
        let mut j = i / L::Half::N * L::Half::N;
        if !j.is_multiple_of(L::N) {
            block::<L::Half, R, 1, SUBTRACT>(a, [t.add(at(j))], n, c.add(j), stride);
            j += L::Half::N;
        }
        while j + C * L::N <= width {
            let b = std::array::from_fn(|v| t.add(at(j + v * L::N)));
            block::<L, R, C, SUBTRACT>(a, b, n, c.add(j), stride);
            j += C * L::N;
        }
        while j < width {
            block::<L, R, 1, SUBTRACT>(a, [t.add(at(j))], n, c.add(j), stride);
            j += L::N;
        }
    }
}

/// The update of the first `rows` rows of `c` by `n` rows of a tile with `width` columns.
///
/// # Safety
/// `L` runs here. `t` is valid for `width / BLOCK` blocks `pitch` floats apart, each of `n` rows; `c` for `rows`
/// rows of `width` floats, `stride` apart. `rows <= width`; both are multiples of [`BLOCK`].
#[inline(always)]
pub unsafe fn update<L: Lanes, const SUBTRACT: bool>(
    t: *const f32,
    pitch: usize,
    n: usize,
    width: usize,
    rows: usize,
    c: *mut f32,
    stride: usize,
) {
    let mut i = 0;
    // SAFETY: handed down; the strips' heights divide BLOCK.
    unsafe {
        while i < rows {
            // As many sums as the registers of the instruction set hold.
            match L::N {
                16 => {
                    strip::<L, 8, 2, SUBTRACT>(t, pitch, n, i, width, c, stride);
                    i += 8;
                }
                8 => {
                    strip::<L, 4, 2, SUBTRACT>(t, pitch, n, i, width, c, stride);
                    i += 4;
                }
                _ => {
                    strip::<L, 4, 4, SUBTRACT>(t, pitch, n, i, width, c, stride);
                    i += 4;
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn syrk_tile_generic<L: Lanes>(t: &[f32], n: usize, stride: usize, c: &mut [f32]) {
    assert!(stride.is_multiple_of(BLOCK) && t.len() >= tile_len(n, stride) && c.len() == stride * stride);
    // SAFETY: the shapes are asserted.
    unsafe { update::<L, false>(t.as_ptr(), n * BLOCK, n, stride, stride, c.as_mut_ptr(), stride) }
}

dispatch!(
    /// `c += t' t`, upper triangle; `t` is a tile of `n` rows, `c` (stride, stride). Entries below the diagonal
    /// are scratch.
    pub fn syrk_tile = syrk_tile_generic(t: &[f32], n: usize, stride: usize, c: &mut [f32])
);

/// `c += t' t`, upper triangle; `t` is (rows, stride) row by row, `c` (stride, stride).
pub fn syrk_add(level: Level, t: &[f32], stride: usize, c: &mut [f32]) {
    const ROWS: usize = 64;
    let mut tile = Lines::zeros(tile_len(ROWS, stride));
    for rows in t.chunks(ROWS * stride) {
        let n = rows.len() / stride;
        for (r, row) in rows.chunks_exact(stride).enumerate() {
            for (b, part) in row.chunks_exact(BLOCK).enumerate() {
                tile[(b * n + r) * BLOCK..(b * n + r + 1) * BLOCK].copy_from_slice(part);
            }
        }
        syrk_tile(level, &tile, n, stride, c);
    }
}
