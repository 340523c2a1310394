//! The sums of squares that alternating least squares lowers; for reports, not for steering.

use crate::als::{Events, Factors, Penalty, Targets};
use crate::dense;
use crate::simd::Level;
use crate::threads::{DisjointSlice, for_each_chunk};

/// Rows summed by one task, in order.
const CHUNK: usize = 4096;

/// The penalty `sum_u scale(n_u) (regularization |x_u|^2 + bias_regularization b_u^2)` of one side.
pub fn penalty_of(indptr: &[i64], penalty: Penalty, x: Factors<'_>, bias: &[f32]) -> f64 {
    let mut total = 0.0;
    for row in 0..indptr.len() - 1 {
        let n = (indptr[row + 1] - indptr[row]) as usize;
        let norm: f64 =
            x.data[row * x.stride..(row + 1) * x.stride].iter().map(|&v| f64::from(v).powi(2)).sum();
        let shift = bias.get(row).map_or(0.0, |&b| f64::from(b).powi(2));
        total += penalty.scale(n)
            * (penalty.regularization * norm + penalty.bias_regularization.unwrap_or(0.0) * shift);
    }
    total
}

/// The data term: over the events, and for implicit targets over all other cells with weight `unobserved`.
///
/// Implicit: `sum_S (w s^2 - 2 wy s + wy) + unobserved * sum_all s^2`, where s is the score; that is the
/// published loss of both forms, `sum_S w (1 - s)^2 + a0 sum_all s^2` and `sum_all c (p - s)^2`.
pub fn data_term(
    level: Level,
    threads: usize,
    events: Events<'_>,
    x: Factors<'_>,
    bias: &[f32],
    fixed: Factors<'_>,
    unobserved: f32,
) -> f64 {
    let rows = events.indptr.len() - 1;
    let mut sums = vec![0.0f64; rows.div_ceil(CHUNK)];
    let out = DisjointSlice::new(&mut sums);
    for_each_chunk(
        threads,
        rows.div_ceil(CHUNK),
        || (),
        |(), chunk| {
            let mut total = 0.0;
            for row in chunk * CHUNK..rows.min((chunk + 1) * CHUNK) {
                let p = &x.data[row * x.stride..(row + 1) * x.stride];
                for e in events.indptr[row] as usize..events.indptr[row + 1] as usize {
                    let item = events.indices[e] as usize;
                    let q = &fixed.data[item * fixed.stride..(item + 1) * fixed.stride];
                    let dot: f64 = p.iter().zip(q).map(|(&a, &b)| f64::from(a * b)).sum();
                    total += match events.targets {
                        Targets::Implicit { weights, weight, offset } => {
                            let w = f64::from(weights.map_or(weight, |weights| weights[e]));
                            let wy = w + f64::from(offset);
                            w * dot * dot - 2.0 * wy * dot + wy
                        }
                        Targets::Explicit { values, weights, mean, bias: other } => {
                            let value = values.map_or(1.0, |values| values[e]);
                            let own = bias.get(row).map_or(0.0, |&b| f64::from(b));
                            let shift = other.get(item).map_or(0.0, |&b| f64::from(b));
                            let error = f64::from(value) - f64::from(mean) - own - shift - dot;
                            f64::from(weights.map_or(1.0, |weights| weights[e])) * error * error
                        }
                    };
                }
            }
            // SAFETY: each chunk writes its own sum.
            unsafe { out.range(chunk, chunk + 1)[0] = total };
        },
    );
    let observed: f64 = sums.iter().sum();
    if unobserved == 0.0 {
        return observed;
    }
    let left = dense::gram(level, threads, x.data, x.stride);
    let right = dense::gram(level, threads, fixed.data, fixed.stride);
    observed + f64::from(unobserved) * left.iter().zip(&right).map(|(a, b)| a * b).sum::<f64>()
}
