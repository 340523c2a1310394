//! Products summed in the order of the factors, the same bits one by one or abreast.

use crate::simd::{Lanes, dispatch};

/// Products that are summed side by side.
pub(super) const ABREAST: usize = 8;

/// Products of a user (depth) with the items (rows `stride` apart) at `at`, each summed in the order of the factors.
#[inline(always)]
unsafe fn dots_generic<L: Lanes>(
    user: &[f32],
    items: &[f32],
    stride: usize,
    at: &[u32; ABREAST],
) -> [f32; ABREAST] {
    assert!(user.len() <= stride || user.is_empty());
    let rows = at.map(|at| &items[at as usize * stride..][..user.len()]);
    let mut sums = [0.0f32; ABREAST];
    for c in 0..user.len() {
        for (sum, row) in sums.iter_mut().zip(&rows) {
            // SAFETY: L runs here; every row has the length of the user.
            *sum = unsafe { L::fma1(*user.get_unchecked(c), *row.get_unchecked(c), *sum) };
        }
    }
    sums
}

dispatch!(
    pub(super) fn dots = dots_generic(user: &[f32], items: &[f32], stride: usize, at: &[u32; ABREAST]) -> [f32; ABREAST]
);

#[inline(always)]
unsafe fn dot_in_order_generic<L: Lanes>(user: &[f32], item: &[f32]) -> f32 {
    let mut total = 0.0;
    for (&a, &b) in user.iter().zip(item) {
        // SAFETY: L runs here.
        total = unsafe { L::fma1(a, b, total) };
    }
    total
}

dispatch!(
    /// The product of two vectors.
    pub(super) fn dot_in_order = dot_in_order_generic(user: &[f32], item: &[f32]) -> f32
);
