//! Delimited text to columns of numbers, on several threads, without ever holding the text.
//!
//! A first pass counts the lines of every block of the text, so that the columns can be made at once and each
//! block knows its rows; a second pass parses. Only plain text is read: every line has the same fields, none
//! of those asked for is empty, labels are UTF-8, numbers are decimal, and quotation marks enclose a whole
//! field or nothing. Of all else the answer is only that it is not plain, and a more patient reader can say
//! what is wrong with which line.

use crate::blocks::{Blocks, Source, stray_return};
use crate::field::{Marks, PADDING, integer, number};
use crate::labels::Labels;
use crate::threads::{DisjointSlice, for_each_chunk};
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes that a thread takes at a time; they stay in its second-level cache from reading to parsing.
const BLOCK: usize = 1 << 18;

/// Longest end of a line in the next block.
const MARGIN: usize = 1 << 13;

/// Rows taken apart before their labels are looked up.
const BATCH: usize = 128;

/// What a column of the text becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nothing.
    Skip,
    /// Numbers of labels.
    Label,
    /// Finite float32.
    Number,
    /// int64.
    Integer,
}

/// How the text is laid out.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Lines before the first row.
    pub skip: usize,
    /// Between and around fields.
    pub marks: Marks,
    /// Every column, from left to right.
    pub columns: Vec<Role>,
}

/// Columns of each role from left to right, of one element a row.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    /// Number of each row's label, and the labels in order of first appearance.
    pub labels: Vec<(Vec<i32>, Labels)>,
    /// Numbers.
    pub numbers: Vec<Vec<f32>>,
    /// Integers.
    pub integers: Vec<Vec<i64>>,
}

/// Reads every row on at most `threads` threads; `None` if the text is not plain or has no rows.
///
/// Beside the result it holds, for each thread, one block and the labels met so far. The result does not
/// depend on the number of threads.
///
/// # Errors
/// When reading fails.
pub fn read(source: &impl Source, layout: &Layout, threads: usize) -> io::Result<Option<Columns>> {
    match Blocks::new(source, layout.skip, BLOCK)? {
        Some(blocks) => read_blocks(&blocks, layout, MARGIN, threads),
        None => Ok(None),
    }
}

fn read_blocks(
    blocks: &Blocks<'_, impl Source>,
    layout: &Layout,
    margin: usize,
    threads: usize,
) -> io::Result<Option<Columns>> {
    // First row of each block, and the number of rows at the end.
    let mut starts = vec![0];
    for lines in blocks.lines(threads)? {
        starts.push(starts[starts.len() - 1] + lines);
    }
    let rows = starts[blocks.count()];
    if u32::try_from(rows).is_err() {
        return Ok(None);
    }
    let mut columns = Columns::new(&layout.columns, rows);
    let names = columns.labels.len();
    let workers: Vec<_> =
        (0..threads.clamp(1, blocks.count())).map(|_| Mutex::new(Worker::new(names))).collect();
    let (started, plain, failure) = (AtomicUsize::new(0), AtomicBool::new(true), Mutex::new(None));
    let shared = Shared::of(&mut columns);
    for_each_chunk(
        workers.len(),
        blocks.count(),
        || lock(&workers[started.fetch_add(1, Ordering::Relaxed)]),
        |worker, block| {
            if !plain.load(Ordering::Relaxed) {
                return;
            }
            let parsed = blocks.read(block, margin, &mut worker.text).map(|(first, ends)| {
                worker.blocks.push(block);
                // SAFETY: each block has rows of its own.
                let targets = unsafe { shared.targets(&layout.columns, starts[block], starts[block + 1]) };
                worker.parse(layout.marks, first, ends, starts[block]..starts[block + 1], targets)
            });
            plain.fetch_and(matches!(parsed, Ok(Some(()))), Ordering::Relaxed);
            if let Err(error) = parsed {
                *lock(&failure) = Some(error);
            }
        },
    );
    if let Some(error) = lock(&failure).take() {
        return Err(error);
    }
    let workers: Vec<_> = workers.iter().map(|worker| std::mem::take(&mut *lock(worker))).collect();
    Ok((plain.into_inner() && columns.unite(&workers, &starts)).then_some(columns))
}

impl Columns {
    fn new(roles: &[Role], rows: usize) -> Self {
        let mut columns = Self::default();
        for role in roles {
            match role {
                Role::Skip => {}
                Role::Label => columns.labels.push((vec![0; rows], Labels::default())),
                Role::Number => columns.numbers.push(vec![0.0; rows]),
                Role::Integer => columns.integers.push(vec![0; rows]),
            }
        }
        columns
    }

    /// Numbers the labels of all workers alike; false if one of them cannot be an id.
    fn unite(&mut self, workers: &[Worker], starts: &[usize]) -> bool {
        for (column, (codes, labels)) in self.labels.iter_mut().enumerate() {
            let (all, numbers) = unite(workers.iter().map(|worker| &worker.labels[column]));
            if !all.iter().all(is_id) {
                return false;
            }
            *labels = all;
            let codes = DisjointSlice::new(codes);
            for_each_chunk(
                workers.len(),
                workers.len(),
                || (),
                |(), worker| {
                    for &block in &workers[worker].blocks {
                        // SAFETY: each block has rows of its own, and one worker.
                        for code in unsafe { codes.range(starts[block], starts[block + 1]) } {
                            *code = numbers[worker][*code as usize];
                        }
                    }
                },
            );
        }
        true
    }
}

