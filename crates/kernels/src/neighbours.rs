//! Scores that are sums over rows of a matrix: item neighbours, user neighbours, EASE.
//!
//! `score(u, i) = sum_j x_uj M_ji + bias_i + offset_u` where x is sparse: what a user did and M the weights between
//! items, or the weights between users and M what they did. Scores of some users at a time are summed over a part of
//! the items that stays in cache, and go from there into the lists: there is never a matrix of users by items. A sum
//! runs in the order of x, so one user, a batch and a pair give the same bits. See `docs/math/neighbours.md`.

mod sums;

use crate::simd::Level;
use crate::threads::{DisjointSlice, for_each_chunk};
use crate::topk::{Adjust, Best, Exclude};
use sums::{X, add_dense, add_sparse, multiply_add};

/// Users that one thread takes at a time.
const CHUNK: usize = 16;

/// Items whose sums are held at a time where M is dense: 16 KB, with the part of a row beside it in the first cache.
const TILE: usize = 4096;

/// Scores that are looked at together.
const LOOK: usize = 16;

/// Pairs that one thread takes at a time.
const PAIRS: usize = 4096;

/// Compressed rows; `values` none: all 1.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// Offsets.
    pub indptr: &'a [i64],
    /// Columns, ascending in each row.
    pub indices: &'a [i32],
    /// One for each column.
    pub values: Option<&'a [f32]>,
}

impl<'a> Rows<'a> {
    pub(crate) fn row(&self, row: usize) -> (&'a [i32], Option<&'a [f32]>) {
        let range = self.indptr[row] as usize..self.indptr[row + 1] as usize;
        (&self.indices[range.clone()], self.values.map(|values| &values[range]))
    }
}

/// The matrix M, (rows, items).
#[derive(Clone, Copy)]
pub enum Matrix<'a> {
    /// Row after row.
    Dense(&'a [f32]),
    /// Compressed rows.
    Sparse(Rows<'a>),
}

/// What a sum is divided by, where it is a weighted mean; a mean over nothing is 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Share {
    /// Nothing: the plain sum.
    None,
    /// `sum |M_ji|` over the j of x: M holds the weights.
    Matrix,
    /// `sum |x_uj|` over the j that have a cell in M: x holds the weights.
    Query,
}

/// What all scores are made of.
#[derive(Clone, Copy)]
pub struct Scorer<'a> {
    /// M.
    pub matrix: Matrix<'a>,
    /// Columns of M.
    pub items: usize,
    /// (items).
    pub bias: &'a [f32],
    /// Whether sums are means.
    pub share: Share,
    /// Added to what a sum is divided by.
    pub damping: f32,
}

/// Who asks: user b is row `rows[b]` of `x`, with `offset[b]`.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// Compressed rows over the rows of M.
    pub x: Rows<'a>,
    /// (users).
    pub rows: &'a [i32],
    /// (users).
    pub offset: &'a [f32],
}

