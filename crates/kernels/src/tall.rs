//! Products of tall matrices, as block Krylov methods need them: `x' z`, and `z += x c` with a small c.
//!
//! All matrices are row-major with rows of a multiple of [`PAD`] floats.

use crate::lines::Lines;
use crate::simd::{Lanes, Level, PAD, dispatch};
use crate::syrk::{BLOCK, block};
use crate::threads::{DisjointSlice, for_each_chunk};

/// Rows summed in single precision before they join the double-precision total.
const CHUNK: usize = 4096;

/// Rows that are cut into blocks of columns at a time.
const TILE: usize = 128;

/// `c += x' z` for a few rows of both, cut into tiles as `syrk` has them.
#[inline(always)]
unsafe fn cross_tile_generic<L: Lanes>(x: &[f32], xs: usize, z: &[f32], zs: usize, n: usize, c: &mut [f32]) {
    assert!(x.len() >= n * xs && z.len() >= n * zs && c.len() == xs * zs);
    assert!(xs.is_multiple_of(BLOCK) && zs.is_multiple_of(BLOCK) && BLOCK.is_multiple_of(L::N));
    let at = |column: usize| column / BLOCK * n * BLOCK + column % BLOCK;
    let mut i = 0;
    // SAFETY: tiles hold n rows for every block of columns; 4 rows of c and a vector end within it.
    unsafe {
        while i < xs {
            let mut j = 0;
            while j < zs {
                let (left, out) = (x.as_ptr().add(at(i)), c.as_mut_ptr().add(i * zs + j));
                if j + 2 * L::N <= zs {
                    let right = [z.as_ptr().add(at(j)), z.as_ptr().add(at(j + L::N))];
                    block::<L, 4, 2, false>(left, right, n, out, zs);
                    j += 2 * L::N;
                } else {
                    block::<L, 4, 1, false>(left, [z.as_ptr().add(at(j))], n, out, zs);
                    j += L::N;
                }
            }
            i += 4;
        }
    }
}

dispatch!(
    fn cross_tile = cross_tile_generic(x: &[f32], xs: usize, z: &[f32], zs: usize, n: usize, c: &mut [f32])
);

fn cut(rows: &[f32], stride: usize, tile: &mut [f32]) {
    let n = rows.len() / stride;
    for (r, row) in rows.chunks_exact(stride).enumerate() {
        for (b, part) in row.chunks_exact(BLOCK).enumerate() {
            tile[(b * n + r) * BLOCK..(b * n + r + 1) * BLOCK].copy_from_slice(part);
        }
    }
}

/// `x' z` (xs, zs) in double precision, for x (n, xs) and z (n, zs).
///
/// Chunks of rows are summed in a fixed order, so the bits do not depend on `threads`.
pub fn cross(level: Level, threads: usize, x: &[f32], xs: usize, z: &[f32], zs: usize) -> Vec<f64> {
    let size = xs * zs;
    let mut total = vec![0.0f64; size];
    if size == 0 {
        return total;
    }
    let n = x.len() / xs;
    assert!(x.len() == n * xs && z.len() == n * zs);
    let chunks = n.div_ceil(CHUNK);
    let mut partial = vec![0.0f32; size * chunks];
    let out = DisjointSlice::new(&mut partial);
    let init = || (Lines::zeros(TILE * xs), Lines::zeros(TILE * zs));
    for_each_chunk(threads, chunks, init, |(left, right): &mut (Lines, Lines), chunk| {
        // SAFETY: each chunk writes its own matrix.
        let sum = unsafe { out.range(chunk * size, (chunk + 1) * size) };
        let mut from = chunk * CHUNK;
        let end = n.min(from + CHUNK);
        while from < end {
            let to = end.min(from + TILE);
            cut(&x[from * xs..to * xs], xs, left);
            cut(&z[from * zs..to * zs], zs, right);
            cross_tile(level, left, xs, right, zs, to - from, sum);
            from = to;
        }
    });
    for sum in partial.chunks_exact(size) {
        for (t, &x) in total.iter_mut().zip(sum) {
            *t += f64::from(x);
        }
    }
    total
}

/// Rows that meet a panel of columns in registers, at most.
const GROUP: usize = 12;

