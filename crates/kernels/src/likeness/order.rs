//! The table with its rows numbered by falling length, in both orders.

use super::keep::Keeper;
use super::{Cells, Nearest};
use crate::csr::{CsrError, check_count};
use crate::group::group;
use crate::simd::PAD;
use crate::threads::{DisjointSlice, for_each_chunk};
use std::cmp::Reverse;
use std::ops::{IndexMut, Range};
use std::sync::{Mutex, PoisonError};

/// The type of a row's number: two bytes where they suffice, because lists of them are read over and over.
pub trait Number: Copy + Default + Send + Sync + Into<u32> {
    /// A board with a place for every number of this type or, of the wide one, for those in use.
    type Board<S>: IndexMut<usize, Output = S> + ?Sized;

    /// The number as this type, in which it has a place.
    fn of(number: usize) -> Self;

    /// Places on the board for so many rows.
    fn places(rows: usize) -> usize;

    /// The board, of [`Number::places`] places.
    fn board<S>(places: &mut [S]) -> &mut Self::Board<S>;

    /// Where on the board the number stands.
    fn place(self) -> usize {
        self.into() as usize
    }
}

impl Number for u16 {
    // So large that no place is outside, and nothing is checked.
    type Board<S> = [S; 1 << 16];

    fn of(number: usize) -> Self {
        number as u16
    }

    fn places(_rows: usize) -> usize {
        1 << 16
    }

    fn board<S>(places: &mut [S]) -> &mut Self::Board<S> {
        places.try_into().expect("a place for every number of 16 bits")
    }

    #[inline(always)]
    fn place(self) -> usize {
        usize::from(self)
    }
}

impl Number for u32 {
    type Board<S> = [S];

    fn of(number: usize) -> Self {
        number as u32
    }

    fn places(rows: usize) -> usize {
        rows.next_multiple_of(PAD)
    }

    fn board<S>(places: &mut [S]) -> &mut [S] {
        places
    }

    #[inline(always)]
    fn place(self) -> usize {
        self as usize
    }
}

/// A table whose rows are numbered by falling length, equal ones by row.
pub struct Ordered<N> {
    /// The row of each number.
    pub order: Vec<i32>,
    /// Where the cells of each number start, and the number of cells at the end.
    indptr: Vec<usize>,
    /// Where in `lists` the column of each cell begins.
    pub begins: Vec<u32>,
    /// Where each cell stands in `lists`: the end of what its column holds of lower numbers.
    pub ends: Vec<u32>,
    /// The numbers in each column, ascending.
    pub lists: Vec<N>,
    /// Their values.
    pub values: Option<Vec<f32>>,
    /// Weight of the column of each cell.
    pub weights: Option<Vec<f32>>,
}

impl<N: Number> Ordered<N> {
    /// Numbers the rows of `cells`, whose columns have `weights`.
    pub fn new(cells: Cells<'_>, weights: Option<&[f32]>, threads: usize) -> Result<Self, CsrError> {
        let Cells { indptr, indices, values, columns } = cells;
        check_count(indices.len())?;
        let row = |row: i32| indptr[row as usize] as usize..indptr[row as usize + 1] as usize;
        let mut order: Vec<i32> = (0..indptr.len() as i32 - 1).collect();
        order.sort_unstable_by_key(|&r| (Reverse(row(r).len()), r));
        let mut bounds = Vec::with_capacity(indptr.len());
        bounds.push(0);
        let mut by_number = Vec::with_capacity(indices.len());
        for &r in &order {
            by_number.extend_from_slice(&indices[row(r)]);
            bounds.push(by_number.len());
        }

        let mut ends = vec![0; indices.len()];
        let mut lists = vec![N::default(); indices.len()];
        let mut ordered = values.map(|_| vec![0.0; indices.len()]);
        let (out_ends, out_lists) = (DisjointSlice::new(&mut ends), DisjointSlice::new(&mut lists));
        let out_values = ordered.as_mut().map(|values| DisjointSlice::new(values));
        let starts = group(&by_number, 0, columns, threads, |first, slots| {
            // The number of the first cell: the last that starts at or before it.
            let mut number = bounds.partition_point(|&start| start <= first) - 1;
            // SAFETY: every cell comes once.
            unsafe { out_ends.range(first, first + slots.len()) }.copy_from_slice(slots);
            for (cell, &slot) in (first..).zip(slots) {
                while bounds[number + 1] <= cell {
                    number += 1;
                }
                let slot = slot as usize;
                // SAFETY: every slot comes once.
                unsafe { out_lists.range(slot, slot + 1)[0] = N::of(number) };
                if let (Some(values), Some(out)) = (values, &out_values) {
                    let from = indptr[order[number] as usize] as usize + cell - bounds[number];
                    // SAFETY: as above.
                    unsafe { out.range(slot, slot + 1)[0] = values[from] };
                }
            }
        });
        let weights = weights.map(|of| by_number.iter().map(|&column| of[column as usize]).collect());
        // In place: what was the column of a cell is where its list begins.
        let begins = by_number.into_iter().map(|column| starts[column as usize] as u32).collect();
        Ok(Self { order, indptr: bounds, begins, ends, lists, values: ordered, weights })
    }

    /// The cells of row `number`.
    pub fn cells(&self, number: usize) -> Range<usize> {
        self.indptr[number]..self.indptr[number + 1]
    }
}

/// What the keepers of all numbers hold, by row.
pub fn collect(order: &[i32], keepers: Vec<Mutex<Keeper>>, threads: usize) -> Nearest {
    const CHUNK: usize = 256;
    let mut number_of = vec![0; order.len()];
    for (number, &row) in order.iter().enumerate() {
        number_of[row as usize] = number;
    }
    for_each_chunk(
        threads,
        keepers.len().div_ceil(CHUNK),
        || (),
        |(), chunk| {
            for keeper in keepers.iter().skip(chunk * CHUNK).take(CHUNK) {
                keeper.lock().unwrap_or_else(PoisonError::into_inner).sort();
            }
        },
    );
    let mut keepers: Vec<Keeper> = keepers
        .into_iter()
        .map(|keeper| keeper.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect();
    let total = keepers.iter().map(|keeper| keeper.held().len()).sum();
    let mut nearest = Nearest {
        indptr: Vec::with_capacity(order.len() + 1),
        indices: Vec::with_capacity(total),
        likeness: Vec::with_capacity(total),
    };
    nearest.indptr.push(0);
    for &number in &number_of {
        let held = keepers[number].take();
        nearest.indices.extend(held.iter().map(|neighbour| neighbour.1));
        nearest.likeness.extend(held.iter().map(|neighbour| neighbour.0));
        nearest.indptr.push(nearest.indices.len() as i64);
    }
    nearest
}
