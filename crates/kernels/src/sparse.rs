//! A sparse matrix times a dense one.

use crate::simd::{Lanes, Level, PAD, dispatch};
use crate::threads::{DisjointSlice, for_each_chunk};
use std::sync::atomic::{AtomicBool, Ordering};

/// Rows are cut into pieces of about so many events, so that a few long ones do not keep one thread busy.
const EVENTS: usize = 16_384;

/// Rows of the dense matrix are asked for so many events ahead, across the ends of sparse rows.
const AHEAD: usize = 32;

/// The events `from..to` of one row, and the table that they are part of.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    /// Columns and values (none: all 1) of the whole table.
    pub indices: &'a [i32],
    pub values: Option<&'a [f32]>,
    pub from: usize,
    pub to: usize,
}

/// What the events of a row pick: `V` vectors of the rows of x, which begin at `x` and lie `stride` floats apart.
#[derive(Clone, Copy)]
struct Pick {
    index: *const i32,
    last: usize,
    values: *const f32,
    x: *const f32,
    stride: usize,
}

/// `sums += w_e x_e` for the event e, and asks for the row of a later one.
#[inline(always)]
unsafe fn add_event<L: Lanes, const V: usize, const ONES: bool>(pick: Pick, e: usize, sums: &mut [L::V; V]) {
    let Pick { index, last, values, x, stride } = pick;
    // SAFETY: the caller gives checked events; a prefetch may go anywhere.
    unsafe {
        let ahead = x.wrapping_add((*index.add((e + AHEAD).min(last)) as usize).wrapping_mul(stride));
        for line in 0..(V * L::N).div_ceil(PAD) {
            L::prefetch(ahead.wrapping_add(line * PAD));
        }
        let q = x.add(*index.add(e) as usize * stride);
        if ONES {
            for v in 0..V {
                sums[v] = L::add(L::load(q.add(v * L::N)), sums[v]);
            }
        } else {
            let w = L::splat(*values.add(e));
            for v in 0..V {
                sums[v] = L::fma(w, L::load(q.add(v * L::N)), sums[v]);
            }
        }
    }
}

/// `V` vectors of `out` from column `c` on, in registers: `S` sums each, which take the events in turns.
#[inline(always)]
unsafe fn columns<L: Lanes, const V: usize, const S: usize>(
    row: Row<'_>,
    x: *const f32,
    stride: usize,
    c: usize,
    out: *mut f32,
) {
    // SAFETY: handed down.
    unsafe {
        let (x, out) = (x.add(c), out.add(c));
        let (index, last) = (row.indices.as_ptr(), row.indices.len() - 1);
        match row.values {
            None => {
                let pick = Pick { index, last, values: x, x, stride };
                summed::<L, V, S, true>(pick, row.from, row.to, out);
            }
            Some(values) => {
                let pick = Pick { index, last, values: values.as_ptr(), x, stride };
                summed::<L, V, S, false>(pick, row.from, row.to, out);
            }
        }
    }
}

/// The sum over the events `from..to`.
#[inline(always)]
unsafe fn summed<L: Lanes, const V: usize, const S: usize, const ONES: bool>(
    pick: Pick,
    from: usize,
    to: usize,
    out: *mut f32,
) {
    // SAFETY: the caller gives checked events, and room for V vectors at out.
    unsafe {
        let mut sums = [[L::splat(0.0); V]; S];
        let mut e = from;
        while e + S <= to {
            for s in 0..S {
                add_event::<L, V, ONES>(pick, e + s, &mut sums[s]);
            }
            e += S;
        }
        for s in 0..S - 1 {
            if e + s < to {
                add_event::<L, V, ONES>(pick, e + s, &mut sums[s]);
            }
        }
        let mut width = S;
        while width > 1 {
            width /= 2;
            for s in 0..width {
                for v in 0..V {
                    sums[s][v] = L::add(sums[s][v], sums[s + width][v]);
                }
            }
        }
        for v in 0..V {
            L::store(out.add(v * L::N), sums[0][v]);
        }
    }
}

#[inline(always)]
unsafe fn sum_row_generic<L: Lanes>(row: Row<'_>, x: &[f32], stride: usize, out: &mut [f32]) -> bool {
    assert!(
        stride.is_multiple_of(PAD) && out.len() == stride && row.values.is_none_or(|v| v.len() >= row.to)
    );
    let rows = x.len() / stride;
    let touched = &row.indices[row.from..row.to];
    if touched.is_empty() {
        out.fill(0.0);
        return true;
    }
    // A maximum of unsigned numbers, because it needs no branch: negative rows are huge.
    if touched.iter().fold(0u32, |top, &i| top.max(i as u32)) as usize >= rows {
        return false;
    }
    let (x, o) = (x.as_ptr(), out.as_mut_ptr());
    let mut c = 0;
    // SAFETY: the events are checked above; columns end at stride, a multiple of every width used.
    unsafe {
        while c < stride {
            let left = stride - c;
            // As many vectors as the registers of the instruction set hold; few of them in several sums.
            let width = match L::N {
                16 if left >= 128 => {
                    columns::<L, 8, 2>(row, x, stride, c, o);
                    128
                }
                16 if left >= 64 => {
                    columns::<L, 4, 4>(row, x, stride, c, o);
                    64
                }
                16 if left >= 32 => {
                    columns::<L, 2, 4>(row, x, stride, c, o);
                    32
                }
                16 => {
                    columns::<L, 1, 4>(row, x, stride, c, o);
                    16
                }
                8 if left >= 64 => {
                    columns::<L, 8, 1>(row, x, stride, c, o);
                    64
                }
                8 if left >= 32 => {
                    columns::<L, 4, 2>(row, x, stride, c, o);
                    32
                }
                8 => {
                    columns::<L, 2, 4>(row, x, stride, c, o);
                    16
                }
                _ => {
                    columns::<L, 4, 2>(row, x, stride, c, o);
                    16
                }
            };
            c += width;
        }
    }
    true
}

