//! The most alike rows of a sparse table: sparse times sparse, the best k of each row, never all pairs.
//!
//! Formulas in `docs/math/likeness.md`. Rows are numbered by falling length. Row r is compared with the longer rows
//! only, and each likeness is offered to both of its rows, so every pair is summed once; the sums of row r then lie in
//! the first r places of a board, and the many pairs of long rows in a corner of it that stays in the first-level
//! cache. Which k rows are the best does not depend on the order in which they are offered, so results are the same
//! bits for any number of threads.

use crate::csr::CsrError;
use crate::simd::{Lanes, Level, PAD, dispatch};
use crate::threads::for_each_chunk;
use keep::Keeper;
use order::{Number, Ordered};
use std::sync::{Mutex, PoisonError};
use sums::Sums;

mod keep;
mod order;
mod sums;
#[cfg(test)]
mod tests;

/// Rows that one thread takes at a time.
const CHUNK: usize = 8;

/// Cells whose lists are asked for before they are read.
const AHEAD: usize = 6;

/// A table in row order: row `r` holds the cells `indptr[r]..indptr[r + 1]`, columns ascending and unique.
#[derive(Clone, Copy, Debug)]
pub struct Cells<'a> {
    /// Where each row starts, and the number of cells at the end.
    pub indptr: &'a [i64],
    /// Column of each cell.
    pub indices: &'a [i32],
    /// Value of each cell, finite; `None` when every value is 1.
    pub values: Option<&'a [f32]>,
    /// Number of columns.
    pub columns: usize,
}

/// How alike two rows x and y are.
#[derive(Clone, Copy, Debug)]
pub struct Likeness<'a> {
    /// Weight of each column, by which its products are multiplied; `None`: all 1. Not beside values.
    pub columns: Option<&'a [f32]>,
    /// What each row's products are multiplied by, such as one over its norm; `None`: 1.
    pub scale: Option<&'a [f32]>,
    /// Multiply by n / (n + shrinkage), n being the columns that both rows have; >= 0.
    pub shrinkage: f32,
    /// Columns that both rows must have.
    pub overlap: u32,
    /// The least likeness that counts, >= 0; zero itself never does.
    pub threshold: f32,
}

/// The best rows for each row, best first; equal ones by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nearest {
    /// Where each row's neighbours start, and their number at the end.
    pub indptr: Vec<i64>,
    /// The neighbours.
    pub indices: Vec<i32>,
    /// How alike they are, above 0.
    pub likeness: Vec<f32>,
}

/// The `k` rows most alike to each row, on at most `threads` threads.
///
/// Beside its input and its result it holds 10 to 16 bytes a cell, at most 16 for each neighbour, and for each thread
/// 8 to 20 bytes a row.
///
/// # Errors
/// More than `u32::MAX` cells.
pub fn nearest(
    level: Level,
    threads: usize,
    cells: Cells<'_>,
    likeness: Likeness<'_>,
    k: usize,
) -> Result<Nearest, CsrError> {
    let rows = cells.indptr.len() - 1;
    if rows <= 1 << 16 {
        numbered::<u16>(level, threads, cells, likeness, k)
    } else {
        numbered::<u32>(level, threads, cells, likeness, k)
    }
}

fn numbered<N: Number>(
    level: Level,
    threads: usize,
    cells: Cells<'_>,
    likeness: Likeness<'_>,
    k: usize,
) -> Result<Nearest, CsrError> {
    let table = Ordered::<N>::new(cells, likeness.columns, threads)?;
    let counted = likeness.shrinkage > 0.0 || likeness.overlap > 1;
    Ok(if counted && (cells.values.is_some() || likeness.columns.is_some()) {
        summed::<N, [f32; 2]>(level, threads, &table, likeness, k)
    } else {
        summed::<N, f32>(level, threads, &table, likeness, k)
    })
}

fn summed<N: Number, S: Sums>(
    level: Level,
    threads: usize,
    table: &Ordered<N>,
    likeness: Likeness<'_>,
    k: usize,
) -> Nearest {
    let rows = table.order.len();
    let least = likeness.threshold.max(f32::MIN_POSITIVE);
    let keepers: Vec<Mutex<Keeper>> = (0..rows).map(|_| Mutex::new(Keeper::new(k, least))).collect();
    let mut scale = vec![0.0; rows.next_multiple_of(PAD)];
    for (scale, &row) in scale.iter_mut().zip(&table.order) {
        *scale = likeness.scale.map_or(1.0, |scale| scale[row as usize]);
    }
    let search = Search { level, table, likeness, scale: &scale, keepers: &keepers, least };
    let board = || Board {
        sums: vec![S::default(); N::places(rows)],
        bars: vec![Keeper::new(k, least).bar(); rows.next_multiple_of(PAD)],
        own: Keeper::new(k, least),
    };
    for_each_chunk(threads, rows.div_ceil(CHUNK), board, |board, chunk| {
        for number in chunk * CHUNK..rows.min((chunk + 1) * CHUNK) {
            search.row(board, number);
        }
    });
    order::collect(&table.order, keepers, threads)
}

