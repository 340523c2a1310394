//! Rows of a matrix added up with the weights of a sparse vector.

use super::Rows;
use crate::simd::{Lanes, dispatch};

/// A sparse vector: rows of M, and a weight for each (none: all 1).
pub(super) type X<'a> = (&'a [i32], Option<&'a [f32]>);

/// `sum += sum_j x_j M_j` over columns `from..from + sum.len()` of a dense M.
#[inline(always)]
unsafe fn add_dense_generic<L: Lanes>(matrix: &[f32], items: usize, from: usize, x: X<'_>, sum: &mut [f32]) {
    const ABREAST: usize = 8;
    let (index, values) = x;
    let width = sum.len();
    assert!(from + width <= items);
    let mut j = 0;
    while j < index.len() {
        let count = ABREAST.min(index.len() - j);
        let mut rows: [&[f32]; ABREAST] = [&[]; ABREAST];
        let mut weights = [0.0f32; ABREAST];
        for a in 0..count {
            let start = index[j + a] as usize * items + from;
            rows[a] = &matrix[start..start + width];
            weights[a] = values.map_or(1.0, |values| values[j + a]);
        }
        let whole = width / L::N * L::N;
        // SAFETY: L runs here; columns stay below `width`, the length of every row and of `sum`.
        unsafe {
            let mut c = 0;
            while c < whole {
                let mut s = L::load(sum.as_ptr().add(c));
                for a in 0..count {
                    s = L::fma(L::splat(weights[a]), L::load(rows[a].as_ptr().add(c)), s);
                }
                L::store(sum.as_mut_ptr().add(c), s);
                c += L::N;
            }
            for c in whole..width {
                for a in 0..count {
                    sum[c] = L::fma1(weights[a], rows[a][c], sum[c]);
                }
            }
        }
        j += count;
    }
}

dispatch!(
    pub(super) fn add_dense = add_dense_generic(
        matrix: &[f32], items: usize, from: usize, x: X<'_>, sum: &mut [f32],
    )
);

/// As [`add_dense`], over all columns of a sparse M.
#[inline(always)]
unsafe fn add_sparse_generic<L: Lanes>(rows: Rows<'_>, x: X<'_>, sum: &mut [f32]) {
    for (a, &j) in x.0.iter().enumerate() {
        let weight = x.1.map_or(1.0, |values| values[a]);
        let (columns, values) = rows.row(j as usize);
        match values {
            Some(values) => {
                for (&column, &value) in columns.iter().zip(values) {
                    let sum = &mut sum[column as usize];
                    // SAFETY: L runs here.
                    *sum = unsafe { L::fma1(weight, value, *sum) };
                }
            }
            None => {
                for &column in columns {
                    sum[column as usize] += weight;
                }
            }
        }
    }
}

dispatch!(
    pub(super) fn add_sparse = add_sparse_generic(rows: Rows<'_>, x: X<'_>, sum: &mut [f32])
);

/// `c + a b` as the sums of this level round it.
#[inline(always)]
unsafe fn multiply_add_generic<L: Lanes>(a: f32, b: f32, c: f32) -> f32 {
    // SAFETY: L runs here.
    unsafe { L::fma1(a, b, c) }
}

dispatch!(
    pub(super) fn multiply_add = multiply_add_generic(a: f32, b: f32, c: f32) -> f32
);
