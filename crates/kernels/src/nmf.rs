//! Non-negative factors of a table whose empty cells are zeros, one side at a time; see `docs/math/nmf.md`.
//!
//! With the other side H (columns, k) fixed, every row a of the table has a problem of its own: the squared error
//! `|a - H x|^2 / 2`, here, or the Kullback-Leibler divergence of a and H x, in [`kullback`]; both with
//! `l1 |x|_1 + l2 |x|^2 / 2`, over `x >= 0`. A row needs its cells alone, because what the empty ones ask for is in
//! `G = H'H`, or in the sums of the columns of H, which all rows share.

pub mod kullback;
#[cfg(test)]
mod tests;

use crate::nonnegative;
use crate::row::Touched;
use crate::simd::{Lanes, Level, dispatch};
use crate::sparse::{Row, sum_row};
use crate::threads::{DisjointSlice, for_each_chunk};

/// Rows that descend side by side, one in each lane; also what a thread takes at a time.
const TILE: usize = 64;

/// Sweeps end when one moves the rows by less than this share of the first, squared.
const LITTLE: f64 = 1e-4;

/// A column whose squares are less than this share of the longest's gives the other side no direction but rounding.
const NOTHING: f32 = 1e-20;

/// Added to the diagonal of an exact solve, as a share: of several minima it finds one.
const RIDGE: f64 = 1e-10;

/// A table by rows, without its empty cells.
#[derive(Clone, Copy)]
pub struct Cells<'a> {
    /// Where each row starts, and the number of cells at the end.
    pub indptr: &'a [i64],
    /// Column of each cell.
    pub indices: &'a [i32],
    /// Value of each cell, 0 or more; None: all 1.
    pub values: Option<&'a [f32]>,
}

impl<'a> Cells<'a> {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.indptr.len() - 1
    }

    /// As many ones as the longest row has cells; empty where there are values.
    fn ones(&self) -> Vec<f32> {
        let longest = self.indptr.windows(2).map(|w| (w[1] - w[0]) as usize).max().unwrap_or(0);
        vec![1.0; if self.values.is_none() { longest } else { 0 }]
    }

    /// The cells of a row.
    fn events(&self, row: usize) -> Row<'a> {
        let (from, to) = (self.indptr[row] as usize, self.indptr[row + 1] as usize);
        Row { indices: self.indices, values: self.values, from, to }
    }

    /// What a row touches of the other side, and its values.
    fn row<'b>(&self, row: usize, fixed: Fixed<'b>, ones: &'b [f32]) -> (Touched<'b>, &'b [f32])
    where
        'a: 'b,
    {
        let cells = self.indptr[row] as usize..self.indptr[row + 1] as usize;
        let values = match self.values {
            Some(values) => &values[cells.clone()],
            None => &ones[..cells.len()],
        };
        (Touched { data: fixed.data, stride: fixed.stride, index: &self.indices[cells] }, values)
    }
}

/// The fixed side: (columns, stride), of which `factors` columns are in use.
#[derive(Clone, Copy)]
pub struct Fixed<'a> {
    /// Its rows, padded with zeros.
    pub data: &'a [f32],
    /// Padded row length.
    pub stride: usize,
    /// Columns in use.
    pub factors: usize,
}

/// The penalties of every row.
#[derive(Clone, Copy)]
pub struct Penalty {
    /// Of the sum of the factors.
    pub l1: f64,
    /// Of half the sum of their squares.
    pub l2: f64,
}

/// What a half-epoch measures on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    /// `<A, X H'>`, with the new rows X.
    pub cross: f64,
    /// The sum of the slopes that the first sweep met and could follow, which is 0 at the minimum.
    pub slope: f64,
}

/// One sweep of coordinate descent over a tile, (factors, TILE): rows lie in lanes.
///
/// `b` is `H'a - l1`; `gram` holds `G + l2 I` and `inverse` 1 over its diagonal, 0 where that is as
/// good as 0: such a factor costs no more than `-b` times itself, so it stays as it is, or is 0 where
/// it would cost. Adds to `slope` and `moved`, each (TILE,).
#[inline(always)]
unsafe fn sweep_generic<L: Lanes>(
    gram: &[f32],
    inverse: &[f32],
    b: &[f32],
    x: &mut [f32],
    slope: &mut [f32],
    moved: &mut [f32],
) {
    // SAFETY: L runs here; the callee checks its slices.
    unsafe {
        match L::N {
            16 => sweep_lanes::<L, 4>(gram, inverse, b, x, slope, moved),
            8 => sweep_lanes::<L, 8>(gram, inverse, b, x, slope, moved),
            _ => sweep_lanes::<L, 16>(gram, inverse, b, x, slope, moved),
        }
    }
}

