//! Sparse tables by rows, and from one order to the other. [`csr_build`](crate::csr_build) makes them.

use crate::group::{group, scatter};
use crate::threads::DisjointSlice;
use std::fmt;
use std::ops::Range;

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

/// The same cells in the other order, without their times. `columns` is the number of rows of the result.
///
/// Beside its input and its result it holds counters (see [`group`]).
///
/// # Errors
/// Arrays of unequal length, offsets that do not ascend, a column out of range, more than `u32::MAX` cells.
pub fn transpose(
    indptr: &[i64],
    indices: &[i32],
    values: Option<&[f32]>,
    weights: Option<&[f32]>,
    columns: usize,
    threads: usize,
) -> Result<Csr, CsrError> {
    let count = indices.len();
    check_count(count)?;
    check_length("values", values, count)?;
    check_length("weights", weights, count)?;
    check_range(indices, columns).map_err(|(event, column)| CsrError::Column { event, column, columns })?;
    check_offsets(indptr, count)?;

    let mut out = Csr {
        indptr: Vec::new(),
        indices: vec![0; count],
        values: values.map(|_| vec![0.0; count]),
        weights: weights.map(|_| vec![0.0; count]),
        times: None,
    };
    let cells = Cells::of(&mut out);
    let starts = group(indices, 0, columns, threads, |first, slots| {
        let block = first..first + slots.len();
        // The row of the first cell: the last row that starts at or before it.
        let mut row = indptr.partition_point(|&start| start <= first as i64) - 1;
        for (cell, &slot) in block.clone().zip(slots) {
            while indptr[row + 1] <= cell as i64 {
                row += 1;
            }
            // SAFETY: every slot comes once.
            unsafe { cells.indices.range(slot as usize, slot as usize + 1)[0] = row as i32 };
        }
        // SAFETY: as above.
        unsafe {
            scatter_some(slots, values, &block, &cells.values);
            scatter_some(slots, weights, &block, &cells.weights);
        }
    });
    out.indptr = starts;
    Ok(out)
}

/// The arrays of a table while several threads write them.
pub(crate) struct Cells<'a> {
    pub indices: DisjointSlice<'a, i32>,
    pub values: Option<DisjointSlice<'a, f32>>,
    pub weights: Option<DisjointSlice<'a, f32>>,
    pub times: Option<DisjointSlice<'a, i64>>,
}

impl<'a> Cells<'a> {
    pub fn of(table: &'a mut Csr) -> Self {
        Self {
            indices: DisjointSlice::new(&mut table.indices),
            values: table.values.as_mut().map(|data| DisjointSlice::new(data)),
            weights: table.weights.as_mut().map(|data| DisjointSlice::new(data)),
            times: table.times.as_mut().map(|data| DisjointSlice::new(data)),
        }
    }
}

/// # Safety
/// As for [`scatter`].
pub(crate) unsafe fn scatter_some<T: Copy>(
    slots: &[u32],
    from: Option<&[T]>,
    block: &Range<usize>,
    to: &Option<DisjointSlice<'_, T>>,
) {
    if let (Some(from), Some(to)) = (from, to) {
        // SAFETY: the caller's promise.
        unsafe { scatter(slots, &from[block.clone()], to) };
    }
}

pub(crate) fn check_count(events: usize) -> Result<(), CsrError> {
    u32::try_from(events).map(|_| ()).map_err(|_| CsrError::TooMany { events })
}

pub(crate) fn check_length<T>(
    array: &'static str,
    data: Option<&[T]>,
    expected: usize,
) -> Result<(), CsrError> {
    match data {
        Some(data) if data.len() != expected => Err(CsrError::Length { array, expected, found: data.len() }),
        _ => Ok(()),
    }
}

/// The first position and key outside `0..bound`, if any.
pub(crate) fn check_range(keys: &[i32], bound: usize) -> Result<(), (usize, i32)> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csr_build::build;
    use proptest::prelude::*;

    #[test]
    fn transpose_checks_its_table() {
        let error =
            |indptr: &[i64], indices: &[i32]| transpose(indptr, indices, None, None, 2, 1).unwrap_err();
        assert_eq!(error(&[], &[]), CsrError::Offsets { row: 0 });
        assert_eq!(error(&[1, 1], &[0]), CsrError::Offsets { row: 0 });
        assert_eq!(error(&[0, 2, 1, 2], &[0, 1]), CsrError::Offsets { row: 1 });
        assert_eq!(error(&[0, 1], &[0, 1]), CsrError::Offsets { row: 1 });
        assert_eq!(error(&[0, 1], &[2]), CsrError::Column { event: 0, column: 2, columns: 2 });
        let short = transpose(&[0, 1], &[0], Some(&[]), None, 2, 1).unwrap_err();
        assert!(short.to_string().starts_with("values must have"));
        assert!(error(&[1, 1], &[0]).to_string().starts_with("row offsets must ascend"));
    }

    #[test]
    fn nothing_is_turned_into_nothing() {
        assert_eq!(transpose(&[0], &[], None, None, 3, 1).unwrap().indptr, [0; 4]);
    }

    /// Row, column, value in quarters (so that sums are exact), time.
    fn events() -> impl Strategy<Value = Vec<(i32, i32, i32, i64)>> {
        prop::collection::vec((0..6i32, 0..5i32, -20..20i32, 0..4i64), 0..60)
    }

    proptest! {
        #[test]
        fn transposing_twice_changes_nothing(list in events()) {
            let rows: Vec<i32> = list.iter().map(|e| e.0).collect();
            let cols: Vec<i32> = list.iter().map(|e| e.1).collect();
            let values: Vec<f32> = list.iter().map(|e| e.2 as f32).collect();
            let events = Events {
                rows: &rows, cols: &cols, values: Some(&values), weights: Some(&values), times: None,
            };
            let table = build(events, 6, 5, Duplicates::Last, 1).unwrap();
            let turn = |table: &Csr, columns| {
                transpose(
                    &table.indptr, &table.indices, table.values.as_deref(), table.weights.as_deref(), columns, 1,
                ).unwrap()
            };
            let flipped = turn(&table, 5);
            for (row, bounds) in table.indptr.windows(2).enumerate() {
                for cell in bounds[0] as usize..bounds[1] as usize {
                    let column = table.indices[cell] as usize;
                    let there = flipped.indptr[column] as usize..flipped.indptr[column + 1] as usize;
                    prop_assert!(flipped.indices[there].contains(&(row as i32)));
                }
            }
            prop_assert_eq!(turn(&flipped, 6), table);
        }
    }
}
