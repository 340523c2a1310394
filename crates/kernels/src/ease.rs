//! EASE, the linear item-item model with nothing on the diagonal: counts, and what surrounds the dense inverse.
//!
//! `G = X'X`; with `P = (G + lambda I)^-1`, computed elsewhere, the weights are `B_ij = -P_ij / P_jj`. The restricted
//! form for large catalogues is in [`restricted`]. See `docs/math/ease.md`.

pub mod restricted;

use crate::neighbours::Rows;
use crate::simd::prefetch;
use crate::threads::{DisjointSlice, for_each_chunk};

/// Rows of G that one thread takes at a time.
const CHUNK: usize = 16;

/// Users whose items are asked for before they are needed.
const AHEAD: usize = 8;

/// Rows and columns of a square that is turned at once, so that both halves stay in cache.
const SQUARE: usize = 64;

/// Calls `add(j, x_ui x_uj)` for every user u of item i, ascending, and every item j of u from `from` on.
#[inline(always)]
fn products(by_user: Rows<'_>, by_item: Rows<'_>, i: usize, from: i32, mut add: impl FnMut(usize, f32)) {
    let (users, weights) = by_item.row(i);
    for (at, &user) in users.iter().enumerate() {
        if let Some(&ahead) = users.get(at + AHEAD) {
            // Where the user's items begin, and where those from `from` on are likely to.
            let (items, _) = by_user.row(ahead as usize);
            prefetch(items.as_ptr());
            prefetch(items.as_ptr().wrapping_add(items.len() / 2));
        }
        let (items, values) = by_user.row(user as usize);
        let first = if from == 0 { 0 } else { items.partition_point(|&item| item < from) };
        match (weights, values) {
            (Some(weights), Some(values)) => {
                let weight = weights[at];
                for (&item, &value) in items[first..].iter().zip(&values[first..]) {
                    add(item as usize, weight * value);
                }
            }
            _ => items[first..].iter().for_each(|&item| add(item as usize, 1.0)),
        }
    }
}

/// Fills `out` (items, items) with the upper triangle of `X'X + lambda I`; what is below the diagonal becomes 0.
///
/// X is given by users and by items, both with values or both without. Every entry is summed in the order of the
/// users, so the result does not depend on `threads`.
pub fn gram(threads: usize, by_user: Rows<'_>, by_item: Rows<'_>, lambda: f32, out: &mut [f32]) {
    let n = by_item.indptr.len() - 1;
    assert!(out.len() == n * n && by_user.values.is_some() == by_item.values.is_some());
    let out = DisjointSlice::new(out);
    for_each_chunk(
        threads,
        n.div_ceil(CHUNK),
        || (),
        |(), chunk| {
            for i in chunk * CHUNK..n.min((chunk + 1) * CHUNK) {
                // SAFETY: every row belongs to one chunk.
                let row = unsafe { out.range(i * n, (i + 1) * n) };
                row.fill(0.0);
                products(by_user, by_item, i, i as i32, |j, product| row[j] += product);
                row[i] += lambda;
            }
        },
    );
}

/// Makes the weights B, all of them, of the upper triangle of P; in place.
///
/// # Errors
/// The first row whose diagonal entry is not a positive number.
pub fn weights(threads: usize, n: usize, p: &mut [f32]) -> Result<(), usize> {
    assert!(p.len() == n * n);
    let mut scale = Vec::with_capacity(n);
    for i in 0..n {
        let d = p[i * n + i];
        if !(d > 0.0 && d.is_finite()) {
            return Err(i);
        }
        scale.push(-1.0 / d);
    }
    let squares = n.div_ceil(SQUARE);
    let p = DisjointSlice::new(p);
    for_each_chunk(
        threads,
        squares,
        || vec![0.0f32; SQUARE * SQUARE],
        |upper, top| {
            let rows = top * SQUARE..n.min((top + 1) * SQUARE);
            for left in top..squares {
                let columns = left * SQUARE..n.min((left + 1) * SQUARE);
                for (r, i) in rows.clone().enumerate() {
                    // SAFETY: the square (top, left) and its mirror image belong to chunk `top` alone, and the borrow
                    // ends with the statement.
                    let from = unsafe { p.range(i * n + columns.start, i * n + columns.end) };
                    upper[r * SQUARE..][..from.len()].copy_from_slice(from);
                    for (c, j) in columns.clone().enumerate() {
                        if j > i {
                            from[c] *= scale[j];
                        }
                    }
                }
                for (c, j) in columns.clone().enumerate() {
                    // SAFETY: as above.
                    let to = unsafe { p.range(j * n + rows.start, j * n + rows.end) };
                    for (r, i) in rows.clone().enumerate() {
                        if i < j {
                            to[r] = upper[r * SQUARE + c] * scale[i];
                        } else if i == j {
                            to[r] = 0.0;
                        }
                    }
                }
            }
        },
    );
    Ok(())
}

#[cfg(test)]
mod tests;
