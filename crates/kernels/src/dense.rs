//! Dense linear algebra on small padded matrices: rank-n update, Cholesky, triangular solves, Gram, rotation.
//!
//! Matrices are row-major with a row length `stride` that is a multiple of [`simd::PAD`](crate::simd::PAD).
//! Symmetric matrices keep their upper triangle; what stands below the diagonal is scratch.

use crate::simd::{Lanes, Level, dispatch};
use crate::threads::{DisjointSlice, for_each_chunk};

/// Rows summed in single precision before they join the double-precision total.
pub const GRAM_CHUNK: usize = 4096;

/// Rows of a Cholesky panel; divides every stride.
const PANEL: usize = 16;

/// `c += t' t` (or `-=` when `SUBTRACT`) on columns `first..stride`, upper triangle.
///
/// `t` is (rows, stride); `c` points at row `first` of a matrix with the same stride.
#[inline(always)]
unsafe fn syrk_generic<L: Lanes, const SUBTRACT: bool>(
    t: &[f32],
    stride: usize,
    first: usize,
    c: &mut [f32],
) {
    const ROWS: usize = 4;
    let n = t.len() / stride;
    assert!(stride.is_multiple_of(PANEL) && first.is_multiple_of(PANEL) && n * stride == t.len());
    assert!(c.len() >= (stride - first) * stride);
    let (t, c) = (t.as_ptr(), c.as_mut_ptr());
    // SAFETY: row indices stay below n or stride - first, columns below stride, by the loop bounds, and
    // stride is a multiple of both 4 and L::N, so no block reaches over an edge.
    unsafe {
        let mut i = first;
        while i < stride {
            let mut j = i / L::N * L::N;
            while j < stride {
                let wide = j + 2 * L::N <= stride;
                let mut acc = [[L::splat(0.0); 2]; ROWS];
                if wide {
                    for r in 0..n {
                        let row = t.add(r * stride);
                        let b0 = L::load(row.add(j));
                        let b1 = L::load(row.add(j + L::N));
                        for (m, lane) in acc.iter_mut().enumerate() {
                            let a = L::splat(*row.add(i + m));
                            lane[0] = L::fma(a, b0, lane[0]);
                            lane[1] = L::fma(a, b1, lane[1]);
                        }
                    }
                } else {
                    for r in 0..n {
                        let row = t.add(r * stride);
                        let b0 = L::load(row.add(j));
                        for (m, lane) in acc.iter_mut().enumerate() {
                            lane[0] = L::fma(L::splat(*row.add(i + m)), b0, lane[0]);
                        }
                    }
                }
                let one = L::splat(1.0);
                for (m, lane) in acc.iter().enumerate() {
                    let out = c.add((i - first + m) * stride + j);
                    for (part, &sum) in lane.iter().enumerate().take(1 + usize::from(wide)) {
                        let p = out.add(part * L::N);
                        let old = L::load(p);
                        L::store(p, if SUBTRACT { L::fnma(sum, one, old) } else { L::add(sum, old) });
                    }
                }
                j += L::N * (1 + usize::from(wide));
            }
            i += ROWS;
        }
    }
}

#[inline(always)]
unsafe fn syrk_add_generic<L: Lanes>(t: &[f32], stride: usize, c: &mut [f32]) {
    // SAFETY: the same contract.
    unsafe { syrk_generic::<L, false>(t, stride, 0, c) }
}

dispatch!(
    /// `c += t' t`, upper triangle; `t` is (rows, stride), `c` (stride, stride).
    pub fn syrk_add = syrk_add_generic(t: &[f32], stride: usize, c: &mut [f32])
);

