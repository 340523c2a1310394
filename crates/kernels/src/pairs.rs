//! How often items meet in baskets, and which pairs of them meet more often than chance has it.
//!
//! Formulas in `docs/math/item-embedding.md`. A row of counts is summed on a board of all items, whatever is above the
//! shift goes from there into the result, and the board is used again: there is never a matrix of items by items. Rows
//! are independent and each is summed in the order of its baskets, so results are the same bits for any number of
//! threads.

use crate::threads::{DisjointSlice, for_each_chunk};
use std::ops::AddAssign;

/// Rows that one thread takes at a time.
const CHUNK: usize = 16;

/// A board is looked through from end to end where so many of its items or more are added for each place.
const DENSE: usize = 16;

/// Which events of a basket are together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Window {
    /// All of them.
    Whole,
    /// Those at most so many seconds apart.
    Seconds(i64),
    /// Those at most so many places apart in the order of time, equal times in the order of the items.
    Events(usize),
}

/// Baskets, prepared for counting the pairs of items in them.
///
/// Takes 8 bytes an event, and 8 more for a window (16 with weights), beside 24 bytes a basket.
pub struct Pairs {
    /// Number of items.
    items: usize,
    /// (baskets + 1) offsets into `item`.
    baskets: Vec<usize>,
    /// Item of each event; within a basket by time where there is a window.
    item: Vec<u32>,
    /// Events that are together, from and to: one of these *spans* for each basket, or with a window for each event.
    spans: Vec<[u32; 2]>,
    /// What a pair in each span counts; `None`: 1.
    weight: Option<Vec<f64>>,
    /// (items + 1) offsets into `of_item`.
    starts: Vec<usize>,
    /// The spans of each item's events.
    of_item: Vec<u32>,
    windowed: bool,
}

/// More events than places have numbers.
#[derive(Debug, PartialEq, Eq)]
pub struct TooMany;

impl Pairs {
    /// The baskets `indices[indptr[b]..indptr[b + 1]]`, each of distinct items below `items`; `times` are read where
    /// there is a window. With `scaling` a, a pair of a basket counts `(p / n)^-a`, of n items in p ordered pairs.
    ///
    /// # Errors
    /// If there are 2^32 events or more.
    pub fn new(
        threads: usize,
        items: usize,
        indptr: &[i64],
        indices: &[i32],
        times: &[i64],
        window: Window,
        scaling: f64,
    ) -> Result<Self, TooMany> {
        if u32::try_from(indices.len()).is_err() {
            return Err(TooMany);
        }
        let windowed = window != Window::Whole;
        let baskets: Vec<usize> = indptr.iter().map(|&at| at as usize).collect();
        let mut item: Vec<u32> = indices.iter().map(|&item| item as u32).collect();
        let spans = if windowed {
            in_time(threads, &baskets, &mut item, times, window)
        } else {
            baskets.windows(2).map(|basket| [basket[0] as u32, basket[1] as u32]).collect()
        };
        let mut starts = vec![0usize; items + 1];
        item.iter().for_each(|&item| starts[item as usize + 1] += 1);
        for item in 0..items {
            starts[item + 1] += starts[item];
        }
        let (mut of_item, mut next) = (vec![0; item.len()], starts.clone());
        for (basket, bounds) in baskets.windows(2).enumerate() {
            for event in bounds[0]..bounds[1] {
                let next = &mut next[item[event] as usize];
                of_item[*next] = if windowed { event } else { basket } as u32;
                *next += 1;
            }
        }
        let mut pairs = Self { items, baskets, item, spans, weight: None, starts, of_item, windowed };
        if scaling != 0.0 {
            pairs.weight = Some(pairs.weights(scaling));
        }
        Ok(pairs)
    }

    /// Number of items.
    pub fn items(&self) -> usize {
        self.items
    }

    /// What a pair in each span counts.
    fn weights(&self, scaling: f64) -> Vec<f64> {
        let mut weights = Vec::with_capacity(self.spans.len());
        for (basket, bounds) in self.baskets.windows(2).enumerate() {
            let events = bounds[1] - bounds[0];
            let pairs: usize = if self.windowed {
                self.spans[bounds[0]..bounds[1]].iter().map(|span| (span[1] - span[0]) as usize - 1).sum()
            } else {
                events * events.saturating_sub(1)
            };
            let weight = if pairs > 0 { (pairs as f64 / events as f64).powf(-scaling) } else { 0.0 };
            let spans = if self.windowed { bounds[0]..bounds[1] } else { basket..basket + 1 };
            weights.extend(spans.map(|_| weight));
        }
        weights
    }