/// Memory of one thread.
struct Board<S> {
    /// The sums of the row in work with each number; zeros between rows.
    sums: Vec<S>,
    /// What a likeness must be above to be worth offering to each number, as this thread last saw it.
    bars: Vec<f32>,
    /// The neighbours of the row in work.
    own: Keeper,
}

struct Search<'a, N> {
    level: Level,
    table: &'a Ordered<N>,
    likeness: Likeness<'a>,
    scale: &'a [f32],
    keepers: &'a [Mutex<Keeper>],
    least: f32,
}

impl<N: Number> Search<'_, N> {
    /// Compares row `number` with all numbers below it.
    fn row<S: Sums>(&self, board: &mut Board<S>, number: usize) {
        let sums = self.add(board, number);
        if sums * S::PLACES < number {
            self.again(board, number);
        } else {
            S::sweep(self.level, self, board, number);
        }
        let mut keeper = self.keepers[number].lock().unwrap_or_else(PoisonError::into_inner);
        board.own.drain_into(&mut keeper, self.least);
    }

    /// Sums over the lists of the row's columns; returns how many numbers they hold.
    fn add<S: Sums>(&self, board: &mut Board<S>, number: usize) -> usize {
        let Ordered { begins, ends, lists, values, weights, .. } = self.table;
        let mut count = 0;
        for cell in self.table.cells(number) {
            if let Some(&ahead) = begins.get(cell + AHEAD) {
                prefetch(self.level, lists, ahead as usize);
            }
            let (start, end) = (begins[cell] as usize, ends[cell] as usize);
            count += end - start;
            match values {
                None => {
                    let weight = weights.as_ref().map_or(1.0, |weights| weights[cell]);
                    S::add_ones(&mut board.sums, &lists[start..end], weight);
                }
                Some(values) => {
                    S::add(&mut board.sums, &lists[start..end], &values[start..end], values[end]);
                }
            }
        }
        count
    }

    /// Offers and clears what the row's lists name.
    fn again<S: Sums>(&self, board: &mut Board<S>, number: usize) {
        for cell in self.table.cells(number) {
            for &other in &self.table.lists[self.table.begins[cell] as usize..self.table.ends[cell] as usize]
            {
                self.offer(board, number, other.place());
            }
        }
    }

    /// Offers and clears one place of the board.
    fn offer<S: Sums>(&self, board: &mut Board<S>, number: usize, other: usize) {
        let sums = std::mem::take(&mut board.sums[other]);
        let likeness = sums.likeness(self.scale[other], self.scale[number], &self.likeness);
        if likeness > board.own.bar() {
            board.own.offer(likeness, self.table.order[other]);
        }
        if likeness > board.bars[other] {
            let mut keeper = self.keepers[other].lock().unwrap_or_else(PoisonError::into_inner);
            keeper.offer(likeness, self.table.order[number]);
            board.bars[other] = keeper.bar();
        }
    }
}

#[inline(always)]
unsafe fn prefetch_generic<L: Lanes>(lists: *const f32) {
    // SAFETY: never faults.
    unsafe {
        L::prefetch(lists);
        L::prefetch(lists.wrapping_add(16));
    }
}

dispatch!(fn prefetch_at = prefetch_generic(at: *const f32));

/// Asks for the first lines of a list.
fn prefetch<N>(level: Level, lists: &[N], start: usize) {
    prefetch_at(level, lists.as_ptr().wrapping_add(start).cast());
}

/// Goes over the board eight or so places at a time, where the sums are plain numbers.
#[inline(always)]
unsafe fn sweep_generic<L: Lanes>(
    sums: &mut [f32],
    scale: &[f32],
    bars: &[f32],
    by: f32,
    own: f32,
    from: usize,
    to: usize,
) -> usize {
    let whole = to.next_multiple_of(L::N);
    assert!(from.is_multiple_of(L::N) && sums.len() >= whole && scale.len() >= whole && bars.len() >= whole);
    // SAFETY: L runs here, and `at + L::N` is at most `whole`.
    unsafe {
        let (by, own, zero) = (L::splat(by), L::splat(own), L::splat(0.0));
        let mut at = from;
        while at < to {
            let likeness =
                L::mul(L::mul(L::load(sums.as_ptr().add(at)), L::load(scale.as_ptr().add(at))), by);
            if L::any_gt(likeness, own) || L::any_gt(likeness, L::load(bars.as_ptr().add(at))) {
                return at;
            }
            L::store(sums.as_mut_ptr().add(at), zero);
            at += L::N;
        }
    }
    to
}

dispatch!(
    /// Clears places from `from` (a multiple of the lanes) until one of them is worth offering: where that is, or `to`.
    fn sweep = sweep_generic(
        sums: &mut [f32], scale: &[f32], bars: &[f32], by: f32, own: f32, from: usize, to: usize,
    ) -> usize
);
