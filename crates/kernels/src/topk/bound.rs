//! What a score can be at most: for a whole block of items from their lengths, for one item from its codes.
//!
//! Everything here errs on the side of keeping an item, so that leaving one out is exact. With `p = p' + x` and
//! `q = q' + y`, where `p'` and `q'` are what the codes stand for,
//! `p . q <= p' . q' + |p'| |y| + |x| |q|` by Cauchy and Schwarz. Sums of k rounded products, and the additions
//! of bias and offset, add a few units in the last place of `|p| |q|`, the bias, and the offset.

use super::codes::Coded;
use super::pack::Block;

/// Half a unit in the last place of 1.
const UNIT: f64 = f32::EPSILON as f64 / 2.0;

/// Above this, scores might overflow and nothing is left out.
const HUGE: f64 = 1e37;

/// A user of a query.
pub(super) struct Query {
    /// Length of the user's vector.
    pub(super) norm: f64,
    pub(super) coded: Coded,
    pub(super) offset: f64,
}

/// What a query does to the scores of a block, or of all blocks from one on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shifts {
    /// Greatest bias; -inf where every item is barred.
    pub(super) bias: f64,
    /// Greatest size of a finite bias.
    pub(super) bias_size: f64,
    /// Greatest factor of a positive score.
    pub(super) positive: f64,
    /// Least factor of a negative score.
    pub(super) negative: f64,
}

/// What rounding may add to a score of at most `product + bias + offset`, and to the bounds themselves.
fn rounding(factors: usize, product: f64, coded: f64, bias: f64, offset: f64, bar: f32) -> f64 {
    // An empty bar is -inf and nothing is compared with it.
    let bar = if bar.is_finite() { f64::from(bar).abs() } else { 0.0 };
    let in_sum = (3 * factors + 8) as f64 * product;
    UNIT * (in_sum + 8.0 * (coded + bias + offset.abs() + bar)) + f64::from(f32::MIN_POSITIVE)
}

/// The greatest adjusted score of an unadjusted score of at most `most`.
pub(super) fn adjusted(most: f64, positive: f64, negative: f64) -> f64 {
    let most = if most > 0.0 { most * positive } else { most * negative };
    most + 4.0 * UNIT * most.abs() + f64::from(f32::MIN_POSITIVE)
}

impl Query {
    /// Whether an item that is no longer than `norm` can have a score of at least `bar`.
    pub(super) fn may_reach(&self, bar: f32, factors: usize, norm: f64, shifts: &Shifts) -> bool {
        if shifts.bias == f64::NEG_INFINITY {
            return false;
        }
        let product = self.norm * norm;
        let slack = rounding(factors, product, 0.0, shifts.bias_size, self.offset, bar);
        let most = product + shifts.bias + self.offset + slack;
        // Not a number, where there is any overflow, may be anything.
        let below = adjusted(most, shifts.positive, shifts.negative) < f64::from(bar);
        !below || most > HUGE
    }

    /// What a score of this block may be above the one from the codes; infinite where nothing is known.
    pub(super) fn margin(&self, bar: f32, factors: usize, block: &Block, shifts: &Shifts) -> f64 {
        let product = self.norm * block.norm;
        let coded = self.coded.norm * (block.norm + block.error);
        let slack = rounding(factors, product, coded, shifts.bias_size, self.offset, bar);
        let known = product + coded + shifts.bias_size + self.offset.abs() < HUGE;
        let left_out = self.coded.norm * block.error + self.coded.error * block.norm;
        if known { left_out * (1.0 + 1e-6) + slack } else { f64::INFINITY }
    }
}

/// The greatest float below a bound.
pub(super) fn below(bound: f64) -> f32 {
    (bound as f32).next_down()
}

/// `bar` lowered by more than what the product of a score and a factor is rounded by.
pub(super) fn lowered(bar: f32) -> f32 {
    below(f64::from(bar) - 8.0 * UNIT * f64::from(bar).abs() - f64::from(f32::MIN_POSITIVE))
}