/// [`sweep_generic`] with the number of vectors that hold a tile's rows.
#[inline(always)]
unsafe fn sweep_lanes<L: Lanes, const P: usize>(
    gram: &[f32],
    inverse: &[f32],
    b: &[f32],
    x: &mut [f32],
    slope: &mut [f32],
    moved: &mut [f32],
) {
    let k = inverse.len();
    assert!(P * L::N == TILE && gram.len() == k * k && b.len() == k * TILE && x.len() == k * TILE);
    let (slope, moved) = (&mut slope[..TILE], &mut moved[..TILE]);
    for t in 0..k {
        if inverse[t] == 0.0 {
            let factor = t * TILE..(t + 1) * TILE;
            for (x, &b) in x[factor.clone()].iter_mut().zip(&b[factor]) {
                *x = if b < 0.0 { 0.0 } else { *x };
            }
            continue;
        }
        let mut ahead = [0.0f32; TILE];
        // SAFETY: t and r stay below k; the lengths are asserted.
        unsafe {
            let start = b.as_ptr().add(t * TILE);
            let mut sums: [L::V; P] = std::array::from_fn(|v| L::load(start.add(v * L::N)));
            for r in 0..k {
                let g = L::splat(*gram.get_unchecked(t * k + r));
                let other = x.as_ptr().add(r * TILE);
                for v in 0..P {
                    sums[v] = L::fnma(g, L::load(other.add(v * L::N)), sums[v]);
                }
            }
            for v in 0..P {
                L::store(ahead.as_mut_ptr().add(v * L::N), sums[v]);
            }
        }
        let own = &mut x[t * TILE..(t + 1) * TILE];
        for i in 0..TILE {
            let (old, ahead) = (own[i], ahead[i]);
            let there = old + ahead * inverse[t];
            let new = if there > 0.0 { there } else { 0.0 };
            let free = if old > 0.0 || ahead > 0.0 { ahead.abs() } else { 0.0 };
            slope[i] += free;
            moved[i] += (new - old) * (new - old);
            own[i] = new;
        }
    }
}

dispatch!(
    fn sweep = sweep_generic(
        gram: &[f32], inverse: &[f32], b: &[f32], x: &mut [f32], slope: &mut [f32], moved: &mut [f32],
    )
);

#[inline(always)]
#[allow(clippy::extra_unused_type_parameters)] // compiled once for every instruction set
unsafe fn cross_generic<L: Lanes>(b: &[f32], x: &[f32], l1: f32) -> f64 {
    let mut sums = [0.0f64; TILE];
    for (b, x) in b.chunks_exact(TILE).zip(x.chunks_exact(TILE)) {
        for i in 0..TILE {
            sums[i] += f64::from(b[i] + l1) * f64::from(x[i]);
        }
    }
    sums.iter().sum()
}

dispatch!(
    /// The sum of `(b + l1) x` over a tile.
    fn cross = cross_generic(b: &[f32], x: &[f32], l1: f32) -> f64
);

/// Memory that a thread reuses from tile to tile.
struct Scratch {
    /// The sums of the rows' cells, (TILE, stride).
    sums: Vec<f32>,
    /// The same less l1, and the rows themselves, (factors, TILE).
    b: Vec<f32>,
    x: Vec<f32>,
}

