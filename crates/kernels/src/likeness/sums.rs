//! What is summed for a pair of rows, and the likeness that it makes.

use super::order::Number;
use super::{Board, Likeness, Search, sweep};
use crate::simd::Level;

/// The sums of a pair, from which its likeness follows.
pub trait Sums: Copy + Default + Send {
    /// Places of a board that are swept in the time in which one is found and offered through a list.
    const PLACES: usize;

    /// Adds a column in which one row has x and the other y.
    fn add_one(&mut self, x: f32, y: f32);

    /// How alike the rows are, given the scales of both.
    fn likeness(&self, scale: f32, other: f32, how: &Likeness<'_>) -> f32;

    /// Adds a column to the pairs of a row with x in it and each of `list` with its value.
    fn add<N: Number>(board: &mut [Self], list: &[N], values: &[f32], x: f32) {
        let board = N::board(board);
        let (fours, rest) = list.as_chunks::<4>();
        let (fours_y, rest_y) = values[..list.len()].as_chunks::<4>();
        for (four, y) in fours.iter().zip(fours_y) {
            let at = four.map(|number| number.place());
            // A list names no number twice: all four are read before one is written, and none waits for another.
            let mut sums = at.map(|at| board[at]);
            (0..4).for_each(|i| sums[i].add_one(x, y[i]));
            (0..4).for_each(|i| board[at[i]] = sums[i]);
        }
        for (&number, &y) in rest.iter().zip(rest_y) {
            let at = number.place();
            board[at].add_one(x, y);
        }
    }

    /// As [`Sums::add`] where all values are 1, and the column has a weight.
    fn add_ones<N: Number>(board: &mut [Self], list: &[N], weight: f32) {
        let board = N::board(board);
        let (fours, rest) = list.as_chunks::<4>();
        for four in fours {
            let at = four.map(|number| number.place());
            let mut sums = at.map(|at| board[at]);
            sums.iter_mut().for_each(|sum| sum.add_one(weight, 1.0));
            (0..4).for_each(|i| board[at[i]] = sums[i]);
        }
        for &number in rest {
            let at = number.place();
            board[at].add_one(weight, 1.0);
        }
    }

    /// Offers and clears all places below `number`.
    fn sweep<N: Number>(_level: Level, search: &Search<'_, N>, board: &mut Board<Self>, number: usize) {
        for other in 0..number {
            search.offer(board, number, other);
        }
    }
}

/// The likeness of rows with `common` columns, from that without regard to them.
fn trusted(likeness: f32, common: f32, how: &Likeness<'_>) -> f32 {
    if common < how.overlap as f32 { 0.0 } else { likeness * (common / (common + how.shrinkage)) }
}

/// The products; or, where nothing else is added, the number of columns.
impl Sums for f32 {
    const PLACES: usize = 16;

    #[inline(always)]
    fn add_one(&mut self, x: f32, y: f32) {
        *self += x * y;
    }

    fn likeness(&self, scale: f32, other: f32, how: &Likeness<'_>) -> f32 {
        let likeness = *self * scale * other;
        if how.shrinkage > 0.0 || how.overlap > 1 { trusted(likeness, *self, how) } else { likeness }
    }

    fn sweep<N: Number>(level: Level, search: &Search<'_, N>, board: &mut Board<Self>, number: usize) {
        // Shrinking makes no likeness greater, so what is below the bars without it stays below.
        let mut at = 0;
        loop {
            let by = search.scale[number];
            at = sweep(level, &mut board.sums, search.scale, &board.bars, by, board.own.bar(), at, number);
            if at >= number {
                return;
            }
            let block = at..number.min(at + crate::simd::PAD);
            at += crate::simd::PAD;
            for other in block {
                search.offer(board, number, other);
            }
        }
    }
}

/// The products, and the number of columns.
impl Sums for [f32; 2] {
    const PLACES: usize = 1;

    #[inline(always)]
    fn add_one(&mut self, x: f32, y: f32) {
        *self = [self[0] + x * y, self[1] + 1.0];
    }

    fn likeness(&self, scale: f32, other: f32, how: &Likeness<'_>) -> f32 {
        trusted(self[0] * scale * other, self[1], how)
    }
}
