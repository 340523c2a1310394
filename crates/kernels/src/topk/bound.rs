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

/// How long a user's vector is, and what follows from it.
pub(super) struct Query {
    pub(super) offset: f64,
    norm: f64,
    /// What a product may come to, rounding included, for each unit of an item's length.
    reach: f64,
    /// What a product may be above the one of the codes, for each unit of an item's length, and of the length of
    /// what its codes leave out.
    per_norm: f64,
    per_error: f64,
    /// What rounding adds whatever the item.
    slack: f64,
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

/// The greatest adjusted score of an unadjusted score of at most `most`.
pub(super) fn adjusted(most: f64, positive: f64, negative: f64) -> f64 {
    let most = if most > 0.0 { most * positive } else { most * negative };
    most + 4.0 * UNIT * most.abs() + f64::from(f32::MIN_POSITIVE)
}

impl Query {
    /// For a user's vector of this length, its codes, and the number of factors.
    pub(super) fn new(norm: f64, coded: &Coded, factors: usize, offset: f32) -> Self {
        let offset = f64::from(offset);
        let in_sum = UNIT * (3 * factors + 8) as f64 * norm;
        let in_codes = 8.0 * UNIT * coded.norm;
        Self {
            offset,
            norm,
            reach: norm + in_sum,
            per_norm: coded.error * (1.0 + 1e-6) + in_sum + in_codes,
            per_error: coded.norm * (1.0 + 1e-6) + in_codes,
            slack: 8.0 * UNIT * offset.abs() + f64::from(f32::MIN_POSITIVE),
        }
    }

    /// What rounding may add to a score beyond what it adds to the product.
    fn slack(&self, bar: f32, shifts: &Shifts) -> f64 {
        // Where there is no bar yet, nothing is compared with it.
        let bar = if bar.is_finite() { f64::from(bar.abs()) } else { 0.0 };
        self.slack + 8.0 * UNIT * (shifts.bias_size + bar)
    }

    /// Whether no score of an item that is no longer than `norm` can overflow; else nothing is known of it.
    fn tame(&self, norm: f64, shifts: &Shifts) -> bool {
        self.norm * norm + shifts.bias_size + self.offset.abs() < HUGE
    }

    /// Whether an item that is no longer than `norm` can have a score of at least `bar`.
    pub(super) fn may_reach(&self, bar: f32, norm: f64, shifts: &Shifts) -> bool {
        let most = self.reach * norm + shifts.bias + self.offset + self.slack(bar, shifts);
        let most = adjusted(most, shifts.positive, shifts.negative);
        shifts.bias > f64::NEG_INFINITY && (most >= f64::from(bar) || !self.tame(norm, shifts))
    }

    /// What a score of this block may be above the one from the codes; infinite where nothing is known.
    pub(super) fn margin(&self, bar: f32, block: &Block, shifts: &Shifts) -> f64 {
        let margin = self.per_norm * block.norm + self.per_error * block.error + self.slack(bar, shifts);
        if self.tame(block.norm, shifts) { margin } else { f64::INFINITY }
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
