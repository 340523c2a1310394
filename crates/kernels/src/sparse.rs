//! A sparse matrix times a dense one.

use crate::row::Touched;
use crate::simd::{Lanes, Level, PAD, dispatch};
use crate::threads::{DisjointSlice, for_each_chunk};

/// Rows that one thread takes at a time.
const CHUNK: usize = 64;

/// `out += sum_j w_j q_j` over the touched rows q.
#[inline(always)]
pub(crate) unsafe fn add_rows<L: Lanes>(touched: Touched<'_>, w: &[f32], out: &mut [f32]) {
    const AHEAD: usize = 8;
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

#[inline(always)]
unsafe fn sum_rows_generic<L: Lanes>(touched: Touched<'_>, w: &[f32], out: &mut [f32]) {
    // SAFETY: L runs here; the callee checks its slices.
    unsafe { add_rows::<L>(touched, w, out) }
}

dispatch!(
    /// `out += sum_j w_j q_j` over the touched rows q.
    pub(crate) fn sum_rows = sum_rows_generic(touched: Touched<'_>, w: &[f32], out: &mut [f32])
);

/// `out = A x`: A compressed rows with `values` (none: all 1), x (columns, stride), out (rows, stride).
///
/// Sums run in the order of the stored values, so the result does not depend on `threads`.
pub fn multiply(
    level: Level,
    threads: usize,
    indptr: &[i64],
    indices: &[i32],
    values: Option<&[f32]>,
    x: &[f32],
    stride: usize,
    out: &mut [f32],
) {
    let rows = indptr.len() - 1;
    assert!(out.len() == rows * stride && values.is_none_or(|values| values.len() == indices.len()));
    let longest = indptr.windows(2).map(|w| (w[1] - w[0]) as usize).max().unwrap_or(0);
    let ones = vec![1.0f32; if values.is_none() { longest } else { 0 }];
    let out = DisjointSlice::new(out);
    for_each_chunk(
        threads,
        rows.div_ceil(CHUNK),
        || (),
        |(), chunk| {
            for row in chunk * CHUNK..rows.min((chunk + 1) * CHUNK) {
                let (from, to) = (indptr[row] as usize, indptr[row + 1] as usize);
                // SAFETY: every row belongs to one chunk.
                let out = unsafe { out.range(row * stride, (row + 1) * stride) };
                out.fill(0.0);
                let w = match values {
                    Some(values) => &values[from..to],
                    None => &ones[..to - from],
                };
                sum_rows(level, Touched { data: x, stride, index: &indices[from..to] }, w, out);
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_equals_the_definition_on_every_level() {
        let (rows, columns, stride) = (130, 50, 48);
        let (mut indptr, mut indices) = (vec![0i64], Vec::new());
        for row in 0..rows {
            indices.extend((0..row % 9).map(|j| ((row * 7 + j * 5) % columns) as i32));
            indptr.push(indices.len() as i64);
        }
        let values: Vec<f32> = (0..indices.len()).map(|e| (e % 13) as f32 - 6.0).collect();
        let x: Vec<f32> = (0..columns * stride).map(|at| (at % 17) as f32 - 8.0).collect();
        for level in Level::available() {
            for values in [None, Some(&values[..])] {
                let mut out = vec![f32::NAN; rows * stride];
                multiply(level, 3, &indptr, &indices, values, &x, stride, &mut out);
                for row in 0..rows {
                    for c in 0..stride {
                        let want: f32 = (indptr[row] as usize..indptr[row + 1] as usize)
                            .map(|e| values.map_or(1.0, |v| v[e]) * x[indices[e] as usize * stride + c])
                            .sum();
                        assert_eq!(out[row * stride + c], want, "small whole numbers have exact sums");
                    }
                }
            }
        }
    }
}
