//! A table of ratings in blocks, learned in rounds; see `docs/math/sgd.md`.
//!
//! Rows and columns are put into random order and cut into as many blocks as the [`Grid`] has lanes, so that each
//! block holds about the same number of ratings. A task is a block of rows with a block of columns; tasks that share
//! neither may run at once, and each row and column meets its tasks in a fixed order, whoever works on them. Inside
//! a task the ratings come in an order that is random and new in each epoch: its *tiles*, some rows each, in random
//! order, and the ratings of a tile in random order too. So a few rows stay in the first-level cache for a while and
//! steps that follow each other seldom share one.
//!
//! All of it depends on the seed and on the table alone.

use crate::pairwise::grid::Grid;
use crate::pairwise::words::{Purpose, Words};
use crate::threads::{DisjointSlice, for_each_chunk};
use std::ops::Range;

/// Ratings of a task below which cutting finer is not worth the waiting.
const LEAST_CELLS: usize = 2_000;

/// Blocks of each side at most; so many threads can work at once.
const MOST_LANES: usize = 16;

/// Ratings of a tile, about.
const TILE: usize = 64;

/// One rating.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct Cell {
    /// Row of the table.
    pub row: u32,
    /// Column of the table.
    pub column: u32,
    /// What was given.
    pub value: f32,
    /// What it counts.
    pub weight: f32,
}

/// Compressed rows of ratings.
#[derive(Clone, Copy)]
pub struct Ratings<'a> {
    /// Where each row starts, (rows + 1).
    pub indptr: &'a [i64],
    /// Columns.
    pub indices: &'a [i32],
    /// Ratings; None: 1.
    pub values: Option<&'a [f32]>,
    /// Weights; None: 1.
    pub weights: Option<&'a [f32]>,
    /// Number of columns.
    pub columns: usize,
}

impl Ratings<'_> {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.indptr.len() - 1
    }

    fn range(&self, row: u32) -> Range<usize> {
        self.indptr[row as usize] as usize..self.indptr[row as usize + 1] as usize
    }

    fn cell(&self, row: u32, event: usize) -> Cell {
        Cell {
            row,
            column: self.indices[event] as u32,
            value: self.values.map_or(1.0, |values| values[event]),
            weight: self.weights.map_or(1.0, |weights| weights[event]),
        }
    }
}

/// The ratings of one block of rows, by block of columns, then by tile.
#[derive(Default)]
struct Lane {
    cells: Vec<Cell>,
    /// Where each tile of each block of columns starts, and the end.
    starts: Vec<u32>,
}

/// A table in blocks; nothing in it changes from epoch to epoch.
pub struct Rounds {
    grid: Grid,
    lanes: Vec<Lane>,
    rows: usize,
    columns: usize,
    seed: u64,
}

impl Rounds {
    /// Sorts the ratings into blocks; columns must be below their number.
    pub fn new(threads: usize, ratings: Ratings<'_>, seed: u64) -> Self {
        let wide = (ratings.indices.len() as f64 / LEAST_CELLS as f64).sqrt() as usize;
        let lanes = wide.min(MOST_LANES).min(ratings.rows()).min(ratings.columns).max(1);
        Self::of(threads, ratings, seed, lanes)
    }

