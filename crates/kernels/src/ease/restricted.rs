//! EASE with few weights for each item: a sparse approximate inverse, column by column.
//!
//! The column of item i is the exact minimum of EASE's objective among columns that are zero but on the support of i:
//! those items that lower the objective most on their own, by `G_ji^2 / (G_jj + lambda)`. Each column is one small
//! Cholesky solve, independent of all others.

use super::{AHEAD, CHUNK};
use crate::cholesky::Factor;
use crate::neighbours::Rows;
use crate::simd::{Level, padded, prefetch};
use crate::threads::{DisjointSlice, for_each_chunk};
use std::sync::Mutex;

/// Steps of a binary search, about, in the time of one step along a row.
const SEARCH: usize = 8;

/// Calls `add(j, x_ui x_uj)` for every user u of item i, ascending, and every item j of u from `from` on.
#[inline(always)]
fn products(by_user: Rows<'_>, by_item: Rows<'_>, i: usize, from: i32, mut add: impl FnMut(usize, f32)) {
    let (users, weights) = by_item.row(i);
    for (at, &user) in users.iter().enumerate() {
        if let Some(&ahead) = users.get(at + AHEAD) {
            // Where the user's items begin, and where those from `from` on are likely to.
            let (items, _) = by_user.row(ahead as usize);
            prefetch(items.as_ptr());
            prefetch(items.as_ptr().wrapping_add(items.len() / 2));
        }
        let (items, values) = by_user.row(user as usize);
        let first = if from == 0 { 0 } else { items.partition_point(|&item| item < from) };
        match (weights, values) {
            (Some(weights), Some(values)) => {
                let weight = weights[at];
                for (&item, &value) in items[first..].iter().zip(&values[first..]) {
                    add(item as usize, weight * value);
                }
            }
            _ => items[first..].iter().for_each(|&item| add(item as usize, 1.0)),
        }
    }
}

/// The upper triangle of X'X without what is 0: one row after the other.
pub struct Gram {
    rows: Vec<Row>,
}

#[derive(Clone, Default)]
struct Row {
    columns: Vec<i32>, // ascending, from the diagonal on
    values: Vec<f32>,
}

/// A column of the result: weights of some items, ascending.
#[derive(Clone, Default)]
pub struct Column {
    /// Items.
    pub items: Vec<i32>,
    /// Their weights.
    pub weights: Vec<f32>,
}

/// A row of sums, and which of them have been added to.
struct Sums {
    sum: Vec<f32>,
    known: Vec<bool>,
    touched: Vec<i32>,
}

impl Sums {
    fn new(n: usize) -> Self {
        Self { sum: vec![0.0; n], known: vec![false; n], touched: Vec::new() }
    }

    /// Row i of X'X from column `from` on.
    fn row(&mut self, by_user: Rows<'_>, by_item: Rows<'_>, i: usize, from: i32) {
        let Self { sum, known, touched } = self;
        products(by_user, by_item, i, from, |j, product| {
            if !known[j] {
                known[j] = true;
                touched.push(j as i32);
            }
            sum[j] += product;
        });
    }

    /// The touched columns, ascending.
    fn sorted(&self) -> Vec<i32> {
        if self.touched.len() > self.sum.len() / 16 {
            return (0..self.sum.len() as i32).filter(|&j| self.known[j as usize]).collect();
        }
        let mut columns = self.touched.clone();
        columns.sort_unstable();
        columns
    }

    fn clear(&mut self) {
        for &j in &self.touched {
            self.sum[j as usize] = 0.0;
            self.known[j as usize] = false;
        }
        self.touched.clear();
    }
}

/// Runs `work` on every row number below n and returns the results in order.
fn each<S, R: Send + Default + Clone>(
    threads: usize,
    n: usize,
    init: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> R + Sync,
) -> Vec<R> {
    let mut results = vec![R::default(); n];
    let out = DisjointSlice::new(&mut results);
    for_each_chunk(threads, n.div_ceil(CHUNK), init, |state, chunk| {
        for i in chunk * CHUNK..n.min((chunk + 1) * CHUNK) {
            // SAFETY: every row belongs to one chunk.
            let slot = unsafe { out.range(i, i + 1) };
            slot[0] = work(state, i);
        }
    });
    results
}