dispatch!(
    /// `out = sum of w_e x_e` over the events of a row; false, and `out` as it was, where one is outside x.
    pub(crate) fn sum_row = sum_row_generic(row: Row<'_>, x: &[f32], stride: usize, out: &mut [f32]) -> bool
);

/// A sparse matrix holds a column beyond the dense matrix's rows.
#[derive(Debug, PartialEq, Eq)]
pub struct OutOfRange;

/// `out = A x`: A compressed rows with `values` (none: all 1), x (columns, stride), out (rows, stride).
///
/// The sum of a row depends on its events and the instruction set alone, never on `threads` or other rows.
///
/// # Errors
/// If a column is not a row of x.
pub fn multiply(
    level: Level,
    threads: usize,
    indptr: &[i64],
    indices: &[i32],
    values: Option<&[f32]>,
    x: &[f32],
    stride: usize,
    out: &mut [f32],
) -> Result<(), OutOfRange> {
    let rows = indptr.len() - 1;
    assert!(out.len() == rows * stride && values.is_none_or(|values| values.len() == indices.len()));
    if stride == 0 {
        return Ok(());
    }
    let pieces = pieces(indptr);
    let bad = AtomicBool::new(false);
    let out = DisjointSlice::new(out);
    for_each_chunk(
        threads,
        pieces.len() - 1,
        || (),
        |(), piece| {
            for r in pieces[piece]..pieces[piece + 1] {
                // SAFETY: every row belongs to one piece.
                let out = unsafe { out.range(r * stride, (r + 1) * stride) };
                let row = Row { indices, values, from: indptr[r] as usize, to: indptr[r + 1] as usize };
                if !sum_row(level, row, x, stride, out) {
                    bad.store(true, Ordering::Relaxed);
                }
            }
        },
    );
    if bad.into_inner() { Err(OutOfRange) } else { Ok(()) }
}

/// Where pieces of rows begin, and the end: each of at most [`EVENTS`] rows, and of as many events but for its last row.
fn pieces(indptr: &[i64]) -> Vec<usize> {
    let rows = indptr.len() - 1;
    let mut starts = vec![0];
    let mut start = 0;
    for row in 0..rows {
        if indptr[row + 1] - indptr[start] >= EVENTS as i64 || row + 1 - start >= EVENTS {
            start = row + 1;
            starts.push(start);
        }
    }
    if start < rows || starts.len() == 1 {
        starts.push(rows);
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_equals_the_definition_on_every_level() {
        for stride in [16, 32, 48, 64, 80, 208] {
            let (rows, columns) = (130, 50);
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
                    multiply(level, 3, &indptr, &indices, values, &x, stride, &mut out).unwrap();
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

    #[test]
    fn a_row_alone_has_the_bits_that_it_has_among_others() {
        let x = crate::noise::noise(40 * 16, 3);
        let indices: Vec<i32> = (0..100).map(|e| (e * 7) % 40).collect();
        for level in Level::available() {
            let mut all = vec![0.0; 2 * 16];
            multiply(level, 2, &[0, 61, 100], &indices, None, &x, 16, &mut all).unwrap();
            let mut one = vec![0.0; 16];
            multiply(level, 1, &[0, 39], &indices[61..], None, &x, 16, &mut one).unwrap();
            assert_eq!(all[16..], one);
        }
    }

    #[test]
    fn columns_outside_are_refused() {
        for level in Level::available() {
            for bad in [-1, 3] {
                let mut out = [0.0; 16];
                let found = multiply(level, 1, &[0, 2], &[0, bad], None, &[0.0; 48], 16, &mut out);
                assert_eq!(found, Err(OutOfRange));
            }
        }
    }

    #[test]
    fn pieces_cover_every_row_once() {
        assert_eq!(pieces(&[0]), [0, 0]);
        assert_eq!(pieces(&[0, 5, 9]), [0, 2]);
        let long = EVENTS as i64;
        assert_eq!(pieces(&[0, 3, 3 + long, 4 + long, 4 + 3 * long]), [0, 2, 4]);
        let many = vec![0; 2 * EVENTS + 2];
        assert_eq!(pieces(&many), [0, EVENTS, 2 * EVENTS, 2 * EVENTS + 1]);
    }
}