/// Labels in order of first appearance, and for each part the new number of each of its labels.
fn unite<'a>(parts: impl Iterator<Item = &'a Found> + Clone) -> (Labels, Vec<Vec<i32>>) {
    let mut order = Vec::new();
    for (part, found) in parts.clone().enumerate() {
        order.extend(found.rows.iter().zip(found.labels.iter()).map(|(&row, label)| (row, part, label)));
    }
    order.sort_unstable_by_key(|&(row, ..)| row); // no row in two parts, and each part ascends
    let mut all = Labels::default();
    let mut numbers: Vec<_> = parts.map(|found| Vec::with_capacity(found.rows.len())).collect();
    for (_, part, label) in order {
        let mut code = [0];
        all.codes(&[label], &mut code);
        numbers[part].extend(code);
    }
    (all, numbers)
}

/// Whether a label is text, and more than white space.
fn is_id(label: &[u8]) -> bool {
    std::str::from_utf8(label).is_ok_and(|text| !text.trim().is_empty())
}

/// What one thread keeps from block to block.
#[derive(Default)]
struct Worker {
    text: Vec<u8>,
    /// Blocks it has parsed, in ascending order.
    blocks: Vec<usize>,
    labels: Vec<Found>,
}

/// Labels of one column in the blocks of one worker, and the row in which each appeared first.
#[derive(Default)]
struct Found {
    labels: Labels,
    rows: Vec<u32>,
}

impl Found {
    /// Numbers the labels of the rows from `first` on.
    fn codes(&mut self, labels: &[&[u8]], first: usize, out: &mut [i32]) {
        self.labels.codes(labels, out);
        for (&code, row) in out.iter().zip(first as u32..) {
            if code as usize == self.rows.len() {
                self.rows.push(row);
            }
        }
    }
}

impl Worker {
    fn new(labels: usize) -> Self {
        Self { labels: (0..labels).map(|_| Found::default()).collect(), ..Self::default() }
    }

    /// Parses the rows of a block, which start at `at` in the text; none if they are not plain.
    fn parse(
        &mut self,
        marks: Marks,
        mut at: usize,
        ends: bool,
        rows: Range<usize>,
        mut targets: Vec<Target<'_>>,
    ) -> Option<()> {
        let Self { text, labels, .. } = self;
        let size = text.len();
        // As a rule there is no quotation mark at all, and then none need be looked for in every field.
        let marks = Marks { quote: marks.quote.filter(|mark| text.contains(mark)), ..marks };
        // Where the whole text ends, so does its last line.
        text.push(b'\n');
        if stray_return(text) {
            return None;
        }
        text.extend([0; PADDING]);
        let last = targets.len().checked_sub(1)?;
        let mut names = vec![Vec::with_capacity(BATCH); labels.len()];
        for first in rows.clone().step_by(BATCH) {
            let batch = first..rows.end.min(first + BATCH);
            names.iter_mut().for_each(Vec::clear);
            for row in batch.clone() {
                for (column, target) in targets.iter_mut().enumerate() {
                    let (field, stop) = marks.field(text, at)?;
                    let line_ends = text[stop] == b'\n';
                    if line_ends != (column == last) || (stop == size && !ends) {
                        return None;
                    }
                    match target {
                        Target::Skip => {}
                        Target::Label(_, label) => names[*label].push(field),
                        Target::Number(numbers) => numbers[row - rows.start] = number(field)?,
                        Target::Integer(integers) => integers[row - rows.start] = integer(field)?,
                    }
                    at = stop + 1;
                }
            }
            for target in &mut targets {
                if let Target::Label(codes, label) = target {
                    let codes = &mut codes[batch.start - rows.start..batch.end - rows.start];
                    labels[*label].codes(&names[*label], first, codes);
                }
            }
        }
        Some(())
    }
}

/// The columns of the result while several threads write them.
struct Shared<'a> {
    labels: Vec<DisjointSlice<'a, i32>>,
    numbers: Vec<DisjointSlice<'a, f32>>,
    integers: Vec<DisjointSlice<'a, i64>>,
}

