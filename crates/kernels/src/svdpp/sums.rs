//! Sums of implicit vectors, and what they leave of ratings; see `docs/math/svdpp.md`.

use crate::simd::{Lanes, PAD, dispatch};

/// Members ahead of which vectors are asked for.
const AHEAD: usize = 12;

/// `|N|^-1/2` of a set, and 0 of an empty one.
pub(super) fn share(size: usize) -> f32 {
    if size == 0 { 0.0 } else { (1.0 / (size as f64).sqrt()) as f32 }
}

/// The sum of all places of the first [`PAD`] floats' vectors: halves are added to each other, so that every level has the
/// same bits.
///
/// # Safety
/// See [`Lanes`].
#[inline(always)]
pub(super) unsafe fn total<L: Lanes>(mut sums: [L::V; 4]) -> f32 {
    // SAFETY: arithmetic alone.
    unsafe {
        if PAD / L::N == 4 {
            sums[0] = L::add(sums[0], sums[2]);
            sums[1] = L::add(sums[1], sums[3]);
        }
        if PAD / L::N > 1 {
            sums[0] = L::add(sums[0], sums[1]);
        }
        let four = L::four(sums[0]);
        (four[0] + four[2]) + (four[1] + four[3])
    }
}

/// # Safety
/// `implicit` must hold a vector of `stride` floats for each member, `out` one; see [`Lanes`].
#[inline(always)]
pub(super) unsafe fn gather<L: Lanes>(set: &[i32], implicit: *const f32, stride: usize, out: *mut f32) {
    // SAFETY: the caller's promise.
    unsafe {
        let scale = L::splat(share(set.len()));
        for c in (0..stride).step_by(PAD) {
            // As many vectors as are [`PAD`] floats, at most four.
            let mut sums = [L::splat(0.0); 4];
            for (at, &j) in set.iter().enumerate() {
                if let Some(&later) = set.get(at + AHEAD) {
                    L::prefetch(implicit.add(later as usize * stride + c));
                }
                let vector = implicit.add(j as usize * stride + c);
                for (lane, sum) in sums.iter_mut().enumerate().take(PAD / L::N) {
                    *sum = L::add(*sum, L::load(vector.add(lane * L::N)));
                }
            }
            for (lane, sum) in sums.into_iter().enumerate().take(PAD / L::N) {
                L::store(out.add(c + lane * L::N), L::mul(sum, scale));
            }
        }
    }
}

/// # Safety
/// As [`gather`].
#[inline(always)]
unsafe fn sum_generic<L: Lanes>(set: &[i32], implicit: &[f32], stride: usize, out: &mut [f32]) {
    // SAFETY: `sums` checked the members and lengths.
    unsafe { gather::<L>(set, implicit.as_ptr(), stride, out.as_mut_ptr()) }
}

dispatch!(
    /// Writes the scaled sum of a set's vectors into `out`, `stride` floats.
    pub(super) fn sum = sum_generic(set: &[i32], implicit: &[f32], stride: usize, out: &mut [f32])
);

/// # Safety
/// See [`Lanes`].
#[inline(always)]
unsafe fn less_generic<L: Lanes>(set: &[i32], values: &[f32], sum: &[f32], columns: &[f32], out: &mut [f32]) {
    for ((&column, &value), out) in set.iter().zip(values).zip(out) {
        // SAFETY: `targets` checked the columns and lengths.
        let told = unsafe {
            let q = columns.as_ptr().add(column as usize * sum.len());
            let mut sums = [L::splat(0.0); 4];
            for c in (0..sum.len()).step_by(L::N) {
                let place = c / L::N % (PAD / L::N);
                let product = L::mul(L::load(sum.as_ptr().add(c)), L::load(q.add(c)));
                sums[place] = L::add(sums[place], product);
            }
            total::<L>(sums)
        };
        *out = value - told;
    }
}

dispatch!(
    /// Writes the values of one row less the products of its sum with their columns.
    pub(super) fn less = less_generic(
        set: &[i32],
        values: &[f32],
        sum: &[f32],
        columns: &[f32],
        out: &mut [f32],
    )
);
