//! Which rows are learned at once, and what each batch of rows asks of which columns.

use super::{Ratings, Sets};
use crate::pairwise::words::{Purpose, Words};
use crate::threads::{DisjointSlice, for_each_chunk};

/// Events of a batch that are one task of columns.
const TASK_EVENTS: usize = 512;

/// Rows that one task learns in turns, so that none waits for its own last step.
const ROWS: usize = 2;

/// Rows learned at once, and their events by column.
pub struct Batch {
    /// The rows, those with most ratings first, so that no long row is begun last.
    pub rows: Vec<u32>,
    /// Their ratings by column.
    pub rated: Turned,
    /// Their sets by column, where these are not the ratings.
    pub sets: Option<Turned>,
}

/// The events of a batch by column.
#[derive(Default)]
pub struct Turned {
    /// Columns with an event, ascending.
    pub columns: Vec<u32>,
    /// Where the events of each start, and the end.
    pub starts: Vec<u32>,
    /// The row of each event by its place in the batch, ascending in each column.
    pub slots: Vec<u16>,
    /// Where the columns of each task start, and the end.
    pub tasks: Vec<u32>,
}

impl Batch {
    /// The rows of a task, by their places.
    pub fn slots(&self, task: usize) -> std::ops::Range<usize> {
        task * ROWS..self.rows.len().min((task + 1) * ROWS)
    }

    /// Tasks of the rows' phase and of the columns'.
    pub fn tasks(&self) -> [usize; 2] {
        [self.rows.len().div_ceil(ROWS), self.rated.len() + self.sets.as_ref().map_or(0, Turned::len)]
    }
}

impl Turned {
    /// Number of tasks.
    pub fn len(&self) -> usize {
        self.tasks.len() - 1
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the place of every event into `places`, by its number in `table`, where that is wanted.
    fn new(
        table: Sets<'_>,
        rows: &[u32],
        counts: &mut [u32],
        places: Option<&DisjointSlice<'_, u32>>,
    ) -> Self {
        let mut columns = Vec::new();
        for &row in rows {
            for &column in table.row(row as usize) {
                if counts[column as usize] == 0 {
                    columns.push(column as u32);
                }
                counts[column as usize] += 1;
            }
        }
        columns.sort_unstable();
        let mut starts = Vec::with_capacity(columns.len() + 1);
        let (mut tasks, mut total, mut open) = (vec![0], 0u32, 0u32);
        for (at, &column) in columns.iter().enumerate() {
            starts.push(total);
            let count = std::mem::replace(&mut counts[column as usize], total);
            total += count;
            open += count;
            if open as usize >= TASK_EVENTS || at + 1 == columns.len() {
                tasks.push(at as u32 + 1);
                open = 0;
            }
        }
        starts.push(total);
        let mut slots = vec![0u16; total as usize];
        for (slot, &row) in rows.iter().enumerate() {
            let range = table.range(row as usize);
            // SAFETY: each row is in one batch, and each batch in one task.
            let mut into = places.map(|places| unsafe { places.range(range.start, range.end) });
            for (event, &column) in table.row(row as usize).iter().enumerate() {
                let place = counts[column as usize];
                counts[column as usize] += 1;
                slots[place as usize] = slot as u16;
                if let Some(into) = &mut into {
                    into[event] = place;
                }
            }
        }
        for &column in &columns {
            counts[column as usize] = 0;
        }
        Self { columns, starts, slots, tasks }
    }
}

/// The batches of a table; the same for every pass.
pub struct Plan {
    /// All of them.
    pub batches: Vec<Batch>,
    /// Rows of a batch, at most.
    pub size: usize,
    /// Columns of the table.
    pub columns: usize,
    /// The place of each rating among those of its batch by column.
    pub places: Vec<u32>,
    rows: usize,
    events: usize,
    implicit: usize,
    most: usize,
}

impl Plan {
    /// Cuts the rows with ratings, in an order drawn from the seed, into batches of `size`; `sets` is None where they
    /// are the ratings.
    pub fn new(
        threads: usize,
        rated: Sets<'_>,
        sets: Option<Sets<'_>>,
        columns: usize,
        size: usize,
        seed: u64,
    ) -> Self {
        assert!((1..=usize::from(u16::MAX)).contains(&size));
        assert!(sets.is_none_or(|sets| sets.rows() == rated.rows()));
        for table in [Some(rated), sets].into_iter().flatten() {
            assert!(table.indices.iter().all(|&column| (column as usize) < columns));
        }
        let mut rows: Vec<u32> =
            (0..rated.rows() as u32).filter(|&row| !rated.row(row as usize).is_empty()).collect();
        Words::new(seed, 0, 0, Purpose::Batches).shuffle(&mut rows);
        let mut places = vec![0u32; rated.indices.len()];
        let out = DisjointSlice::new(&mut places);
        let parts = rows.len().div_ceil(size);
        let mut batches: Vec<Option<Batch>> = Vec::new();
        batches.resize_with(parts, || None);
        let made = DisjointSlice::new(&mut batches);
        for_each_chunk(
            threads,
            parts,
            || vec![0u32; columns],
            |counts, part| {
                let mut rows = rows[part * size..rows.len().min((part + 1) * size)].to_vec();
                rows.sort_by_key(|&row| std::cmp::Reverse(rated.row(row as usize).len()));
                let batch = Batch {
                    rated: Turned::new(rated, &rows, counts, Some(&out)),
                    sets: sets.map(|sets| Turned::new(sets, &rows, counts, None)),
                    rows,
                };
                // SAFETY: one element for each batch.
                unsafe { made.range(part, part + 1)[0] = Some(batch) };
            },
        );
        let batches: Vec<Batch> = batches.into_iter().flatten().collect();
        let most = batches.iter().map(|batch| batch.rated.slots.len()).max().unwrap_or(0);
        Self {
            batches,
            size,
            columns,
            places,
            rows: rated.rows(),
            events: rated.indices.len(),
            implicit: sets.map_or(0, |sets| sets.indices.len()),
            most,
        }
    }

    /// Rows of the table.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Ratings of the largest batch.
    pub fn most_events(&self) -> usize {
        self.most
    }

    /// Whether the sets are not the ratings.
    pub fn apart(&self) -> bool {
        self.batches.iter().any(|batch| batch.sets.is_some())
    }

    /// Whether this plan may have been made of these tables.
    pub fn fits(&self, ratings: Ratings<'_>, sets: Sets<'_>) -> bool {
        let events = ratings.indices.len();
        let weighted = ratings.weights.is_none_or(|weights| weights.len() == events);
        let implicit = if self.apart() { self.implicit } else { self.events };
        let rows = [ratings.indptr.len() - 1, sets.rows()] == [self.rows; 2];
        rows && weighted
            && [events, ratings.values.len()] == [self.events; 2]
            && sets.indices.len() == implicit
    }

    /// The batches in the order of one pass.
    pub fn order(&self, seed: u64, epoch: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.batches.len() as u32).collect();
        Words::new(seed, epoch, 1, Purpose::Batches).shuffle(&mut order);
        order
    }
}