#[inline(always)]
unsafe fn cholesky_generic<L: Lanes>(a: &mut [f32], stride: usize) -> Result<(), usize> {
    assert!(stride.is_multiple_of(PANEL) && a.len() == stride * stride);
    let mut start = 0;
    while start < stride {
        let end = start + PANEL;
        for i in start..end {
            let pivot = a[i * stride + i];
            if !(pivot > 0.0 && pivot.is_finite()) {
                return Err(i);
            }
            let scale = 1.0 / pivot.sqrt();
            let (upper, lower) = a.split_at_mut((i + 1) * stride);
            let row = &mut upper[i * stride..];
            for x in &mut row[i..] {
                *x *= scale;
            }
            for j in i + 1..end {
                let target = &mut lower[(j - i - 1) * stride..(j - i) * stride];
                let factor = row[j];
                let mut c = j / L::N * L::N;
                // SAFETY: c + L::N <= stride, the length of both rows.
                unsafe {
                    let f = L::splat(factor);
                    while c < stride {
                        let p = target.as_mut_ptr().add(c);
                        L::store(p, L::fnma(f, L::load(row.as_ptr().add(c)), L::load(p)));
                        c += L::N;
                    }
                }
            }
        }
        let (panel, rest) = a.split_at_mut(end * stride);
        if !rest.is_empty() {
            // SAFETY: L runs here; the shapes are asserted inside.
            unsafe { syrk_generic::<L, true>(&panel[start * stride..], stride, end, rest) };
        }
        start = end;
    }
    Ok(())
}

dispatch!(
    /// Overwrites the upper triangle of `a` (stride, stride) with `U`, where `U' U = a`.
    ///
    /// # Errors
    /// The index of the first pivot that is not positive.
    pub fn cholesky = cholesky_generic(a: &mut [f32], stride: usize) -> Result<(), usize>
);

/// The smallest of the first `used` diagonal entries of a triangular matrix over the largest; 1 without any.
pub fn pivot_ratio(u: &[f32], stride: usize, used: usize) -> f32 {
    if used == 0 {
        return 1.0;
    }
    let pivots = (0..used).map(|i| u[i * stride + i]);
    let (low, high) = pivots.fold((f32::INFINITY, 0.0f32), |(low, high), p| (low.min(p), high.max(p)));
    low / high
}

#[inline(always)]
unsafe fn cholesky_solve_generic<L: Lanes>(u: &[f32], stride: usize, b: &mut [f32]) {
    assert!(u.len() == stride * stride && b.len() == stride && stride.is_multiple_of(PANEL));
    // SAFETY: columns start at a multiple of L::N and stay below stride.
    unsafe {
        for i in 0..stride {
            let row = u.as_ptr().add(i * stride);
            let y = b[i] / *row.add(i);
            let mut c = i / L::N * L::N;
            let f = L::splat(y);
            // Entries of b up to i inside the first vector are spoiled by what stands below the diagonal,
            // so they are put back.
            let keep: [f32; PANEL] = std::array::from_fn(|m| b[c + m.min(L::N - 1)]);
            let first = c;
            while c < stride {
                let p = b.as_mut_ptr().add(c);
                L::store(p, L::fnma(f, L::load(row.add(c)), L::load(p)));
                c += L::N;
            }
            b[first..i].copy_from_slice(&keep[..i - first]);
            b[i] = y;
        }
        for i in (0..stride).rev() {
            let row = u.as_ptr().add(i * stride);
            let next = (i + 1).next_multiple_of(L::N);
            let mut total = 0.0;
            for c in i + 1..next {
                total = L::fma1(*row.add(c), b[c], total);
            }
            let mut sum = L::splat(0.0);
            let mut c = next;
            while c < stride {
                sum = L::fma(L::load(row.add(c)), L::load(b.as_ptr().add(c)), sum);
                c += L::N;
            }
            b[i] = (b[i] - (total + L::sum(sum))) / *row.add(i);
        }
    }
}

dispatch!(
    /// Overwrites `b` with the solution of `U' U x = b`, `u` from [`cholesky`].
    pub fn cholesky_solve = cholesky_solve_generic(u: &[f32], stride: usize, b: &mut [f32])
);

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

