//! A table of ratings in blocks, learned in rounds; see `docs/math/sgd.md`.
//!
//! Rows and columns are put into random order and cut into as many blocks as the [`Grid`] has lanes, so that each
//! block holds about the same number of ratings. A task is a block of rows with a block of columns; tasks that share
//! neither may run at once, and each row and column meets its tasks in a fixed order, whoever works on them. Inside
//! a task the ratings of a row are cut into *groups* of four, and one of what is left over. Groups of the same length
//! follow each other in an order that is random and new in each epoch, full ones first: so whoever works on them never
//! has to ask how long one is.
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

/// Ratings of a group at most.
const GROUP: usize = 4;

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

/// The ratings of one block of rows, by block of columns, then by length of group: full ones first.
#[derive(Default)]
struct Lane {
    cells: Vec<Cell>,
    /// Where the groups of each block of columns and length start, and the end.
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

    /// Calls `work(task, order)` for every task on at most `threads` threads, with its ratings in the order of this
    /// epoch. Two tasks at work never share a row or a column, and those that do come in the same order every time.
    pub fn run(&self, threads: usize, epoch: u32, work: impl Fn(usize, Order<'_>) + Sync) {
        let nothing = || ();
        self.grid.run(threads, nothing, |(), index| work(index, self.order(epoch, index)));
    }

    /// The order of a task in an epoch.
    fn order(&self, epoch: u32, index: usize) -> Order<'_> {
        let task = self.grid.tasks[index];
        let Lane { cells, starts } = &self.lanes[task.lane];
        let [four, three, two, one, end] =
            std::array::from_fn(|length| starts[GROUP * task.blocks[0] + length] as usize);
        let mut words = Words::new(self.seed, epoch, index as u32, Purpose::Task);
        Order {
            fours: Groups::of(&cells[four..three], &mut words),
            threes: Groups::of(&cells[three..two], &mut words),
            twos: Groups::of(&cells[two..one], &mut words),
            ones: Groups::of(&cells[one..end], &mut words),
        }
    }
}

/// The ratings of a task in the order of an epoch: all groups of four, of three, of two, then the single ones.
pub struct Order<'a> {
    /// Groups of four ratings.
    pub fours: Groups<'a, 4>,
    /// Groups of three.
    pub threes: Groups<'a, 3>,
    /// Groups of two.
    pub twos: Groups<'a, 2>,
    /// Groups of one.
    pub ones: Groups<'a, 1>,
}

#[cfg(test)]
impl Order<'_> {
    /// All groups in order.
    pub fn groups(self) -> Vec<Vec<Cell>> {
        let larger = self.fours.map(|group| group.to_vec()).chain(self.threes.map(|group| group.to_vec()));
        larger
            .chain(self.twos.map(|group| group.to_vec()))
            .chain(self.ones.map(|group| group.to_vec()))
            .collect()
    }
}

/// Groups of `B` ratings of one row each, in random order: from one of them on in steps of a length that meets all.
#[derive(Clone)]
pub struct Groups<'a, const B: usize> {
    groups: &'a [[Cell; B]],
    at: usize,
    step: usize,
    left: usize,
}

impl<'a, const B: usize> Groups<'a, B> {
    fn of(cells: &'a [Cell], words: &mut Words) -> Self {
        let groups = cells.as_chunks().0;
        let n = groups.len() as u32;
        let (mut at, mut step) = (0, 0);
        if n > 0 {
            at = words.below(n);
            step = words.below(n);
            while gcd(step, n) != 1 {
                step = words.below(n);
            }
        }
        Self { groups, at: at as usize, step: step as usize, left: groups.len() }
    }
}

impl<'a, const B: usize> Iterator for Groups<'a, B> {
    type Item = &'a [Cell; B];

    #[inline(always)]
    fn next(&mut self) -> Option<&'a [Cell; B]> {
        self.left = self.left.checked_sub(1)?;
        let group = &self.groups[self.at];
        self.at += self.step;
        self.at -= if self.at >= self.groups.len() { self.groups.len() } else { 0 };
        Some(group)
    }
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

/// One lane: the ratings of these rows in groups.
fn sort(ratings: Ratings<'_>, rows: &[u32], block: &[u16], blocks: usize) -> Lane {
    let block_of = |event: usize| usize::from(block[ratings.indices[event] as usize]);
    // Of each row and block, all groups but the last are full.
    let mut starts = vec![0u32; GROUP * blocks + 1];
    let mut counts = vec![0usize; blocks];
    for &row in rows {
        ratings.range(row).for_each(|event| counts[block_of(event)] += 1);
        for (b, count) in counts.iter_mut().enumerate() {
            let rest = *count % GROUP;
            starts[GROUP * b + 1] += (*count - rest) as u32;
            starts[GROUP * b + (GROUP - rest) % GROUP + 1] += rest as u32;
            *count = 0;
        }
    }
    (0..GROUP * blocks).for_each(|place| starts[place + 1] += starts[place]);
    let mut next = starts.clone();
    let mut cells = vec![Cell::default(); starts[GROUP * blocks] as usize];
    let mut open = vec![([Cell::default(); GROUP], 0); blocks];
    for &row in rows {
        for event in ratings.range(row) {
            let b = block_of(event);
            let (group, length) = &mut open[b];
            group[*length] = ratings.cell(row, event);
            *length += 1;
            if *length == GROUP {
                let next = &mut next[GROUP * b];
                cells[*next as usize..][..GROUP].copy_from_slice(group);
                *next += GROUP as u32;
                *length = 0;
            }
        }
        for (b, (group, length)) in open.iter_mut().enumerate().filter(|(_, (_, length))| *length > 0) {
            let next = &mut next[GROUP * (b + 1) - *length];
            cells[*next as usize..][..*length].copy_from_slice(&group[..*length]);
            *next += *length as u32;
            *length = 0;
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
        rounds.run(threads, epoch, |task, order| out.lock().unwrap()[task] = order.groups().concat());
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
    fn walks_meet_every_group_and_all_orders_of_three() {
        let cells: Vec<Cell> = (0..3).map(|row| Cell { row, ..Cell::default() }).collect();
        let walk = |place| Groups::<1>::of(&cells, &mut Words::new(1, 0, place, Purpose::Task));
        let orders: BTreeSet<Vec<u32>> =
            (0..200).map(|place| walk(place).map(|group| group[0].row).collect()).collect();
        assert_eq!(orders.len(), 6);
        assert!(orders.iter().all(|order| order.iter().collect::<BTreeSet<_>>().len() == 3));
    }

    #[test]
    fn groups_hold_ratings_of_one_row_and_all_but_one_of_a_row_are_full() {
        let table = table(70, 50);
        let rounds = Rounds::of(1, table.ratings(50), 3, 4);
        rounds.run(1, 0, |_, order| {
            let groups = order.groups();
            assert!(groups.is_sorted_by_key(|group| GROUP - group.len()));
            assert!(groups.iter().all(|group| group.iter().all(|cell| cell.row == group[0].row)));
            let rest: Vec<u32> = groups.iter().filter(|g| g.len() < GROUP).map(|g| g[0].row).collect();
            assert_eq!(rest.iter().collect::<BTreeSet<_>>().len(), rest.len());
            assert!(rest.len() > 5 && rest.len() < groups.len());
        });
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
