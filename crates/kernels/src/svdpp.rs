//! SVD++: factors of one side that lean on implicit vectors of the other; see `docs/math/svdpp.md`.
//!
//! One call is one pass over the rows of a table of ratings: users for Koren's term, items for the flipped one. The
//! rows of a [`plan::Plan`]'s batch are learned at once, each by itself from the columns as the batch found them; then
//! every column of the batch takes up what its rows ask of it, in their order. So the result has the same bits for any
//! number of threads.

pub mod columns;
pub mod plan;
pub mod rows;
pub mod sums;
pub mod work;

use crate::phases;
use crate::simd::{Level, PAD};
use crate::threads::{DisjointSlice, for_each_chunk};
use plan::Plan;
use work::{Board, Work};

/// Ratings by row.
#[derive(Clone, Copy)]
pub struct Ratings<'a> {
    /// Where each row starts, (rows + 1).
    pub indptr: &'a [i64],
    /// Columns, ascending in each row.
    pub indices: &'a [i32],
    /// The rating of each event.
    pub values: &'a [f32],
    /// The weight of each event; None: 1.
    pub weights: Option<&'a [f32]>,
}

/// The columns that each row leans on, rated or not.
#[derive(Clone, Copy)]
pub struct Sets<'a> {
    /// Where each row starts, (rows + 1).
    pub indptr: &'a [i64],
    /// Columns, ascending in each row.
    pub indices: &'a [i32],
}

impl<'a> Sets<'a> {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.indptr.len() - 1
    }

    /// Where the columns of one row are.
    #[inline(always)]
    pub fn range(&self, row: usize) -> std::ops::Range<usize> {
        self.indptr[row] as usize..self.indptr[row + 1] as usize
    }

    /// The columns of one row.
    #[inline(always)]
    pub fn row(&self, row: usize) -> &'a [i32] {
        &self.indices[self.range(row)]
    }
}

impl<'a> Ratings<'a> {
    /// Which columns each row has rated.
    pub fn sets(&self) -> Sets<'a> {
        Sets { indptr: self.indptr, indices: self.indices }
    }
}

/// How one group of parameters learns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group {
    /// Step length.
    pub rate: f32,
    /// L2 penalty for each rating that a parameter meets.
    pub penalty: f32,
}

impl Group {
    /// What a step leaves of a parameter before it adds to it.
    #[inline(always)]
    pub fn keep(&self) -> f32 {
        1.0 - self.rate * self.penalty
    }
}

/// What stays the same during a pass.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The score before biases and factors.
    pub mean: f32,
    /// Of the rows' factors.
    pub row: Group,
    /// Of the columns' factors.
    pub column: Group,
    /// Of the implicit vectors.
    pub implicit: Group,
    /// Of the biases of rows and of columns.
    pub bias: Group,
    /// Of all random numbers.
    pub seed: u64,
    /// Which pass this is; it draws its own order.
    pub epoch: u32,
}

/// What is learned; rows of factors are `stride` floats.
pub struct Parameters<'a> {
    /// Of the rows alone, (rows, stride).
    pub rows: &'a mut [f32],
    /// Of the columns alone, (columns, stride).
    pub columns: &'a mut [f32],
    /// What the columns have besides for this pass, (columns, stride); None: nothing.
    pub fixed: Option<&'a [f32]>,
    /// The implicit vectors of the columns, (columns, stride).
    pub implicit: &'a mut [f32],
    /// (rows)
    pub row_bias: &'a mut [f32],
    /// (columns)
    pub column_bias: &'a mut [f32],
    /// A multiple of [`PAD`].
    pub stride: usize,
}

/// Rows whose sums are one task.
const CHUNK: usize = 64;