    /// What the pairs of each item count together, each one as often as both of its items are kept:
    /// `sum_j keep_i keep_j n_ij`.
    pub fn margins(&self, keep: &[f64], out: &mut [f64]) {
        assert!(keep.len() == self.items && out.len() == self.items);
        let totals = self.totals(keep);
        for (item, out) in out.iter_mut().enumerate() {
            let spans = &self.of_item[self.starts[item]..self.starts[item + 1]];
            let sum: f64 = spans
                .iter()
                .map(|&span| span as usize)
                // Totals are differences of sums: of an event alone they are its own share with rounding, not without.
                .filter(|&span| self.spans[span][1] - self.spans[span][0] > 1)
                .map(|span| {
                    let weight = self.weight.as_ref().map_or(1.0, |weight| weight[span]);
                    weight * (totals[span] - keep[item])
                })
                .sum();
            *out = keep[item] * sum.max(0.0);
        }
    }

    /// The sum of `keep` over the events of each span.
    fn totals(&self, keep: &[f64]) -> Vec<f64> {
        let of = |event: usize| keep[self.item[event] as usize];
        if !self.windowed {
            return self.baskets.windows(2).map(|basket| (basket[0]..basket[1]).map(of).sum()).collect();
        }
        let (mut totals, mut before) = (Vec::with_capacity(self.spans.len()), Vec::new());
        for basket in self.baskets.windows(2) {
            before.clear();
            before.push(0.0);
            for event in basket[0]..basket[1] {
                before.push(before[event - basket[0]] + of(event));
            }
            for span in &self.spans[basket[0]..basket[1]] {
                totals.push(before[span[1] as usize - basket[0]] - before[span[0] as usize - basket[0]]);
            }
        }
        totals
    }

    /// Rows of cells `m / (m + shrinkage) ln(n_ij / (word_i context_j))` where that is above 0, by ascending j, and never
    /// j = i; m is the number of the pairs whose weights n_ij sums. `words` and `contexts` are above 0 wherever an item has pairs.
    pub fn rows(&self, threads: usize, rows: &[i32], above: Above<'_>) -> Cells {
        let chunks = rows.len().div_ceil(CHUNK);
        let mut parts: Vec<Part> = Vec::new();
        parts.resize_with(chunks, Part::default);
        let out = DisjointSlice::new(&mut parts);
        self.for_each_part(threads, rows, above, &|chunk, part| {
            // SAFETY: every chunk writes its own part.
            let slot = unsafe { out.range(chunk, chunk + 1) };
            slot[0] = part;
        });
        let cells = parts.iter().map(|part| part.columns.len()).sum();
        let mut cells =
            Cells { indptr: vec![0], columns: Vec::with_capacity(cells), values: Vec::with_capacity(cells) };
        for part in parts {
            // The parts go one by one, so the memory of most of them is free again before the last is copied.
            for length in part.lengths {
                cells.indptr.push(cells.indptr.last().unwrap() + length as i64);
            }
            cells.columns.extend(part.columns);
            cells.values.extend(part.values);
        }
        cells
    }

    /// How many cells [`Pairs::rows`] gives.
    pub fn count(&self, threads: usize, rows: &[i32], above: Above<'_>) -> usize {
        let mut counts = vec![0; rows.len().div_ceil(CHUNK)];
        let out = DisjointSlice::new(&mut counts);
        self.for_each_part(threads, rows, above, &|chunk, part| {
            // SAFETY: every chunk writes its own count.
            let slot = unsafe { out.range(chunk, chunk + 1) };
            slot[0] = part.columns.len();
        });
        counts.iter().sum()
    }

    fn for_each_part(
        &self,
        threads: usize,
        rows: &[i32],
        above: Above<'_>,
        put: &(impl Fn(usize, Part) + Sync),
    ) {
        assert!(above.words.len() == self.items && above.contexts.len() == self.items);
        match &self.weight {
            None => self.count_up(threads, rows, above, |_| 1u32, put),
            Some(weight) => {
                let one = |span: u32| Weighted { sum: weight[span as usize], number: 1.0 };
                self.count_up(threads, rows, above, one, put);
            }
        }
    }