/// `z += x c` for M rows at a time with `P` vectors of a panel of c.
#[inline(always)]
unsafe fn add_groups<L: Lanes, const M: usize, const P: usize>(
    x: &[f32],
    xs: usize,
    panels: &[f32],
    zs: usize,
    group: &mut [f32],
    z: &mut [f32],
) {
    assert!(x.len() / xs == z.len() / zs && zs.is_multiple_of(PAD) && panels.len() == xs * zs);
    assert!(group.len() >= M * xs && P * L::N == PAD);
    for (x, z) in x.chunks(M * xs).zip(z.chunks_mut(M * zs)) {
        let rows = x.len() / xs;
        for (l, values) in group.chunks_exact_mut(M).take(xs).enumerate() {
            for m in 0..rows {
                values[m] = x[m * xs + l];
            }
        }
        for (p, panel) in panels.chunks_exact(xs * PAD).enumerate() {
            // SAFETY: panel and group hold xs lines of PAD and M floats; rows end before column zs.
            unsafe {
                let mut sums = [[L::splat(0.0); P]; M];
                for l in 0..xs {
                    let line = panel.as_ptr().add(l * PAD);
                    let mut b = [L::splat(0.0); P];
                    for v in 0..P {
                        b[v] = L::load(line.add(v * L::N));
                    }
                    for m in 0..M {
                        let a = L::splat(*group.as_ptr().add(l * M + m));
                        for v in 0..P {
                            sums[m][v] = L::fma(a, b[v], sums[m][v]);
                        }
                    }
                }
                for m in 0..M {
                    if m < rows {
                        for v in 0..P {
                            let to = z.as_mut_ptr().add(m * zs + p * PAD + v * L::N);
                            L::store(to, L::add(L::load(to), sums[m][v]));
                        }
                    }
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn add_product_generic<L: Lanes>(
    x: &[f32],
    xs: usize,
    panels: &[f32],
    zs: usize,
    group: &mut [f32],
    z: &mut [f32],
) {
    // SAFETY: L runs here; the callee checks its slices.
    unsafe {
        match L::N {
            16 => add_groups::<L, GROUP, 1>(x, xs, panels, zs, group, z),
            8 => add_groups::<L, 6, 2>(x, xs, panels, zs, group, z),
            _ => add_groups::<L, 6, 4>(x, xs, panels, zs, group, z),
        }
    }
}

dispatch!(
    fn add_product = add_product_generic(
        x: &[f32],
        xs: usize,
        panels: &[f32],
        zs: usize,
        group: &mut [f32],
        z: &mut [f32],
    )
);

/// `z += x c` for x (n, xs), c (xs, zs) and z (n, zs); every row on its own.
pub fn add_multiple(level: Level, threads: usize, x: &[f32], xs: usize, c: &[f32], z: &mut [f32], zs: usize) {
    const ROWS: usize = 240;
    if xs == 0 || zs == 0 {
        return;
    }
    let n = x.len() / xs;
    assert!(x.len() == n * xs && z.len() == n * zs && c.len() == xs * zs && zs.is_multiple_of(PAD));
    let mut panels = Lines::zeros(xs * zs);
    for (p, panel) in panels.chunks_exact_mut(xs * PAD).enumerate() {
        for (l, line) in panel.chunks_exact_mut(PAD).enumerate() {
            line.copy_from_slice(&c[l * zs + p * PAD..][..PAD]);
        }
    }
    let panels = &panels[..];
    let out = DisjointSlice::new(z);
    let init = || Lines::zeros(GROUP * xs);
    for_each_chunk(threads, n.div_ceil(ROWS), init, |group: &mut Lines, chunk| {
        let (from, to) = (chunk * ROWS, n.min((chunk + 1) * ROWS));
        // SAFETY: chunks are disjoint ranges of rows.
        let rows = unsafe { out.range(from * zs, to * zs) };
        add_product(level, &x[from * xs..to * xs], xs, panels, zs, group, rows);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::noise;

    #[test]
    fn products_equal_their_definitions_on_every_level() {
        for (n, xs, zs) in [(1, 16, 16), (131, 32, 48), (9001, 48, 16), (0, 16, 32)] {
            let (x, z, c) = (noise(n * xs, 1), noise(n * zs, 2), noise(xs * zs, 3));
            for level in Level::available() {
                let found = cross(level, 1, &x, xs, &z, zs);
                assert_eq!(found, cross(level, 3, &x, xs, &z, zs));
                for i in 0..xs {
                    for j in 0..zs {
                        let want: f64 =
                            (0..n).map(|r| f64::from(x[r * xs + i]) * f64::from(z[r * zs + j])).sum();
                        assert!((found[i * zs + j] - want).abs() < 1e-4 * (1.0 + n as f64).sqrt(), "{i} {j}");
                    }
                }
                let mut sum = z.clone();
                add_multiple(level, 2, &x, xs, &c, &mut sum, zs);
                let mut again = z.clone();
                add_multiple(level, 1, &x, xs, &c, &mut again, zs);
                assert_eq!(sum, again);
                for r in (0..n).step_by(37) {
                    for j in 0..zs {
                        let want: f32 =
                            z[r * zs + j] + (0..xs).map(|l| x[r * xs + l] * c[l * zs + j]).sum::<f32>();
                        assert!((sum[r * zs + j] - want).abs() < 1e-4);
                    }
                }
            }
        }
    }
}
