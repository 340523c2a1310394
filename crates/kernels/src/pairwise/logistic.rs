//! The logistic function in single precision, without branches, so that loops over it become vector code.

/// `e^x` to 2 units in the last place, for x in -87..88; beyond them the value at the end.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23: adding it leaves the nearest whole number in the low bits
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4; // x - n ln 2, ln 2 in two parts
    let mut p = 1.987_569_1e-4f32;
    for c in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_66, 0.5] {
        p = p * r + c;
    }
    let fraction = p * r * r + r + 1.0;
    fraction * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `ln(1 + e^x)`.
pub fn softplus(x: f32) -> f64 {
    let x = f64::from(x);
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agree_with_double_precision() {
        for step in -8800..=8800 {
            let x = step as f32 / 100.0;
            let wide = f64::from(x);
            if (-87.0..=88.0).contains(&x) {
                let error = f64::from(exp(x)) / wide.exp() - 1.0;
                assert!(error.abs() < 3e-7, "{x}: {error:e}");
            }
            let error = f64::from(sigmoid(x)) * (1.0 + (-wide).exp()) - 1.0;
            assert!(error.abs() < 4e-7 || x < -87.0, "{x}: {error:e}");
            let error = softplus(x) - (1.0 + wide.exp()).ln();
            assert!(error.abs() < 1e-12 * (1.0 + wide.abs()), "{x}: {error:e}");
        }
    }

    #[test]
    fn the_ends_stay_finite() {
        for x in [f32::INFINITY, 1e30, 100.0] {
            assert_eq!((sigmoid(x), sigmoid(-x)), (1.0, sigmoid(-88.0)));
            assert!(exp(x).is_finite() && exp(-x) > 0.0);
        }
    }
}