impl Scorer<'_> {
    /// What [`Share`] divides by, over columns `from..from + total.len()`.
    fn totals(&self, from: usize, x: X<'_>, total: &mut [f32]) {
        for (a, &j) in x.0.iter().enumerate() {
            let weight = x.1.map_or(1.0, |values| values[a]).abs();
            match self.matrix {
                Matrix::Dense(matrix) => {
                    let start = j as usize * self.items + from;
                    let row = &matrix[start..start + total.len()];
                    for (total, value) in total.iter_mut().zip(row) {
                        *total += if self.share == Share::Matrix { value.abs() } else { weight };
                    }
                }
                Matrix::Sparse(rows) => {
                    let (columns, values) = rows.row(j as usize);
                    for (at, &column) in columns.iter().enumerate() {
                        let value = values.map_or(1.0, |values| values[at]);
                        total[column as usize] +=
                            if self.share == Share::Matrix { value.abs() } else { weight };
                    }
                }
            }
        }
    }

    /// A sum without bias and offset, from its parts.
    fn mean(&self, sum: f32, total: f32) -> f32 {
        let total = total + self.damping;
        if total > 0.0 { sum / total } else { 0.0 }
    }

    /// Sums (or means) of one x over columns `from..from + sum.len()`.
    fn sums(&self, level: Level, from: usize, x: X<'_>, sum: &mut [f32], total: &mut [f32]) {
        sum.fill(0.0);
        match self.matrix {
            Matrix::Dense(matrix) => add_dense(level, matrix, self.items, from, x, sum),
            Matrix::Sparse(rows) => add_sparse(level, rows, x, sum),
        }
        if self.share != Share::None {
            let total = &mut total[..sum.len()];
            total.fill(0.0);
            self.totals(from, x, total);
            for (sum, &total) in sum.iter_mut().zip(total.iter()) {
                *sum = self.mean(*sum, total);
            }
        }
    }

    /// Columns whose sums are made together.
    fn tile(&self) -> usize {
        match self.matrix {
            Matrix::Dense(_) => TILE.min(self.items),
            Matrix::Sparse(_) => self.items, // a row of M is scattered over all of them
        }
    }

    fn scratch(&self) -> (Vec<f32>, Vec<f32>) {
        let tile = self.tile();
        (vec![0.0; tile], vec![0.0; if self.share == Share::None { 0 } else { tile }])
    }

    /// The n best items of every user: (users, n), best first (equal scores by row), padded with -1 and -inf where fewer
    /// are left. Scores are adjusted as those of [`crate::topk::PackedItems::best`].
    pub fn best(
        &self,
        level: Level,
        threads: usize,
        query: Query<'_>,
        n: usize,
        exclude: Option<Exclude<'_>>,
        adjust: Adjust<'_>,
        items: &mut [i32],
        scores: &mut [f32],
    ) {
        let count = query.rows.len();
        assert!(items.len() == count * n && scores.len() == count * n && query.offset.len() == count);
        let bias = adjust.bias.unwrap_or(self.bias);
        assert!(bias.len() == self.items);
        let (kept, tile) = (n.min(self.items), self.tile());
        let (items, scores) = (DisjointSlice::new(items), DisjointSlice::new(scores));
        let most = CHUNK.min(count);
        let init = || ((0..most).map(|_| Best::new(kept)).collect::<Vec<_>>(), self.scratch());
        for_each_chunk(threads, count.div_ceil(CHUNK), init, |(best, (sum, total)), chunk| {
            let members = chunk * CHUNK..count.min((chunk + 1) * CHUNK);
            for from in (0..self.items).step_by(tile.max(1)) {
                let to = self.items.min(from + tile);
                for (best, user) in best.iter_mut().zip(members.clone()) {
                    let sum = &mut sum[..to - from];
                    self.sums(level, from, query.x.row(query.rows[user] as usize), sum, total);
                    finish(sum, &bias[from..to], query.offset[user], from, adjust);
                    for &row in exclude.map_or(&[][..], |exclude| exclude.of(user)) {
                        if (from..to).contains(&(row as usize)) {
                            sum[row as usize - from] = f32::NEG_INFINITY;
                        }
                    }
                    offer(best, from, sum);
                }
            }
            for (best, user) in best.iter_mut().zip(members) {
                // SAFETY: every user belongs to one chunk.
                let (items, scores) = unsafe {
                    (items.range(user * n, (user + 1) * n), scores.range(user * n, (user + 1) * n))
                };
                best.take(items, scores);
            }
        });
    }

    /// Scores of all items for every user of the query, the same bits as [`Scorer::best`] gives; `out` is (users, items).
    pub fn scores(&self, level: Level, threads: usize, query: Query<'_>, out: &mut [f32]) {
        let (count, tile) = (query.rows.len(), self.tile());
        assert!(out.len() == count * self.items && query.offset.len() == count);
        assert!(self.bias.len() == self.items);
        let out = DisjointSlice::new(out);
        let init = || self.scratch().1;
        for_each_chunk(threads, count.div_ceil(CHUNK), init, |total, chunk| {
            for from in (0..self.items).step_by(tile.max(1)) {
                let to = self.items.min(from + tile);
                for user in chunk * CHUNK..count.min((chunk + 1) * CHUNK) {
                    // SAFETY: every user belongs to one chunk.
                    let sum = unsafe { out.range(user * self.items + from, user * self.items + to) };
                    self.sums(level, from, query.x.row(query.rows[user] as usize), sum, total);
                    finish(sum, &self.bias[from..to], query.offset[user], from, Adjust::default());
                }
            }
        });
    }

    /// Scores of pairs of a user of the query and an item, the same bits as [`Scorer::best`] gives.
    pub fn pairs(
        &self,
        level: Level,
        threads: usize,
        query: Query<'_>,
        users: &[i32],
        items: &[i32],
        out: &mut [f32],
    ) {
        assert!(users.len() == items.len() && out.len() == items.len());
        let total = out.len();
        let out = DisjointSlice::new(out);
        let init = || (Vec::new(), Vec::new());
        for_each_chunk(threads, total.div_ceil(PAIRS), init, |(sum, totals), chunk| {
            let end = total.min((chunk + 1) * PAIRS);
            let mut start = chunk * PAIRS;
            while start < end {
                let user = users[start] as usize;
                let run = users[start..end].iter().take_while(|&&other| other as usize == user).count();
                let items = &items[start..start + run];
                // SAFETY: every pair belongs to one chunk.
                let out = unsafe { out.range(start, start + run) };
                let (x, offset) = (query.x.row(query.rows[user] as usize), query.offset[user]);
                if self.wholly(run, x.0) {
                    if sum.is_empty() {
                        *sum = vec![0.0; self.items];
                        *totals = vec![0.0; self.items];
                    }
                    self.sums(level, 0, x, sum, totals);
                    for (out, &item) in out.iter_mut().zip(items) {
                        *out = sum[item as usize] + self.bias[item as usize] + offset;
                    }
                } else {
                    for (out, &item) in out.iter_mut().zip(items) {
                        *out = self.one(level, x, item) + self.bias[item as usize] + offset;
                    }
                }
                start += run;
            }
        });
    }

    /// Whether so many pairs of a user are cheaper by the sums of all items than one by one.
    fn wholly(&self, pairs: usize, x: &[i32]) -> bool {
        match self.matrix {
            // A single value costs a miss, in which time some dozens are streamed.
            Matrix::Dense(_) => pairs * 32 > self.items,
            Matrix::Sparse(rows) => {
                let cells: usize = x.iter().map(|&j| rows.row(j as usize).0.len()).sum();
                pairs * x.len() * 8 > self.items / 16 + cells
            }
        }
    }

    /// One sum (or mean), as [`Scorer::sums`] makes it.
    fn one(&self, level: Level, x: X<'_>, item: i32) -> f32 {
        let (mut sum, mut total) = (0.0f32, 0.0f32);
        for (a, &j) in x.0.iter().enumerate() {
            let value = match self.matrix {
                Matrix::Dense(matrix) => matrix[j as usize * self.items + item as usize],
                Matrix::Sparse(rows) => {
                    let (columns, values) = rows.row(j as usize);
                    let Ok(at) = columns.binary_search(&item) else { continue };
                    values.map_or(1.0, |values| values[at])
                }
            };
            let weight = x.1.map_or(1.0, |values| values[a]);
            sum = multiply_add(level, weight, value, sum);
            total += if self.share == Share::Matrix { value.abs() } else { weight.abs() };
        }
        if self.share == Share::None { sum } else { self.mean(sum, total) }
    }
}

/// Makes scores of sums, in place; `from` is the first item.
fn finish(sum: &mut [f32], bias: &[f32], offset: f32, from: usize, adjust: Adjust<'_>) {
    for (sum, bias) in sum.iter_mut().zip(bias) {
        *sum = *sum + bias + offset;
    }
    if let Some((positive, negative)) = adjust.positive.zip(adjust.negative) {
        let (positive, negative) = (&positive[from..], &negative[from..]);
        for ((sum, &positive), &negative) in sum.iter_mut().zip(positive).zip(negative) {
            *sum *= if *sum > 0.0 { positive } else { negative };
        }
    }
}

/// Offers the scores of the items from `from` on.
fn offer(best: &mut Best, from: usize, scores: &[f32]) {
    for (block, some) in scores.chunks(LOOK).enumerate() {
        // Ties go to the lower row and rows ascend, so what only equals the bar is not among the best.
        let bar = best.bar();
        if !some.iter().fold(false, |any, &score| any | (score >= bar)) {
            continue;
        }
        for (at, &score) in some.iter().enumerate() {
            if score >= bar {
                best.offer(score, (from + block * LOOK + at) as i32);
            }
        }
    }
}

#[cfg(test)]
mod tests;