#[inline(always)]
unsafe fn multiply_generic<L: Lanes>(x: &[f32], e: &[f32], stride: usize, out: &mut [f32]) {
    assert!(x.len() == out.len() && x.len().is_multiple_of(stride) && e.len() == stride * stride);
    let n = x.len() / stride;
    let (x, e, out) = (x.as_ptr(), e.as_ptr(), out.as_mut_ptr());
    // SAFETY: rows below n, columns below stride, a multiple of L::N.
    unsafe {
        let mut r = 0;
        while r < n {
            let rows = (n - r).min(4);
            let mut j = 0;
            while j < stride {
                let mut acc = [L::splat(0.0); 4];
                for l in 0..stride {
                    let b = L::load(e.add(l * stride + j));
                    for (m, lane) in acc.iter_mut().enumerate().take(rows) {
                        *lane = L::fma(L::splat(*x.add((r + m) * stride + l)), b, *lane);
                    }
                }
                for (m, &lane) in acc.iter().enumerate().take(rows) {
                    L::store(out.add((r + m) * stride + j), lane);
                }
                j += L::N;
            }
            r += rows;
        }
    }
}

dispatch!(
    /// `out = x e`: (rows, stride) by (stride, stride).
    fn multiply = multiply_generic(x: &[f32], e: &[f32], stride: usize, out: &mut [f32])
);

/// Replaces every row of `x` (rows, stride) by `row · e`.
pub fn rotate(level: Level, threads: usize, x: &mut [f32], e: &[f32], stride: usize) {
    const ROWS: usize = 256;
    if stride == 0 {
        return;
    }
    let n = x.len() / stride;
    let out = DisjointSlice::new(x);
    for_each_chunk(threads, n.div_ceil(ROWS), Vec::new, |copy: &mut Vec<f32>, c| {
        // SAFETY: chunks are disjoint ranges of rows.
        let rows = unsafe { out.range(c * ROWS * stride, n.min((c + 1) * ROWS) * stride) };
        copy.clear();
        copy.extend_from_slice(rows);
        multiply(level, copy, e, stride, rows);
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

    fn noise(n: usize) -> Vec<f32> {
        let mut state = 1u64;
        (0..n)
            .map(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                ((state >> 40) as f32) / (1u64 << 24) as f32 - 0.5
            })
            .collect()
    }

    #[test]
    fn cholesky_solves_on_every_level() {
        for level in Level::available() {
            for stride in [16, 32, 48, 80, 128] {
                let n = 3 * stride + 5;
                let t = noise(n * stride);
                let mut a = vec![0.0; stride * stride];
                for i in 0..stride {
                    a[i * stride + i] = 1.0;
                }
                syrk_add(level, &t, stride, &mut a);
                let b = noise(stride);
                let mut x = b.clone();
                let mut u = a.clone();
                cholesky(level, &mut u, stride).unwrap();
                cholesky_solve(level, &u, stride, &mut x);
                for i in 0..stride {
                    let slow: f64 = (0..stride)
                        .map(|j| {
                            let direct: f64 = (0..n)
                                .map(|r| f64::from(t[r * stride + i]) * f64::from(t[r * stride + j]))
                                .sum::<f64>()
                                + f64::from(u8::from(i == j));
                            direct * f64::from(x[j])
                        })
                        .sum();
                    assert!((slow - f64::from(b[i])).abs() < 2e-4, "{level:?} {stride} {i}: {slow} {}", b[i]);
                }
            }
        }
    }

    #[test]
    fn indefinite_matrix_names_the_pivot() {
        for level in Level::available() {
            let mut a = vec![0.0; 256];
            for i in 0..16 {
                a[i * 17] = 1.0;
            }
            a[5 * 17] = -1.0;
            assert_eq!(cholesky(level, &mut a, 16), Err(5));
        }
    }

    #[test]
    fn gram_and_rotation_diagonalise() {
        let (k, stride, n) = (21, 32, 9000);
        let mut q = noise(n * stride);
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
