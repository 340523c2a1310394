//! What the two ways of an exact row cost, and which is cheaper.
//!
//! Everything follows from the lengths of the rows, so that neither threads nor chunks change a bit.

use crate::als::{Events, Factors};
use crate::simd;

/// Nanoseconds of a rank-one update, for each multiplication that counts; 100 GFLOP/s. The constants of the cost
/// model were measured once, on one core of a Zen 4; what they are for is the ratio of the two ways.
const UPDATE: f64 = 0.0099;

/// Nanoseconds to factorize a matrix of width k and to solve: `k^3 / 3` multiplications, and what short vectors and
/// pivots that wait for each other add.
fn factor_cost(k: f64) -> f64 {
    (0.0033 * k + 0.2) * k * k + 15.0 * k
}

/// Nanoseconds of a row with n events by its primal: n updates of `k (k + 16) / 2` multiplications (the diagonal
/// blocks are done whole), one factorization.
fn primal_cost(n: usize, k: usize) -> f64 {
    let (n, k) = (n as f64, k as f64);
    UPDATE * n * k * (k + 16.0) + factor_cost(k)
}

/// Nanoseconds of a row with n events, padded to blocks, by its dual: the same with n and k exchanged, and the
/// events transposed.
fn dual_cost(n: usize, k: usize) -> f64 {
    let (n, k) = (simd::padded(n) as f64, k as f64);
    UPDATE * k * n * (n + 16.0) + factor_cost(n) + 0.4 * n * k
}

/// The most events for which the dual is cheaper; 0 if it never is.
pub fn dual_limit(k: usize) -> usize {
    (1..=k).rev().find(|&n| dual_cost(n, k) < primal_cost(n, k)).unwrap_or(0)
}

/// Whether the duals of these rows save more than the rotations cost.
pub fn rotation_pays(events: Events<'_>, fixed: Factors<'_>) -> bool {
    let k = fixed.stride;
    let limit = dual_limit(k);
    let (mut saved, mut rows) = (0.0, 0usize);
    for ends in events.indptr.windows(2) {
        let n = (ends[1] - ends[0]) as usize;
        rows += usize::from(n > 0);
        if 0 < n && n <= limit {
            saved += primal_cost(n, k) - dual_cost(n, k);
        }
    }
    // Both matrices are rotated, k^2 multiplications a row; the basis takes some 25 k^3 in double precision.
    let square = (k * k) as f64;
    saved > 0.03 * square * (rows + fixed.rows()) as f64 + 5.0 * square * k as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::als::Targets;

    #[test]
    fn the_cheaper_way_is_taken() {
        assert_eq!(dual_limit(16), 0);
        for k in [64, 128, 256, 512] {
            let limit = dual_limit(k);
            assert!(k / 2 < limit && limit < k, "{k}: {limit}");
            assert!(dual_cost(limit, k) < primal_cost(limit, k));
        }
        // Short rows of many users pay for the rotations; few rows, or long ones, do not.
        let q = vec![0.0; 100 * 128];
        let fixed = Factors { data: &q, stride: 128 };
        let targets = Targets::Implicit { weights: None, weight: 1.0, offset: 0.0 };
        for (rows, n, pays) in [(5000, 20, true), (1, 20, false), (5000, 500, false)] {
            let indptr: Vec<i64> = (0..=rows).map(|row| row * n).collect();
            assert_eq!(rotation_pays(Events { indptr: &indptr, indices: &[], targets }, fixed), pays);
        }
    }
}
