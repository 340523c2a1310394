//! Sparse tables: events to compressed rows by counting sort, and from one order to the other.
//!
//! A table has rows (users) and columns (items). `build` sorts events by column, then stably by row, so that
//! the columns of every row come out ascending and duplicates stand together in input order, and merges the
//! duplicates; `transpose` turns the result into the other order. Both touch every event a fixed number of
//! times and compare nothing.

use std::fmt;

/// Events in any order: event `e` is the cell (`rows[e]`, `cols[e]`). Absent values and weights are 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Events<'a> {
    /// Row of each event.
    pub rows: &'a [i32],
    /// Column of each event.
    pub cols: &'a [i32],
    /// Value of each event, finite.
    pub values: Option<&'a [f32]>,
    /// Weight of each event besides its value, finite.
    pub weights: Option<&'a [f32]>,
    /// Time of each event.
    pub times: Option<&'a [i64]>,
}

/// A table in row order: row `r` holds the cells `indptr[r]..indptr[r + 1]`, columns ascending and unique.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Csr {
    /// Where each row starts, and the number of cells at the end.
    pub indptr: Vec<i64>,
    /// Column of each cell.
    pub indices: Vec<i32>,
    /// Value of each cell; `None` when every value is 1.
    pub values: Option<Vec<f32>>,
    /// Weight of each cell besides its value.
    pub weights: Option<Vec<f32>>,
    /// Time of each cell.
    pub times: Option<Vec<i64>>,
}

/// What becomes of several events in one cell.
///
/// `Last`, `First` and `Max` choose one event and keep its value, weight and time. `Sum` and `Mean` combine
/// the values and keep the largest weight and the latest time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// The latest event; of equally late ones, and without times, the last in input order.
    Last,
    /// The earliest event; of equally early ones, and without times, the first in input order.
    First,
    /// The event of largest value; of equal ones the last in input order.
    Max,
    /// The sum of the values, accumulated in double precision in input order.
    Sum,
    /// The mean of the values, accumulated likewise.
    Mean,
}

/// Why a table could not be built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant's sentence explains its fields")]
pub enum CsrError {
    /// An array does not have one element per event.
    Length { array: &'static str, expected: usize, found: usize },
    /// An event names a row that does not exist.
    Row { event: usize, row: i32, rows: usize },
    /// An event names a column that does not exist.
    Column { event: usize, column: i32, columns: usize },
    /// More events than positions of 32 bits can name.
    TooMany { events: usize },
    /// The row offsets do not ascend from 0 to the number of cells.
    Offsets { row: usize },
}

impl fmt::Display for CsrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { array, expected, found } => {
                write!(f, "{array} must have one element per event ({expected}); got {found}")
            }
            Self::Row { event, row, rows } => {
                write!(f, "event {event}: row {row} is outside 0..{rows}")
            }
            Self::Column { event, column, columns } => {
                write!(f, "event {event}: column {column} is outside 0..{columns}")
            }
            Self::TooMany { events } => {
                write!(f, "{events} events are more than one table can hold ({})", u32::MAX)
            }
            Self::Offsets { row } => {
                write!(f, "row offsets must ascend from 0 to the number of cells; row {row} does not")
            }
        }
    }
}

impl std::error::Error for CsrError {}

/// Sorts `events` into a table of `rows` x `columns` and merges duplicates.
///
/// Beside its input and its result it holds two permutations of 4 bytes an event, one of them freed before
/// the result is written: the peak above the input is 8 bytes an event, or 4 plus the result (4 bytes a
/// cell, 4 more with values, 4 with weights, 8 with times), whichever is more.
///
/// # Errors
/// Arrays of unequal length, a row or column out of range, more than `u32::MAX` events.
pub fn build(
    events: Events<'_>,
    rows: usize,
    columns: usize,
    duplicates: Duplicates,
) -> Result<Csr, CsrError> {
    check(&events, rows, columns)?;
    let (starts, order) = {
        let (_, by_column) = sorted_by(events.cols, columns, 0..events.cols.len() as u32);
        sorted_by(events.rows, rows, by_column.into_iter())
    };
    Ok(merge(events, &starts, &order, duplicates))
}