/// Lowers the squared error of every row of `x` by up to `sweeps` rounds of coordinate descent.
///
/// `gram` is `H'H` (stride, stride), full. All sweeps of a row share one sum of its cells, which costs more than they
/// do; they end early where a sweep of a tile hardly moves it. The bits do not depend on `threads`.
pub fn half_epoch(
    level: Level,
    threads: usize,
    cells: Cells<'_>,
    fixed: Fixed<'_>,
    gram: &[f64],
    penalty: Penalty,
    sweeps: usize,
    x: &mut [f32],
) -> Measured {
    let Fixed { stride, factors: k, .. } = fixed;
    let rows = cells.rows();
    assert!(k <= stride && gram.len() == stride * stride && x.len() == rows * stride);
    let square: Vec<f32> = (0..k * k)
        .map(|at| {
            let (t, r) = (at / k, at % k);
            (gram[t * stride + r] + if t == r { penalty.l2 } else { 0.0 }) as f32
        })
        .collect();
    let diagonal = || (0..k).map(|t| square[t * (k + 1)]);
    let least = (NOTHING * diagonal().fold(0.0, f32::max)).max(f32::MIN_POSITIVE);
    let inverse: Vec<f32> = diagonal().map(|g| if g >= least { 1.0 / g } else { 0.0 }).collect();
    let l1 = penalty.l1 as f32;
    let chunks = rows.div_ceil(TILE);
    let mut measured = vec![Measured::default(); chunks];
    let (out, x) = (DisjointSlice::new(&mut measured), DisjointSlice::new(x));
    for_each_chunk(
        threads,
        chunks,
        || Scratch { sums: vec![0.0; TILE * stride], b: vec![0.0; TILE * k], x: vec![0.0; TILE * k] },
        |scratch, chunk| {
            let (first, end) = (chunk * TILE, rows.min((chunk + 1) * TILE));
            // SAFETY: every row belongs to one chunk.
            let own = unsafe { x.range(first * stride, end * stride) };
            scratch.sums[(end - first) * stride..].fill(0.0);
            scratch.x.fill(0.0);
            for (row, sum) in (first..end).zip(scratch.sums.chunks_exact_mut(stride)) {
                assert!(sum_row(level, cells.events(row), fixed.data, stride, sum));
            }
            for t in 0..k {
                for i in 0..TILE {
                    scratch.b[t * TILE + i] = scratch.sums[i * stride + t] - l1;
                }
                for (i, row) in own.chunks_exact(stride).enumerate() {
                    scratch.x[t * TILE + i] = row[t];
                }
            }
            let Scratch { b, x, .. } = scratch;
            let (mut slope, mut first_move) = (0.0f64, 0.0f64);
            for number in 0..sweeps {
                let (mut slopes, mut moves) = ([0.0f32; TILE], [0.0f32; TILE]);
                sweep(level, &square, &inverse, b, x, &mut slopes, &mut moves);
                let moved: f64 = moves.iter().map(|&m| f64::from(m)).sum();
                if number == 0 {
                    slope = slopes.iter().map(|&s| f64::from(s)).sum();
                    first_move = moved;
                }
                if moved <= LITTLE * first_move {
                    break;
                }
            }
            for (i, row) in own.chunks_exact_mut(stride).enumerate() {
                for t in 0..k {
                    row[t] = x[t * TILE + i];
                }
            }
            // SAFETY: each chunk writes its own sums.
            unsafe { out.range(chunk, chunk + 1)[0] = Measured { cross: cross(level, b, x, l1), slope } };
        },
    );
    measured.iter().fold(Measured::default(), |all, one| Measured {
        cross: all.cross + one.cross,
        slope: all.slope + one.slope,
    })
}

/// Overwrites every row of `x` by the minimum of its squared error; `gram` as for [`half_epoch`].
///
/// Factors of which the other side has nothing are 0, and so is a row without cells.
pub fn solve(
    level: Level,
    threads: usize,
    cells: Cells<'_>,
    fixed: Fixed<'_>,
    gram: &[f64],
    penalty: Penalty,
    x: &mut [f32],
) {
    let Fixed { stride, factors: k, .. } = fixed;
    let rows = cells.rows();
    assert!(k <= stride && gram.len() == stride * stride && x.len() == rows * stride);
    let live: Vec<usize> = (0..k).filter(|&t| gram[t * (stride + 1)] > 0.0).collect();
    let m = live.len();
    let mut square = vec![0.0f64; m * m];
    for (i, &t) in live.iter().enumerate() {
        for (j, &r) in live.iter().enumerate() {
            square[i * m + j] = gram[t * stride + r];
        }
        square[i * (m + 1)] = (square[i * (m + 1)] + penalty.l2) * (1.0 + RIDGE);
    }
    let x = DisjointSlice::new(x);
    for_each_chunk(
        threads,
        rows.div_ceil(TILE),
        || (nonnegative::Scratch::default(), vec![0.0f32; stride]),
        |(scratch, sum), chunk| {
            scratch.matrix.clone_from(&square);
            for row in chunk * TILE..rows.min((chunk + 1) * TILE) {
                // SAFETY: every row belongs to one chunk.
                let own = unsafe { x.range(row * stride, (row + 1) * stride) };
                own.fill(0.0);
                let events = cells.events(row);
                if m == 0 || events.from == events.to {
                    continue;
                }
                assert!(sum_row(level, events, fixed.data, stride, sum));
                scratch.b.clear();
                scratch.b.extend(live.iter().map(|&t| f64::from(sum[t]) - penalty.l1));
                scratch.x.clear();
                scratch.x.resize(m, 0.0);
                // The diagonal is above 0, so there is an answer; where it is not exact, it is the best so far.
                let _ = nonnegative::minimize(level, scratch);
                live.iter().zip(&scratch.x).for_each(|(&t, &found)| own[t] = found as f32);
            }
        },
    );
}
