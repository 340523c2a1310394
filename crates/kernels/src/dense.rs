//! Dense linear algebra on padded matrices: Gram, eigenbasis, rotation.
//!
//! Matrices are row-major with a row length `stride` that is a multiple of [`simd::PAD`](crate::simd::PAD).
//! Symmetric matrices keep their upper triangle; what stands below the diagonal is scratch.

use crate::lines::Lines;
use crate::simd::{Lanes, Level, PAD, dispatch};
use crate::syrk::syrk_add;
use crate::threads::{DisjointSlice, for_each_chunk};

/// Rows summed in single precision before they join the double-precision total.
pub const GRAM_CHUNK: usize = 4096;

/// The Gram matrix `q' q` (stride, stride), full, in double precision.
///
/// Chunks of [`GRAM_CHUNK`] rows are summed in a fixed order, so the bits do not depend on `threads`.
pub fn gram(level: Level, threads: usize, q: &[f32], stride: usize) -> Vec<f64> {
    let size = stride * stride;
    let mut total = vec![0.0f64; size];
    if stride == 0 {
        return total;
    }
    let chunks: Vec<&[f32]> = q.chunks(GRAM_CHUNK * stride).collect();
    let wave = threads.max(1);
    let mut partial = vec![0.0f32; size * wave.min(chunks.len())];
    for group in chunks.chunks(wave) {
        let out = DisjointSlice::new(&mut partial);
        for_each_chunk(
            threads,
            group.len(),
            || (),
            |(), c| {
                // SAFETY: each chunk writes its own matrix.
                let sum = unsafe { out.range(c * size, (c + 1) * size) };
                sum.fill(0.0);
                for block in group[c].chunks(256 * stride) {
                    syrk_add(level, block, stride, sum);
                }
            },
        );
        for sum in partial.chunks_exact(size).take(group.len()) {
            for (t, &x) in total.iter_mut().zip(sum) {
                *t += f64::from(x);
            }
        }
    }
    for i in 0..stride {
        for j in 0..i {
            total[i * stride + j] = total[j * stride + i];
        }
    }
    total
}

/// Rows that meet a panel of columns in registers, at most.
const GROUP: usize = 12;

#[inline(always)]
unsafe fn multiply_generic<L: Lanes>(
    x: &[f32],
    panels: &[f32],
    stride: usize,
    group: &mut [f32],
    out: &mut [f32],
) {
    // SAFETY: L runs here; the callee checks its slices.
    unsafe {
        match L::N {
            16 => multiply_groups::<L, GROUP, 1>(x, panels, stride, group, out),
            8 => multiply_groups::<L, 6, 2>(x, panels, stride, group, out),
            _ => multiply_groups::<L, 6, 4>(x, panels, stride, group, out),
        }
    }
}

/// `M` rows at a time, with `P` vectors of a panel.
#[inline(always)]
unsafe fn multiply_groups<L: Lanes, const M: usize, const P: usize>(
    x: &[f32],
    panels: &[f32],
    stride: usize,
    group: &mut [f32],
    out: &mut [f32],
) {
    assert!(x.len() == out.len() && stride.is_multiple_of(PAD) && x.len().is_multiple_of(stride));
    assert!(panels.len() == stride * stride && group.len() >= M * stride && P * L::N == PAD);
    for (x, out) in x.chunks(M * stride).zip(out.chunks_mut(M * stride)) {
        let rows = x.len() / stride;
        // Side by side, because rows that lie a power of two apart share one place in the cache.
        for (l, values) in group.chunks_exact_mut(M).take(stride).enumerate() {
            for m in 0..rows {
                values[m] = x[m * stride + l];
            }
        }
        for (p, panel) in panels.chunks_exact(stride * PAD).enumerate() {
            // SAFETY: panel and group hold stride lines of PAD and M floats; rows end before column stride.
            unsafe {
                let mut sums = [[L::splat(0.0); P]; M];
                for l in 0..stride {
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
                            L::store(out.as_mut_ptr().add(m * stride + p * PAD + v * L::N), sums[m][v]);
                        }
                    }
                }
            }
        }
    }
}

dispatch!(
    /// `out = x e`: (rows, stride) by (stride, stride), e in panels of 16 columns; `group` is scratch of 12 rows.
    fn multiply = multiply_generic(x: &[f32], panels: &[f32], stride: usize, group: &mut [f32], out: &mut [f32])
);