/// Where a column's rows of one block go.
enum Target<'a> {
    Skip,
    /// With the position among the columns of labels.
    Label(&'a mut [i32], usize),
    Number(&'a mut [f32]),
    Integer(&'a mut [i64]),
}

impl<'a> Shared<'a> {
    fn of(columns: &'a mut Columns) -> Self {
        Self {
            labels: columns.labels.iter_mut().map(|(codes, _)| DisjointSlice::new(codes)).collect(),
            numbers: columns.numbers.iter_mut().map(|data| DisjointSlice::new(data)).collect(),
            integers: columns.integers.iter_mut().map(|data| DisjointSlice::new(data)).collect(),
        }
    }

    /// # Safety
    /// Nothing else may access these rows meanwhile.
    unsafe fn targets(&self, roles: &[Role], from: usize, to: usize) -> Vec<Target<'_>> {
        let (mut labels, mut numbers, mut integers) = (0, 0, 0);
        let next = |count: &mut usize| std::mem::replace(count, *count + 1);
        // SAFETY: the caller's promise; every column comes once.
        let target = |role: &Role| unsafe {
            match role {
                Role::Skip => Target::Skip,
                Role::Label => {
                    let column = next(&mut labels);
                    Target::Label(self.labels[column].range(from, to), column)
                }
                Role::Number => Target::Number(self.numbers[next(&mut numbers)].range(from, to)),
                Role::Integer => Target::Integer(self.integers[next(&mut integers)].range(from, to)),
            }
        };
        roles.iter().map(target).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COLUMNS: [Role; 5] = [Role::Number, Role::Label, Role::Skip, Role::Integer, Role::Label];

    fn layout(skip: usize) -> Layout {
        Layout { skip, marks: Marks { separator: b',', quote: Some(b'"') }, columns: COLUMNS.to_vec() }
    }

    /// Read with blocks of a few bytes, so that lines cross their bounds.
    fn parsed(text: &str, skip: usize, block: usize, threads: usize) -> Option<Columns> {
        let text = text.as_bytes();
        let blocks = Blocks::new(&text, skip, block).unwrap()?;
        read_blocks(&blocks, &layout(skip), 100, threads).unwrap()
    }

    /// The slow twin: names in order of first appearance.
    fn numbered<'a>(labels: &[&'a str]) -> (Vec<i32>, Vec<&'a [u8]>) {
        let mut names: Vec<&[u8]> = Vec::new();
        let codes = labels.iter().map(|label| {
            let known = names.iter().position(|name| *name == label.as_bytes());
            known.unwrap_or_else(|| {
                names.push(label.as_bytes());
                names.len() - 1
            }) as i32
        });
        (codes.collect(), names)
    }

    #[test]
    fn texts_that_are_not_plain() {
        assert!(parsed("1,a,,2,b\n", 0, 5, 2).is_some());
        for line in [
            "1,a,,2",
            "1,a,,2,b,",
            "x,a,,2,b",
            "1,,,2,b",
            "1,a,,2, \u{a0}",
            "1,a,,2.5,b",
            "1,\"a\nb\",,2,b",
            "",
            "1,a\"b,,2,b",
        ] {
            for text in [format!("{line}\n1,a,,2,b"), format!("1,a,,2,b\n{line}\n1,a,,2,b\n")] {
                assert!(parsed(&text, 0, 7, 2).is_none(), "{text:?}");
            }
        }
        let latin: &[u8] = b"1,\xe4,,2,b";
        assert!(read(&latin, &layout(0), 1).unwrap().is_none());
        let long = format!("1,{},,2,b\n1,a,,2,b\n", "a".repeat(200));
        assert!(parsed(&long, 0, 10, 1).is_none(), "longer than the margin");
        assert!(parsed(&long, 0, 300, 1).is_some());
        assert!(parsed("head\n", 1, 10, 1).is_none(), "no rows");
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        struct Vanishing;
        impl Source for Vanishing {
            fn size(&self) -> u64 {
                9
            }
            fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<()> {
                Err(io::ErrorKind::UnexpectedEof.into())
            }
        }
        assert!(read(&Vanishing, &layout(0), 1).is_err());
    }

    proptest! {
        #[test]
        fn agrees_with_splitting_lines(
            rows in prop::collection::vec((-99..99i32, "[ab]{1,3}", "[a-z ]{0,9}", any::<i32>(), "[é\u{1F600}x]{1,2}"), 1..60),
            skip in 0..2usize, block in 3..80usize, threads in 1..5usize, end in "(\r?\n)?", quoted: bool,
        ) {
            let mark = if quoted { "\"" } else { "" };
            let lines: Vec<String> = rows
                .iter()
                .map(|(number, one, skipped, integer, two)| {
                    format!("{}.25,{mark}{one}{mark},{skipped},{integer},{mark}{two}{mark}", number)
                })
                .collect();
            let text = "head\n".repeat(skip) + &lines.join(if end.is_empty() { "\n" } else { &end }) + &end;
            let columns = parsed(&text, skip, block, threads).unwrap();
            let numbers: Vec<f32> = rows.iter().map(|row| format!("{}.25", row.0).parse().unwrap()).collect();
            let integers: Vec<i64> = rows.iter().map(|row| row.3.into()).collect();
            prop_assert_eq!(&columns.numbers, &[numbers]);
            prop_assert_eq!(&columns.integers, &[integers]);
            let labels = [
                numbered(&rows.iter().map(|row| row.1.as_str()).collect::<Vec<_>>()),
                numbered(&rows.iter().map(|row| row.4.as_str()).collect::<Vec<_>>()),
            ];
            for ((codes, found), (expected, names)) in columns.labels.iter().zip(labels) {
                prop_assert_eq!(codes, &expected);
                prop_assert!(found.iter().eq(names));
            }
        }
    }
}