/// The same cells in the other order, without their times. `columns` is the number of rows of the result.
///
/// Beside its input and its result it holds 8 bytes a column.
///
/// # Errors
/// Arrays of unequal length, offsets that do not ascend, a column out of range.
pub fn transpose(
    indptr: &[i64],
    indices: &[i32],
    values: Option<&[f32]>,
    weights: Option<&[f32]>,
    columns: usize,
) -> Result<Csr, CsrError> {
    let cells = indices.len();
    check_length("values", values, cells)?;
    check_length("weights", weights, cells)?;
    check_range(indices, columns).map_err(|(event, column)| CsrError::Column { event, column, columns })?;
    check_offsets(indptr, cells)?;

    let mut next = offsets(indices, columns);
    let mut out = Csr {
        indptr: next.iter().map(|&start| start as i64).collect(),
        indices: vec![0; cells],
        values: values.map(|_| vec![0.0; cells]),
        weights: weights.map(|_| vec![0.0; cells]),
        times: None,
    };
    for (row, bounds) in indptr.windows(2).enumerate() {
        for cell in bounds[0] as usize..bounds[1] as usize {
            let slot = &mut next[indices[cell] as usize];
            out.indices[*slot] = row as i32;
            if let (Some(to), Some(from)) = (&mut out.values, values) {
                to[*slot] = from[cell];
            }
            if let (Some(to), Some(from)) = (&mut out.weights, weights) {
                to[*slot] = from[cell];
            }
            *slot += 1;
        }
    }
    Ok(out)
}

fn check(events: &Events<'_>, rows: usize, columns: usize) -> Result<(), CsrError> {
    let count = events.rows.len();
    if u32::try_from(count).is_err() {
        return Err(CsrError::TooMany { events: count });
    }
    check_length("cols", Some(events.cols), count)?;
    check_length("values", events.values, count)?;
    check_length("weights", events.weights, count)?;
    check_length("times", events.times, count)?;
    check_range(events.rows, rows).map_err(|(event, row)| CsrError::Row { event, row, rows })?;
    check_range(events.cols, columns).map_err(|(event, column)| CsrError::Column { event, column, columns })
}

fn check_length<T>(array: &'static str, data: Option<&[T]>, expected: usize) -> Result<(), CsrError> {
    match data {
        Some(data) if data.len() != expected => Err(CsrError::Length { array, expected, found: data.len() }),
        _ => Ok(()),
    }
}

/// The first position and key outside `0..bound`, if any.
fn check_range(keys: &[i32], bound: usize) -> Result<(), (usize, i32)> {
    match keys.iter().position(|&key| key < 0 || key as usize >= bound) {
        Some(position) => Err((position, keys[position])),
        None => Ok(()),
    }
}

fn check_offsets(indptr: &[i64], cells: usize) -> Result<(), CsrError> {
    if indptr.first() != Some(&0) {
        return Err(CsrError::Offsets { row: 0 });
    }
    if let Some(row) = indptr.windows(2).position(|bounds| bounds[0] > bounds[1]) {
        return Err(CsrError::Offsets { row });
    }
    if indptr[indptr.len() - 1] != cells as i64 {
        return Err(CsrError::Offsets { row: indptr.len() - 1 });
    }
    Ok(())
}

/// Where each of `buckets` keys starts in sorted order, and the number of keys at the end.
fn offsets(keys: &[i32], buckets: usize) -> Vec<usize> {
    let mut starts = vec![0; buckets + 1];
    for &key in keys {
        starts[key as usize + 1] += 1;
    }
    for bucket in 0..buckets {
        starts[bucket + 1] += starts[bucket];
    }
    starts
}

/// Stable counting sort of the positions in `order` by key: bucket offsets and the sorted positions.
fn sorted_by(keys: &[i32], buckets: usize, order: impl Iterator<Item = u32>) -> (Vec<usize>, Vec<u32>) {
    let starts = offsets(keys, buckets);
    let mut next = starts.clone();
    let mut sorted = vec![0; keys.len()];
    for position in order {
        let slot = &mut next[keys[position as usize] as usize];
        sorted[*slot] = position;
        *slot += 1;
    }
    (starts, sorted)
}

