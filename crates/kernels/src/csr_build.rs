//! Events in any order to a table: groups of rows, sorted each within the cache, and duplicates merged.

use crate::csr::{
    Cells, Csr, CsrError, Duplicates, Events, check_count, check_length, check_range, scatter_some,
};
use crate::group::{group, scatter};
use crate::threads::{DisjointSlice, for_each_chunk};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

/// At most so many groups of rows: few enough that the places written last stay in the cache.
const GROUPS: usize = 256;

/// Sorts `events` into a table of `rows` x `columns` and merges duplicates, on at most `threads` threads.
///
/// First groups of rows are made, so few that every event goes where the one before it in its group went, and
/// then each group is sorted within the cache. Beside its input and its result it holds 4 bytes an event, 4 a
/// row, and for each thread 16 bytes for every event of the largest group.
///
/// # Errors
/// Arrays of unequal length, a row or column out of range, more than `u32::MAX` events.
pub fn build(
    events: Events<'_>,
    rows: usize,
    columns: usize,
    duplicates: Duplicates,
    threads: usize,
) -> Result<Csr, CsrError> {
    check(&events, rows, columns)?;
    let count = events.rows.len();
    let mut table = Csr {
        indptr: Vec::new(),
        indices: vec![0; count],
        values: events.values.map(|_| vec![0.0; count]),
        weights: events.weights.map(|_| vec![0.0; count]),
        times: events.times.map(|_| vec![0; count]),
    };
    let cells = Cells::of(&mut table);
    let shift = (0..).find(|shift| rows >> shift < GROUPS).unwrap_or_default();
    let mut row_of = vec![0; count];
    let shared = DisjointSlice::new(&mut row_of);
    let bounds = group(events.rows, shift, (rows >> shift) + 1, threads, |first, slots| {
        let block = first..first + slots.len();
        // SAFETY: every slot comes once.
        unsafe {
            scatter(slots, &events.rows[block.clone()], &shared);
            scatter(slots, &events.cols[block.clone()], &cells.indices);
            scatter_some(slots, events.values, &block, &cells.values);
            scatter_some(slots, events.weights, &block, &cells.weights);
            scatter_some(slots, events.times, &block, &cells.times);
        }
    });
    let (indptr, repeated) = sort_groups(&bounds, shift, rows, &row_of, &cells, threads);
    drop(row_of);
    table.indptr = indptr;
    if repeated {
        merge(&mut table, duplicates);
    }
    table.values = table.values.filter(|values| values.iter().any(|&value| value != 1.0));
    Ok(table)
}

fn check(events: &Events<'_>, rows: usize, columns: usize) -> Result<(), CsrError> {
    let count = events.rows.len();
    check_count(count)?;
    check_length("cols", Some(events.cols), count)?;
    check_length("values", events.values, count)?;
    check_length("weights", events.weights, count)?;
    check_length("times", events.times, count)?;
    check_range(events.rows, rows).map_err(|(event, row)| CsrError::Row { event, row, rows })?;
    check_range(events.cols, columns).map_err(|(event, column)| CsrError::Column { event, column, columns })
}

/// Sorts the cells of each group by row, then column, stably. Returns where each row starts, and whether a
/// column repeats within a row. The groups' bounds and the cells' rows are those after grouping.
fn sort_groups(
    bounds: &[i64],
    shift: u32,
    rows: usize,
    row_of: &[i32],
    cells: &Cells<'_>,
    threads: usize,
) -> (Vec<i64>, bool) {
    let mut indptr = vec![0; rows + 1];
    let starts = DisjointSlice::new(&mut indptr[1..]); // of the rows after each one
    let repeated = AtomicBool::new(false);
    for_each_chunk(threads, bounds.len() - 1, Scratch::default, |scratch, group| {
        let Scratch { order, next, floats, times } = scratch;
        let (from, to) = (bounds[group] as usize, bounds[group + 1] as usize);
        let (first, last) = (group << shift, rows.min((group + 1) << shift));
        let row_of = row_of[from..to].iter().map(|&row| row as usize - first);
        // SAFETY: groups are disjoint, in their cells as in their rows, and one thread has this one.
        let (columns, ends) = unsafe { (cells.indices.range(from, to), starts.range(first, last)) };

        next.clear();
        next.resize(last - first + 1, 0);
        row_of.clone().for_each(|row| next[row + 1] += 1);
        for row in 0..last - first {
            next[row + 1] += next[row];
            ends[row] = (from + next[row + 1]) as i64;
        }
        order.clear();
        order.resize(to - from, 0);
        for ((row, &column), place) in row_of.zip(&*columns).zip(0u64..) {
            order[next[row]] = (column as u64) << 32 | place;
            next[row] += 1;
        }
        // Now `next` holds where each row ends.
        let mut start = 0;
        for &end in &next[..last - first] {
            let row = &mut order[start..end];
            row.sort_unstable();
            if row.windows(2).any(|pair| pair[0] >> 32 == pair[1] >> 32) {
                repeated.store(true, Ordering::Relaxed);
            }
            start = end;
        }
        for (column, &key) in columns.iter_mut().zip(&*order) {
            *column = (key >> 32) as i32;
        }
        // SAFETY: as above.
        unsafe {
            permute(order, &cells.values, from, to, floats);
            permute(order, &cells.weights, from, to, floats);
            permute(order, &cells.times, from, to, times);
        }
    });
    (indptr, repeated.into_inner())
}

