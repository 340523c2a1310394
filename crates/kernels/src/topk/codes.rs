//! Vectors as small integers: `x ~ scale * code` with codes of one byte, and the length of what they leave out.

/// Items in a panel.
pub(super) const PANEL: usize = 16;
/// Factors whose codes lie side by side, item by item.
pub(super) const GROUP: usize = 4;
/// Item codes are stored as unsigned bytes: this plus the code.
const ZERO: i32 = 128;
/// Most panels in a run, which are summed side by side.
pub(super) const RUN: usize = 8;

/// How long the two parts of a vector are: what its codes stand for, and the rest.
pub(super) struct Coded {
    /// Length of `scale * codes`.
    pub(super) norm: f64,
    /// Length of the vector minus `scale * codes`.
    pub(super) error: f64,
}

/// The step with which `largest` becomes `limit`; 0, which makes all codes 0, where a step has no normal value.
pub(super) fn step(largest: f32, limit: f32) -> f32 {
    let step = largest / limit;
    if step.is_normal() { step } else { 0.0 }
}

/// The greatest size of a factor.
pub(super) fn largest(vector: &[f32]) -> f32 {
    vector.iter().fold(0.0f32, |most, x| most.max(x.abs()))
}

/// The whole number next to `x`, |x| < 2^22, by the rounding of a sum.
fn rounded(x: f32) -> f32 {
    const ONES: f32 = 12_582_912.0; // 1.5 * 2^23: floats as large as this are whole
    (x + ONES) - ONES
}

/// Writes the code of every factor; `codes` may be longer and ends in zeros then.
pub(super) fn encode(vector: &[f32], scale: f32, limit: f32, codes: &mut [i8]) -> Coded {
    codes[vector.len()..].fill(0);
    let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    let step = f64::from(scale);
    // Four sums each, so that no addition waits for the one before.
    let (mut norm, mut error) = ([0.0; GROUP], [0.0; GROUP]);
    for (values, codes) in vector.chunks(GROUP).zip(codes.chunks_mut(GROUP)) {
        for (g, (&x, code)) in values.iter().zip(codes).enumerate() {
            let whole = rounded(x * inverse).clamp(-limit, limit);
            *code = whole as i8;
            let near = step * f64::from(whole);
            norm[g] += near * near;
            error[g] += (f64::from(x) - near).powi(2);
        }
    }
    Coded { norm: norm.iter().sum::<f64>().sqrt(), error: error.iter().sum::<f64>().sqrt() }
}

/// The codes of one group of factors of a panel, item by item, as [`ZERO`] plus the code. Aligned, because a load across
/// two lines of cache takes twice as long.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line(pub(super) [u8; PANEL * GROUP]);

impl Line {
    pub(super) fn zero() -> Self {
        Self([ZERO as u8; PANEL * GROUP])
    }

    pub(super) fn set(&mut self, item: usize, codes: &[i8]) {
        for (byte, &code) in self.0[item * GROUP..].iter_mut().zip(&codes[..GROUP]) {
            *byte = (i32::from(code) + ZERO) as u8;
        }
    }
}

/// The greatest code of an item.
pub(super) const ITEM_LIMIT: f32 = 127.0;

/// Where the sums of a user start, so that the bytes of items count as codes.
pub(super) fn start(codes: &[i8]) -> i32 {
    -ZERO * codes.iter().map(|&c| i32::from(c)).sum::<i32>()
}