/// Writes the sorted events as cells, each run of equal cells as one.
fn merge(events: Events<'_>, starts: &[usize], order: &[u32], duplicates: Duplicates) -> Csr {
    let count = order.len();
    let mut out = Csr {
        indptr: Vec::with_capacity(starts.len()),
        indices: Vec::with_capacity(count),
        values: events.values.map(|_| Vec::with_capacity(count)),
        weights: events.weights.map(|_| Vec::with_capacity(count)),
        times: events.times.map(|_| Vec::with_capacity(count)),
    };
    out.indptr.push(0);
    for bounds in starts.windows(2) {
        let row = &order[bounds[0]..bounds[1]];
        for run in row.chunk_by(|&a, &b| events.cols[a as usize] == events.cols[b as usize]) {
            push(&mut out, events, run, duplicates);
        }
        out.indptr.push(out.indices.len() as i64);
    }
    out.indices.shrink_to_fit();
    out.values = out.values.filter(|values| values.iter().any(|&value| value != 1.0));
    for data in [&mut out.values, &mut out.weights].into_iter().flatten() {
        data.shrink_to_fit();
    }
    if let Some(times) = &mut out.times {
        times.shrink_to_fit();
    }
    out
}

/// Appends one cell made of the events in `run`, which is not empty.
fn push(out: &mut Csr, events: Events<'_>, run: &[u32], duplicates: Duplicates) {
    let value = |event: u32| events.values.map_or(1.0, |values| values[event as usize]);
    let weight = |event: u32| events.weights.map_or(1.0, |weights| weights[event as usize]);
    let time = |event: u32| events.times.map_or(0, |times| times[event as usize]);

    let (merged, heaviest, latest) = if let [only] = *run {
        (value(only), weight(only), time(only))
    } else {
        let total = || run.iter().map(|&event| f64::from(value(event))).sum::<f64>();
        let heaviest = || run.iter().map(|&event| weight(event)).fold(f32::NEG_INFINITY, f32::max);
        let latest = || run.iter().map(|&event| time(event)).fold(i64::MIN, i64::max);
        let chosen = |event: u32| (value(event), weight(event), time(event));
        // Of equal keys `max_by` finds the last and `min_by` the first, as the rules want it.
        let events = run.iter().copied();
        match duplicates {
            Duplicates::Last => chosen(events.max_by_key(|&e| time(e)).unwrap_or(run[0])),
            Duplicates::First => chosen(events.min_by_key(|&e| time(e)).unwrap_or(run[0])),
            Duplicates::Max => {
                chosen(events.max_by(|&a, &b| value(a).total_cmp(&value(b))).unwrap_or(run[0]))
            }
            Duplicates::Sum => (total() as f32, heaviest(), latest()),
            Duplicates::Mean => ((total() / run.len() as f64) as f32, heaviest(), latest()),
        }
    };

    if merged != 1.0 && out.values.is_none() {
        // Only a sum of ones gets here: every cell before this one was a single event.
        out.values = Some(vec![1.0; out.indices.len()]);
    }
    out.indices.push(events.cols[run[0] as usize]);
    if let Some(values) = &mut out.values {
        values.push(merged);
    }
    if let Some(weights) = &mut out.weights {
        weights.push(heaviest);
    }
    if let Some(times) = &mut out.times {
        times.push(latest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let table = build(events, 4, 4, Duplicates::Last).unwrap();
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
            let table = build(events, 1, 1, rule).unwrap();
            assert_eq!(table.values, Some(vec![value]), "{rule:?}");
            assert_eq!(table.weights, Some(vec![weight]), "{rule:?}");
            assert_eq!(table.times, Some(vec![time]), "{rule:?}");
        }
    }

    #[test]
    fn without_times_input_order_decides() {
        let events =
            Events { rows: &[0; 3], cols: &[0; 3], values: Some(&[2.0, 3.0, 4.0]), ..Events::default() };
        assert_eq!(build(events, 1, 1, Duplicates::Last).unwrap().values, Some(vec![4.0]));
        assert_eq!(build(events, 1, 1, Duplicates::First).unwrap().values, Some(vec![2.0]));
    }

    #[test]
    fn ones_are_not_stored_until_they_add_up() {
        let events = Events { rows: &[0, 0, 0, 1], cols: &[0, 1, 1, 0], ..Events::default() };
        assert_eq!(build(events, 2, 2, Duplicates::Last).unwrap().values, None);
        assert_eq!(build(events, 2, 2, Duplicates::Sum).unwrap().values, Some(vec![1.0, 2.0, 1.0]));
        let stored = Events { values: Some(&[1.0, 0.5, 0.5, 1.0]), ..events };
        assert_eq!(build(stored, 2, 2, Duplicates::Sum).unwrap().values, None);
    }

    #[test]
    fn sums_are_accumulated_in_double_precision() {
        let values = vec![0.1f32; 1_000_000];
        let zeros = vec![0; values.len()];
        let events = Events { rows: &zeros, cols: &zeros, values: Some(&values), ..Events::default() };
        let table = build(events, 1, 1, Duplicates::Sum).unwrap();
        assert_eq!(table.values, Some(vec![(0.1f32 as f64 * 1e6) as f32]));
    }

    #[test]
    fn no_events_and_no_rows() {
        let table = build(Events::default(), 0, 0, Duplicates::Sum).unwrap();
        assert_eq!(table.indptr, [0]);
        let flipped = transpose(&table.indptr, &table.indices, None, None, 3).unwrap();
        assert_eq!(flipped.indptr, [0; 4]);
    }

    #[test]
    fn errors_name_the_event() {
        let error = |events: Events<'_>| build(events, 2, 3, Duplicates::Sum).unwrap_err().to_string();
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
    fn transpose_checks_its_table() {
        let error = |indptr: &[i64], indices: &[i32]| transpose(indptr, indices, None, None, 2).unwrap_err();
        assert_eq!(error(&[], &[]), CsrError::Offsets { row: 0 });
        assert_eq!(error(&[1, 1], &[0]), CsrError::Offsets { row: 0 });
        assert_eq!(error(&[0, 2, 1, 2], &[0, 1]), CsrError::Offsets { row: 1 });
        assert_eq!(error(&[0, 1], &[0, 1]), CsrError::Offsets { row: 1 });
        assert_eq!(error(&[0, 1], &[2]), CsrError::Column { event: 0, column: 2, columns: 2 });
        let short = transpose(&[0, 1], &[0], Some(&[]), None, 2).unwrap_err();
        assert!(short.to_string().starts_with("values must have"));
        assert!(error(&[1, 1], &[0]).to_string().starts_with("row offsets must ascend"));
    }

    /// Row, column, value in quarters (so that sums are exact), time.
    fn events() -> impl Strategy<Value = Vec<(i32, i32, i32, i64)>> {
        prop::collection::vec((0..6i32, 0..5i32, -20..20i32, 0..4i64), 0..60)
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(list in events(), rule in prop::sample::select(&RULES[..])) {
            let rows: Vec<i32> = list.iter().map(|e| e.0).collect();
            let cols: Vec<i32> = list.iter().map(|e| e.1).collect();
            let values: Vec<f32> = list.iter().map(|e| e.2 as f32 / 4.0).collect();
            let times: Vec<i64> = list.iter().map(|e| e.3).collect();
            let events = Events {
                rows: &rows, cols: &cols, values: Some(&values), weights: None, times: Some(&times),
            };
            let table = build(events, 6, 5, rule).unwrap();

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

        #[test]
        fn transposing_twice_changes_nothing(list in events()) {
            let rows: Vec<i32> = list.iter().map(|e| e.0).collect();
            let cols: Vec<i32> = list.iter().map(|e| e.1).collect();
            let values: Vec<f32> = list.iter().map(|e| e.2 as f32).collect();
            let events = Events {
                rows: &rows, cols: &cols, values: Some(&values), weights: Some(&values), times: None,
            };
            let table = build(events, 6, 5, Duplicates::Last).unwrap();
            let turn = |table: &Csr, columns| {
                transpose(
                    &table.indptr, &table.indices, table.values.as_deref(), table.weights.as_deref(), columns,
                ).unwrap()
            };
            let flipped = turn(&table, 5);
            let mut turned: Vec<_> = cells(&flipped).into_iter().map(|(c, r, v)| (r, c, v)).collect();
            turned.sort_by_key(|&(row, col, _)| (row, col));
            prop_assert_eq!(turned, cells(&table));
            prop_assert_eq!(turn(&flipped, 6), table);
        }
    }
}