/// Memory for one group.
#[derive(Default)]
struct Scratch {
    /// Column, then place in the group, of each cell.
    order: Vec<u64>,
    /// Where the next cell of each row goes.
    next: Vec<usize>,
    floats: Vec<f32>,
    times: Vec<i64>,
}

/// Brings `from..to` into the order of the positions in the lower half of `order`.
///
/// # Safety
/// Nothing else may access the range meanwhile.
unsafe fn permute<T: Copy>(
    order: &[u64],
    data: &Option<DisjointSlice<'_, T>>,
    from: usize,
    to: usize,
    buffer: &mut Vec<T>,
) {
    let Some(data) = data else { return };
    // SAFETY: the caller's promise.
    let data = unsafe { data.range(from, to) };
    buffer.clear();
    buffer.extend_from_slice(data);
    for (element, &key) in data.iter_mut().zip(order) {
        *element = buffer[key as u32 as usize];
    }
}

/// Makes one cell of each run of equal columns in a row.
fn merge(table: &mut Csr, duplicates: Duplicates) {
    if duplicates == Duplicates::Sum && table.values.is_none() {
        table.values = Some(vec![1.0; table.indices.len()]);
    }
    let (mut from, mut end) = (0, 0);
    for row in 1..table.indptr.len() {
        let to = table.indptr[row] as usize;
        while from < to {
            let column = table.indices[from];
            let run = table.indices[from..to].iter().take_while(|&&other| other == column).count();
            let (value, weight, time) = merged(table, from..from + run, duplicates);
            table.indices[end] = column;
            if let Some(values) = &mut table.values {
                values[end] = value;
            }
            if let Some(weights) = &mut table.weights {
                weights[end] = weight;
            }
            if let Some(times) = &mut table.times {
                times[end] = time;
            }
            from += run;
            end += 1;
        }
        table.indptr[row] = end as i64;
    }
    shorten(&mut table.indices, end);
    table.values.iter_mut().for_each(|values| shorten(values, end));
    table.weights.iter_mut().for_each(|weights| shorten(weights, end));
    table.times.iter_mut().for_each(|times| shorten(times, end));
}

fn shorten<T>(data: &mut Vec<T>, length: usize) {
    data.truncate(length);
    data.shrink_to_fit();
}