/// How many entries the upper triangle of X'X has, by every `step`-th row.
pub fn cells(threads: usize, by_user: Rows<'_>, by_item: Rows<'_>, step: usize) -> usize {
    let n = by_item.indptr.len() - 1;
    let asked = n.div_ceil(step);
    let counts = each(
        threads,
        asked,
        || Sums::new(n),
        |sums, slot| {
            sums.row(by_user, by_item, slot * step, (slot * step) as i32);
            let count = sums.touched.len();
            sums.clear();
            count
        },
    );
    counts.iter().sum::<usize>() * n / asked.max(1)
}

impl Gram {
    /// Sums all products of values; each in the order of the users, whatever `threads`.
    pub fn new(threads: usize, by_user: Rows<'_>, by_item: Rows<'_>) -> Self {
        let n = by_item.indptr.len() - 1;
        assert!(by_user.values.is_some() == by_item.values.is_some());
        let rows = each(
            threads,
            n,
            || Sums::new(n),
            |sums, i| {
                sums.row(by_user, by_item, i, i as i32);
                let mut columns = sums.sorted();
                let values = columns.iter().map(|&j| sums.sum[j as usize]).collect();
                sums.clear();
                columns.shrink_to_fit();
                Row { columns, values }
            },
        );
        Self { rows }
    }

    fn diagonal(&self, i: usize) -> f32 {
        self.rows[i].values.first().copied().unwrap_or(0.0) // an item without events has an empty row
    }

    /// Fills the upper triangle of `out` (rows `width` apart) with the entries among `support`, ascending.
    ///
    /// `place` (items) holds -1 everywhere, and does so again afterwards.
    fn among(&self, support: &[i32], width: usize, place: &mut [i32], out: &mut [f32]) {
        for (slot, &j) in support.iter().enumerate() {
            place[j as usize] = slot as i32;
        }
        for (a, &j) in support.iter().enumerate() {
            let out = &mut out[a * width..(a + 1) * width];
            let Row { columns, values } = &self.rows[j as usize];
            if columns.len() < SEARCH * (support.len() - a) {
                for (&column, &value) in columns.iter().zip(values) {
                    let slot = place[column as usize];
                    if slot >= 0 {
                        out[slot as usize] = value;
                    }
                }
                continue;
            }
            let mut from = 0;
            for (b, &column) in support.iter().enumerate().skip(a) {
                from += columns[from..].partition_point(|&other| other < column);
                if columns.get(from) == Some(&column) {
                    out[b] = values[from];
                }
            }
        }
        for &j in support {
            place[j as usize] = -1;
        }
    }

    /// The columns of all items, each on a support of at most `most` items.
    ///
    /// # Errors
    /// The first item whose small system is not positive definite.
    pub fn columns(
        &self,
        level: Level,
        threads: usize,
        by_user: Rows<'_>,
        by_item: Rows<'_>,
        lambda: f32,
        most: usize,
    ) -> Result<Vec<Column>, usize> {
        let n = self.rows.len();
        let failed = Mutex::new(None::<usize>);
        let widest = padded(most.min(n).max(1));
        let init = || (Sums::new(n), Factor::new(widest), vec![-1i32; n], vec![0.0f32; widest], Vec::new());
        let columns = each(threads, n, init, |(sums, factor, place, right, ranked), i| {
            sums.row(by_user, by_item, i, 0);
            ranked.clear();
            ranked.extend(sums.touched.iter().filter(|&&j| j as usize != i).map(|&j| {
                let g = sums.sum[j as usize];
                (g * g / (self.diagonal(j as usize) + lambda), j)
            }));
            if ranked.len() > most {
                let order = |a: &(f32, i32), b: &(f32, i32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
                ranked.select_nth_unstable_by(most, order);
                ranked.truncate(most);
            }
            let mut items: Vec<i32> = ranked.iter().map(|&(_, j)| j).collect();
            items.sort_unstable();
            let width = padded(items.len());
            let right = &mut right[..width];
            right.fill(0.0);
            for (right, &j) in right.iter_mut().zip(&items) {
                *right = sums.sum[j as usize];
            }
            sums.clear();
            if items.is_empty() {
                return Column::default();
            }
            let matrix = factor.matrix(width);
            matrix.fill(0.0);
            self.among(&items, width, place, matrix);
            for a in 0..width {
                matrix[a * width + a] = if a < items.len() { matrix[a * width + a] + lambda } else { 1.0 };
            }
            if factor.decompose(level).is_err() {
                let mut failed = failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                *failed = Some(failed.map_or(i, |first| first.min(i)));
                return Column::default();
            }
            factor.solve(level, right);
            Column { weights: right[..items.len()].to_vec(), items }
        });
        match failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            Some(item) => Err(item),
            None => Ok(columns),
        }
    }
}
