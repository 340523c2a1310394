//! Floats that begin at a cache line, so that no vector of a padded row lies across two.

use std::ops::{Deref, DerefMut};

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; 16]);

/// A fixed number of floats, at first zero.
pub struct Lines {
    lines: Vec<Line>,
    len: usize,
}

impl Lines {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        Self { lines: vec![Line([0.0; 16]); len.div_ceil(16)], len }
    }
}

impl From<&[f32]> for Lines {
    fn from(values: &[f32]) -> Self {
        let mut lines = Self::zeros(values.len());
        lines.copy_from_slice(values);
        lines
    }
}

impl Deref for Lines {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: a Line is 16 floats without gaps, and the lines hold at least `len` floats.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Lines {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above, and borrowed for writing.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_at_a_line_and_holds_what_it_is_given() {
        for len in [0, 1, 16, 33] {
            let values: Vec<f32> = (0..len).map(|i| i as f32).collect();
            let lines = Lines::from(&values[..]);
            assert_eq!(*lines, values);
            assert!(len == 0 || lines.as_ptr().cast::<u8>().align_offset(64) == 0);
            assert!(Lines::zeros(len).iter().all(|&v| v == 0.0));
        }
    }
}