/// Replaces every row of `x` (rows, stride) by `row · e`.
pub fn rotate(level: Level, threads: usize, x: &mut [f32], e: &[f32], stride: usize) {
    const ROWS: usize = 240;
    if stride == 0 {
        return;
    }
    assert!(e.len() == stride * stride);
    let mut panels = Lines::zeros(stride * stride);
    for (p, panel) in panels.chunks_exact_mut(stride * PAD).enumerate() {
        for (l, line) in panel.chunks_exact_mut(PAD).enumerate() {
            line.copy_from_slice(&e[l * stride + p * PAD..][..PAD]);
        }
    }
    let panels = &panels[..];
    let n = x.len() / stride;
    let out = DisjointSlice::new(x);
    let init = || (Vec::new(), Lines::zeros(GROUP * stride));
    for_each_chunk(threads, n.div_ceil(ROWS), init, |(copy, group): &mut (Vec<f32>, Lines), c| {
        // SAFETY: chunks are disjoint ranges of rows.
        let rows = unsafe { out.range(c * ROWS * stride, n.min((c + 1) * ROWS) * stride) };
        copy.clear();
        copy.extend_from_slice(rows);
        multiply(level, copy, panels, stride, group, rows);
    });
}

/// The eigenbasis of the leading (k, k) block of a symmetric matrix, largest eigenvalue first.
///
/// Returns the eigenvalues (stride; negative rounding set to 0, padding 0) and the matrix of eigenvectors
/// in columns (stride, stride; identity on the padding). Each vector's largest entry is positive.
///
/// # Errors
/// When the matrix holds a value that is not finite.
pub fn eigenbasis(matrix: &[f64], k: usize, stride: usize) -> Result<(Vec<f32>, Vec<f32>), NotFinite> {
    let block = faer::Mat::from_fn(k, k, |i, j| matrix[i * stride + j]);
    if (0..k).any(|i| (0..k).any(|j| !block[(i, j)].is_finite())) {
        return Err(NotFinite);
    }
    let eigen = block.self_adjoint_eigen(faer::Side::Lower).map_err(|_| NotFinite)?;
    let (vectors, values) = (eigen.U(), eigen.S().column_vector());
    let mut s = vec![0.0f32; stride];
    let mut e = vec![0.0f32; stride * stride];
    for j in 0..stride {
        if j >= k {
            e[j * stride + j] = 1.0;
            continue;
        }
        let from = k - 1 - j; // faer sorts upwards
        s[j] = values[from].max(0.0) as f32;
        let mut largest = 0.0f64;
        for i in 0..k {
            if vectors[(i, from)].abs() > largest.abs() {
                largest = vectors[(i, from)];
            }
        }
        for i in 0..k {
            e[i * stride + j] = (vectors[(i, from)] * largest.signum()) as f32;
        }
    }
    Ok((s, e))
}

/// A matrix holds NaN or infinity.
#[derive(Debug, PartialEq, Eq)]
pub struct NotFinite;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::noise;

    #[test]
    fn gram_and_rotation_diagonalise() {
        let (k, stride, n) = (21, 32, 9000);
        let mut q = noise(n * stride, 1);
        for row in q.chunks_exact_mut(stride) {
            row[k..].fill(0.0);
        }
        for level in Level::available() {
            let g1 = gram(level, 1, &q, stride);
            assert_eq!(g1, gram(level, 3, &q, stride));
            let (s, e) = eigenbasis(&g1, k, stride).unwrap();
            let mut rotated = q.clone();
            rotate(level, 2, &mut rotated, &e, stride);
            let g = gram(level, 2, &rotated, stride);
            for i in 0..stride {
                for j in 0..stride {
                    let want = if i == j { f64::from(s[i]) } else { 0.0 };
                    assert!((g[i * stride + j] - want).abs() < 1e-2, "{i} {j}");
                }
            }
            assert!(s.windows(2).all(|w| w[0] >= w[1]));
        }
    }

    #[test]
    fn eigenbasis_refuses_nan() {
        assert_eq!(eigenbasis(&[f64::NAN; 256], 16, 16).unwrap_err(), NotFinite);
    }
}