    /// [`Rounds::new`] with so many blocks of each side.
    pub fn of(threads: usize, ratings: Ratings<'_>, seed: u64, lanes: usize) -> Self {
        let mut counts = vec![0usize; ratings.columns];
        ratings.indices.iter().for_each(|&column| counts[column as usize] += 1);
        let columns = shuffled(ratings.columns, seed, 1);
        let mut block = vec![0u16; ratings.columns];
        for (number, members) in shares(&columns, lanes, |column| counts[column as usize]).iter().enumerate()
        {
            columns[members.clone()].iter().for_each(|&column| block[column as usize] = number as u16);
        }
        let rows = shuffled(ratings.rows(), seed, 0);
        let members = shares(&rows, lanes, |row| ratings.range(row).len());
        let mut sorted: Vec<Lane> = Vec::new();
        sorted.resize_with(lanes, Lane::default);
        let out = DisjointSlice::new(&mut sorted);
        for_each_chunk(
            threads,
            lanes,
            || (),
            |(), lane| {
                // SAFETY: one element for each lane.
                unsafe {
                    out.range(lane, lane + 1)[0] = sort(ratings, &rows[members[lane].clone()], &block, lanes)
                };
            },
        );
        Self {
            grid: Grid::of(lanes, false),
            lanes: sorted,
            rows: ratings.rows(),
            columns: ratings.columns,
            seed,
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Number of tasks.
    pub fn tasks(&self) -> usize {
        self.grid.tasks.len()
    }

    /// Calls `work(task, ratings)` for every task on at most `threads` threads, with its ratings in the order of this
    /// epoch. Two tasks at work never share a row or a column, and those that do come in the same order every time.
    pub fn run(&self, threads: usize, epoch: u32, work: impl Fn(usize, &[Cell]) + Sync) {
        self.grid.run(threads, Vec::new, |order, index| {
            let task = self.grid.tasks[index];
            self.order(epoch, index, task.lane, task.blocks[0], order);
            work(index, order);
        });
    }

    /// Writes the ratings of one task, in the order of this epoch.
    fn order(&self, epoch: u32, task: usize, lane: usize, block: usize, out: &mut Vec<Cell>) {
        out.clear();
        let Lane { cells, starts } = &self.lanes[lane];
        let tiles = (starts.len() - 1) / self.grid.lanes;
        let mut words = Words::new(self.seed, epoch, task as u32, Purpose::Task);
        let mut turns: Vec<u32> = (0..tiles as u32).map(|tile| (block * tiles) as u32 + tile).collect();
        words.shuffle(&mut turns);
        for tile in turns {
            let tile = &cells[starts[tile as usize] as usize..starts[tile as usize + 1] as usize];
            walk(tile, &mut words, out);
        }
    }
}

/// Appends the cells in a random order: from one of them in steps of a length that meets all.
fn walk(cells: &[Cell], words: &mut Words, out: &mut Vec<Cell>) {
    let n = cells.len() as u32;
    if n == 0 {
        return;
    }
    let mut at = words.below(n);
    let step = loop {
        let step = words.below(n);
        if gcd(step, n) == 1 {
            break step;
        }
    };
    out.extend((0..n).map(|_| {
        let cell = cells[at as usize];
        at += step;
        at -= if at >= n { n } else { 0 };
        cell
    }));
}

/// The greatest common divisor; that of 0 and n is n.
fn gcd(a: u32, b: u32) -> u32 {
    if a == 0 { b } else { gcd(b % a, a) }
}

/// The numbers below n in random order.
fn shuffled(n: usize, seed: u64, side: u32) -> Vec<u32> {
    let mut order: Vec<u32> = (0..n as u32).collect();
    Words::new(seed, side, 0, Purpose::Blocks).shuffle(&mut order);
    order
}

/// Ranges of `order` of about the same size, by the sizes of its elements.
fn shares(order: &[u32], parts: usize, size: impl Fn(u32) -> usize) -> Vec<Range<usize>> {
    let total: usize = order.iter().map(|&element| size(element)).sum();
    let (mut end, mut before) = (0, 0);
    (1..=parts)
        .map(|part| {
            let start = end;
            while end < order.len() && (part == parts || before * parts < total * part) {
                before += size(order[end]);
                end += 1;
            }
            start..end
        })
        .collect()
}

/// One lane: the ratings of these rows by block of columns and tile.
fn sort(ratings: Ratings<'_>, rows: &[u32], block: &[u16], blocks: usize) -> Lane {
    // A tile ends with the row that fills it.
    let mut tiles = Vec::with_capacity(rows.len());
    let (mut tile, mut held) = (0usize, 0usize);
    for &row in rows {
        tiles.push(tile);
        held += ratings.range(row).len();
        if held >= TILE * blocks {
            (tile, held) = (tile + 1, 0);
        }
    }
    let width = tile + 1;
    let place =
        |at: usize, event: usize| usize::from(block[ratings.indices[event] as usize]) * width + tiles[at];
    let mut starts = vec![0u32; blocks * width + 1];
    for (at, &row) in rows.iter().enumerate() {
        ratings.range(row).for_each(|event| starts[place(at, event) + 1] += 1);
    }
    (0..blocks * width).for_each(|t| starts[t + 1] += starts[t]);
    let mut next = starts.clone();
    let mut cells = vec![Cell::default(); starts[blocks * width] as usize];
    for (at, &row) in rows.iter().enumerate() {
        for event in ratings.range(row) {
            let next = &mut next[place(at, event)];
            cells[*next as usize] = ratings.cell(row, event);
            *next += 1;
        }
    }
    Lane { cells, starts }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::noise;
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    struct Table {
        indptr: Vec<i64>,
        indices: Vec<i32>,
        values: Vec<f32>,
    }

    /// Row 0 and column 0 are empty, row 1 is full but for that.
    fn table(rows: usize, columns: usize) -> Table {
        let chance = noise(rows * columns, 1);
        let (mut indptr, mut indices) = (vec![0i64], Vec::new());
        for row in 0..rows {
            let has = |&column: &usize| {
                column > 0 && (row == 1 || row > 1 && chance[row * columns + column] < -0.1)
            };
            indices.extend((0..columns).filter(has).map(|column| column as i32));
            indptr.push(indices.len() as i64);
        }
        let values = (0..indices.len()).map(|event| event as f32).collect();
        Table { indptr, indices, values }
    }

    impl Table {
        fn ratings(&self, columns: usize) -> Ratings<'_> {
            let values = Some(&self.values[..]);
            Ratings { indptr: &self.indptr, indices: &self.indices, values, weights: None, columns }
        }
    }

    /// The ratings of an epoch by task.
    fn tasks(rounds: &Rounds, epoch: u32, threads: usize) -> Vec<Vec<Cell>> {
        let out = Mutex::new(vec![Vec::new(); rounds.tasks()]);
        rounds.run(threads, epoch, |task, cells| out.lock().unwrap()[task] = cells.to_vec());
        out.into_inner().unwrap()
    }

    #[test]
    fn every_rating_comes_once_in_each_epoch() {
        let table = table(70, 50);
        for lanes in [1, 2, 5, 16] {
            let rounds = Rounds::of(2, table.ratings(50), 3, lanes);
            assert_eq!((rounds.rows(), rounds.columns(), rounds.tasks()), (70, 50, lanes * lanes));
            for epoch in 0..3 {
                let mut cells: Vec<Cell> = tasks(&rounds, epoch, 2).concat();
                cells.sort_by(|a, b| a.value.total_cmp(&b.value));
                assert_eq!(cells.len(), table.indices.len());
                for (event, cell) in cells.iter().enumerate() {
                    let row = table.indptr.partition_point(|&start| start <= event as i64) - 1;
                    let column = table.indices[event] as u32;
                    assert_eq!(*cell, Cell { row: row as u32, column, value: event as f32, weight: 1.0 });
                }
            }
        }
    }

    #[test]
    fn tasks_of_a_round_share_no_row_and_no_column() {
        let table = table(70, 50);
        let rounds = Rounds::of(1, table.ratings(50), 3, 4);
        for round in tasks(&rounds, 0, 1).chunks(4) {
            for side in [|cell: &Cell| cell.row, |cell: &Cell| cell.column] {
                let sets: Vec<BTreeSet<u32>> =
                    round.iter().map(|cells| cells.iter().map(side).collect()).collect();
                let all: BTreeSet<u32> = sets.iter().flatten().copied().collect();
                assert_eq!(all.len(), sets.iter().map(BTreeSet::len).sum::<usize>());
            }
        }
    }

    #[test]
    fn the_order_depends_on_seed_and_epoch_and_on_no_thread() {
        let table = table(70, 50);
        let order =
            |seed, epoch, threads| tasks(&Rounds::of(threads, table.ratings(50), seed, 3), epoch, threads);
        let one = order(3, 0, 1);
        assert_eq!(one, order(3, 0, 2));
        assert_eq!(one, order(3, 0, 5));
        assert_ne!(one, order(3, 1, 1));
        assert_ne!(one, order(4, 0, 1));
    }

    #[test]
    fn blocks_hold_about_as_many_ratings() {
        let table = table(400, 300);
        let rounds = Rounds::of(2, table.ratings(300), 0, 4);
        let mean = table.indices.len() / 16;
        for cells in tasks(&rounds, 0, 1) {
            assert!((mean * 8 / 10..mean * 12 / 10).contains(&cells.len()), "{} {mean}", cells.len());
        }
    }

    #[test]
    fn walks_meet_every_cell_and_all_orders_of_three() {
        let cells: Vec<Cell> = (0..3).map(|row| Cell { row, ..Cell::default() }).collect();
        let mut orders = BTreeSet::new();
        for place in 0..200 {
            let mut out = Vec::new();
            walk(&cells, &mut Words::new(1, 0, place, Purpose::Task), &mut out);
            orders.insert(out.iter().map(|cell| cell.row).collect::<Vec<_>>());
        }
        assert_eq!(orders.len(), 6);
        assert!(orders.iter().all(|order| order.iter().collect::<BTreeSet<_>>().len() == 3));
    }

    #[test]
    fn small_tables_have_one_lane() {
        let small = table(30, 20);
        assert_eq!(Rounds::new(1, small.ratings(20), 0).tasks(), 1);
        let large = table(400, 300); // 48,000 ratings
        assert_eq!(Rounds::new(1, large.ratings(300), 0).tasks(), 16);
        let nothing = Ratings { indptr: &[0], indices: &[], values: None, weights: None, columns: 0 };
        assert_eq!(tasks(&Rounds::new(1, nothing, 0), 0, 1), vec![Vec::new()]);
    }
}
