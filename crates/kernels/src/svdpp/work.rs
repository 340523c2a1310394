//! What the tasks of a pass share.

use super::plan::Plan;
use super::{Ratings, Sets, Settings};
use crate::threads::DisjointSlice;

/// The tables, settings and parameters of a pass, and what rows leave for columns. The columns' arrays are read by tasks
/// of rows, and each row of them is written by one task of columns, in another phase.
pub struct Work<'a> {
    pub(super) ratings: Ratings<'a>,
    pub(super) sets: Sets<'a>,
    pub(super) settings: Settings,
    pub(super) stride: usize,
    pub(super) plan: &'a Plan,
    pub(super) rows: DisjointSlice<'a, f32>,
    pub(super) row_bias: DisjointSlice<'a, f32>,
    /// (columns, stride): what is learned of them, and with the fixed part.
    pub(super) columns: *mut f32,
    pub(super) whole: *mut f32,
    pub(super) fixed: Option<&'a [f32]>,
    pub(super) implicit: *mut f32,
    pub(super) column_bias: *mut f32,
    /// Of the batch at hand, by place: the error of each rating times its weight.
    pub(super) errors: Board<'a>,
    /// Of the batch at hand, (size, stride): the whole row after its steps; what is added to each implicit vector, and
    /// what is kept of it before, (size).
    pub(super) ends: Board<'a>,
    pub(super) moves: Board<'a>,
    pub(super) keeps: Board<'a>,
    /// Sums of squared errors, (rows).
    pub(super) losses: DisjointSlice<'a, f64>,
}

// SAFETY: tasks of rows read the columns' arrays and tasks of columns write them, in different phases; within a phase
// no two tasks write the same row.
unsafe impl Sync for Work<'_> {}

/// Floats that the rows of a batch write, each its own, and its columns read in the phase after.
pub struct Board<'a> {
    data: *mut f32,
    len: usize,
    _borrow: std::marker::PhantomData<&'a mut [f32]>,
}

impl<'a> Board<'a> {
    /// Wraps `data` for the time of the borrow.
    pub(super) fn new(data: &'a mut [f32]) -> Self {
        Self { data: data.as_mut_ptr(), len: data.len(), _borrow: std::marker::PhantomData }
    }

    /// # Safety
    /// No two tasks of a phase may write the same place, and none may read it.
    #[inline(always)]
    pub(super) unsafe fn put(&self, at: usize, value: f32) {
        assert!(at < self.len);
        // SAFETY: in bounds, and the caller's promise.
        unsafe { *self.data.add(at) = value }
    }

    /// # Safety
    /// As [`Board::put`], for `n` places.
    #[inline(always)]
    pub(super) unsafe fn row(&self, at: usize, n: usize) -> *mut f32 {
        assert!(at + n <= self.len);
        // SAFETY: in bounds.
        unsafe { self.data.add(at) }
    }

    /// # Safety
    /// No task of the phase may write.
    #[inline(always)]
    pub(super) unsafe fn read(&self) -> &[f32] {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }
}