/// Value, weight and time of one cell made of those in `run`, which is not empty and in input order.
fn merged(table: &Csr, run: Range<usize>, duplicates: Duplicates) -> (f32, f32, i64) {
    let value = |cell: usize| table.values.as_ref().map_or(1.0, |values| values[cell]);
    let weight = |cell: usize| table.weights.as_ref().map_or(1.0, |weights| weights[cell]);
    let time = |cell: usize| table.times.as_ref().map_or(0, |times| times[cell]);
    let chosen = |cell: usize| (value(cell), weight(cell), time(cell));
    let first = run.start;
    if run.len() == 1 {
        return chosen(first);
    }
    let total = || run.clone().map(|cell| f64::from(value(cell))).sum::<f64>();
    let heaviest = || run.clone().map(weight).fold(f32::NEG_INFINITY, f32::max);
    let latest = || run.clone().map(time).fold(i64::MIN, i64::max);
    // Of equal keys `max_by` finds the last and `min_by` the first, as the rules want it.
    match duplicates {
        Duplicates::Sum => (total() as f32, heaviest(), latest()),
        Duplicates::Mean => ((total() / run.len() as f64) as f32, heaviest(), latest()),
        Duplicates::Last => chosen(run.max_by_key(|&cell| time(cell)).unwrap_or(first)),
        Duplicates::First => chosen(run.min_by_key(|&cell| time(cell)).unwrap_or(first)),
        Duplicates::Max => chosen(run.max_by(|&a, &b| value(a).total_cmp(&value(b))).unwrap_or(first)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csr::transpose;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const RULES: [Duplicates; 5] =
        [Duplicates::Last, Duplicates::First, Duplicates::Max, Duplicates::Sum, Duplicates::Mean];

    fn cells(table: &Csr) -> Vec<(i32, i32, f32)> {
        let mut cells = Vec::new();
        for (row, bounds) in table.indptr.windows(2).enumerate() {
            for cell in bounds[0] as usize..bounds[1] as usize {
                let value = table.values.as_ref().map_or(1.0, |values| values[cell]);
                cells.push((row as i32, table.indices[cell], value));
            }
        }
        cells
    }

    #[test]
    fn sorts_and_keeps_empty_rows() {
        let events = Events {
            rows: &[2, 0, 2],
            cols: &[1, 3, 0],
            values: Some(&[5.0, 4.0, 3.0]),
            ..Events::default()
        };
        let table = build(events, 4, 4, Duplicates::Last, 1).unwrap();
        assert_eq!(table.indptr, [0, 1, 1, 3, 3]);
        assert_eq!(cells(&table), [(0, 3, 4.0), (2, 0, 3.0), (2, 1, 5.0)]);
        assert_eq!(table.times, None);
    }

    #[test]
    fn each_rule_on_one_cell() {
        let events = Events {
            rows: &[0; 4],
            cols: &[0; 4],
            values: Some(&[2.0, 8.0, 8.0, 1.0]),
            weights: Some(&[0.1, 0.2, 0.3, 0.4]),
            times: Some(&[7, 3, 3, 5]),
        };
        let expected = [(2.0, 0.1, 7), (8.0, 0.2, 3), (8.0, 0.3, 3), (19.0, 0.4, 7), (4.75, 0.4, 7)];
        for (rule, (value, weight, time)) in RULES.into_iter().zip(expected) {
            let table = build(events, 1, 1, rule, 1).unwrap();
            assert_eq!(table.values, Some(vec![value]), "{rule:?}");
            assert_eq!(table.weights, Some(vec![weight]), "{rule:?}");
            assert_eq!(table.times, Some(vec![time]), "{rule:?}");
        }
    }

    #[test]
    fn without_times_input_order_decides() {
        let events =
            Events { rows: &[0; 3], cols: &[0; 3], values: Some(&[2.0, 3.0, 4.0]), ..Events::default() };
        assert_eq!(build(events, 1, 1, Duplicates::Last, 1).unwrap().values, Some(vec![4.0]));
        assert_eq!(build(events, 1, 1, Duplicates::First, 1).unwrap().values, Some(vec![2.0]));
    }

    #[test]
    fn ones_are_not_stored_until_they_add_up() {
        let events = Events { rows: &[0, 0, 0, 1], cols: &[0, 1, 1, 0], ..Events::default() };
        assert_eq!(build(events, 2, 2, Duplicates::Last, 1).unwrap().values, None);
        assert_eq!(build(events, 2, 2, Duplicates::Sum, 1).unwrap().values, Some(vec![1.0, 2.0, 1.0]));
        let stored = Events { values: Some(&[1.0, 0.5, 0.5, 1.0]), ..events };
        assert_eq!(build(stored, 2, 2, Duplicates::Sum, 1).unwrap().values, None);
    }

    #[test]
    fn sums_are_accumulated_in_double_precision() {
        let values = vec![0.1f32; 1_000_000];
        let zeros = vec![0; values.len()];
        let events = Events { rows: &zeros, cols: &zeros, values: Some(&values), ..Events::default() };
        let table = build(events, 1, 1, Duplicates::Sum, 1).unwrap();
        assert_eq!(table.values, Some(vec![(0.1f32 as f64 * 1e6) as f32]));
    }

    #[test]
    fn no_events_and_no_rows() {
        let table = build(Events::default(), 0, 0, Duplicates::Sum, 1).unwrap();
        assert_eq!(table.indptr, [0]);
    }

    #[test]
    fn errors_name_the_event() {
        let error = |events: Events<'_>| build(events, 2, 3, Duplicates::Sum, 1).unwrap_err().to_string();
        let good = Events { rows: &[0, 1], cols: &[0, 2], ..Events::default() };
        assert_eq!(error(Events { rows: &[0, 2], ..good }), "event 1: row 2 is outside 0..2");
        assert_eq!(error(Events { rows: &[-1, 0], ..good }), "event 0: row -1 is outside 0..2");
        assert_eq!(error(Events { cols: &[0, 3], ..good }), "event 1: column 3 is outside 0..3");
        assert_eq!(error(Events { cols: &[0], ..good }), "cols must have one element per event (2); got 1");
        assert!(error(Events { values: Some(&[]), ..good }).starts_with("values must have"));
        assert!(error(Events { weights: Some(&[1.0]), ..good }).starts_with("weights must have"));
        assert!(error(Events { times: Some(&[1]), ..good }).starts_with("times must have"));
        assert_eq!(
            CsrError::TooMany { events: 1 << 32 }.to_string(),
            "4294967296 events are more than one table can hold (4294967295)"
        );
    }

    #[test]
    fn any_number_of_threads_gives_the_same_table() {
        const COUNT: usize = 300_000;
        let scattered = |factor: usize, bound: usize| (0..COUNT).map(move |e| e * factor % 1_000_003 % bound);
        let rows: Vec<i32> = scattered(7_919, 5_000).map(|row| row as i32).collect();
        let cols: Vec<i32> = scattered(104_729, 300).map(|col| col as i32).collect();
        let values: Vec<f32> = scattered(31, 9).map(|value| value as f32).collect();
        let times: Vec<i64> = scattered(17, 50).map(|time| time as i64).collect();
        let events =
            Events { rows: &rows, cols: &cols, values: Some(&values), weights: None, times: Some(&times) };
        let one = build(events, 5_000, 300, Duplicates::Last, 1).unwrap();
        assert!(one.indices.len() < COUNT, "some cells are duplicates");
        let turn = |threads| {
            transpose(&one.indptr, &one.indices, one.values.as_deref(), None, 300, threads).unwrap()
        };
        for threads in [2, 3, 8] {
            assert_eq!(build(events, 5_000, 300, Duplicates::Last, threads).unwrap(), one);
            assert_eq!(turn(threads), turn(1));
        }
    }

    /// Row, column, value in quarters (so that sums are exact), time.
    fn events() -> impl Strategy<Value = Vec<(i32, i32, i32, i64)>> {
        prop::collection::vec((0..6i32, 0..5i32, -20..20i32, 0..4i64), 0..60)
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(
            list in events(),
            rule in prop::sample::select(&RULES[..]),
            apart in prop::sample::select(&[1, 400][..]), // with many rows a group has several
        ) {
            let rows: Vec<i32> = list.iter().map(|e| apart * e.0).collect();
            let cols: Vec<i32> = list.iter().map(|e| e.1).collect();
            let values: Vec<f32> = list.iter().map(|e| e.2 as f32 / 4.0).collect();
            let times: Vec<i64> = list.iter().map(|e| e.3).collect();
            let events = Events {
                rows: &rows, cols: &cols, values: Some(&values), weights: None, times: Some(&times),
            };
            let table = build(events, 6 * apart as usize, 5, rule, 1).unwrap();

            let mut map: BTreeMap<(i32, i32), Vec<usize>> = BTreeMap::new();
            for event in 0..list.len() {
                map.entry((rows[event], cols[event])).or_default().push(event);
            }
            let expected: Vec<(i32, i32, f32)> = map
                .iter()
                .map(|(&(row, col), run)| {
                    let sum: f32 = run.iter().map(|&e| values[e]).sum();
                    let by_time = |&e: &usize| (times[e], e);
                    let value = match rule {
                        Duplicates::Last => values[*run.iter().max_by_key(|e| by_time(e)).unwrap()],
                        Duplicates::First => values[*run.iter().min_by_key(|e| by_time(e)).unwrap()],
                        Duplicates::Max => run.iter().map(|&e| values[e]).fold(f32::MIN, f32::max),
                        Duplicates::Sum => sum,
                        Duplicates::Mean => (f64::from(sum) / run.len() as f64) as f32,
                    };
                    (row, col, value)
                })
                .collect();
            prop_assert_eq!(cells(&table), expected);
        }
    }
}
