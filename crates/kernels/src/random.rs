//! Random numbers by counter: every number is a function of its key and its place, so the order in which rows are
//! drawn, and by which thread, changes nothing.
//!
//! Philox 4x32 with ten rounds (J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, Parallel random numbers: as easy
//! as 1, 2, 3, SC 2011), and normal numbers from it by G. E. P. Box and M. E. Muller (1958).

use std::f64::consts::TAU;

/// Ten rounds of Philox 4x32: four random words for a counter and a key.
pub fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let ([mut c0, mut c1, mut c2, mut c3], [mut k0, mut k1]) = (counter, key);
    for _ in 0..10 {
        let p0 = 0xD251_1F53u64 * u64::from(c0);
        let p1 = 0xCD9E_8D57u64 * u64::from(c2);
        (c0, c1, c2, c3) = ((p1 >> 32) as u32 ^ c1 ^ k0, p1 as u32, (p0 >> 32) as u32 ^ c3 ^ k1, p0 as u32);
        (k0, k1) = (k0.wrapping_add(0x9E37_79B9), k1.wrapping_add(0xBB67_AE85));
    }
    [c0, c1, c2, c3]
}

/// The normal numbers of one row in one epoch, in order.
pub struct Normals {
    key: [u32; 2],
    counter: [u32; 4],
    left: [f64; 4],
    used: usize,
}

impl Normals {
    /// The stream of `row` in `epoch` under `seed`; different streams share no number.
    pub fn new(seed: u64, epoch: u32, row: u64) -> Self {
        Self {
            key: [seed as u32, (seed >> 32) as u32],
            counter: [0, epoch, row as u32, (row >> 32) as u32],
            left: [0.0; 4],
            used: 4,
        }
    }

    /// Fills `out` with standard normal numbers; they end at 6.7, as 32 bits have it.
    pub fn fill(&mut self, out: &mut [f32]) {
        for z in out {
            if self.used == 4 {
                let words = philox(self.counter, self.key);
                self.counter[0] =
                    self.counter[0].checked_add(1).expect("a row draws fewer than 2^34 numbers");
                self.left[..2].copy_from_slice(&pair(words[0], words[1]));
                self.left[2..].copy_from_slice(&pair(words[2], words[3]));
                self.used = 0;
            }
            *z = self.left[self.used] as f32;
            self.used += 1;
        }
    }
}

/// Two normal numbers from two random words, by Box and Muller.
fn pair(a: u32, b: u32) -> [f64; 2] {
    let unit = |word: u32| (f64::from(word) + 0.5) / 2f64.powi(32);
    let (radius, angle) = ((-2.0 * unit(a).ln()).sqrt(), TAU * unit(b));
    [radius * angle.cos(), radius * angle.sin()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_published_words() {
        // The known answers of Random123, kat_vectors, philox4x32 10.
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn normal_numbers_have_the_moments_of_the_normal() {
        let n = 400_000;
        let mut z = vec![0.0f32; n];
        Normals::new(7, 3, 11).fill(&mut z);
        for (power, want, tolerance) in [(1, 0.0, 0.01), (2, 1.0, 0.02), (3, 0.0, 0.03), (4, 3.0, 0.08)] {
            let moment = z.iter().map(|&z| f64::from(z).powi(power)).sum::<f64>() / n as f64;
            assert!((moment - want).abs() < tolerance, "{power}: {moment}");
        }
        let lag = z.windows(2).map(|w| f64::from(w[0] * w[1])).sum::<f64>() / n as f64;
        assert!(lag.abs() < 0.01, "{lag}");
    }

    #[test]
    fn a_stream_is_named_by_seed_epoch_and_row_alone() {
        let draw = |seed, epoch, row, n: usize| {
            let mut z = vec![0.0f32; n];
            Normals::new(seed, epoch, row).fill(&mut z);
            z
        };
        let z = draw(1, 2, 3, 10);
        assert_eq!(z[..7], draw(1, 2, 3, 7));
        let mut split = vec![0.0; 10];
        let mut stream = Normals::new(1, 2, 3);
        split.chunks_mut(3).for_each(|part| stream.fill(part));
        assert_eq!(z, split);
        for other in [
            draw(2, 2, 3, 10),
            draw(1, 3, 3, 10),
            draw(1, 2, 4, 10),
            draw(1 << 32 | 1, 2, 3, 10),
            draw(1, 2, 1 << 32 | 3, 10),
        ] {
            assert!(z.iter().zip(&other).all(|(a, b)| a != b));
        }
    }
}
