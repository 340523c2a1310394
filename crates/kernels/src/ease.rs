//! EASE, the linear item-item model with nothing on the diagonal: counts, and what surrounds the dense inverse.
//!
//! `G = X'X`; with `P = (G + lambda I)^-1`, computed elsewhere, the weights are `B_ij = -P_ij / P_jj`. The restricted
//! form for large catalogues is in [`restricted`]. See `docs/math/ease.md`.

mod crowd;
mod ranked;
pub mod restricted;

use crate::neighbours::Rows;
use crate::simd::{Level, prefetch};
use crate::threads::{DisjointSlice, for_each_chunk};
use crowd::{Counter, Crowd, TILE};
use ranked::{Rank, Ranked};

/// Rows of G that one thread takes at a time.
const CHUNK: usize = 16;

/// Users whose items are asked for before they are needed.
const AHEAD: usize = 8;

/// Bytes of a cache line, and how many are asked for of one user.
const LINE: usize = 64;
const LINES: usize = 6;

/// Rows and columns of a square that is turned at once, so that both halves stay in cache.
const SQUARE: usize = 64;

/// Fills the upper triangle of `out` (items, items) with that of `X'X + lambda I`; what is below it is scratch.
///
/// X is given by users and by items, both with values or both without. Every entry is summed in the order of the
/// users, or counted, so the result does not depend on `threads`, nor on `level`.
pub fn gram(
    level: Level,
    threads: usize,
    by_user: Rows<'_>,
    by_item: Rows<'_>,
    lambda: f32,
    out: &mut [f32],
) {
    let n = by_item.indptr.len() - 1;
    assert!(out.len() == n * n && by_user.values.is_some() == by_item.values.is_some());
    if n <= 1 << u16::BITS {
        by_rank::<u16>(level, threads, by_user, by_item, lambda, out);
    } else {
        by_rank::<u32>(level, threads, by_user, by_item, lambda, out);
    }
    fold(threads, n, out);
}

/// Writes each entry of `X'X + lambda I` once: into the row of the item with the higher rank. The others become 0.
fn by_rank<R: Rank>(
    level: Level,
    threads: usize,
    by_user: Rows<'_>,
    by_item: Rows<'_>,
    lambda: f32,
    out: &mut [f32],
) {
    let table = Ranked::<R>::new(threads, by_user, by_item);
    let crowd = match table.values {
        Some(_) => Crowd::none(by_user.indptr.len() - 1),
        None => Crowd::new(threads, &table),
    };
    let (n, counter, out) = (table.items.len(), Counter::of(level), DisjointSlice::new(out));
    let width = n.next_multiple_of(TILE);
    for_each_chunk(
        threads,
        n.div_ceil(CHUNK),
        || vec![0.0f32; CHUNK * width],
        |sums, chunk| {
            sums.fill(0.0);
            crowd.add(counter, chunk * CHUNK, width, sums);
            for (rank, sums) in (chunk * CHUNK..n).zip(sums.chunks_exact_mut(width)) {
                add_lists(&table, &crowd.cuts, by_item, rank, sums);
                let i = table.items[rank] as usize;
                // SAFETY: every row belongs to one chunk.
                let row = unsafe { out.range(i * n, (i + 1) * n) };
                row.fill(0.0);
                table.items[..=rank].iter().zip(&*sums).for_each(|(&j, &sum)| row[j as usize] = sum);
                row[i] += lambda;
            }
        },
    );
}

/// Adds to `sums`, for every user of the item of a rank, ascending, the products with the user's items up to it;
/// but not for users whose cut is above the rank.
#[inline(always)]
fn add_lists<R: Rank>(table: &Ranked<'_, R>, cuts: &[u32], by_item: Rows<'_>, rank: usize, sums: &mut [f32]) {
    let item = table.items[rank] as usize;
    let (users, weights) = by_item.row(item);
    let before = &table.before[by_item.indptr[item] as usize..][..users.len()];
    for (at, &user) in users.iter().enumerate() {
        if let Some(&ahead) = users.get(at + AHEAD)
            && cuts[ahead as usize] as usize <= rank
        {
            let list = table.ranks.as_ptr().wrapping_add(table.indptr[ahead as usize] as usize);
            for part in (0..=before[at + AHEAD].get()).step_by(LINE / size_of::<R>()).take(LINES) {
                prefetch(list.wrapping_add(part));
            }
        }
        if cuts[user as usize] as usize > rank {
            continue;
        }
        let start = table.indptr[user as usize] as usize;
        let end = start + before[at].get() + 1;
        match (weights, &table.values) {
            (Some(weights), Some(values)) => {
                let weight = weights[at];
                for (other, value) in table.ranks[start..end].iter().zip(&values[start..end]) {
                    sums[other.get()] += weight * value;
                }
            }
            _ => table.ranks[start..end].iter().for_each(|other| sums[other.get()] += 1.0),
        }
    }
}

/// Adds what stands below the diagonal to its mirror image above.
fn fold(threads: usize, n: usize, out: &mut [f32]) {
    let squares = n.div_ceil(SQUARE);
    let out = DisjointSlice::new(out);
    for_each_chunk(
        threads,
        squares,
        || vec![0.0f32; SQUARE * SQUARE],
        |lower, top| {
            let rows = top * SQUARE..n.min((top + 1) * SQUARE);
            for left in top..squares {
                let columns = left * SQUARE..n.min((left + 1) * SQUARE);
                for (c, j) in columns.clone().enumerate() {
                    // SAFETY: the square (top, left) and its mirror image belong to chunk `top` alone, and the borrow
                    // ends with the statement.
                    let from = unsafe { out.range(j * n + rows.start, j * n + rows.end) };
                    lower[c * SQUARE..][..from.len()].copy_from_slice(from);
                }
                for (r, i) in rows.clone().enumerate() {
                    // SAFETY: as above.
                    let to = unsafe { out.range(i * n + columns.start, i * n + columns.end) };
                    for (c, to) in to.iter_mut().enumerate().skip((i + 1).saturating_sub(columns.start)) {
                        *to += lower[c * SQUARE + r];
                    }
                }
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