    fn count_up<T: Count>(
        &self,
        threads: usize,
        rows: &[i32],
        above: Above<'_>,
        weight: impl Fn(u32) -> T + Sync,
        put: &(impl Fn(usize, Part) + Sync),
    ) {
        let init = || (vec![T::default(); self.items], Vec::new());
        for_each_chunk(threads, rows.len().div_ceil(CHUNK), init, |(board, met), chunk| {
            let mut part = Part::default();
            for &row in &rows[chunk * CHUNK..rows.len().min((chunk + 1) * CHUNK)] {
                let row = row as usize;
                let spans = &self.of_item[self.starts[row]..self.starts[row + 1]];
                let start = part.columns.len();
                let added: usize = spans
                    .iter()
                    .map(|&span| self.spans[span as usize])
                    .map(|span| (span[1] - span[0]) as usize)
                    .sum();
                if added * DENSE >= self.items {
                    for &span in spans {
                        let (one, [from, to]) = (weight(span), self.spans[span as usize]);
                        for &item in &self.item[from as usize..to as usize] {
                            board[item as usize] += one;
                        }
                    }
                    board[row] = T::default();
                    for (item, count) in board.iter_mut().enumerate() {
                        if *count != T::default() {
                            part.offer(row, item, std::mem::take(count), above);
                        }
                    }
                } else {
                    for &span in spans {
                        let (one, [from, to]) = (weight(span), self.spans[span as usize]);
                        for &item in &self.item[from as usize..to as usize] {
                            if board[item as usize] == T::default() {
                                met.push(item);
                            }
                            board[item as usize] += one;
                        }
                    }
                    board[row] = T::default();
                    met.sort_unstable();
                    for item in met.drain(..).filter(|&item| item as usize != row) {
                        part.offer(row, item as usize, std::mem::take(&mut board[item as usize]), above);
                    }
                }
                part.lengths.push(part.columns.len() - start);
            }
            put(chunk, part);
        });
    }
}

/// What counts must be above, and what they are divided by.
#[derive(Clone, Copy)]
pub struct Above<'a> {
    /// (items), for the rows.
    pub words: &'a [f64],
    /// (items), for the columns.
    pub contexts: &'a [f64],
    /// Pairs with which a cell has half of its value.
    pub shrinkage: f64,
}

/// What is known of a pair of items: without weights a whole number, so that no sum is too large for the next 1 to count.
trait Count: Copy + Default + PartialEq + AddAssign + Send {
    /// What the pairs weigh together, and how many they are.
    fn sums(self) -> (f64, f64);
}

impl Count for u32 {
    fn sums(self) -> (f64, f64) {
        (f64::from(self), f64::from(self))
    }
}

#[derive(Clone, Copy, Default, PartialEq)]
struct Weighted {
    sum: f64,
    number: f64,
}

impl AddAssign for Weighted {
    fn add_assign(&mut self, other: Self) {
        (self.sum, self.number) = (self.sum + other.sum, self.number + other.number);
    }
}

impl Count for Weighted {
    fn sums(self) -> (f64, f64) {
        (self.sum, self.number)
    }
}

/// Rows of cells, columns ascending.
#[derive(Debug, PartialEq)]
pub struct Cells {
    /// Offsets.
    pub indptr: Vec<i64>,
    /// Columns.
    pub columns: Vec<i32>,
    /// One for each column.
    pub values: Vec<f32>,
}

/// The cells of some rows.
#[derive(Default)]
struct Part {
    lengths: Vec<usize>,
    columns: Vec<i32>,
    values: Vec<f32>,
}

impl Part {
    #[inline(always)]
    fn offer(&mut self, row: usize, column: usize, count: impl Count, above: Above<'_>) {
        let (sum, number) = count.sums();
        let bar = above.words[row] * above.contexts[column];
        if sum > bar {
            self.columns.push(column as i32);
            self.values.push((number / (number + above.shrinkage) * (sum / bar).ln()) as f32);
        }
    }
}

/// Sorts the events of each basket by time, and finds for each the events that are within its window.
fn in_time(
    threads: usize,
    baskets: &[usize],
    item: &mut [u32],
    times: &[i64],
    window: Window,
) -> Vec<[u32; 2]> {
    assert!(item.len() == times.len());
    let mut spans = vec![[0u32; 2]; item.len()];
    let (spans_out, items_out) = (DisjointSlice::new(&mut spans), DisjointSlice::new(item));
    for_each_chunk(threads, baskets.len() - 1, Vec::new, |order: &mut Vec<(i64, u32)>, basket| {
        let (from, to) = (baskets[basket], baskets[basket + 1]);
        // SAFETY: every basket is one chunk, and baskets do not overlap.
        let (item, spans) = unsafe { (items_out.range(from, to), spans_out.range(from, to)) };
        order.clear();
        order.extend(times[from..to].iter().copied().zip(item.iter().copied()));
        order.sort_unstable();
        let (mut first, mut last) = (0, 0);
        for at in 0..order.len() {
            item[at] = order[at].1;
            match window {
                Window::Events(most) => {
                    (first, last) = (at.saturating_sub(most), order.len().min(at + most + 1));
                }
                Window::Seconds(most) => {
                    // As wide numbers: times may be as far apart as they go.
                    let apart = |a: usize, b: usize| i128::from(order[b].0) - i128::from(order[a].0);
                    while apart(first, at) > i128::from(most) {
                        first += 1;
                    }
                    while last < order.len() && apart(at, last) <= i128::from(most) {
                        last += 1;
                    }
                }
                Window::Whole => (first, last) = (0, order.len()),
            }
            spans[at] = [(from + first) as u32, (from + last) as u32];
        }
    });
    spans
}

#[cfg(test)]
mod tests;