/// One pass: every rating is learned once. Returns the weighted sum of squared errors met on the way, each before its
/// step.
pub fn epoch(
    level: Level,
    threads: usize,
    plan: &Plan,
    ratings: Ratings<'_>,
    sets: Sets<'_>,
    settings: Settings,
    parameters: Parameters<'_>,
) -> f64 {
    let Parameters { rows, columns, fixed, implicit, row_bias, column_bias, stride } = parameters;
    assert!(plan.fits(ratings, sets) && stride.is_multiple_of(PAD));
    assert_eq!((rows.len(), row_bias.len()), (sets.rows() * stride, sets.rows()));
    assert_eq!((columns.len(), column_bias.len()), (plan.columns * stride, plan.columns));
    assert!(implicit.len() == columns.len() && fixed.is_none_or(|fixed| fixed.len() == columns.len()));

    // What rows meet is the sum of both parts of a column, kept up to date beside the part that is learned.
    let mut whole = match fixed {
        Some(fixed) => columns.iter().zip(fixed).map(|(own, fixed)| own + fixed).collect(),
        None => Vec::new(),
    };
    let order = plan.order(settings.seed, settings.epoch);
    let mut losses = vec![0.0f64; plan.rows()];
    let mut errors = vec![0.0f32; plan.most_events()];
    let mut ends = vec![0.0f32; plan.size * stride];
    let mut moves = vec![0.0f32; plan.size * stride];
    let mut keeps = vec![0.0f32; plan.size];
    let work = Work {
        ratings,
        sets,
        settings,
        stride,
        plan,
        rows: DisjointSlice::new(rows),
        row_bias: DisjointSlice::new(row_bias),
        columns: columns.as_mut_ptr(),
        whole: if fixed.is_some() { whole.as_mut_ptr() } else { columns.as_mut_ptr() },
        fixed,
        implicit: implicit.as_mut_ptr(),
        column_bias: column_bias.as_mut_ptr(),
        errors: Board::new(&mut errors),
        ends: Board::new(&mut ends),
        moves: Board::new(&mut moves),
        keeps: Board::new(&mut keeps),
        losses: DisjointSlice::new(&mut losses),
    };
    let sizes: Vec<usize> = order.iter().flat_map(|&batch| plan.batches[batch as usize].tasks()).collect();
    phases::run(
        threads,
        &sizes,
        || [rows::Scratch::new(stride), rows::Scratch::new(stride)],
        |scratch, phase, task| {
            let batch = &plan.batches[order[phase / 2] as usize];
            if phase % 2 == 0 {
                rows::learn(level, &work, batch, batch.slots(task), scratch);
            } else {
                columns::learn(level, &work, batch, task);
            }
        },
    );
    losses.iter().sum()
}

/// Writes `|N|^-1/2` times the sum of the vectors of each row's set N into `out`, (rows, stride); 0 for an empty set.
pub fn sums(level: Level, threads: usize, sets: Sets<'_>, implicit: &[f32], stride: usize, out: &mut [f32]) {
    assert!(stride.is_multiple_of(PAD) && out.len() == sets.rows() * stride);
    assert!(sets.indices.iter().all(|&j| (j as usize) < implicit.len() / stride.max(1)));
    let rows = sets.rows();
    let out = DisjointSlice::new(out);
    for_each_chunk(
        threads,
        rows.div_ceil(CHUNK),
        || (),
        |(), chunk| {
            for row in chunk * CHUNK..rows.min((chunk + 1) * CHUNK) {
                // SAFETY: one range for each row.
                let into = unsafe { out.range(row * stride, (row + 1) * stride) };
                sums::sum(level, sets.row(row), implicit, stride, into);
            }
        },
    );
}

/// Writes the ratings less what each row's `sums`, (rows, stride), already say of their columns.
pub fn targets(
    level: Level,
    threads: usize,
    ratings: Ratings<'_>,
    sums: &[f32],
    columns: &[f32],
    stride: usize,
    out: &mut [f32],
) {
    let rows = ratings.sets().rows();
    assert!(stride.is_multiple_of(PAD) && sums.len() == rows * stride);
    assert_eq!([ratings.values.len(), out.len()], [ratings.indices.len(); 2]);
    assert!(ratings.indices.iter().all(|&column| (column as usize) < columns.len() / stride.max(1)));
    let out = DisjointSlice::new(out);
    for_each_chunk(
        threads,
        rows.div_ceil(CHUNK),
        || (),
        |(), chunk| {
            for row in chunk * CHUNK..rows.min((chunk + 1) * CHUNK) {
                let range = ratings.sets().range(row);
                let (columns_of, values) = (&ratings.indices[range.clone()], &ratings.values[range.clone()]);
                // SAFETY: one range for each row.
                let into = unsafe { out.range(range.start, range.end) };
                let sum = &sums[row * stride..(row + 1) * stride];
                sums::less(level, columns_of, values, sum, columns, into);
            }
        },
    );
}

#[cfg(test)]
mod tests;
